"""Each question: which command it sends, how long it waits, what it makes of the answer."""

from pathlib import Path

import pytest

from reeld_client import calls
from reeld_client.core import Call
from reeld_proto import commands
from reeld_proto.errors import InternalError
from reeld_proto.records import Quality
from tests.client.fake_reeld import INFO, STATS

QUICK = [calls.ping(), calls.status(), calls.pause(), calls.resume(), calls.mark("x"), calls.stats(), calls.snapshot()]


@pytest.mark.parametrize("call", QUICK, ids=lambda call: type(call.command).__name__)
def test_quick_questions_do_not_wait_long(call: Call[object]) -> None:
    assert call.timeout_s == 5.0
    assert call.progress_path is None


def test_slow_ones_have_the_time_that_devices_and_disks_need() -> None:
    assert calls.start({}).timeout_s == 15.0
    assert calls.stop().timeout_s == 30.0
    assert calls.export("s", "/x", None, None, None).timeout_s is None
    assert calls.verify(None).timeout_s is None


@pytest.mark.parametrize("call", QUICK, ids=lambda call: type(call.command).__name__)
def test_an_answer_to_something_else_is_not_taken(call: Call[object]) -> None:
    with pytest.raises(InternalError):
        call.read(commands.Exported(path="", duration_s=0, bytes=0))


def test_lists_and_details_are_unpacked() -> None:
    listed = commands.SessionList(sessions=[INFO], more=True)
    assert calls.sessions({}).read(listed) is listed
    assert calls.show("s").read(commands.SessionDetail(session=INFO)) == INFO
    assert calls.stats().read(commands.StatsReply(stats=STATS)) == STATS


def test_start_sends_what_was_said_and_the_messages_defaults() -> None:
    assert calls.start({"quality": Quality.LOW}).command == commands.StartSession(quality=Quality.LOW)


def test_an_export_names_its_file_as_the_daemon_sees_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/x")
    for given, absolute in (("a.mp4", tmp_path / "a.mp4"), ("~/a.mp4", Path("/home/x/a.mp4"))):
        call = calls.export("s", given, None, None, None)
        assert isinstance(call.command, commands.ExportSession)
        assert call.command.path == call.progress_path == str(absolute)


def test_filters_are_sent_as_they_were_said() -> None:
    call = calls.sessions({"text": "guitar", "any_of": True, "limit": 3}, after="s7")
    assert call.command == commands.ListSessions(text="guitar", any_of=True, limit=3, after="s7")
    assert calls.sessions({}).command == commands.ListSessions()


def test_a_long_list_may_take_its_time() -> None:
    """The first one after a start describes every session anew."""
    assert calls.sessions({}).timeout_s == 30.0
