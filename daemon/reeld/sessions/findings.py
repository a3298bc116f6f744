"""Faults and warnings found while a plan is made, so that all of them can be told at once. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from reeld_proto.commands import ErrorReply
from reeld_proto.errors import ErrorCode, ReeldError, error_for

SOURCES_REMEDY = "`reelctl sources` lists what can be recorded."


@dataclass
class Findings:
    """What is wrong with a request (faults) and what is missing from what it gets (warnings)."""

    faults: list[tuple[ErrorCode, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fault(self, message: str, code: ErrorCode = ErrorCode.INVALID_REQUEST, remedy: str = "") -> None:
        """One more fault."""
        self.faults.append((code, message, remedy))

    def error(self) -> ReeldError:
        """All faults as one error: of the first fault that is the request's own, else of the first."""
        own = [fault for fault in self.faults if fault[0] == ErrorCode.INVALID_REQUEST]
        code, message, remedy = (own or self.faults)[0]
        messages = tuple(fault[1] for fault in self.faults)
        remedy = remedy or next((fault[2] for fault in self.faults if fault[2]), "")
        return error_for(code, message if len(messages) == 1 else "; ".join(messages), remedy, messages)


def device_code(error: ErrorReply) -> ErrorCode:
    """What an error of a worker is to the person who wants its device."""
    try:
        code = ErrorCode(error.code)
    except ValueError:
        return ErrorCode.DEVICE_FAILED
    # A worker that is silent or gone is, to the person who starts, a device that cannot be recorded.
    return ErrorCode.DEVICE_FAILED if code in {ErrorCode.TIMEOUT, ErrorCode.WORKER_LOST, ErrorCode.INTERNAL} else code


def unknown(kind: str, name: str, known: Sequence[str]) -> str:
    """The words for a source that does not exist."""
    return f"there is no {kind} {name!r}; there is {', '.join(known) or 'none'}"
