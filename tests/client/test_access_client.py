"""Who may do what, asked through both clients. Harm guarded against: a token that is left out of an envelope."""

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest

from reeld_client import AsyncClient, Client
from reeld_client.access_client import AccessMethods, AsyncAccessMethods
from reeld_proto import commands as c
from reeld_proto.access import AuditLine, Scope, TokenInfo
from reeld_proto.incidents import Incident, IncidentKind
from tests.client.fake_reeld import FakeReeld, memory, serving

LINE = AuditLine(at="2026", who="owner", what="session.stop", result="done")
NAMED = TokenInfo(name="tray", scopes=[Scope.READ], created_at="2026")
CRASH = Incident(id="i", at="2026", kind=IncidentKind.CRASH, worker="w", reason="r")
ANSWERS: dict[str, Any] = {
    "hello": c.Hello(version="1", protocols=[1], capabilities=[]),
    "identify": c.Identified(protocol=1, who="owner", scopes=[], capabilities=[]),
    "describe": c.Description(protocol=1, commands=[], replies=[], events=[], records=[], errors=[]),
    "tokens_create": c.TokenCreated(name="tray", scopes=[Scope.READ], token="t"),
    "tokens_list": c.TokenList(tokens=[NAMED]),
    "tokens_revoke": c.TokenRevoked(name="tray"),
    "audit": c.Audit(lines=[LINE]),
    "incidents_list": c.IncidentList(incidents=[CRASH]),
    "incidents_show": c.IncidentDetail(incident=CRASH),
    "incidents_clear": c.IncidentList(incidents=[CRASH]),
    "review_open": c.ReviewOpened(url="http://127.0.0.1:1/open?ticket=t", expires_s=60.0),
}
CASES: list[tuple[str, tuple[Any, ...], c.Command, Any]] = [
    ("hello", (), c.GetHello(), ANSWERS["hello"]),
    ("identify", ("me",), c.Identify(client="me"), ANSWERS["identify"]),
    ("describe", (), c.Describe(), ANSWERS["describe"]),
    ("create_token", ("tray", [Scope.READ]), c.CreateToken(name="tray", scopes=[Scope.READ]), ANSWERS["tokens_create"]),
    ("tokens", (), c.ListTokens(), [NAMED]),
    ("revoke_token", ("tray",), c.RevokeToken(name="tray"), ANSWERS["tokens_revoke"]),
    ("audit", (7,), c.GetAudit(limit=7), [LINE]),
    ("incidents", (), c.ListIncidents(), [CRASH]),
    ("incident", ("i",), c.ShowIncident(id="i"), CRASH),
    ("clear_incidents", (), c.ClearIncidents(), [CRASH]),
    ("open_review", ("s",), c.OpenReview(session="s"), ANSWERS["review_open"]),
]


@pytest.mark.parametrize(("name", "words", "command", "answer"), CASES, ids=lambda value: str(value)[:20])
def test_each_method_asks_what_it_says(name: str, words: tuple[Any, ...], command: c.Command, answer: Any) -> None:
    fake = FakeReeld(**ANSWERS)
    transport = memory(fake)
    with Client(transport=transport, clock=transport.clock, token="secret") as client:
        assert getattr(client, name)(*words) == answer
    assert fake.heard == [command]
    assert fake.tokens == {"secret"}


def test_the_asyncio_client_asks_the_same(runtime: Path, no_leaks: None) -> None:
    async def ask_all() -> None:
        async with AsyncClient(runtime, token="secret") as client:
            for name, words, _, answer in CASES:
                assert await getattr(client, name)(*words) == answer

    fake = FakeReeld(**ANSWERS)
    with serving(fake, runtime):
        asyncio.run(asyncio.wait_for(ask_all(), 30))
    assert fake.heard == [command for _, _, command, _ in CASES]
    assert fake.tokens == {"secret"}


def test_both_clients_can_do_the_same_in_the_same_words() -> None:
    names = [name for name in vars(AccessMethods) if not name.startswith("_") and name != "call"]
    assert sorted(names) == sorted(name for name, _, _, _ in CASES)
    for name in names:
        one, other = getattr(AccessMethods, name), getattr(AsyncAccessMethods, name)
        assert inspect.signature(one) == inspect.signature(other)
        assert inspect.iscoroutinefunction(other)


def test_the_environment_names_the_token_unless_one_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REELD_TOKEN", "of the environment")
    fake = FakeReeld()
    for token in (None, "given", ""):
        transport = memory(fake)
        with Client(transport=transport, clock=transport.clock, token=token) as client:
            client.ping()
    assert fake.tokens == {"of the environment", "given", ""}
