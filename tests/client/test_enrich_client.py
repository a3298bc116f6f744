"""Enrichment, asked through both clients. Harms guarded against: an option that is left out of a command, and a long
transcript of which only the first message is seen."""

import asyncio
import inspect
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_client import AsyncClient, Client
from reeld_client.enrich_client import SEARCH_S, AsyncEnrichMethods, EnrichMethods, search, wait
from reeld_proto import commands as c
from reeld_proto.enrich import EnrichAction
from reeld_proto.errors import ErrorCode, ReeldError, RequestRejected
from tests.client.enrich_answers import FINDINGS, JOB, MOMENTS, PLANNED, TRANSCRIPT, answers, utterance
from tests.client.fake_reeld import SESSION, FakeReeld, memory, serving

Case = tuple[str, tuple[Any, ...], dict[str, Any], c.Command, Any]
CASES: list[Case] = [
    ("enrich", (SESSION,), {}, c.EnrichSession(session=SESSION), JOB),
    (
        "enrich",
        (SESSION,),
        {"plan": "basic", "priority": 7},
        c.EnrichSession(session=SESSION, plan="basic", priority=7),
        JOB,
    ),
    ("wait_enrichment", ("e1",), {}, c.WaitEnrichment(job="e1"), JOB),
    ("enrichment", (), {}, c.ListEnrichment(), [JOB]),
    ("enrichment", (SESSION,), {}, c.ListEnrichment(session=SESSION), [JOB]),
    ("want_enrichment", (SESSION,), {"at_s": 7.5}, c.WantEnrichment(session=SESSION, at_s=7.5), [JOB]),
    ("steer_enrichment", (EnrichAction.PAUSE,), {}, c.SteerEnrichment(action=EnrichAction.PAUSE), [JOB]),
    (
        "steer_enrichment",
        (EnrichAction.CANCEL, "e1"),
        {},
        c.SteerEnrichment(action=EnrichAction.CANCEL, job="e1"),
        [JOB],
    ),
    (
        "plan_enrichment",
        (SESSION,),
        {"plan": "basic"},
        c.GetEnrichPlan(session=SESSION, plan="basic"),
        PLANNED,
    ),
    ("search", ("stairs",), {}, c.ListMoments(text="stairs"), MOMENTS),
    ("search", ("stairs",), {"meaning": True}, c.ListMoments(text="stairs", meaning=True), MOMENTS),
    (
        "search",
        ("stairs OR steps",),
        {"session": SESSION, "limit": 3},
        c.ListMoments(text="stairs OR steps", session=SESSION, limit=3),
        MOMENTS,
    ),
    ("transcript", (SESSION,), {}, c.GetTranscript(session=SESSION), TRANSCRIPT),
    ("findings", (SESSION,), {}, c.GetFindings(session=SESSION), FINDINGS),
]
SAID = [utterance(place, f"sentence number {place}") for place in range(9)]


def in_parts(size: int) -> FakeReeld:
    """A daemon whose messages hold so many utterances."""

    def tell(command: c.GetTranscript) -> c.Transcript:
        part = SAID[command.skip : command.skip + size]
        return c.Transcript(session=SESSION, utterances=part, complete=0.5, more=command.skip + len(part) < len(SAID))

    return FakeReeld(transcript_get=tell)


@pytest.mark.parametrize(("name", "words", "options", "command", "answer"), CASES, ids=lambda value: str(value)[:20])
def test_each_method_asks_what_it_says(
    name: str, words: tuple[Any, ...], options: dict[str, Any], command: c.Command, answer: Any
) -> None:
    fake = FakeReeld(**answers())
    transport = memory(fake)
    with Client(transport=transport, clock=transport.clock) as client:
        assert getattr(client, name)(*words, **options) == answer
    assert fake.heard == [command]


def test_the_asyncio_client_asks_the_same(runtime: Path, no_leaks: None) -> None:
    async def ask_all() -> None:
        async with AsyncClient(runtime) as client:
            for name, words, options, _, answer in CASES:
                assert await getattr(client, name)(*words, **options) == answer

    fake = FakeReeld(**answers())
    with serving(fake, runtime):
        asyncio.run(asyncio.wait_for(ask_all(), 30))
    assert fake.heard == [command for _, _, _, command, _ in CASES]


def test_both_clients_can_do_the_same_in_the_same_words() -> None:
    names = {name for name in vars(EnrichMethods) if not name.startswith("_") and name != "call"}
    assert names == {name for name, _, _, _, _ in CASES}
    for name in names:
        one, other = getattr(EnrichMethods, name), getattr(AsyncEnrichMethods, name)
        assert inspect.signature(one) == inspect.signature(other)
        assert inspect.iscoroutinefunction(other)


@given(st.integers(1, len(SAID) + 1))
def test_a_transcript_of_many_messages_is_whole_and_tells_nothing_twice(size: int) -> None:
    fake = in_parts(size)
    transport = memory(fake)
    with Client(transport=transport, clock=transport.clock) as client:
        found = client.transcript(SESSION)
    assert found.utterances == SAID
    assert (found.session, found.complete, found.more) == (SESSION, 0.5, False)
    assert [command.skip for command in fake.of(c.GetTranscript)] == list(range(0, len(SAID), size))


def test_the_asyncio_client_reads_every_message_as_well(runtime: Path, no_leaks: None) -> None:
    async def ask() -> c.Transcript:
        async with AsyncClient(runtime) as client:
            return await client.transcript(SESSION)

    with serving(in_parts(2), runtime):
        found = asyncio.run(asyncio.wait_for(ask(), 30))
    assert found.utterances == SAID


def test_an_engine_that_is_missing_is_told_with_its_remedy() -> None:
    refused = RequestRejected("faster-whisper is not installed", code=ErrorCode.NOT_FOUND, remedy="pip install it")
    transport = memory(FakeReeld(enrich_start=refused))
    with Client(transport=transport, clock=transport.clock) as client, pytest.raises(RequestRejected) as caught:
        client.enrich(SESSION)
    assert (caught.value.code, caught.value.remedy) == (ErrorCode.NOT_FOUND, "pip install it")


def test_an_answer_to_another_question_is_no_answer() -> None:
    transport = memory(FakeReeld(search=FINDINGS))
    with (
        Client(transport=transport, clock=transport.clock) as client,
        pytest.raises(ReeldError, match=r"answered .findings"),
    ):
        client.search("stairs")


def test_waiting_for_hours_of_work_has_no_limit_and_the_first_search_has_a_generous_one() -> None:
    assert wait("e1").timeout_s is None
    assert search("stairs", "", 50, meaning=False).timeout_s == SEARCH_S
