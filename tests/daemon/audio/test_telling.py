"""Harm guarded against: levels and marks that stand at the wrong time, or are told twice, or not at all."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.dsp.observations import Heard, Kind, Level
from reeld.audio.graph.nodes import Noted
from reeld.audio.samples import RATE
from reeld.audio.telling import SPANS_MAX, LevelBoard, SpanTeller
from reeld_proto.sound import SpanKind
from reeld_proto.sound_graph import SpanFeedNode
from reeld_proto.workers import AnyIngest, SpansHeard

MS = 1_000_000
FEED = SpanFeedNode(name="marks", track="mic")


def level(node: str, end: int, peak: float = -6.04, first: int = 0, rate: int = RATE) -> Noted:
    return Noted(node, rate, first, Level(end - 4800, end, (peak, peak), (peak - 3, peak - 3)))


def test_levels_of_one_instant_are_told_together_oldest_first() -> None:
    board = LevelBoard()
    board.expect({"a", "b"})
    board.add([level("a", 4800), level("a", 9600), level("b", 4800)], start_ns=5 * MS)
    (first,) = board.take()
    assert (first.at_ns, [each.node for each in first.levels]) == (105 * MS, ["a", "b"])
    assert first.levels[0].peak_db == [-6.0, -6.0]
    assert board.take() == []  # b may still come
    board.add([level("b", 9600)], start_ns=5 * MS)
    assert [[each.node for each in moment.levels] for moment in board.take()] == [["a", "b"]]
    assert [each.node for each in board.newest()] == ["a", "b"]


def test_a_meter_that_has_stopped_holds_the_others_up_for_a_moment_only() -> None:
    board = LevelBoard()
    board.expect({"a", "b"})
    board.add([level("b", 4800)], start_ns=0)
    board.add([level("a", 4800 * count) for count in range(1, 8)], start_ns=0)
    moments = board.take()
    assert [moment.at_ns // (100 * MS) for moment in moments] == [1, 2, 3, 4]


def test_no_instant_is_told_after_a_later_one() -> None:
    """Harm: a bar that jumps back, because one meter was switched on in the middle of an instant."""
    board = LevelBoard()
    board.expect({"a", "b"})
    board.add([level("b", 4800), level("a", 9600), level("b", 9600)], start_ns=0)
    assert [(moment.at_ns // (100 * MS), len(moment.levels)) for moment in board.take()] == [(1, 1), (2, 2)]


@given(
    steps=st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 4), st.booleans()), max_size=60),
)
def test_however_late_a_meter_is_instants_are_told_in_order_and_once(steps: list[tuple[str, int, bool]]) -> None:
    board = LevelBoard()
    board.expect(set("abc"))
    at = dict.fromkeys("abc", 0)
    told: list[int] = []
    for meter, count, takes in steps:
        for _ in range(count):
            at[meter] += 4800
            board.add([level(meter, at[meter])], start_ns=0)
        told += [moment.at_ns for moment in board.take()] if takes else []
    assert told == sorted(set(told))
    assert {node.node for node in board.newest()} == {meter for meter, end in at.items() if end}


def test_a_meter_that_is_gone_is_neither_waited_for_nor_told_of() -> None:
    board = LevelBoard()
    board.expect({"a", "b"})
    board.add([level("a", 4800), level("b", 4800)], start_ns=0)
    board.take()
    board.expect({"a"})
    assert [each.node for each in board.newest()] == ["a"]
    board.add([level("a", 9600)], start_ns=0)
    assert len(board.take()) == 1


def test_a_meter_that_was_switched_on_later_counts_from_there() -> None:
    board = LevelBoard()
    board.add([level("a", 1600, first=16_000, rate=16_000)], start_ns=0)
    assert board.take()[0].at_ns == 1100 * MS


class Posted:
    def __init__(self) -> None:
        self.messages: list[SpansHeard] = []

    def send(self, message: AnyIngest, _payload: bytes, _init: bytes) -> bool:
        assert isinstance(message, SpansHeard)
        self.messages.append(message)
        return True


def heard(start: int, end: int | None, kind: Kind = Kind.VOICE) -> Noted:
    return Noted("voice", RATE, 0, Heard(start, end, kind))


def test_a_span_is_told_in_media_time_with_its_kind() -> None:
    post = Posted()
    teller = SpanTeller("s", 2, post.send)
    teller.add(FEED, [heard(48, 96), heard(480, 960, Kind.SILENCE)], start_ns=1000 * MS)
    assert [(each.kind, each.spans, each.track, each.epoch) for each in post.messages] == [
        (SpanKind.VOICE, [(1001 * MS, 1002 * MS)], "mic", 2),
        (SpanKind.SILENCE, [(1010 * MS, 1020 * MS)], "mic", 2),
    ]


def test_a_span_that_lasts_is_told_again_as_it_grows_and_once_more_at_its_end() -> None:
    post = Posted()
    teller = SpanTeller("s", 1, post.send)
    teller.add(FEED, [heard(0, None)], start_ns=0)
    assert post.messages == []
    teller.grow(4000 * MS, 5000 * MS)
    assert post.messages == []
    teller.grow(5000 * MS, 5000 * MS)
    teller.grow(6000 * MS, 5000 * MS)
    teller.add(FEED, [heard(0, 7 * RATE)], start_ns=0)
    teller.grow(20_000 * MS, 5000 * MS)
    assert [each.spans for each in post.messages] == [[(0, 5000 * MS)], [(0, 7000 * MS)]]


def test_many_spans_are_told_in_messages_of_a_bounded_size() -> None:
    post = Posted()
    spans = [heard(2 * index, 2 * index + 1) for index in range(SPANS_MAX + 1)]
    SpanTeller("s", 1, post.send).add(FEED, spans, start_ns=0)
    assert [len(each.spans) for each in post.messages] == [SPANS_MAX, 1]


def test_an_empty_span_is_not_told() -> None:
    post = Posted()
    SpanTeller("s", 1, post.send).add(FEED, [heard(5, 5)], start_ns=0)
    assert post.messages == []
