"""The menu for what the tray knows: which entries there are, and which of them can be chosen. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from reeld_client.cli.human import size
from reeld_client.tray.model import RUNNING, TrayModel
from reeld_proto.records import SessionState


class Action(StrEnum):
    """What an entry does."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    MARK = "mark"
    PRIVATE_ON = "private-on"
    PRIVATE_OFF = "private-off"
    PLAY_LAST = "play-last"
    OPEN_FOLDER = "open-folder"
    STORAGE = "storage"
    START_DAEMON = "start-daemon"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. Without an action it only informs; checked: None for entries that are no switch."""

    label: str
    action: Action | None = None
    enabled: bool = True
    checked: bool | None = None

    @property
    def can_be_chosen(self) -> bool:
        """Whether a click does something."""
        return self.enabled and self.action is not None


SEPARATOR = Entry("")


def menu(model: TrayModel, now_s: float) -> list[Entry]:
    """All entries, always in the same places, so that hands find them."""
    state = model.session.state if model.session is not None else None
    up = model.is_connected
    recording, paused = state in RUNNING, state is SessionState.PAUSED
    private = Action.PRIVATE_OFF if model.is_private else Action.PRIVATE_ON
    return [
        Entry(model.headline(now_s)),
        *(Entry(f"! {text}") for text in model.troubles(now_s)),
        SEPARATOR,
        *([] if up else [Entry("Start reeld", Action.START_DAEMON)]),
        Entry("Start recording", Action.START, up and state is None and not model.is_private),
        Entry("Pause", Action.PAUSE, up and recording),
        Entry("Resume", Action.RESUME, up and paused),
        Entry("Stop", Action.STOP, up and (recording or paused)),
        Entry("Mark this moment", Action.MARK, up and (recording or paused)),
        Entry("Private mode", private, up, checked=model.is_private),
        SEPARATOR,
        Entry("Play the last session", Action.PLAY_LAST, up),
        Entry("Open the folder of films", Action.OPEN_FOLDER),
        Entry(_storage(model), Action.STORAGE, up),
        SEPARATOR,
        Entry("Quit (recording goes on)" if state is not None else "Quit", Action.QUIT),
    ]


def _storage(model: TrayModel) -> str:
    if model.stats is None:
        return "Storage"
    return f"Storage: {size(model.stats.store_bytes)}, {size(model.stats.disk_free_bytes)} free"
