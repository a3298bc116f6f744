"""Chapters. Harms guarded against: a marker that a person put is no chapter, a session that falls into a hundred
pieces, a chapter that begins outside of it, and one without a name."""

import pytest
from hypothesis import given

from reeld.enrich.chaptering import CHAPTERS_MAX, LENGTH_NS_MIN, TITLE_CHARS_MAX, chapters_of
from reeld.enrich.material import Material, Scene
from reeld_proto.units import NS_PER_S
from tests.daemon.enrich.telling import ALL_BITS, material, materials, ns, said, scene


def starts(found: Material) -> list[float]:
    return [chapter.start_ns / NS_PER_S for chapter in chapters_of(found)]


def titles(found: Material) -> list[str]:
    return [chapter.title for chapter in chapters_of(found)]


def windows(*texts: str, every_s: float = 60) -> list[Scene]:
    """One window after the other, each with a headline of its own."""
    return [
        scene(place * every_s, (place + 1) * every_s, text, hash=ALL_BITS * (place % 2))
        for place, text in enumerate(texts)
    ]


@given(materials())
def test_whatever_a_session_tells_its_chapters_are_in_order_inside_and_have_names(found: Material) -> None:
    chapters = chapters_of(found)
    times = [chapter.start_ns for chapter in chapters]
    assert times[0] == 0
    assert times == sorted(set(times))
    assert all(time < found.end_ns for time in times[1:])
    assert len(times) <= CHAPTERS_MAX
    for chapter in chapters:
        assert chapter.title.strip() == chapter.title
        assert 0 < len(chapter.title) <= TITLE_CHARS_MAX
        assert "\n" not in chapter.title


@given(materials())
def test_a_marker_always_begins_a_chapter_with_its_own_text(found: Material) -> None:
    chapters = {chapter.start_ns: chapter.title for chapter in chapters_of(found)}
    for at_ns, text in found.markers:
        if at_ns >= found.end_ns:
            continue
        near = [time for time in chapters if abs(time - at_ns) < NS_PER_S]
        assert near
        if all(abs(other_ns - at_ns) >= 2 * NS_PER_S for other_ns, _ in found.markers if other_ns != at_ns):
            title, wanted = chapters[at_ns if at_ns >= NS_PER_S else 0], " ".join(text.split())
            assert title == wanted or (title[-1] == "\u2026" and wanted.startswith(title[:-1]))


@given(materials())
def test_chapters_that_nobody_asked_for_are_long_enough_to_be_of_use(found: Material) -> None:
    asked = {at_ns for at_ns, _ in found.markers}
    times = [chapter.start_ns for chapter in chapters_of(found)]
    for time in times[1:]:
        if time not in asked:
            assert all(abs(time - other) >= LENGTH_NS_MIN for other in times if other != time)


@pytest.mark.parametrize("end_s", [0, 5, 3600])
def test_a_session_in_which_nothing_changes_is_one_chapter_with_its_name(end_s: float) -> None:
    assert titles(material(end_s)) == ["stand-up"]


def test_another_window_begins_a_chapter_that_has_its_headline() -> None:
    found = material(120, scenes=windows("Quarterly budget", "Holiday pictures"))
    assert starts(found) == [0, 60]
    assert titles(found) == ["Quarterly budget", "Holiday pictures"]


def test_a_page_that_is_scrolled_begins_no_chapter() -> None:
    lines = [f"paragraph number{place}" for place in range(12)]
    scenes = [scene(0, 60, *lines[:10]), scene(60, 120, *lines[2:], hash=ALL_BITS)]
    assert starts(material(120, scenes=scenes)) == [0]


def test_a_picture_that_hardly_differs_begins_no_chapter_whatever_was_read_on_it() -> None:
    scenes = [scene(0, 60, "Quarterly budget"), scene(60, 120, "Holiday pictures", hash=0b111)]
    assert starts(material(120, scenes=scenes)) == [0]


def test_without_text_the_picture_alone_decides_and_chapters_have_numbers() -> None:
    scenes = [scene(0, 60), scene(60, 120, hash=ALL_BITS)]
    found = material(120, scenes=scenes)
    assert starts(found) == [0, 60]
    assert titles(found) == ["Part 1", "Part 2"]


def test_a_screen_that_flickers_is_no_hundred_chapters() -> None:
    found = material(3600, scenes=windows(*(f"window number{place}" for place in range(1800)), every_s=2))
    assert len(starts(found)) <= CHAPTERS_MAX


def test_a_screen_that_changes_right_at_the_end_is_no_chapter() -> None:
    found = material(121, scenes=[scene(0, 118, "Quarterly budget"), scene(118, 121, "Login", hash=ALL_BITS)])
    assert starts(found) == [0]


def test_a_change_of_screen_right_beside_a_marker_is_the_same_chapter() -> None:
    found = material(200, scenes=windows("Quarterly budget", "Holiday pictures", every_s=100), markers=[(95, "now")])
    assert starts(found) == [0, 95]
    assert titles(found)[1] == "now"


def test_of_two_changes_that_are_close_the_one_after_which_nobody_spoke_on_counts() -> None:
    scenes = [
        scene(0, 60, "Quarterly budget"),
        scene(60, 70, "Holiday pictures", hash=ALL_BITS),
        scene(70, 130, "Garden furniture"),
    ]
    speech = [said(50, "we look at one more thing", 15), said(75, "now to something else entirely", 10)]
    assert starts(material(130, scenes=scenes)) == [0, 60]
    assert starts(material(130, scenes=scenes, says=speech)) == [0, 70]


def test_a_pause_begins_a_chapter_only_where_there_is_no_picture() -> None:
    speech = [said(1, "first of all the quarterly budget", 20), said(60, "then the holiday of everybody", 20)]
    assert starts(material(120, says=speech)) == [0, 60]
    assert starts(material(120, says=speech, scenes=[scene(0, 120, "Quarterly budget")])) == [0]


def test_a_breath_is_no_pause() -> None:
    speech = [said(at_s, "we go on about the budget", 7) for at_s in range(0, 120, 10)]
    assert starts(material(120, says=speech)) == [0]


def test_a_marker_at_the_very_beginning_names_the_first_chapter() -> None:
    found = material(60, markers=[(0.4, "intro"), (30, "demo")])
    assert titles(found) == ["intro", "demo"]
    assert starts(found) == [0, 30]


def test_a_marker_after_the_end_is_no_chapter() -> None:
    assert starts(material(60, markers=[(60, "too late"), (75, "later still")])) == [0]


def test_a_long_marker_is_cut_and_its_lines_become_one() -> None:
    (_, title) = titles(material(60, markers=[(30, "one\n  two\t" + "word " * 40)]))
    assert title.startswith("one two word")
    assert title.endswith("\u2026")
    assert len(title) <= TITLE_CHARS_MAX


def test_a_paragraph_is_no_title_the_words_that_tell_a_chapter_from_others_are() -> None:
    long = "the invoice of the carpenter came, and the invoice says that nobody has paid the carpenter for the stairs"
    found = material(120, scenes=windows(long, "Holiday pictures"))
    assert set(titles(found)[0].split()[:2]) == {"carpenter", "invoice"}


def test_a_title_is_made_of_what_its_own_chapter_tells() -> None:
    found = material(
        120,
        scenes=[scene(0, 60, "File Edit View", "Quarterly budget"), scene(60, 120, "File Edit View", hash=ALL_BITS)],
        markers=[(60, "break")],
    )
    assert titles(found) == ["Quarterly budget", "break"]
    assert chapters_of(found)[1].start_ns == ns(60)
