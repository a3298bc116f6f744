"""What is found by its meaning. Harms guarded against: a text that nobody said or showed, one that leads to another
moment, and a menu that stays on the screen all day and fills the store."""

from hypothesis import given

from reeld.enrich.material import Material
from reeld.enrich.passages import PASSAGES_MAX, WORDS_MAX, passages_of
from reeld.store.index.words import words_of
from reeld_proto.findings import TextLine
from tests.daemon.enrich.telling import material, materials, ns, said, scene


@given(materials())
def test_every_passage_was_said_or_shown_at_its_moment_and_each_only_once(found: Material) -> None:
    passages = passages_of(found)
    assert [each.at_ns for each in passages] == sorted(each.at_ns for each in passages)
    assert len({(each.kind, each.text.casefold()) for each in passages}) == len(passages)
    for each in passages:
        assert 2 <= len(words_of(each.text)) <= WORDS_MAX * 2
        if each.kind == "speech":
            assert any(each.at_ns == one.start_ns and each.text == " ".join(one.text.split()) for one in found.said)
        else:
            shown = next(one for one in found.scenes if one.start_ns == each.at_ns)
            assert each.text in " ".join(line.text for line in shown.lines)


def test_a_long_utterance_is_several_passages_at_their_moments() -> None:
    long = " ".join(f"word{place}" for place in range(100))
    passages = passages_of(material(200, says=[said(10, long, 100)]))
    assert [each.at_ns for each in passages] == [ns(10), ns(50), ns(90)]
    assert " ".join(each.text for each in passages) == long


def test_what_stays_on_the_screen_is_one_passage_when_it_came() -> None:
    scenes = [scene(at_s, at_s + 10, "the quarterly report", f"page {at_s} of many") for at_s in (0, 10, 20)]
    far = [
        TextLine("left one", 10, 0, 90, 14, 0.9),
        TextLine("right one", 600, 0, 90, 14, 0.9),
        TextLine("far below", 10, 300, 90, 14, 0.9),
    ]
    texts = [(each.at_ns, each.text) for each in passages_of(material(30, scenes=scenes))]
    assert texts[0] == (0, "the quarterly report page 0 of many")
    same = [scene(0, 10, "the quarterly report"), scene(10, 20, "the quarterly report")]
    assert [(each.at_ns, each.text) for each in passages_of(material(30, scenes=same))] == [(0, "the quarterly report")]
    apart = [type(same[0])(0, ns(10), 0, tuple(far))]
    assert [each.text for each in passages_of(material(30, scenes=apart))] == ["left one", "far below", "right one"]


def test_a_day_of_talk_has_no_more_passages_than_can_be_kept() -> None:
    speech = [said(2 * place, f"topic{place} is about{place}", 1) for place in range(PASSAGES_MAX + 10)]
    passages = passages_of(material(50_000, says=speech))
    assert PASSAGES_MAX / 2 <= len(passages) <= PASSAGES_MAX
    assert passages[-1].at_ns > ns(39_000)
