"""Commands about stored sessions: what they ask of the daemon. Harm guarded against: a deletion nobody meant."""

from pathlib import Path

import pytest

from reeld_proto import commands
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.client.cli.reelctl import Reelctl, on_terminal
from tests.client.fake_reeld import INFO, SESSION, FakeReeld, Server

OTHER = "20261122-171000-abcd"
DERIVED = commands.Derived(session=OTHER, name="best", duration_s=2.5, bytes=1000, new_bytes=0, info=INFO)
DELETED = commands.Deleted(session=SESSION, freed_bytes=1000, shared_bytes=3_000_000)


@pytest.fixture(autouse=True)
def _daemon(server: Server, fake: FakeReeld) -> None:
    """All of these need one."""
    for name in ("clip", "trim", "merge"):
        fake.answers[f"sessions_{name}"] = DERIVED
    fake.answers["sessions_edit"] = commands.SessionDetail(session=INFO)
    fake.answers["sessions_delete"] = DELETED


def test_clip(reelctl: Reelctl, fake: FakeReeld) -> None:
    found = reelctl("clip", SESSION, "--from", "1m2.5s", "--to", "1:02:03", "--name", "best", "--json").json
    assert (found["session"], found["new_bytes"], found["info"]["session"]) == (OTHER, 0, SESSION)
    assert fake.of(commands.ClipSession) == [
        commands.ClipSession(session=SESSION, from_s=62.5, to_s=3723.0, name="best")
    ]
    shown = reelctl("clip", SESSION, "--from", "0", "--to", "2.5").out
    for expected in ("best", OTHER, "2.5 s", "nothing copied"):
        assert expected in shown


def test_trim(reelctl: Reelctl, fake: FakeReeld) -> None:
    reelctl("trim", SESSION, "--from", "10", "--json")
    reelctl("trim", SESSION, "--to", "1m", "--json")
    assert fake.of(commands.TrimSession) == [
        commands.TrimSession(session=SESSION, from_s=10.0),
        commands.TrimSession(session=SESSION, to_s=60.0),
    ]


def test_merge(reelctl: Reelctl, fake: FakeReeld) -> None:
    assert reelctl("merge", SESSION, OTHER, "--name", "both", "--json").json["session"] == OTHER
    assert fake.of(commands.MergeSessions) == [commands.MergeSessions(sessions=[SESSION, OTHER], name="both")]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("rename", SESSION, "new name"), {"name": "new name"}),
        (("tag", SESSION, "a", "b", "--remove", "c"), {"add_tags": ["a", "b"], "remove_tags": ["c"]}),
        (
            ("tag", SESSION, "--add", "a", "--remove", "b", "--remove", "c"),
            {"add_tags": ["a"], "remove_tags": ["b", "c"]},
        ),
        (("note", SESSION, "look here"), {"note": "look here"}),
        (("note", SESSION, ""), {"note": ""}),
        (("pin", SESSION), {"pinned": True}),
        (("unpin", SESSION), {"pinned": False}),
    ],
)
def test_edits_name_what_they_change_and_nothing_else(
    reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...], expected: dict[str, object]
) -> None:
    assert reelctl(*words, "--json").json["session"] == SESSION
    assert fake.of(commands.EditSession) == [commands.EditSession(session=SESSION, **expected)]  # type: ignore[arg-type]
    assert "stand-up" in reelctl(*words).out


@pytest.mark.parametrize(
    "words",
    [
        ("clip", SESSION, "--from", "2", "--to", "1"),
        ("clip", SESSION, "--from", "soon", "--to", "later"),
        ("clip", SESSION, "--from", "2"),
        ("clip", SESSION, "--from", "1", "--to", "2", "--name", " "),
        ("trim", SESSION),
        ("merge", SESSION),
        ("tag", SESSION),
        ("rename", SESSION),
    ],
)
def test_what_makes_no_sense_is_refused_before_the_daemon_is_asked(
    reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]
) -> None:
    assert reelctl(*words, "--json").code == 2
    assert not fake.heard


def test_without_a_terminal_a_deletion_is_done_unasked(reelctl: Reelctl, fake: FakeReeld) -> None:
    """A script must never hang."""
    assert reelctl("delete", SESSION, "--json").json == {
        "session": SESSION,
        "freed_bytes": 1000,
        "shared_bytes": 3_000_000,
    }
    shown = reelctl("delete", SESSION, "--yes").out
    for expected in (SESSION, "1.00 kB", "3.00 MB stay"):
        assert expected in shown
    assert fake.of(commands.DeleteSession) == [commands.DeleteSession(session=SESSION)] * 2


def test_a_refusal_is_passed_on(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["sessions_delete"] = RequestRejected("it is being recorded", code=ErrorCode.WRONG_STATE)
    ran = reelctl("delete", SESSION, "--json")
    assert (ran.code, ran.json["error"]["code"]) == (4, "wrong-state")


@pytest.mark.parametrize(("answer", "code", "asked"), [(b"n\n", 1, 0), (b"\x04", 1, 0), (b"y\n", 0, 1)])
def test_a_person_is_asked_before_a_deletion(
    fake: FakeReeld, runtime: Path, answer: bytes, code: int, asked: int
) -> None:
    with on_terminal(runtime, "delete", SESSION) as terminal:
        assert "stand-up [daily]" in terminal.read_until("for good?")
        terminal.type(answer)
        assert terminal.finish() == code
        assert ("nothing was deleted" in terminal.screen) == (asked == 0)
    assert len(fake.of(commands.DeleteSession)) == asked


def test_a_person_who_says_yes_beforehand_is_not_asked(fake: FakeReeld, runtime: Path) -> None:
    with on_terminal(runtime, "delete", SESSION, "--yes") as terminal:
        assert terminal.finish() == 0
    assert len(fake.of(commands.DeleteSession)) == 1
