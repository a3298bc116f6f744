"""What commands speak to, and what a command's function looks like."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from reeld.access.door import Door
from reeld.access.gate import Gate
from reeld.config import Config
from reeld.control.job_desk import JobDesk
from reeld.control.library import Library
from reeld.control.sound_watch import SoundWatch
from reeld.control.stats import StatsSampler
from reeld.enrich.keeper import EnrichKeeper
from reeld.enrich.searcher import MeaningSearch
from reeld.enrich.unasked import Unasked
from reeld.incidents.shelf import Shelf
from reeld.privacy.keeper import PrivacyKeeper
from reeld.replay.keeper import ReplayKeeper
from reeld.review.keeper import ReviewKeeper
from reeld.sessions import SessionService
from reeld.supervisor.jobs import Jobs
from reeld.upkeep.keeper import Upkeep
from reeld_proto.commands import Reply
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected
from reeld_proto.events import Event
from reeld_proto.records import WorkerInfo
from reeld_proto.reloading import ConfigReloaded
from reeld_proto.workers import AnyOrder, AnyReport

if TYPE_CHECKING:
    from reeld.control.collecting import Collector

Handler = Callable[[Any, int], Reply | Coroutine[Any, Any, Reply]]
"""Called with the command and the monotonic instant of its arrival; gives the reply, or the work that gives it."""

AskStore = Callable[[AnyOrder, float], Coroutine[Any, Any, AnyReport]]
"""Gives an order to the store worker and waits so many seconds at most; the report, once it is durable. An order may be
given twice when the store restarts. Raises ReeldError."""


async def _cannot_reload() -> ConfigReloaded:
    raise RequestRejected("this daemon read no config file", code=ErrorCode.WRONG_STATE)


@dataclass
class Parts:
    """The parts of the daemon that commands speak to.

    config: replaced when the file is read again. workers: every process; event_seq: last event's number; publish: tells
    everybody who subscribed. reload: reads the config file again; raises ReeldError. gate: to TCP, if there is one;
    cut_remote: ends subscriptions over TCP.
    """

    config: Config
    door: Door
    ask_store: AskStore
    collector: "Collector"
    upkeep: Upkeep
    sessions: SessionService
    replay: ReplayKeeper
    privacy: PrivacyKeeper
    jobs: Jobs
    desk: JobDesk
    incidents: Shelf
    review: ReviewKeeper
    enrich: EnrichKeeper
    unasked: Unasked
    meanings: MeaningSearch
    library: Library
    stats: StatsSampler
    sound: SoundWatch
    workers: Callable[[], list[WorkerInfo]]
    event_seq: Callable[[], int]
    store_dir: Path
    publish: Callable[[Event], None] = lambda _event: None
    reload: Callable[[], Coroutine[Any, Any, ConfigReloaded]] = _cannot_reload
    gate: Gate | None = None
    cut_remote: Callable[[], None] = lambda: None


R = TypeVar("R")


def as_reply(report: AnyReport, kind: type[R]) -> R:
    """`report`, which must be a `kind`; some reports of workers are the replies to clients."""
    if not isinstance(report, kind):
        raise InternalError(f"{type(report).__name__} is no {kind.__name__}")
    return report
