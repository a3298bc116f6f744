"""`reelctl enrich`. Harms guarded against: a job that failed and looks done to a script, an order that concerns other
jobs than the one that was named, and texts of recordings that steer the terminal."""

from typing import Any

import pytest
from msgspec.structs import replace

from reeld_client.cli.enrich import EnrichLines
from reeld_client.cli.render_enrich import (
    print_enriched,
    print_enrichment,
    print_findings,
    print_moments,
    print_plan,
)
from reeld_proto import commands as c
from reeld_proto.enrich import EnrichAction, EnrichState
from reeld_proto.errors import EXIT_CODES, ErrorCode, RequestRejected
from tests.client.cli.reelctl import Reelctl
from tests.client.cli.test_render import text_of
from tests.client.enrich_answers import FINDINGS, JOB, MOMENTS, PLANNED, answers
from tests.client.fake_reeld import SESSION, FakeReeld, Server

EVIL = "\x1b[2J[red]evil[/]"


@pytest.fixture(autouse=True)
def _daemon(server: Server, fake: FakeReeld) -> None:
    """All of these need one."""
    fake.answers.update(answers())


def ended(state: EnrichState, error: str = "") -> c.EnrichStarted:
    return c.EnrichStarted(job=replace(JOB, state=state, error=error))


# -- what is asked --------------------------------------------------------------------------------------------------


def test_a_session_is_enriched_as_it_was_asked_for_and_waited_for(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["enrich_wait"] = ended(EnrichState.COMPLETED)
    found = reelctl("enrich", SESSION, "--plan", "basic", "--priority", "-7", "--json")
    assert (found.code, found.json["id"], found.json["state"]) == (0, "e1", "completed")
    begin = c.EnrichSession(session=SESSION, plan="basic", priority=-7)
    assert fake.heard == [begin, c.WaitEnrichment(job="e1")]


def test_without_waiting_the_job_is_printed_as_it_begins(reelctl: Reelctl, fake: FakeReeld) -> None:
    found = reelctl("enrich", SESSION, "--no-wait", "--json")
    assert (found.code, found.json["state"]) == (0, "running")
    assert fake.heard == [c.EnrichSession(session=SESSION)]


@pytest.mark.parametrize("words", [("enrich", SESSION, "--dry-run"), ("enrich", "plan", SESSION)])
def test_asking_what_would_be_done_does_nothing(reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]) -> None:
    found = reelctl(*words, "--plan", "standard", "--json")
    assert (found.code, found.json["stages"][0]["engine"]) == (0, "rapidocr")
    assert fake.heard == [c.GetEnrichPlan(session=SESSION, plan="standard")]


def test_findings_are_shown(reelctl: Reelctl, fake: FakeReeld) -> None:
    found = reelctl("enrich", "show", SESSION, "--json").json
    assert [chapter["title"] for chapter in found["chapters"]] == ["Quarterly [budget]", "Holiday pictures"]
    assert fake.heard == [c.GetFindings(session=SESSION)]


@pytest.mark.parametrize("which", ["", "e1"])
@pytest.mark.parametrize("action", list(EnrichAction))
def test_an_order_concerns_the_job_that_was_named_or_all(
    reelctl: Reelctl, fake: FakeReeld, action: EnrichAction, which: str
) -> None:
    found = reelctl("enrich", action.value, *([which] if which else []), "--json")
    assert (found.code, found.json[0]["id"]) == (0, "e1")
    assert fake.heard == [c.SteerEnrichment(action=action, job=which)]


def test_jobs_of_one_session_or_all_are_listed(reelctl: Reelctl, fake: FakeReeld) -> None:
    assert reelctl("enrich", "list", "--json").json[0]["plan"] == "standard"
    assert "e1" in reelctl("enrich", "list", SESSION).out
    assert fake.heard == [c.ListEnrichment(), c.ListEnrichment(session=SESSION)]


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("plan",),
        ("show",),
        (SESSION, "another"),
        (SESSION, "--priority", "101"),
        (SESSION, "--priority", "-101"),
        (SESSION, "--priority", "high"),
        ("list", SESSION, "more"),
    ],
)
def test_half_an_order_is_refused_before_anybody_is_asked(
    reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]
) -> None:
    assert reelctl("enrich", *words).code == 2
    assert fake.heard == []


# -- how it ended ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (EnrichState.COMPLETED, 0),
        (EnrichState.FAILED, EXIT_CODES[ErrorCode.INTERNAL]),
        (EnrichState.CANCELLED, EXIT_CODES[ErrorCode.CANCELLED]),
        (EnrichState.PAUSED, 0),
    ],
)
def test_how_a_job_ended_shows_in_the_exit_code(
    reelctl: Reelctl, fake: FakeReeld, state: EnrichState, code: int
) -> None:
    fake.answers["enrich_wait"] = ended(state, "the model cannot be loaded")
    ran = reelctl("enrich", SESSION)
    assert ran.code == code
    assert state.value in ran.out
    assert "the model cannot be loaded" in ran.out
    assert reelctl("enrich", SESSION, "--json").code == code


def test_exit_codes_of_failure_are_none_of_success() -> None:
    assert 0 not in (EXIT_CODES[ErrorCode.INTERNAL], EXIT_CODES[ErrorCode.CANCELLED])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("enrich_start", (SESSION,)),
        ("enrich_plan", ("plan", SESSION)),
        ("findings_get", ("show", SESSION)),
        ("enrich_steer", ("cancel", "e1")),
    ],
)
def test_a_refusal_is_told_with_its_remedy(
    reelctl: Reelctl, fake: FakeReeld, answer: str, words: tuple[str, ...]
) -> None:
    fake.answers[answer] = RequestRejected("it is not there", code=ErrorCode.NOT_FOUND, remedy="Install it.")
    ran = reelctl("enrich", *words)
    assert (ran.code, ran.out) == (5, "")
    assert "it is not there" in ran.err
    assert "Install it." in ran.err
    assert reelctl("enrich", *words, "--json").json["error"]["remedy"] == "Install it."


# -- what people read -----------------------------------------------------------------------------------------------


def test_a_list_tells_how_far_each_job_is_and_why_it_waits() -> None:
    waits = replace(JOB, id="e2", state=EnrichState.PENDING, waiting="waits for mains power", error="older fault")
    failed = replace(JOB, id="e3", state=EnrichState.FAILED, error="no room left")
    text = text_of(print_enrichment, EnrichLines([JOB, waits, failed]), width=160)
    for expected in (
        "e1",
        SESSION,
        "running",
        "ocr",
        "25 %",
        "2.5 s",
        "waits for mains power",
        "failed",
        "no room left",
    ):
        assert expected in text
    assert "older fault" not in text
    assert text_of(print_enrichment, EnrichLines()).strip() == "no jobs"


def test_a_job_tells_what_each_stage_did_and_what_was_known_before() -> None:
    text = text_of(print_enriched, JOB)
    assert "rapidocr 3.4" in text
    assert "5 of 10, 2 known before; 3 calls, 2.5 s" in text
    (line,) = [line for line in text.splitlines() if "summary" in line]
    assert "pending" in line
    assert "known before" not in line


def test_a_plan_tells_what_is_unknown_yet_and_what_leaves_the_machine() -> None:
    text = text_of(print_plan, PLANNED)
    for expected in ("rapidocr", "10 stills", "20 %", "12.5 s", "7.4 seconds of sound", "unknown yet"):
        assert expected in text
    assert "Nothing leaves this machine." in text
    sends = replace(PLANNED.stages[0], sends="stills to example.org", cost=0.25)
    told = text_of(print_plan, replace(PLANNED, stages=[sends]))
    assert "stills to example.org" in told
    assert "0.25" in told
    assert "Nothing leaves" not in told


def test_findings_tell_chapters_and_summary_with_their_times_or_how_to_come_by_them() -> None:
    text = text_of(print_findings, FINDINGS)
    for expected in ("0.0 s", "Quarterly [budget]", "60.0 s", "Holiday pictures", "12.5 s", "we decided to buy stairs"):
        assert expected in text
    nothing = text_of(print_findings, replace(FINDINGS, chapters=[], summary=[]))
    assert f"`reelctl enrich {SESSION}`" in nothing
    assert "nothing yet" not in text_of(print_findings, replace(FINDINGS, chapters=[]))


@pytest.mark.parametrize(
    ("printer", "found"),
    [
        (print_enrichment, EnrichLines([replace(JOB, plan=EVIL, stage=EVIL, error=EVIL, session=EVIL)])),
        (print_enriched, replace(JOB, error=EVIL, stages=[replace(JOB.stages[0], engine=EVIL, version=EVIL)])),
        (
            print_plan,
            replace(PLANNED, stages=[replace(PLANNED.stages[0], engine=EVIL, why=EVIL, unit=EVIL, sends=EVIL)]),
        ),
        (
            print_findings,
            replace(
                FINDINGS,
                chapters=[replace(FINDINGS.chapters[0], title=EVIL)],
                summary=[replace(FINDINGS.summary[0], text=EVIL)],
            ),
        ),
        (print_moments, replace(MOMENTS, hits=[replace(MOMENTS.hits[0], text=EVIL, link=EVIL, kind=EVIL)])),
    ],
)
def test_what_was_on_a_screen_is_text_and_neither_steers_the_terminal_nor_colours_it(printer: Any, found: Any) -> None:
    text = text_of(printer, found, width=400)
    assert "\x1b" not in text
    assert "[red]evil[/]" in text


def test_each_answer_has_a_text_for_people(reelctl: Reelctl) -> None:
    for words in (("list",), ("show", SESSION), ("plan", SESSION), ("cancel",), (SESSION,)):
        ran = reelctl("enrich", *words)
        assert ran.code == 0
        assert ran.out.strip()
        assert not ran.err
