"""States in OBS's words. Harm guarded against: a remote whose lamp says that it records while it does not."""

import pytest

from reeld.obs.news import RecordNews, record_event
from reeld_proto.records import SessionState as S

START = [S.VALIDATING, S.CHECKING_PERMISSIONS, S.STARTING, S.ACTIVE]
END = [S.ENDING, S.PERSISTING, S.COMPLETED]


def words(states: list[S], before: S = S.IDLE) -> list[str]:
    news = RecordNews()
    news.begin(before)
    return [word for word in map(news.tell, states) if word]


def test_a_whole_recording() -> None:
    states = [*START, S.PAUSING, S.PAUSED, S.RESUMING, S.ACTIVE, *END]
    assert words(states) == ["STARTING", "STARTED", "PAUSED", "RESUMED", "STOPPING", "STOPPED"]


@pytest.mark.parametrize("end", [S.ERROR, S.INTERRUPTED, S.PARTIAL])
def test_a_bad_end_is_an_end(end: S) -> None:
    assert words([*START, S.ENDING, end]) == ["STARTING", "STARTED", "STOPPING", "STOPPED"]


def test_a_start_that_fails_is_told_as_stopped() -> None:
    assert words([S.STARTING, S.ERROR]) == ["STARTING", "STOPPED"]


def test_the_same_state_again_is_no_news() -> None:
    assert words([S.ACTIVE, S.ACTIVE], before=S.STARTING) == ["STARTED"]


def test_what_ran_before_the_bridge_goes_on() -> None:
    assert words([S.RESUMING, S.ACTIVE, *END], before=S.PAUSED) == ["RESUMED", "STOPPING", "STOPPED"]


def test_the_next_recording_is_told_like_the_first() -> None:
    assert words([*START, *END, *START])[4:] == ["STARTING", "STARTED"]


@pytest.mark.parametrize(("word", "active"), [("STARTED", True), ("RESUMED", True), ("PAUSED", False)])
def test_an_event_says_whether_something_is_recorded(word: str, active: bool) -> None:
    data = record_event(word)["d"]["eventData"]
    assert data == {"outputActive": active, "outputState": f"OBS_WEBSOCKET_OUTPUT_{word}", "outputPath": None}
