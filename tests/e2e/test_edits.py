"""Sessions made of sessions, through the whole installation. Harm guarded against: a clip that copies the disk full,
shows another time than the one named, or dies with the recording it was cut from."""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Stage
from tests.support import media
from tests.support.installation import Installation

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.paired, pytest.mark.timeout(180)]

RECORDED_S = 6.0


def file_bytes(installation: Installation) -> int:
    return (installation.store / "data.mdb").stat().st_size


@pytest.fixture(scope="module")
def edited(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One recording, and everything that can be made of it."""
    folder = tmp_path_factory.mktemp("exports")
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        source = installation.ok("start", "--name", "whole", "--tag", "work", "--mic", "virtual_mic")["session"]
        time.sleep(RECORDED_S)  # the passing of time is what is recorded
        running = installation.ok("clip", source, "--from", "0.5", "--to", "1.5", "--name", "while recording")
        refused = installation.ctl("delete", source)
        whole = installation.ok("stop")
        before = file_bytes(installation)
        found = {
            "source": source,
            "whole": whole,
            "running": running,
            "refused": refused,
            "clip": installation.ok("clip", source, "--from", "2.3", "--to", "4.8s"),
            "trim": installation.ok("trim", source, "--from", "0:01"),
        }
        words = ("merge", found["clip"]["session"], source, "--name", "both")
        found["merge"] = installation.ok(*words)
        clip = found["clip"]["session"]
        installation.ok("rename", clip, "renamed")
        installation.ok("tag", clip, "a", "--remove", "work")
        installation.ok("note", clip, "look here")
        found["shown"] = installation.ok("pin", clip)
        found["grown"] = file_bytes(installation) - before
        found["merge_path"] = folder / "merge.mp4"
        installation.ok("export", found["merge"]["session"], "-o", str(found["merge_path"]))
        found["deleted"] = installation.ok("delete", source)
        found["verify"] = installation.ok("verify")
        found["sessions"] = installation.ok("sessions")
        found["clip_path"] = folder / "clip.mp4"
        installation.ok("export", clip, "-o", str(found["clip_path"]))
        return found


def test_lengths_are_those_that_were_named(edited: Any) -> None:
    assert edited["clip"]["duration_s"] == 2.5
    assert edited["trim"]["duration_s"] == pytest.approx(edited["whole"]["duration_s"] - 1.0, abs=1e-6)
    assert edited["merge"]["duration_s"] == pytest.approx(edited["whole"]["duration_s"] + 2.5, abs=1e-6)
    assert edited["running"]["duration_s"] == 1.0


def test_no_media_is_copied(edited: Any) -> None:
    """A few pages of the index, beside megabytes of media."""
    assert edited["grown"] < 300_000
    assert all(edited[each]["new_bytes"] == 0 for each in ("clip", "trim", "merge"))


def test_what_people_wrote_is_kept(edited: Any) -> None:
    shown = edited["shown"]
    assert (shown["name"], shown["tags"], shown["note"], shown["pinned"]) == ("renamed", ["a"], "look here", True)
    assert shown["origins"] == [edited["source"]]


def test_a_running_session_is_not_deleted(edited: Any) -> None:
    assert (edited["refused"].code, edited["refused"].json["error"]["code"]) == (4, "wrong-state")


def test_the_store_is_sound_after_all_this(edited: Any) -> None:
    assert edited["verify"]["faults"] == []
    assert edited["source"] not in [each["session"] for each in edited["sessions"]]
    assert edited["deleted"]["shared_bytes"] > 0


@pytest.mark.parametrize(("which", "length_s"), [("clip", 2.5), ("merge", None)])
def test_files_of_them_play_as_long_as_they_should(edited: Any, which: str, length_s: float | None) -> None:
    path: Path = edited[f"{which}_path"]
    assert media.duration_s(path) == pytest.approx(length_s or edited["merge"]["duration_s"], abs=0.1)
