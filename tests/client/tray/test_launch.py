"""Programs that the tray starts, played by stand-ins on PATH."""

import sys
from pathlib import Path

import pytest

from reeld_client.tray import launch
from reeld_proto.errors import TransportError
from tests.client.tray.stand_ins import StandIns
from tests.support.wait import until


@pytest.fixture(autouse=True)
def _of_this_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.delenv("REELD_RUNTIME_DIR", raising=False)


@pytest.mark.skipif(sys.platform == "darwin", reason="names of programs are Linux's")
class TestOnLinux:
    """With `systemctl`, `reeld` and `xdg-open` as told."""

    def test_the_service_is_started_where_there_is_one(self, stand_ins: StandIns, tmp_path: Path) -> None:
        stand_ins.make("systemctl")
        launch.start_daemon(tmp_path / "reeld")
        assert stand_ins.said("systemctl") == ["--user", "start", "reeld"]

    def test_without_a_service_the_program_runs_on_its_own(
        self, stand_ins: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand_ins.make("systemctl", status=5)
        stand_ins.make("reeld")
        monkeypatch.setattr(launch, "find_spec", lambda _name: None)
        launch.start_daemon(tmp_path / "reeld")
        until(lambda: stand_ins.said("reeld") == ["--runtime", str(tmp_path / "reeld")])

    def test_another_runtime_directory_is_not_the_services(
        self, stand_ins: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand_ins.make("systemctl")
        stand_ins.make("reeld")
        monkeypatch.setattr(launch, "find_spec", lambda _name: None)
        launch.start_daemon(tmp_path / "elsewhere")
        until(lambda: stand_ins.said("reeld"))
        assert stand_ins.said("systemctl") == []

    def test_what_is_not_installed_is_named(
        self, stand_ins: StandIns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stand_ins.alone()
        monkeypatch.setattr(launch, "find_spec", lambda _name: None)
        with pytest.raises(TransportError, match="not installed"):
            launch.start_daemon(tmp_path)
        with pytest.raises(TransportError, match="xdg-open is not installed"):
            launch.open_with_desktop(tmp_path)
        assert not launch.notify_with_desktop("title", "text")

    def test_a_notification_that_nobody_shows_is_not_taken_for_shown(self, stand_ins: StandIns) -> None:
        stand_ins.make("notify-send")
        assert launch.notify_with_desktop("-title", "text")
        assert stand_ins.said("notify-send") == ["--app-name=reeld", "--", "-title", "text"]
        stand_ins.make("notify-send", status=1)
        assert not launch.notify_with_desktop("title", "text")


def test_films_are_for_their_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_VIDEOS_DIR", str(tmp_path / "films"))
    assert launch.films_folder() == launch.films_folder() == tmp_path / "films" / "reeld"
    assert (tmp_path / "films" / "reeld").stat().st_mode & 0o077 == 0
