"""Redact and forget as commands. Harm guarded against: media that was staged and stays behind, a session of nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from reeld.control.areas import ranges
from reeld.control.parts import Parts
from reeld.export.recutting import recut
from reeld.store.environment import StoreEnvironment
from reeld.store.reader import StoreReader
from reeld.store.staging import FOLDER
from reeld_proto import commands as c
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionInfo
from reeld_proto.workers import AnyOrder, AnyReport
from tests.daemon.export.cutting import capture, carry_out, check, held_numbers
from tests.daemon.export.recording import Recording

SESSION = "20261122-170509-test"


class House:
    """The parts of a daemon that these commands speak to; jobs run in this process."""

    def __init__(self, store: StoreEnvironment) -> None:
        self.store = store
        self.store_fails = False
        parts = SimpleNamespace(
            library=SimpleNamespace(show=self._show),
            jobs=SimpleNamespace(run=self._run),
            ask_store=self._ask_store,
            store_dir=store.path,
        )
        self._table = ranges.commands(cast("Parts", parts))

    async def _show(self, session: str) -> SessionInfo:
        return StoreReader(self.store).show(session)

    async def _run(self, order: Any) -> AnyReport:
        return recut(self.store, order, lambda _done, _all: True)

    async def _ask_store(self, order: AnyOrder, _timeout_s: float) -> AnyReport:
        if self.store_fails:
            raise RequestRejected("no room", code=ErrorCode.DISK_FULL)
        report: AnyReport = carry_out(self.store, order)
        return report

    def __call__(self, command: c.Command) -> Any:
        try:
            return asyncio.run(cast("Any", self._table[type(command)](command, 1)))
        finally:
            assert not list(self.store.path.glob(f"{FOLDER}/*")), "a staged file stays behind"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    recording = Recording.new(tmp_path / "store", tracks=("video-1",))
    capture(recording, 90, keyframes=(0, 60))
    recording.finish(3.0)
    yield House(recording.store)
    recording.store.close()


def redact(from_s: float, to_s: float, name: str = "") -> c.RedactSession:
    return c.RedactSession(session=SESSION, from_s=from_s, to_s=to_s, name=name)


def test_a_redaction_is_a_session_of_its_own(house: House) -> None:
    made = house(redact(1.0, 1.2, " clean "))
    assert (made.name, made.duration_s) == ("clean", 2.8)
    assert 0 < made.new_bytes < made.bytes
    assert StoreReader(house.store).show(SESSION).duration_s == 3.0
    check(house.store)
    assert house(redact(1.0, 1.2)).name == "test (redacted)"


@pytest.mark.parametrize(("range_s", "length_s"), [((0.0, 1.0), 2.0), ((2.5, 3.0), 2.5)])
def test_a_range_at_an_end_leaves_one_part(house: House, range_s: tuple[float, float], length_s: float) -> None:
    assert house(redact(*range_s)).duration_s == length_s
    check(house.store)


@pytest.mark.parametrize("range_s", [(0.0, 3.0), (1.0, 0.5), (2.0, 9.0), (float("nan"), 1.0), (-1.0, 1.0), (1.0, 1.0)])
def test_what_makes_no_sense_makes_no_session(house: House, range_s: tuple[float, float]) -> None:
    with pytest.raises(RequestRejected) as caught:
        house(redact(*range_s))
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    assert len(StoreReader(house.store).list_sessions()) == 1


def test_forget_answers_with_the_receipt(house: House) -> None:
    receipt = house(c.ForgetRange(session=SESSION, from_s=1.0, to_s=1.2))
    assert (receipt.session, receipt.from_s, receipt.to_s) == (SESSION, 1.0, 1.2)
    assert held_numbers(house.store) == set(range(90)) - set(range(30, 36))


def test_a_store_that_refuses_leaves_everything_as_it_was(house: House) -> None:
    house.store_fails = True
    for command in (redact(1.0, 1.2), c.ForgetRange(session=SESSION, from_s=1.0, to_s=1.2)):
        with pytest.raises(RequestRejected):
            house(command)
    assert held_numbers(house.store) == set(range(90))


def test_an_unknown_session_is_told_before_a_job_is_started(house: House) -> None:
    with pytest.raises(RequestRejected) as caught:
        house(c.ForgetRange(session="nobody", from_s=1.0, to_s=1.2))
    assert caught.value.code is ErrorCode.NOT_FOUND
