"""`reelctl search` and `transcript`. Harms guarded against: words of a query that are lost on the way, a transcript
that is taken for whole, and a subtitle file with anything else in it."""

import json

import pytest
from msgspec.structs import replace

from reeld_client import subtitles
from reeld_client.cli.render_enrich import print_moments
from reeld_proto import commands as c
from reeld_proto.enrich import HITS_MAX
from reeld_proto.errors import ErrorCode, RequestRejected
from tests.client.cli.reelctl import Reelctl
from tests.client.cli.test_render import text_of
from tests.client.enrich_answers import MOMENTS, TRANSCRIPT, UTTERANCES, answers, utterance
from tests.client.fake_reeld import SESSION, FakeReeld, Server

WRITERS = {"txt": subtitles.plain_text, "srt": subtitles.subrip, "vtt": subtitles.webvtt}


@pytest.fixture(autouse=True)
def _daemon(server: Server, fake: FakeReeld) -> None:
    """All of these need one."""
    fake.answers.update(answers())


# -- search ---------------------------------------------------------------------------------------------------------


def test_all_words_of_a_query_are_asked_for_with_or_without_quotes(reelctl: Reelctl, fake: FakeReeld) -> None:
    reelctl("search", "bought", "stairs")
    reelctl("search", "bought stairs")
    reelctl("search", '"bought stairs"', "OR", "meet*", "--session", SESSION, "--limit", "3")
    assert fake.heard == [
        c.ListMoments(text="bought stairs"),
        c.ListMoments(text="bought stairs"),
        c.ListMoments(text='"bought stairs" OR meet*', session=SESSION, limit=3),
    ]


def test_a_script_gets_every_moment_with_its_link(reelctl: Reelctl) -> None:
    found = reelctl("search", "today", "--json").json
    assert found["more"] is False
    (hit,) = found["hits"]
    assert (hit["session"], hit["at_s"], hit["kind"], hit["link"]) == (
        SESSION,
        12.5,
        "speech",
        f"reelctl review {SESSION} --at 12.5",
    )


def test_a_person_reads_what_was_said_where_and_how_to_open_it() -> None:
    text = text_of(print_moments, MOMENTS)
    for expected in (SESSION, "12.5 s", "speech", "we decided [today]", f"reelctl review {SESSION} --at 12.5"):
        assert expected in text
    assert "more" not in text


def test_nothing_found_and_more_than_is_shown_are_told() -> None:
    assert "nothing found" in text_of(print_moments, c.MomentsFound(hits=[]))
    assert "--limit" in text_of(print_moments, replace(MOMENTS, more=True))


@pytest.mark.parametrize("found", [True, False])
def test_a_search_by_meaning_tells_if_words_were_looked_for_instead(
    reelctl: Reelctl, fake: FakeReeld, found: bool
) -> None:
    fake.answers["search"] = c.MomentsFound(hits=[], meaning=found)
    ran = reelctl("search", "overdue payment", "--meaning")
    assert fake.heard == [c.ListMoments(text="overdue payment", meaning=True)]
    assert (ran.code, "--plan full" in ran.err) == (0, not found)
    assert reelctl("search", "overdue payment", "--meaning", "--json").json["meaning"] is found


def test_a_search_that_finds_nothing_is_no_fault(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["search"] = c.MomentsFound(hits=[])
    ran = reelctl("search", "nowhere")
    assert (ran.code, ran.out.strip(), ran.err) == (0, "nothing found", "")


@pytest.mark.parametrize(
    "words", [(), ("x", "--limit", "0"), ("x", "--limit", str(HITS_MAX + 1)), ("x", "--limit", "y")]
)
def test_a_query_without_words_or_with_a_wrong_limit_is_refused(
    reelctl: Reelctl, fake: FakeReeld, words: tuple[str, ...]
) -> None:
    assert reelctl("search", *words).code == 2
    assert fake.heard == []


def test_a_query_that_is_none_is_told_as_the_daemon_puts_it(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["search"] = RequestRejected("a quote is not closed", code=ErrorCode.INVALID_REQUEST)
    ran = reelctl("search", '"half')
    assert (ran.code, ran.out) == (2, "")
    assert "a quote is not closed" in ran.err


# -- transcript -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", sorted(WRITERS))
def test_a_file_has_the_transcript_and_nothing_else(reelctl: Reelctl, fake: FakeReeld, form: str) -> None:
    ran = reelctl("transcript", SESSION, "--format", form)
    assert (ran.code, ran.out, ran.err) == (0, WRITERS[form](UTTERANCES), "")
    assert fake.heard == [c.GetTranscript(session=SESSION)]


def test_without_a_format_people_read_plain_lines(reelctl: Reelctl) -> None:
    assert reelctl("transcript", SESSION).out == subtitles.plain_text(UTTERANCES)


@pytest.mark.parametrize("words", [("--json",), ("--format", "json"), ("--json", "--format", "srt")])
def test_a_script_gets_words_with_their_times(reelctl: Reelctl, words: tuple[str, ...]) -> None:
    ran = reelctl("transcript", SESSION, *words)
    found = ran.json
    assert (ran.code, found["session"], found["complete"]) == (0, SESSION, 1.0)
    assert [each["text"] for each in found["utterances"]] == [each.text for each in UTTERANCES]
    assert found["utterances"][0]["words"][1]["text"] == "morning."


def test_a_transcript_that_is_not_whole_says_so_but_not_in_the_file(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["transcript_get"] = replace(TRANSCRIPT, complete=0.25)
    ran = reelctl("transcript", SESSION, "--format", "srt")
    assert (ran.code, ran.out) == (0, subtitles.subrip(UTTERANCES))
    assert "25 % of the sound was listened to" in ran.err
    assert f"reelctl enrich {SESSION}" in ran.err
    silent = reelctl("transcript", SESSION, "--json")
    assert (silent.json["complete"], silent.err) == (0.25, "")


def test_a_session_of_many_messages_is_printed_whole(reelctl: Reelctl, fake: FakeReeld) -> None:
    said = [utterance(place, f"sentence number {place}") for place in range(5)]

    def tell(command: c.GetTranscript) -> c.Transcript:
        part = said[command.skip : command.skip + 2]
        more = command.skip + len(part) < len(said)
        return c.Transcript(session=SESSION, utterances=part, complete=1.0, more=more)

    fake.answers["transcript_get"] = tell
    assert reelctl("transcript", SESSION).out == subtitles.plain_text(said)


def test_what_was_said_cannot_steer_the_terminal(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["transcript_get"] = replace(TRANSCRIPT, utterances=[utterance(0, "evil\x1b[2J \x07bell")])
    for form in WRITERS:
        out = reelctl("transcript", SESSION, "--format", form).out
        assert "evil" in out
        assert not {"\x1b", "\x07"} & set(out)


def test_a_session_in_which_nobody_spoke_is_an_empty_file(reelctl: Reelctl, fake: FakeReeld) -> None:
    fake.answers["transcript_get"] = replace(TRANSCRIPT, utterances=[])
    for form, expected in (("txt", ""), ("srt", ""), ("vtt", "WEBVTT\n")):
        ran = reelctl("transcript", SESSION, "--format", form)
        assert (ran.code, ran.out) == (0, expected)


def test_an_unknown_format_or_session_is_refused(reelctl: Reelctl, fake: FakeReeld) -> None:
    assert reelctl("transcript", SESSION, "--format", "docx").code == 2
    assert fake.heard == []
    fake.answers["transcript_get"] = RequestRejected("there is no session x", code=ErrorCode.NOT_FOUND)
    ran = reelctl("transcript", "x", "--json")
    assert (ran.code, json.loads(ran.out)["error"]["code"]) == (5, ErrorCode.NOT_FOUND.value)
