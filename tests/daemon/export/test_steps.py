"""What a decoder is fed. Harm guarded against: a joint that is taken for a continuation shows smeared pictures; one
that is seen where there is none costs an encoding."""

from collections.abc import Iterable

import pytest

from reeld.export.steps import Step, StepReader, TangledError
from reeld.media.fragments import Sample
from reeld.store.api import Segment
from reeld_proto.errors import StoreCorrupt

MS = 1_000_000
INIT = b"init"


def chunk(start: int, end: int, *, key: bool = False, every: int = 10) -> list[Sample]:
    return [Sample(at, at, every, key and at == start, memoryview(b"%d" % at)) for at in range(start, end, every)]


CHUNKS = {
    b"a": chunk(0, 100, key=True),
    b"b": chunk(100, 200),
    b"c": chunk(200, 300),
    b"k": chunk(1000, 1100, key=True),
    b"x": [
        Sample(0, 0, 10, True, memoryview(b"")),
        Sample(10, 40, 10, False, memoryview(b"")),
        Sample(20, 20, 10, False, memoryview(b"")),
    ],
}


def segment(start: int, end: int, name: bytes, shift: int = 0, *, key: bool = False) -> Segment:
    return Segment(start * MS, end * MS, name, INIT, 1, 1, key, 0, shift * MS)


def read(
    segments: Iterable[Segment],
    prerolls: dict[int, list[bytes]] | None = None,
    breaks: Iterable[int] = (),
    **more: bool,
) -> list[Step]:
    skipped: list[Segment] = []

    def samples(name: bytes, _init: bytes) -> list[Sample]:
        if name not in CHUNKS:
            raise StoreCorrupt("missing")
        return CHUNKS[name]

    def preroll(found: Segment) -> list[tuple[bytes, bytes]] | None:
        chunks = (prerolls or {}).get(found.start_ns // MS)
        return None if chunks is None else [(each, INIT) for each in chunks]

    reader = StepReader(
        ticks=lambda ns: round(ns / MS),
        origin=0,
        samples=samples,
        preroll=preroll,
        skip=lambda found, _error: skipped.append(found),
        breaks={each * MS for each in breaks},
        **more,
    )
    return list(reader.steps(segments))


def seen(steps: list[Step]) -> list[int]:
    return [step.sample.pts for step in steps if step.shown]


def joints(steps: list[Step]) -> list[int]:
    return [step.joint for step in steps if step.joint is not None]


def test_chunks_that_follow_each_other_have_one_joint_at_the_beginning() -> None:
    steps = read([segment(0, 100, b"a", key=True), segment(100, 200, b"b"), segment(200, 300, b"c")])
    assert joints(steps) == [0]
    assert seen(steps) == list(range(0, 300, 10))
    assert not any(step.lost for step in steps)


def test_an_entry_shows_its_part_and_what_comes_before_is_only_decoded() -> None:
    steps = read([segment(0, 45, b"a", -50, key=True)])
    assert joints(steps) == [0]
    assert [step.sample.pts for step in steps if not step.shown] == [-50, -40, -30, -20, -10]
    assert seen(steps) == [0, 10, 20, 30, 40]


def test_the_preroll_of_a_joint_comes_first_with_the_entrys_own_shift() -> None:
    steps = read([segment(0, 60, b"c", -240)], {0: [b"a", b"b"]})
    assert joints(steps) == [0]
    assert [step.sample.pts for step in steps if not step.shown] == list(range(-240, 0, 10))
    assert seen(steps) == [0, 10, 20, 30, 40, 50]


def test_two_parts_of_one_chunk_side_by_side_are_no_joint() -> None:
    steps = read([segment(0, 50, b"a", key=True), segment(50, 100, b"a", key=True), segment(100, 200, b"b")])
    assert joints(steps) == [0]
    assert seen(steps) == list(range(0, 200, 10))


def test_a_preroll_that_was_just_fed_is_not_fed_again() -> None:
    steps = read([segment(0, 100, b"a", key=True), segment(100, 200, b"b")], {100: [b"a"]})
    assert joints(steps) == [0]


def test_an_end_in_the_middle_breaks_what_follows() -> None:
    steps = read([segment(0, 50, b"a", key=True), segment(50, 150, b"k", -950, key=True)])
    assert joints(steps) == [0, 50]
    steps = read([segment(0, 50, b"a", key=True), segment(50, 150, b"b", -50)])
    assert joints(steps) == [0, 50]
    assert [step.lost for step in steps if step.joint == 50] == [True], "nothing leads to these pictures"


def test_a_preroll_that_is_gone_is_not_taken_for_none() -> None:
    steps = read([segment(0, 100, b"a", key=True), segment(100, 200, b"b")], {100: []})
    assert [step.lost for step in steps if step.joint == 100] == [True]


@pytest.mark.parametrize("prerolls", [[b"gone"], [b"a", b"gone"]])
def test_a_damaged_preroll_loses_the_pictures_that_need_it(prerolls: list[bytes]) -> None:
    steps = read([segment(0, 100, b"c", -200)], {0: prerolls})
    assert next(step for step in steps if step.shown).lost


def test_a_damaged_chunk_or_a_gap_that_lost_pictures_breaks_the_chain() -> None:
    steps = read([segment(0, 100, b"a", key=True), segment(100, 200, b"gone"), segment(200, 300, b"c")])
    assert [step.sample.pts for step in steps if step.lost] == [200]
    steps = read([segment(0, 100, b"a", key=True), segment(100, 200, b"b")], breaks=[100])
    assert [step.sample.pts for step in steps if step.lost] == [100]


def test_pictures_stored_out_of_order_cannot_be_cut_apart_by_copying() -> None:
    with pytest.raises(TangledError):
        read([segment(0, 30, b"x", key=True)])
    steps = read([segment(0, 30, b"x", key=True)], strict=False)
    assert [step.sample.pts for step in steps] == [0, 40, 20]
