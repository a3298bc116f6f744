"""Transcripts as text and subtitles. Harms guarded against: words that are missing or shown twice, a cue that nobody
can read in time, and a file that players refuse."""

import html
import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_client.subtitles import cues, plain_text, subrip, webvtt
from reeld_proto.cues import CUE_CHARS_MAX, CUE_S_MAX, CUE_S_MIN, LINE_CHARS, in_lines
from reeld_proto.enrich import TranscriptWord, Utterance
from tests.client.enrich_answers import UTTERANCES, utterance

_TEXTS = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=12) | st.sampled_from(
    ["<b>", "&amp;", "-->", "a" * 100, "stairs,", "WEBVTT", "1"]
)
_TIME = r"(\d{2,}):(\d\d):(\d\d)[,.](\d{3})"


@dataclass(frozen=True)
class Shown:
    """A cue as a player reads it."""

    start_ms: int
    end_ms: int
    text: str
    voice: str = ""


def ms(hours: str, minutes: str, seconds: str, rest: str) -> int:
    assert int(minutes) < 60
    assert int(seconds) < 60
    return ((int(hours) * 60 + int(minutes)) * 60 + int(seconds)) * 1000 + int(rest)


def times(line: str, point: str) -> tuple[int, int]:
    found = re.fullmatch(f"{_TIME} --> {_TIME}", line)
    assert found is not None, line
    assert line.count(point) == 2
    return ms(*found.groups()[:4]), ms(*found.groups()[4:])


def read_subrip(text: str) -> list[Shown]:
    """Blocks with a blank line between them: a number, the times, at most two lines."""
    blocks = text.removesuffix("\n").split("\n\n") if text else []
    found = []
    for number, block in enumerate(blocks, 1):
        head, when, *lines = block.split("\n")
        assert head == str(number)
        assert 1 <= len(lines) <= 2
        found.append(Shown(*times(when, ","), " ".join(lines)))
    return found


def read_webvtt(text: str) -> list[Shown]:
    """The same with a header and without numbers; each cue names its voice, and `<` is always a tag."""
    header, *blocks = text.removesuffix("\n").split("\n\n")
    assert header == "WEBVTT"
    found = []
    for block in blocks:
        when, *lines = block.split("\n")
        assert 1 <= len(lines) <= 2
        voice = re.fullmatch(r"<v ([^<>&\n]*)>([^<>]*)", "\n".join(lines))
        assert voice is not None
        assert not re.search(r"&(?!amp;|lt;|gt;)", voice[2])
        found.append(Shown(*times(when, "."), html.unescape(voice[2].replace("\n", " ")), voice[1]))
    return found


@st.composite
def transcripts(draw: st.DrawFn) -> list[Utterance]:
    """Anything that may have been said, on two tracks, in order of time."""
    found = []
    at_s = 0.0
    for _ in range(draw(st.integers(0, 6))):
        at_s += draw(st.floats(0, 4000))
        start_s, words = at_s, []
        for text in draw(st.lists(_TEXTS, min_size=1, max_size=25)):
            end_s = at_s + draw(st.sampled_from([0.0, 0.3, 2.0, 9.0]))
            words.append(TranscriptWord(start_s=at_s, end_s=end_s, text=text, probability=0.9))
            at_s = end_s + draw(st.sampled_from([0.0, 0.1, 0.8]))
        spoken = " ".join(word.text for word in words)
        track = draw(st.sampled_from(["mic", "<system> & more"]))
        found.append(Utterance(track=track, start_s=start_s, end_s=at_s, text=spoken, words=words))
    return found


def words_in(utterances: list[Utterance]) -> Counter[str]:
    return Counter(word.text for each in utterances for word in each.words)


@given(transcripts())
def test_every_word_is_in_one_cue_in_order_and_no_cue_is_empty(utterances: list[Utterance]) -> None:
    found = cues(utterances)
    assert [cue.start_s for cue in found] == sorted(cue.start_s for cue in found)
    assert all(cue.text.strip() for cue in found)
    for track in {each.track for each in utterances}:
        said = [word.text for each in utterances if each.track == track for word in each.words]
        assert " ".join(cue.text for cue in found if cue.track == track) == " ".join(said)


@given(transcripts())
def test_a_cue_can_be_read_while_it_is_shown(utterances: list[Utterance]) -> None:
    for cue in cues(utterances):
        assert cue.end_s - cue.start_s >= CUE_S_MIN - 1e-9
        if " " in cue.text:
            assert len(cue.text) <= CUE_CHARS_MAX
            assert cue.end_s - cue.start_s <= CUE_S_MAX + 1e-9


@given(transcripts())
def test_subrip_reads_back_as_what_was_said(utterances: list[Utterance]) -> None:
    shown = read_subrip(subrip(utterances))
    assert shown == [Shown(round(cue.start_s * 1000), round(cue.end_s * 1000), cue.text) for cue in cues(utterances)]
    assert Counter(word for cue in shown for word in cue.text.split(" ")) == words_in(utterances)


@given(transcripts())
def test_webvtt_reads_back_as_what_was_said_whatever_signs_are_in_it(utterances: list[Utterance]) -> None:
    shown = read_webvtt(webvtt(utterances))
    voices = {"mic": "mic", "<system> & more": "system and more"}
    assert shown == [
        Shown(round(cue.start_s * 1000), round(cue.end_s * 1000), cue.text, voices[cue.track])
        for cue in cues(utterances)
    ]
    assert Counter(word for cue in shown for word in cue.text.split(" ")) == words_in(utterances)


@given(transcripts())
def test_plain_text_has_a_line_for_each_utterance_with_its_time(utterances: list[Utterance]) -> None:
    lines = plain_text(utterances).split("\n")
    assert lines.pop() == ""
    assert len(lines) == len(utterances)
    for line, each in zip(lines, utterances, strict=True):
        assert re.match(r"\[\d{2,}:\d\d:\d\d\] ", line)
        assert line.endswith(each.text)


@given(st.text(st.characters(exclude_categories=["C"]), max_size=90))
def test_a_text_on_two_lines_is_the_same_text(text: str) -> None:
    lines = in_lines(text).split("\n")
    assert " ".join(lines) == text
    assert len(lines) == (2 if len(text) > LINE_CHARS and " " in text else 1)


def test_two_lines_are_about_as_long_as_each_other() -> None:
    text = "We decided today that the stairs are bought before the heating is repaired"
    one, other = in_lines(text).split("\n")
    assert abs(len(one) - len(other)) <= len("heating")
    assert max(len(one), len(other)) <= LINE_CHARS


def test_a_file_is_written_as_players_expect_it() -> None:
    assert subrip(UTTERANCES) == (
        "1\n00:00:00,500 --> 00:00:01,400\nGood morning.\n"
        "\n2\n00:01:01,250 --> 00:01:04,150\nWe decided <today> & bought stairs.\n"
    )
    assert webvtt(UTTERANCES) == (
        "WEBVTT\n"
        "\n00:00:00.500 --> 00:00:01.400\n<v mic>Good morning.\n"
        "\n00:01:01.250 --> 00:01:04.150\n<v mic>We decided &lt;today&gt; &amp; bought stairs.\n"
    )


def test_who_spoke_is_told_where_several_did() -> None:
    assert plain_text(UTTERANCES) == ("[00:00:00] Good morning.\n[00:01:01] We decided <today> & bought stairs.\n")
    both = [utterance(3600, "Hello."), utterance(3601.9996, "Hello you.", track="system")]
    assert plain_text(both) == "[01:00:00] mic: Hello.\n[01:00:02] system: Hello you.\n"


@pytest.mark.parametrize(
    ("at_s", "told"), [(0.9996, "00:00:01,000"), (59.9999, "00:01:00,000"), (360000, "100:00:00,000")]
)
def test_rounding_makes_no_sixtieth_second(at_s: float, told: str) -> None:
    assert subrip([utterance(at_s, "Hello.")]).startswith(f"1\n{told} --> ")


def test_cues_of_several_tracks_are_in_the_order_of_time() -> None:
    found = cues(
        [utterance(5, "later", track="mic"), utterance(1, "sooner", track="system"), utterance(5, "a", track="a")]
    )
    assert [cue.text for cue in found] == ["sooner", "a", "later"]


def test_a_long_sentence_becomes_several_cues_one_after_the_other() -> None:
    text = " ".join(f"word{place:02}" for place in range(40))
    found = cues([utterance(0, text)])
    assert len(found) > 3
    assert " ".join(cue.text for cue in found) == text
    assert all(one.end_s <= other.start_s for one, other in pairwise(found))


def test_silence_is_a_file_without_cues() -> None:
    assert (plain_text([]), subrip([]), webvtt([])) == ("", "", "WEBVTT\n")
