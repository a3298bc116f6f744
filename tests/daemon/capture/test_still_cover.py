"""What a track of snapshots shows when. Harms guarded against: time that nobody explains, two pictures at one time, and
a picture that was taken after a pause had begun."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.capture.still_cover import HOLD_NS, PIECE_NS, Cover, Piece, Shown
from reeld.media.stills import Still
from reeld_proto.records import GapReason
from reeld_proto.units import NS_PER_MS, NS_PER_S

A, B = Still(b"a", b"ia", "png"), Still(b"b", b"ib", "png")


def shown(at_s: float, still: Still = A, *, repeated: bool = False) -> Shown:
    return Shown(round(at_s * NS_PER_S), still, repeated)


def told(pieces: list[Piece]) -> list[tuple[float, float, str, bool]]:
    """(from, to, picture or reason, whether it is new here)."""
    return [
        (
            piece.start_ns / NS_PER_S,
            piece.end_ns / NS_PER_S,
            piece.still.payload.decode() if piece.still else str(piece.reason),
            piece.shown is not None,
        )
        for piece in pieces
    ]


def ns(seconds: float) -> int:
    return round(seconds * NS_PER_S)


def test_the_first_one_explains_the_track_from_its_start_and_the_next_ends_it() -> None:
    cover = Cover(0)
    cover.show(shown(0.05))
    assert cover.due_ns == ns(0.05) + HOLD_NS + 1
    assert told(cover.advance(ns(1.6))) == [(0, 1.5, "a", True)]
    cover.show(shown(4, B))
    assert told(cover.advance(ns(6.1))) == [(1.5, 4, "a", False), (4, 6, "b", True)]
    assert told(cover.end(ns(7))) == [(6, 7, "b", False)]


def test_a_still_screen_sends_one_piece_in_half_a_minute() -> None:
    cover = Cover(0)
    cover.show(shown(0))
    cover.advance(ns(1.1))
    assert cover.advance(ns(30)) == []
    assert cover.due_ns == ns(31) + HOLD_NS
    assert told(cover.advance(ns(31.1))) == [(1, 31, "a", False)]
    assert told(cover.advance(ns(100))) == [(31, 61, "a", False), (61, 91, "a", False)]


def test_what_was_taken_after_a_pause_began_is_forgotten_and_the_rest_goes_on() -> None:
    cover = Cover(0)
    cover.show(shown(0))
    cover.show(shown(5, B))
    assert told(cover.end(ns(5))) == [(0, 5, "a", True)]
    assert cover.forgot
    cover.show(shown(5.01, B, repeated=True))
    assert told(cover.advance(ns(6.1))) == [(5, 5.01, "a", False), (5.01, 6, "b", True)]


def test_orders_can_take_back_what_is_a_moment_old() -> None:
    cover = Cover(0)
    cover.show(shown(1))
    assert cover.advance(ns(1) + HOLD_NS) == []
    assert cover.end(ns(0.9)) == [], "nothing was on view yet"


def test_a_lost_source_is_a_gap_until_the_picture_is_seen_again() -> None:
    cover = Cover(0)
    cover.show(shown(0))
    assert told(cover.lose(ns(3), GapReason.DEVICE_LOST)) == [(0, 3, "a", True)]
    assert cover.due_ns is None
    assert cover.advance(ns(90)) == []
    assert told(cover.found(ns(8))) == [(3, 8, "device-lost", False)]
    cover.show(shown(8, B))
    assert told(cover.end(ns(9))) == [(8, 9, "b", True)]
    assert cover.found(ns(9)) == []


def test_a_pause_while_the_source_is_lost_ends_one_gap_and_begins_another() -> None:
    cover = Cover(0)
    cover.show(shown(0))
    cover.lose(ns(1), GapReason.DEVICE_LOST)
    assert told(cover.end(ns(2))) == [(1, 2, "device-lost", False)]
    assert cover.end(ns(2)) == []
    assert told(cover.found(ns(3))) == [(2, 3, "device-lost", False)]


def test_a_gap_that_changes_its_reason_is_two() -> None:
    """What was hidden by a rule must not be told as a device that was lost."""
    cover = Cover(0)
    cover.show(shown(0))
    cover.lose(ns(1), GapReason.DEVICE_LOST)
    assert told(cover.lose(ns(3), GapReason.HIDDEN, "rule")) == [(1, 3, "device-lost", False)]
    (hidden,) = cover.found(ns(5))
    assert (hidden.start_ns, hidden.end_ns, hidden.reason, hidden.detail) == (ns(3), ns(5), GapReason.HIDDEN, "rule")


def test_a_second_worker_does_not_explain_the_time_of_the_first() -> None:
    cover = Cover(None)
    assert cover.end(ns(1)) == []
    cover.show(shown(7))
    assert told(cover.end(ns(8))) == [(7, 8, "a", True)]
    lost = Cover(None)
    assert lost.lose(ns(2), GapReason.DEVICE_LOST) == []
    assert told(lost.found(ns(3))) == [(2, 3, "device-lost", False)]


STEPS = st.lists(
    st.tuples(st.sampled_from(["show", "advance", "end", "lose"]), st.integers(1, 45_000)), min_size=1, max_size=40
)


@given(STEPS)
def test_whatever_happens_every_instant_is_told_once_and_every_picture_is_new_once(
    steps: list[tuple[str, int]],
) -> None:
    cover, now_ns, lost = Cover(0), 0, False
    pieces: list[Piece] = []
    announced = 0
    cover.show(shown(0))
    for what, after_ms in steps:
        now_ns += after_ms * NS_PER_MS
        if lost:
            pieces += cover.found(now_ns)
            cover.show(Shown(now_ns, B, repeated=True))
            lost = False
        match what:
            case "show":
                announced += 1
                cover.show(Shown(now_ns, Still(str(announced).encode(), b"i", "png"), repeated=False))
            case "advance":
                pieces += cover.advance(now_ns)
            case "end":
                pieces += cover.end(now_ns)
                if cover.forgot:
                    cover.show(Shown(now_ns, A, repeated=False))
            case _:
                pieces += cover.lose(now_ns, GapReason.DEVICE_LOST)
                lost = True
    pieces += cover.end(now_ns + 1)
    covered_ns = 0
    for piece in pieces:
        assert piece.start_ns == covered_ns
        assert piece.start_ns < piece.end_ns
        assert piece.end_ns - piece.start_ns <= PIECE_NS or piece.still is None
        covered_ns = piece.end_ns
    assert covered_ns == now_ns + 1
    new = [piece.shown for piece in pieces if piece.shown is not None]
    assert len(set(new)) == len(new)


def test_a_screen_that_is_hidden_from_the_start_is_hidden_and_nothing_was_dropped() -> None:
    """Harm: a moment at the start of every private session is explained as a fault of ours."""
    cover = Cover(0)
    assert cover.lose(ns(0.004), GapReason.HIDDEN, "night") == []
    (piece,) = cover.end(ns(2))
    assert (piece.start_ns, piece.end_ns, piece.reason, piece.detail) == (0, ns(2), GapReason.HIDDEN, "night")
