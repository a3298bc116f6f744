"""The summary. Harms guarded against: a sentence that nobody said, one that leads to another moment, the same thing
over and over, and a summary as long as the session."""

from collections import Counter

from hypothesis import given

from reeld.enrich.material import Material
from reeld.enrich.summing import CHARS_MAX, SENTENCES_MAX, SENTENCES_MIN, summary_of
from tests.daemon.enrich.telling import material, materials, ns, said, scene

ABOUT = ("budget", "garden", "holiday", "invoice", "carpenter", "stairs", "heating", "windows")


def texts(found: Material) -> list[str]:
    return [sentence.text for sentence in summary_of(found)]


def sources(found: Material) -> Counter[tuple[int, str]]:
    """Everything that was said or shown, with its moment."""
    shown = [(each.start_ns, line.text) for each in found.scenes for line in each.lines]
    return Counter([(each.start_ns, each.text) for each in found.said] + shown)


@given(materials())
def test_every_sentence_was_said_or_shown_word_for_word_at_its_moment_and_is_told_once(found: Material) -> None:
    summary = summary_of(found)
    told = Counter((sentence.at_ns, sentence.text) for sentence in summary)
    assert told <= sources(found)
    assert [sentence.at_ns for sentence in summary] == sorted(sentence.at_ns for sentence in summary)
    assert len(summary) <= SENTENCES_MAX


def test_a_session_in_which_nothing_was_said_or_read_has_no_summary() -> None:
    assert summary_of(material(600)) == []
    assert summary_of(material(600, scenes=[scene(0, 600)])) == []


def test_where_something_was_said_the_lines_of_menus_are_left_out() -> None:
    scenes = [scene(0, 60, "File Edit View Insert Format Help")]
    speech = [said(5, "we decided about the garden today")]
    assert texts(material(60, scenes=scenes, says=speech)) == ["we decided about the garden today"]
    assert texts(material(60, scenes=scenes)) == ["File Edit View Insert Format Help"]


def test_a_line_that_stays_on_the_screen_is_told_once_at_its_first_moment() -> None:
    scenes = [scene(at_s, at_s + 10, "Minutes of the garden meeting") for at_s in range(20, 60, 10)]
    scenes.append(scene(60, 70, "MINUTES OF THE GARDEN MEETING"))
    (sentence,) = summary_of(material(70, scenes=scenes))
    assert (sentence.at_ns, sentence.text) == (ns(20), "Minutes of the garden meeting")


def test_short_replies_and_words_without_content_are_no_summary() -> None:
    speech = [said(1, "yes okay"), said(5, "well it is as it is"), said(9, "the carpenter sends the invoice tomorrow")]
    assert texts(material(60, says=speech)) == ["the carpenter sends the invoice tomorrow"]


def test_what_is_said_twice_does_not_take_the_place_of_something_else() -> None:
    same = "the carpenter sends his invoice"
    speech = [
        said(0, same),
        said(10, same),
        said(20, "our garden needs a fence"),
        said(30, "the heating broke on monday"),
    ]
    assert sorted(texts(material(60, says=speech))) == sorted({each.text for each in speech})


def test_a_longer_session_has_more_sentences_but_never_a_page_full() -> None:
    speech = [
        said(10 * place, f"{ABOUT[place % 8]} number{place} becomes {ABOUT[place // 8]} later") for place in range(64)
    ]
    assert len(summary_of(material(299, says=speech[:29]))) == SENTENCES_MIN
    assert len(summary_of(material(640, says=speech))) == SENTENCES_MIN + 2
    assert len(summary_of(material(86_400, says=speech))) == SENTENCES_MAX


def test_an_endless_word_is_cut_and_still_begins_as_it_was_said() -> None:
    speech = said(1, f"the invoice came {'budget' * 60}", 50)
    assert texts(material(60, says=[speech])) == ["the invoice came"]


def test_a_day_full_of_talk_is_summed_up_from_its_whole_length() -> None:
    speech = [said(2 * place, f"topic{place} is about{place} what", 1) for place in range(9000)]
    summary = summary_of(material(18_000, says=speech))
    assert len(summary) == SENTENCES_MAX


def test_the_words_that_matter_in_a_session_are_in_its_summary() -> None:
    speech = [said(10 * place, f"some filler{place} passes here quickly") for place in range(12)]
    speech += [said(200, "the carpenter promised new stairs"), said(210, "the stairs cost the carpenter two weeks")]
    assert any("carpenter" in text for text in texts(material(250, says=speech)))


def test_what_is_said_twice_is_told_once_and_at_its_first_moment() -> None:
    again = "we decided about the garden today"
    speech = [said(1, again), said(4, "the invoice of the carpenter came"), said(8, again)]
    found = summary_of(material(60, says=speech))
    assert [(each.at_ns, each.text) for each in found] == [(ns(1), again), (ns(4), speech[1].text)]


def test_a_long_sentence_ends_with_a_whole_word() -> None:
    long = " ".join(["stairs", "heating", "windows"] * 20)
    (told,) = texts(material(60, says=[said(1, long)]))
    assert CHARS_MAX - 8 < len(told) <= CHARS_MAX
    assert long.startswith(told + " ")
