"""Commands that keep a store sound: repair, background workers, the text index."""

from msgspec import field

from reeld_proto.base import Command, Reply, Text
from reeld_proto.records import Fault, Record


class RepairStore(Command, tag="store.repair", frozen=True, kw_only=True):
    """Set aside what is damaged, keep all that is good, and heal from a second copy if one is named.

    source: absolute path of a store, of a folder written by `sync`, or of a bundle. Answered by `Repaired`.
    """

    source: Text | None = None


class GetUpkeep(Command, tag="upkeep.get", frozen=True, kw_only=True):
    """Ask what the background workers do. Answered by `UpkeepStatus`."""


class SteerUpkeep(Command, tag="upkeep.steer", frozen=True, kw_only=True):
    """Pause or resume background work, or run one kind now.

    kind: `scrub`, `compact`, `compress`, `budget`; None: all. action: `pause`, `resume` or `run`. Answered by
    `UpkeepStatus`, after the work when it was run.
    """

    action: str
    kind: str | None = None


class CheckIndex(Command, tag="index.check", frozen=True, kw_only=True):
    """Compare the text index with the store. rebuild: make it anew. Answered by `IndexChecked`."""

    rebuild: bool = False


class UpkeepTask(Record, frozen=True, kw_only=True):
    """One kind of background work. state: `idle`, `running`, `paused` or `waiting` (for the recording to end, say)."""

    kind: str
    state: str
    done_bytes: int = 0
    total_bytes: int = 0
    last_run_at: str = ""
    detail: str = ""


class Repaired(Reply, tag="store.repair.reply", frozen=True, kw_only=True):
    """Answer to `RepairStore`.

    healed: chunks fetched from the second copy; quarantined: chunks set aside; gaps: where a timeline now has a gap;
    fixed: counters and references set right; remaining: faults that are left.
    """

    healed: list[str]
    quarantined: list[str]
    gaps: int
    fixed: int
    remaining: list[Fault] = field(default_factory=list)


class UpkeepStatus(Reply, tag="upkeep.reply", frozen=True, kw_only=True):
    """Answer to `GetUpkeep` and `SteerUpkeep`."""

    tasks: list[UpkeepTask]


class IndexChecked(Reply, tag="index.check.reply", frozen=True, kw_only=True):
    """Answer to `CheckIndex`. faults: differences found (before a rebuild)."""

    ok: bool
    sessions: int
    faults: list[str]
    rebuilt: bool
