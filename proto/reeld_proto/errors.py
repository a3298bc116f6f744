"""Errors that cross the wire: stable codes, and one exception class for each thing a caller can do next.

ReeldError
  TransportError     the daemon cannot be reached: start it or try again      exit 3
  RequestRejected    the request is at fault: change it                        exit 2, 4, 5, 6, 8
  StoreCorrupt       recorded data is damaged: verify, repair                  exit 7
  InternalError      reeld is at fault: report it                              exit 70
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """Stable names of faults. A client may compare them; the text beside them is for people and may change."""

    INVALID_REQUEST = "invalid-request"
    """The request could not be understood or breaks a rule; `faults` lists every one found."""
    UNKNOWN_COMMAND = "unknown-command"
    """The message type is not one this daemon knows."""
    UNSUPPORTED_VERSION = "unsupported-version"
    """The envelope's protocol version is not spoken here."""
    TOO_LARGE = "too-large"
    """The message is over the size limit."""
    NO_DAEMON = "no-daemon"
    """Nothing answers on the control socket."""
    TIMEOUT = "timeout"
    """The daemon or one of its workers did not answer in time."""
    ALREADY_RUNNING = "already-running"
    """Another daemon holds this runtime directory or store."""
    WRONG_STATE = "wrong-state"
    """The session is not in a state that allows this."""
    NOT_FOUND = "not-found"
    """No session, track or source has that name."""
    NO_DISPLAY = "no-display"
    """No display can be reached."""
    NO_AUDIO = "no-audio"
    """No sound server or device can be reached."""
    DEVICE_FAILED = "device-failed"
    """A device was found but cannot be recorded."""
    SERVICE_FAILED = "service-failed"
    """The user's service manager (systemd, launchd) cannot be reached, or did not do what was asked."""
    PERMISSION = "permission"
    """The operating system refused access to a device or a folder."""
    DISK_FULL = "disk-full"
    """Free disk is below the reserve, or a write failed for lack of room."""
    DISK_FAILED = "disk-failed"
    """The disk could not be read or written."""
    DISK_SLOW = "disk-slow"
    """The disk keeps a write waiting; nothing is lost by it."""
    CORRUPT = "corrupt"
    """Recorded data does not match its digest or its index."""
    DENIED = "denied"
    """The caller may not do this."""
    RATE_LIMITED = "rate-limited"
    """This client sends too many commands; wait a second."""
    CANCELLED = "cancelled"
    """The job was cancelled; nothing of what it wrote is left."""
    WORKER_LOST = "worker-lost"
    """A worker died while it was doing this; the supervisor is restarting it."""
    INTERNAL = "internal"
    """A fault of reeld itself."""


class DeviceTrouble(StrEnum):
    """What the worker of sound reports of a device, as the code of a trouble beside those above.

    Each is told once an outage, within 5 s; meanwhile the track goes on with counted silence.
    """

    LOST = "device-lost"
    """It was unplugged, or its server is gone."""
    SILENT = "device-silent"
    """It is open and delivers nothing at all."""
    MUTE = "device-mute"
    """It delivers nothing but exact zeros, though it is a microphone or the output plays something."""
    BACK = "device-back"
    """What was told before is over."""


EXIT_OK = 0
EXIT_CODES: dict[ErrorCode, int] = {
    ErrorCode.INVALID_REQUEST: 2,
    ErrorCode.UNKNOWN_COMMAND: 2,
    ErrorCode.UNSUPPORTED_VERSION: 2,
    ErrorCode.TOO_LARGE: 2,
    ErrorCode.NO_DAEMON: 3,
    ErrorCode.TIMEOUT: 3,
    ErrorCode.ALREADY_RUNNING: 4,
    ErrorCode.WRONG_STATE: 4,
    ErrorCode.NOT_FOUND: 5,
    ErrorCode.NO_DISPLAY: 6,
    ErrorCode.NO_AUDIO: 6,
    ErrorCode.DEVICE_FAILED: 6,
    ErrorCode.SERVICE_FAILED: 6,
    ErrorCode.PERMISSION: 6,
    ErrorCode.DISK_FULL: 6,
    ErrorCode.DISK_FAILED: 6,
    ErrorCode.DISK_SLOW: 6,
    ErrorCode.CORRUPT: 7,
    ErrorCode.DENIED: 8,
    ErrorCode.RATE_LIMITED: 8,
    ErrorCode.CANCELLED: 4,
    ErrorCode.WORKER_LOST: 70,
    ErrorCode.INTERNAL: 70,
}
"""Process exit code for each wire code (the command-line contract)."""


class ReeldError(Exception):
    """Base of everything this project raises on purpose.

    Attributes:
        code: stable wire code.
        remedy: what the person can do about it, one sentence; may be empty.
        faults: every fault found, when the request had several; otherwise empty.
    """

    default_code = ErrorCode.INTERNAL

    def __init__(
        self, message: str, *, code: ErrorCode | None = None, remedy: str = "", faults: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message)
        self.code = code if code is not None else self.default_code
        self.remedy = remedy
        self.faults = faults

    @property
    def exit_code(self) -> int:
        """Process exit code that the command line uses for this error."""
        return EXIT_CODES[self.code]


class TransportError(ReeldError):
    """The peer cannot be reached or stopped answering. Nothing is known about the request: try again."""

    default_code = ErrorCode.NO_DAEMON


class RequestRejected(ReeldError):
    """The request cannot be done as it stands; nothing was changed."""

    default_code = ErrorCode.INVALID_REQUEST


class StoreCorrupt(ReeldError):
    """Recorded data is damaged. What is intact stays readable."""

    default_code = ErrorCode.CORRUPT


class InternalError(ReeldError):
    """A broken promise of reeld's own."""

    default_code = ErrorCode.INTERNAL


_CLASSES: dict[ErrorCode, type[ReeldError]] = {
    ErrorCode.NO_DAEMON: TransportError,
    ErrorCode.TIMEOUT: TransportError,
    ErrorCode.CORRUPT: StoreCorrupt,
    ErrorCode.WORKER_LOST: InternalError,
    ErrorCode.INTERNAL: InternalError,
}


def error_for(code: str, message: str, remedy: str = "", faults: tuple[str, ...] = ()) -> ReeldError:
    """The exception for a wire code; an unknown code (a newer peer) becomes `RequestRejected`."""
    try:
        known = ErrorCode(code)
    except ValueError:
        return RequestRejected(f"{code}: {message}", remedy=remedy, faults=faults)
    return _CLASSES.get(known, RequestRejected)(message, code=known, remedy=remedy, faults=faults)
