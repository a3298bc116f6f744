"""What the entries of the menu do. From one thread, which may wait: a start or an export takes seconds."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from reeld_client.cli.human import plural, size
from reeld_client.client import Client
from reeld_client.tray import launch
from reeld_client.tray.menu import Action
from reeld_client.tray.model import Notice
from reeld_proto.commands import StorageReport
from reeld_proto.errors import ReeldError
from reeld_proto.records import SessionInfo, SessionState

MARK = "marked from the tray"
_FOREVER_DAYS = 36_500


def do(action: Action, client: Client) -> Notice | None:
    """Do it; what a person should be told afterwards. `Action.QUIT` is none of ours. Raises only for bugs."""
    try:
        return _DEEDS[action](client)
    except ReeldError as error:
        return Notice(_FAILED[action], f"{error}. {error.remedy}".strip())
    except OSError as error:
        return Notice(_FAILED[action], str(error))


def _start(client: Client) -> Notice | None:
    warnings = client.start().warnings
    return Notice("Recording, but", "\n".join(warnings)) if warnings else None


def _pause(client: Client) -> None:
    client.pause()


def _resume(client: Client) -> None:
    client.resume()


def _stop(client: Client) -> Notice | None:
    stopped = client.stop()
    if stopped.state is SessionState.COMPLETED and not stopped.warnings:
        return None
    return Notice(f"Stopped, {stopped.state.value}", "\n".join(stopped.warnings))


def _mark(client: Client) -> None:
    client.mark(MARK)


def _private_on(client: Client) -> None:
    client.set_private(True)


def _private_off(client: Client) -> None:
    client.set_private(False)


def _play_last(client: Client) -> Notice | None:
    current = client.status().session
    # The newest may be the one that is being recorded.
    done = [one for one in client.list_sessions(limit=2).sessions if current is None or one.session != current.id]
    if not done:
        return Notice("Nothing to play", "No session was recorded yet.")
    path = film_path(launch.films_folder(), done[0])
    client.export(done[0].session, path)
    launch.open_with_desktop(path)
    return None


def film_path(folder: Path, session: SessionInfo) -> Path:
    """Where a session is written to be played: `2026-11-22 17.05 stand-up.mp4`."""
    begun = datetime.fromisoformat(session.started_at).strftime("%Y-%m-%d %H.%M")
    safe = "".join(letter if letter.isalnum() or letter in " -_.," else "_" for letter in session.name)[:60].strip(" .")
    return folder / f"{begun} {safe or session.session}.mp4"


def _open_folder(_client: Client) -> None:
    launch.open_with_desktop(launch.films_folder())


def _storage(client: Client) -> Notice:
    return Notice("Storage of reeld", storage_text(client.storage()))


def storage_text(report: StorageReport) -> str:
    """What takes room and for how long it will do, in three lines."""
    quota = f" of {size(report.quota_bytes)}" if report.quota_bytes is not None else ""
    days = report.forecast_days
    enough = "" if days is None or not days < _FOREVER_DAYS else f", enough for {days:.0f} days as of late"
    lines = [f"{size(report.used_bytes)}{quota} used by {plural(len(report.sessions), 'session')}"]
    lines.append(f"{size(report.free_bytes)} free on this disk{enough}")
    if report.largest:
        lines.append(f"largest: {report.largest[0].label}, {size(report.largest[0].unique_bytes)}")
    return "\n".join(lines)


def _start_daemon(client: Client) -> None:
    launch.start_daemon(client.runtime)


_DEEDS: dict[Action, Callable[[Client], Notice | None]] = {
    Action.START: _start,
    Action.PAUSE: _pause,
    Action.RESUME: _resume,
    Action.STOP: _stop,
    Action.MARK: _mark,
    Action.PRIVATE_ON: _private_on,
    Action.PRIVATE_OFF: _private_off,
    Action.PLAY_LAST: _play_last,
    Action.OPEN_FOLDER: _open_folder,
    Action.STORAGE: _storage,
    Action.START_DAEMON: _start_daemon,
}
_FAILED = {
    Action.START: "Recording did not start",
    Action.PAUSE: "Could not pause",
    Action.RESUME: "Could not go on",
    Action.STOP: "Could not stop",
    Action.MARK: "Could not mark",
    Action.PRIVATE_ON: "Private mode is NOT on",
    Action.PRIVATE_OFF: "Private mode is still on",
    Action.PLAY_LAST: "Could not play",
    Action.OPEN_FOLDER: "Could not open the folder",
    Action.STORAGE: "Could not look",
    Action.START_DAEMON: "Could not start reeld",
}
