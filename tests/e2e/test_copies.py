"""Copies, bundles, imports through a whole daemon. Harm guarded against: a torn copy of a running recording."""

from pathlib import Path
from typing import Any

import pytest

from reeld.store.reader import StoreReader
from tests.daemon.copies.builders import checked
from tests.daemon.copies.samples import Sample
from tests.support import media
from tests.support.desk import VirtualDesk
from tests.support.installation import Installation
from tests.support.wait import until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


@pytest.mark.long
def test_a_copy_made_during_a_recording_is_whole_and_the_next_moves_only_what_is_new(
    x_desk: VirtualDesk, tmp_path: Path
) -> None:
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        session = installation.ok("start", "--mic", "none", "--system-audio", "none")["session"]
        until(lambda: installation.elapsed_s() > 3, 20, what="three seconds")
        target = str(tmp_path / "copy")
        first = installation.ok("sync", target)
        assert first["copied_chunks"] == first["chunks"] > 0
        assert checked(tmp_path / "copy").ok
        until(lambda: installation.elapsed_s() > 6, 20, what="six seconds")
        second = installation.ok("sync", target)
        assert 0 < second["copied_chunks"] == second["chunks"] - first["chunks"]
        assert checked(tmp_path / "copy").ok
        objects = (tmp_path / "objects").as_uri()
        assert installation.ok("sync", objects)["copied_chunks"] >= second["chunks"]
        installation.ok("stop")
        installation.ok("sync", target)
        third = installation.ok("sync", target)
        assert (third["copied_chunks"], third["copied_bytes"]) == (0, 0)
        shown = installation.ok("show", session)
    with Installation(x_desk.env) as other:
        other.start_daemon("--store", target)
        assert other.ok("verify")["ok"]
        assert other.ok("show", session) == shown
        assert other.ok("export", session, "-o", str(tmp_path / "out.mp4"))["duration_s"] == pytest.approx(
            shown["duration_s"], abs=1 / 30
        )


@pytest.mark.long
def test_what_is_deleted_leaves_the_copies(x_desk: VirtualDesk, tmp_path: Path) -> None:
    path = Sample(pictures=40).write(tmp_path / "film.mp4")
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        session = installation.ok("import", str(path))["sessions"][0]["session"]
        targets = [str(tmp_path / "copy"), (tmp_path / "objects").as_uri()]
        secret = _a_chunk(installation.store, session)
        for target in targets:
            assert installation.ok("sync", target)["sessions"] == 1
        assert _files_with(tmp_path, secret, ("copy", "objects")) == 2
        installation.ok("delete", session)
        for target in targets:
            done = installation.ok("sync", target)
            assert (done["sessions"], done["chunks"]) == (0, 0)
            assert done["removed_chunks"] > 0
        assert _files_with(tmp_path, secret, ("copy", "objects")) == 0


def _a_chunk(store_dir: Path, session: str) -> bytes:
    """Some bytes from the middle of a chunk."""
    reader = StoreReader.open(store_dir)
    segment = next(reader.segments(session, "video-1"))
    data = reader.chunk(segment.chunk)
    reader.close()
    return data[len(data) // 2 :][:64]


def _files_with(root: Path, wanted: bytes, folders: tuple[str, ...]) -> int:
    files = [path for folder in folders for path in (root / folder).rglob("*") if path.is_file()]
    return sum(wanted in path.read_bytes() for path in files)


@pytest.mark.long
def test_a_session_goes_out_as_a_bundle_and_comes_back(x_desk: VirtualDesk, tmp_path: Path) -> None:
    bundle = tmp_path / "one.reel"
    with Installation(x_desk.env) as origin:
        origin.start_daemon()
        session = origin.ok("start", "--name", "to share", "--mic", "none", "--system-audio", "none")["session"]
        until(lambda: origin.elapsed_s() > 2, 20, what="two seconds")
        assert origin.ctl("bundle", session, "-o", str(bundle)).code == 4
        origin.ok("mark", "here")
        origin.ok("stop")
        done = origin.ok("bundle", session, "-o", str(bundle))
        assert done["bytes"] == bundle.stat().st_size
        shown = origin.ok("show", session)
    with Installation(x_desk.env) as other:
        other.start_daemon()
        assert other.ok("import", str(bundle))["sessions"][0]["new"] is True
        assert other.ok("show", session) == shown
        assert other.ok("import", str(bundle))["sessions"][0]["new"] is False
        damaged = tmp_path / "damaged.reel"
        data = bytearray(bundle.read_bytes())
        data[len(data) // 2] ^= 4
        damaged.write_bytes(data)
        refused = other.ctl("import", str(damaged))
        assert refused.code != 0
        assert "damaged" in refused.json["error"]["message"]
        assert len(other.ok("sessions")) == 1
        assert other.ok("verify")["ok"]
        assert list((other.store / "staging").iterdir()) == []


@pytest.mark.long
def test_a_folder_of_films_is_taken_in_and_plays(x_desk: VirtualDesk, tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    Sample(options={"bf": "2"}).write(tmp_path / "films" / "one.mp4")
    Sample(codec="mpeg4", pictures=60).write(tmp_path / "films" / "two.mkv")
    (tmp_path / "films" / "three.mov").write_bytes(b"no film")
    with Installation(x_desk.env) as installation:
        installation.start_daemon()
        ran = installation.ctl("import", str(tmp_path / "films"), "--tag", "old")
        assert ran.code == 2
        assert [Path(each["path"]).name for each in ran.json["refused"]] == ["three.mov"]
        found: dict[str, Any] = {each["name"]: each for each in installation.ok("sessions", "--tag", "old")}
        assert set(found) == {"one", "two"}
        for name, seconds in (("one", 3.0), ("two", 2.0)):
            out = tmp_path / f"{name}.out.mp4"
            installation.ok("export", found[name]["session"], "-o", str(out))
            assert media.duration_s(out) == pytest.approx(seconds, abs=1 / 30)
            assert len(list(media.frames(out))) == round(seconds * 30)
        assert installation.ok("verify")["ok"]
        assert installation.ctl("import", str(tmp_path / "films" / "three.mov")).code == 2
