"""What each command needs. Harm guarded against: a command that a token may give though nobody thought of it."""

from typing import get_args

import pytest

from reeld_proto import commands as c
from reeld_proto.access import Scope
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.scopes import ALL_SCOPES, RULES, check, granted, rule_of, unruled


def test_every_command_has_its_rule_and_only_one() -> None:
    assert unruled() == set()
    assert set(RULES) == set(get_args(c.AnyCommand))


def test_a_command_that_nobody_ruled_on_is_for_admins() -> None:
    assert rule_of(c.Command).scope is Scope.ADMIN
    assert rule_of(c.Command).changes


@pytest.mark.parametrize(
    ("scopes", "holds"),
    [
        ([], {Scope.OBSERVE}),
        ([Scope.OBSERVE], {Scope.OBSERVE}),
        ([Scope.CONTROL], {Scope.OBSERVE, Scope.CONTROL}),
        ([Scope.READ], {Scope.OBSERVE, Scope.READ}),
        ([Scope.CONTROL, Scope.READ], {Scope.OBSERVE, Scope.CONTROL, Scope.READ}),
        ([Scope.ADMIN], ALL_SCOPES),
    ],
)
def test_what_a_scope_contains(scopes: list[Scope], holds: set[Scope]) -> None:
    assert granted(scopes) == holds


@pytest.mark.parametrize(
    ("command", "scope"),
    [
        (c.GetStatus(), Scope.OBSERVE),
        (c.GetStats(), Scope.OBSERVE),
        (c.StartSession(), Scope.CONTROL),
        (c.SetPaused(paused=True), Scope.CONTROL),
        (c.StopSession(), Scope.CONTROL),
        (c.ListSources(), Scope.CONTROL),
        (c.ListSessions(), Scope.READ),
        (c.ExportSession(session="s", path="/x"), Scope.READ),
        (c.GetTimeline(session="s"), Scope.READ),
        (c.DeleteSession(session="s"), Scope.ADMIN),
        (c.CreateToken(name="x", scopes=[Scope.ADMIN]), Scope.ADMIN),
        (c.GetAudit(), Scope.ADMIN),
    ],
)
def test_a_refusal_names_the_scope_that_is_missing(command: c.Command, scope: Scope) -> None:
    check(command, ALL_SCOPES)
    check(command, granted([scope]))
    for other in Scope:
        if scope in granted([other]):
            continue
        with pytest.raises(RequestRejected, match=f"needs the scope `{scope}`") as refused:
            check(command, granted([other]))
        assert refused.value.code is ErrorCode.DENIED
        assert refused.value.exit_code == 8


def test_only_what_changes_nothing_is_left_out_of_the_audit() -> None:
    looking = {kind.__name__ for kind, rule in RULES.items() if not rule.changes}
    assert all(
        name.startswith(("Get", "List", "Show", "Wait", "Want", "Ping", "Identify", "Describe")) for name in looking
    )
