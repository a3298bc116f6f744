"""What went wrong with reeld's own processes: one report an incident, without anything of what is recorded."""

from enum import StrEnum

from msgspec import field

from reeld_proto.base import Command, Name, Reply
from reeld_proto.records import Record


class IncidentKind(StrEnum):
    """What happened to a process."""

    CRASH = "crash"
    """It ended by a fault of its own."""
    STALL = "stall"
    """It made no progress, or did not answer, and was ended for it."""
    KILLED = "killed"
    """Somebody killed it: a person, or the system for want of memory."""
    DAEMON_LOST = "daemon-lost"
    """The daemon itself ended without stopping; found when the next one started."""


class Incident(Record, frozen=True, kw_only=True):
    """One report. at: ISO 8601 in UTC. worker: the process. reason: how it ended, in words.

    version: of reeld. recording: whether a session ran. trace: where its threads were, a line a call, as far as it
    could still tell: file, line and function, nothing else.
    """

    id: str
    at: str
    kind: IncidentKind
    worker: str
    reason: str
    version: str = ""
    recording: bool = False
    trace: list[str] = field(default_factory=list)


class ListIncidents(Command, tag="incidents.list", frozen=True, kw_only=True):
    """List the reports that are kept, without their traces. Answered by `IncidentList`."""


class ShowIncident(Command, tag="incidents.show", frozen=True, kw_only=True):
    """Ask for one report, whole. Answered by `IncidentDetail`."""

    id: Name


class ClearIncidents(Command, tag="incidents.clear", frozen=True, kw_only=True):
    """Remove all reports. Answered by `IncidentList` of what was removed."""


class IncidentList(Reply, tag="incidents.list.reply", frozen=True, kw_only=True):
    """Answer to `ListIncidents` and `ClearIncidents`; the newest last."""

    incidents: list[Incident]


class IncidentDetail(Reply, tag="incidents.show.reply", frozen=True, kw_only=True):
    """Answer to `ShowIncident`."""

    incident: Incident
