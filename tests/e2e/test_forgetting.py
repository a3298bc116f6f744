"""A range cut out, clipped, merged and forgotten. Harm guarded against: a picture or a sound that was to be gone and is
still shown by somebody, or still lies in a chunk; a clip that begins at another instant than it says."""

import time
from pathlib import Path
from typing import Any

import pytest

from reeld.media.decode import pictures
from reeld.media.fragments import parse_chunk, parse_init
from reeld.store.environment import StoreEnvironment
from reeld.store.records import ChunkEntry, PrerollEntry
from reeld.store.transaction import Table, decode
from tests.e2e.conftest import Stage
from tests.support import media
from tests.support.installation import Installation
from tests.support.painter import read_clock

# A flash and a beep must be where they were asked for, to the frame.
pytestmark = [pytest.mark.slow, pytest.mark.paired, pytest.mark.timeout(240)]

BEFORE_S, AFTER_S = 2.5, 3.0
"""At least so much is recorded before and after the beep."""
FRAME_S = 0.1
"""Painting, grabbing and a machine that is busy with other tests: what is on the screen is a little older than now."""
BEEP_HZ = 4000.0
HEARD = media.RATE // 50


@pytest.fixture(scope="module")
def story(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Some seconds with a beep in a range; clip, merge and redaction before the range is forgotten, all exported."""
    folder = tmp_path_factory.mktemp("forgetting")
    with Installation(stage.desk.env) as installation:
        installation.start_daemon()
        words = ["--display", "LEFT", "--fps", "30", "--mic", "none", "--system-audio", "speakers.monitor"]
        session = installation.ok("start", *words)["session"]
        time.sleep(BEFORE_S)  # a recording lasts as long as it lasts
        stage.flash_and_beep(0.5)
        time.sleep(AFTER_S)
        installation.ok("stop")
        told: dict[str, Any] = {"session": session}

        def exported(name: str, found: str) -> Path:
            path = folder / f"{name}.mp4"
            installation.ok("export", found, "-o", str(path))
            return path

        told["whole"] = exported("whole", session)
        # How late the reply to `start` was, and so what the time was at the beep, only the recording tells.
        flash_s = media.flashes_s(media.looks(told["whole"]))[0]
        from_s, to_s = told["from_s"], told["to_s"] = round(flash_s - 0.3, 2), round(flash_s + 0.5, 2)
        told["clip_s"] = clip_s = round(from_s - 1.23, 2)
        told["clip"] = installation.ok(
            "clip", session, "--from", str(clip_s), "--to", f"{clip_s + 3.53:.2f}", "--name", "clip"
        )
        told["other"] = installation.ok("clip", session, "--from", "0.5", "--to", "1.21", "--name", "other")
        told["merge"] = installation.ok("merge", told["clip"]["session"], told["other"]["session"])
        told["redacted"] = installation.ok("redact", session, "--from", str(from_s), "--to", str(to_s))
        ids = {name: told[name]["session"] for name in ("clip", "merge", "redacted")}
        told["before"] = {name: exported(name, found) for name, found in ids.items()}
        told["receipt"] = installation.ok("forget", session, "--from", str(from_s), "--to", str(to_s), "--yes")
        ids["session"] = session
        told["ids"] = ids
        told["after"] = {name: exported(f"{name}-after", found) for name, found in ids.items()}
        told["verify"] = installation.ctl("verify").json
        told["show"] = installation.ok("show", session)
        told["gc"] = installation.ok("gc")
        told["store"] = installation.store
        installation.stop_daemon()
        told["stamps"] = list(_every_stamp(installation.store))
        yield told


def _every_stamp(store_dir: Path) -> Any:
    """The clock in every picture that any chunk of the store can be made to show."""
    store = StoreEnvironment.open_read(store_dir)
    try:
        with store.read() as txn:
            rows = [(key, decode(value, ChunkEntry)) for key, value in txn.scan(Table.TIMELINE) if b"video" in key]
            leads = {key: decode(value, PrerollEntry).chunks for key, value in txn.scan(Table.PREROLL)}
            data = dict(txn.scan(Table.CHUNKS))
        chains: list[list[tuple[bytes, bytes]]] = []
        for key, entry in rows:
            if entry.keyframe or key in leads:
                chains.append(list(leads.get(key, [])))
            chains[-1].append((entry.chunk, entry.init))
        yield from _stamps(chains, data)
    finally:
        store.close()


def _stamps(chains: list[list[tuple[bytes, bytes]]], data: dict[bytes, bytes]) -> Any:
    for chain in chains:
        init = parse_init(data[chain[0][1]])
        samples = [sample for chunk, own in chain for sample in parse_chunk(data[chunk], parse_init(data[own]))]
        for frame in pictures(data[chain[0][1]], samples, init.timescale):
            yield read_clock(frame.to_ndarray(format="gray"))


def _offset_s(looks: "list[media.Look]") -> float:
    """Clock on the screen minus time in the film, of the untouched recording."""
    offsets = sorted(look.stamp_ms / 1000 - look.at_s for look in looks if look.stamp_ms is not None)
    return offsets[len(offsets) // 2]


@pytest.fixture(scope="module")
def offset_s(story: Any) -> float:
    return _offset_s(media.looks(story["whole"]))


def _forbidden(story: Any, stamp_ms: int | None, offset_s: float) -> bool:
    if stamp_ms is None:
        return False
    return bool(story["from_s"] + FRAME_S / 2 < stamp_ms / 1000 - offset_s < story["to_s"] - FRAME_S)


def test_a_clip_plays_from_the_exact_time(story: Any, offset_s: float) -> None:
    looks = media.looks(story["before"]["clip"])
    assert looks[0].stamp_ms is not None
    assert looks[0].stamp_ms / 1000 - offset_s == pytest.approx(story["clip_s"], abs=FRAME_S)
    assert looks[0].at_s == pytest.approx(0, abs=0.001)
    assert media.duration_s(story["before"]["clip"]) == pytest.approx(3.53, abs=0.03)


def test_a_merge_shows_the_right_clock_throughout(story: Any, offset_s: float) -> None:
    looks = media.looks(story["before"]["merge"])
    assert media.duration_s(story["before"]["merge"]) == pytest.approx(3.53 + 0.71, abs=0.03)
    for look in looks:
        first, second = look.at_s + story["clip_s"], look.at_s - 3.53 + 0.5
        # A picture of the first part may come so shortly before the joint.
        wanted = [first, second] if abs(look.at_s - 3.53) < 1e-3 else [first if look.at_s < 3.53 else second]
        if look.stamp_ms is not None:
            shown_s = look.stamp_ms / 1000 - offset_s
            assert any(shown_s == pytest.approx(each, abs=FRAME_S) for each in wanted), look.at_s
    assert len(looks) > 4.2 * 10


def test_a_beep_stays_with_its_flash_in_what_was_made_of_it(story: Any) -> None:
    for name in ("clip", "merge"):
        path = story["before"][name]
        flash = media.flashes_s(media.looks(path))[0]
        beep = media.onsets_s(media.samples(path)[:, 0], BEEP_HZ)[0]
        assert beep - flash == pytest.approx(0, abs=0.06), name


@pytest.mark.parametrize("name", ["session", "clip", "merge", "redacted"])
def test_nothing_of_the_range_is_seen_or_heard_in_any_export(story: Any, offset_s: float, name: str) -> None:
    looks = media.looks(story["after"][name])
    assert not [look for look in looks if _forbidden(story, look.stamp_ms, offset_s)]
    assert not [look for look in looks if look.white], "the flash was in the range"
    sound = media.samples(story["after"][name])[:, 0]
    blocks = [sound[at : at + HEARD] for at in range(0, len(sound) - HEARD, HEARD // 2)]
    # The beep is at -1 dB; at a joint the other tone breaks off and spreads a little.
    assert max(media.tone_level_db(block, BEEP_HZ) for block in blocks) < -45
    assert len(looks) > 20


def test_nothing_of_the_range_is_in_any_chunk_of_the_store(story: Any, offset_s: float) -> None:
    stamps = story["stamps"]
    assert len(stamps) > 100
    assert not [stamp for stamp in stamps if _forbidden(story, stamp, offset_s)]


def test_what_lies_next_to_the_range_is_still_there(story: Any, offset_s: float) -> None:
    stamps = [look.stamp_ms / 1000 - offset_s for look in media.looks(story["after"]["session"]) if look.stamp_ms]
    assert min(abs(stamp - story["from_s"]) for stamp in stamps if stamp < story["from_s"]) < 2 * FRAME_S
    assert min(abs(stamp - story["to_s"]) for stamp in stamps if stamp > story["to_s"] - FRAME_S) < 2 * FRAME_S


def test_a_redaction_closes_up_and_a_forgotten_range_stays_as_a_gap(story: Any) -> None:
    whole_s = media.duration_s(story["whole"])
    assert media.duration_s(story["before"]["redacted"]) == pytest.approx(
        whole_s - (story["to_s"] - story["from_s"]), abs=0.03
    )
    assert media.duration_s(story["after"]["session"]) == pytest.approx(whole_s, abs=0.03)
    gaps = [gap for gap in story["show"]["gaps"] if gap["reason"] == "forgotten"]
    assert {gap["track"] for gap in gaps} == {track["id"] for track in story["show"]["tracks"]}
    # What was on view at the end of the range was grabbed in it: the picture comes back with the next one.
    next_s = min(look.at_s for look in media.looks(story["whole"]) if look.at_s >= story["to_s"] - 0.001)
    for gap in gaps:
        ends_s = next_s if gap["track"].startswith("video") else story["to_s"]
        assert gap["media_start_s"] == pytest.approx(story["from_s"], abs=0.05)
        assert gap["media_end_s"] == pytest.approx(ends_s, abs=0.05)


def test_the_receipt_says_what_went_and_from_where_and_the_store_is_sound(story: Any) -> None:
    receipt, ids = story["receipt"], story["ids"]
    assert set(receipt["sessions"]) == {ids["session"], ids["clip"], ids["merge"]}
    assert receipt["gone"]
    assert receipt["kept"] == []
    assert story["verify"]["ok"], story["verify"]
    collected = {item["chunk"] for item in story["gc"]["items"]}
    assert {gone["chunk"] for gone in receipt["gone"]} <= collected
