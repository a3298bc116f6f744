"""What runs on a machine of the cluster: portions of a stage. Called by Dask, in any of its threads.

DESIGN: an engine and the footage of the last session stay with the thread that used them: models are loaded once, and
nothing that is not safe between threads is shared.
"""

import tempfile
import threading
from pathlib import Path

from msgspec import Struct

from reeld.copies.targets import open_target
from reeld.enrich.afar.copy_footage import CopyFootage
from reeld.enrich.engines.api import Engine, Listener, MakeEngine, PageReader
from reeld.enrich.engines.missing import EngineMissing
from reeld.enrich.hearing import HearingWork
from reeld.enrich.portions import Portion, Still
from reeld.enrich.reading import PageWork
from reeld.store.api import Footage
from reeld_proto import codec
from reeld_proto.enrich_orders import OpenStage, SliceDone
from reeld_proto.errors import ErrorCode, InternalError, RequestRejected


class Errand(Struct, frozen=True, kw_only=True):
    """What all portions of a stage have in common.

    order: which engine. version: of the engine; another one is refused. parameters: as in the key of the results.
    objects: URL of the copy. manifest: digest of the session's manifest there.
    """

    order: OpenStage
    version: str
    parameters: str
    objects: str
    manifest: bytes


class PortionDone(Struct, frozen=True, kw_only=True):
    """What came of a portion. last: what was found on its last still (packed), empty if nothing."""

    found: SliceDone
    last: bytes = b""


_mine = threading.local()


def describe(order: bytes, make: MakeEngine) -> tuple[str, str]:
    """Name and version of the engine there. Raises RequestRejected (NOT_FOUND) if it is not installed."""
    engine = _engine(codec.unpack_record(order, OpenStage), make)
    return engine.name, engine.version


def do_portion(errand: bytes, portion: bytes, before: bytes | None, make: MakeEngine) -> bytes:
    """Do a portion. errand, portion, what is returned: packed `Errand`, `Portion`, `PortionDone`.

    before: what the portion before this one returned, where this one follows it. Raises ReeldError, NotSynced among it.
    """
    task, work = codec.unpack_record(errand, Errand), codec.unpack_record(portion, Portion)
    engine = _engine(task.order, make)
    check_version(engine.name, engine.version, task.version)
    last = None if before is None else codec.unpack_record(before, PortionDone).last
    return codec.pack_record(done_of(_footage(task, work.session), engine, task.parameters, work, last))


def check_version(name: str, version: str, wanted: str) -> None:
    """Raises RequestRejected (WRONG_STATE) if an engine is another than the one whose results are asked for."""
    if version != wanted:
        raise RequestRejected(
            f"machines have different versions of {name}: {version} and {wanted}",
            code=ErrorCode.WRONG_STATE,
            remedy="Install the same version of reeld and its engines on all machines of the cluster, and on this one.",
        )


def done_of(footage: Footage, engine: object, parameters: str, work: Portion, last: bytes | None) -> PortionDone:
    """A portion, done. last: what was found on the still before its first one. Raises ReeldError."""
    if work.run is not None and isinstance(engine, Listener):
        hearing = HearingWork(footage, work.session, engine, parameters)
        return PortionDone(found=together(list(hearing.take(work.run))))
    if work.stills and isinstance(engine, PageReader):
        reading = PageWork(footage, work.session, engine, parameters)
        found = together(list(reading.take(_known(work.stills, last))))
        page = reading.last_page
        return PortionDone(found=found, last=b"" if page is None else codec.pack_record(page))
    raise InternalError("a portion that this engine cannot do")


def together(slices: list[SliceDone]) -> SliceDone:
    """Slices as one."""
    return SliceDone(
        results=[result for each in slices for result in each.results],
        done=sum(each.done for each in slices),
        calls=sum(each.calls for each in slices),
        seconds=sum(each.seconds for each in slices),
        faults={source: reason for each in slices for source, reason in each.faults.items()},
    )


def _known(stills: list[Still], last: bytes | None) -> list[Still]:
    """The first still of a portion that follows another is the last one of that, with what was found on it."""
    if last is None:
        return stills
    first = stills[0]
    return [Still(first.source, first.header, first.before_ns, first.start_ns, known=True, page=last), *stills[1:]]


def _engine(order: OpenStage, make: MakeEngine) -> Engine:
    wanted = (make, order.stage, order.choice.engine, tuple(sorted(order.choice.parameters.items())), order.threads)
    known = getattr(_mine, "engine", None)
    if known is None or known[0] != wanted:
        _mine.engine = None
        try:
            _mine.engine = known = (wanted, make(order))
        except EngineMissing as error:
            raise RequestRejected(f"on a machine of the cluster: {error}", code=ErrorCode.NOT_FOUND) from error
    engine: Engine = known[1]
    return engine


def _footage(task: Errand, session: str) -> CopyFootage:
    wanted = (task.objects, session, task.manifest)
    known = getattr(_mine, "footage", None)
    if known is None or known[0] != wanted:
        _mine.footage = None
        no_store = Path(tempfile.gettempdir(), "reeld-has-no-store-here")
        target = open_target(task.objects, no_store)
        _mine.footage = known = (wanted, CopyFootage(target, task.objects, session, task.manifest))
    footage: CopyFootage = known[1]
    return footage
