"""The text about a saved replay. Harm guarded against: a name that steers the terminal."""

import io

from rich.console import Console

from reeld_client.cli.render_live import print_status
from reeld_client.cli.render_replay import print_replay
from reeld_proto.commands import ReplaySaved, Status
from reeld_proto.records import BufferInfo, DaemonInfo, SessionState


def text_of(found: ReplaySaved | Status) -> str:
    console = Console(file=io.StringIO(), width=120, highlight=False)
    if isinstance(found, Status):
        print_status(console, found)
    else:
        print_replay(console, found)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_saved_replay_is_one_line_and_nothing_in_it_is_obeyed() -> None:
    text = text_of(
        ReplaySaved(
            session="s1", name="\x1b[31mred", state=SessionState.COMPLETED, duration_s=7.0, bytes=1000, took_ms=2.0
        )
    )
    assert text.count("\n") == 1
    assert "\x1b" not in text
    assert "s1" in text


def test_status_shows_how_much_the_buffer_holds() -> None:
    daemon = DaemonInfo(pid=1, version="1", uptime_s=5.0)
    info = BufferInfo(minutes=10, held_s=65.0, recording=True)
    text = text_of(Status(daemon=daemon, workers=[], session=None, buffer=info))
    assert "rolling buffer" in text
    assert "1:05" in text
    assert "10:00" in text
    assert "rolling buffer" not in text_of(Status(daemon=daemon, workers=[], session=None))
