"""Commands that come twice. Harm guarded against: a second marker, or an answer to another question."""

import pytest

from reeld.access.repeats import CLIENTS_MAX, PER_CLIENT_MAX, Repeats
from reeld_proto.commands import AddMarker, Pong
from reeld_proto.limits import REPEATS_S
from reeld_proto.units import NS_PER_S

MARK = AddMarker(text="x")


@pytest.mark.parametrize("age_s", [0, REPEATS_S])
def test_the_answer_is_kept_for_a_minute(age_s: int) -> None:
    repeats = Repeats()
    done = repeats.begin(b"a", "1", MARK, 5)
    assert repeats.find(b"a", "1", MARK, 5) is done
    done.reply = Pong()
    found = repeats.find(b"a", "1", AddMarker(text="x"), 5 + age_s * NS_PER_S)
    assert found is not None
    assert found.reply == Pong()
    assert repeats.find(b"a", "1", MARK, 6 + REPEATS_S * NS_PER_S) is None


def test_what_is_still_under_way_is_found_however_long_it_takes() -> None:
    repeats = Repeats()
    done = repeats.begin(b"a", "1", MARK, 0)
    assert repeats.find(b"a", "1", MARK, 1000 * REPEATS_S * NS_PER_S) is done


def test_another_client_id_or_command_is_another_one() -> None:
    repeats = Repeats()
    repeats.begin(b"a", "1", MARK, 0)
    assert repeats.find(b"b", "1", MARK, 0) is None
    assert repeats.find(b"a", "2", MARK, 0) is None
    assert repeats.find(b"a", "1", AddMarker(text="y"), 0) is None


def test_memory_is_bounded_and_a_client_pushes_out_only_its_own() -> None:
    repeats = Repeats()
    mine = repeats.begin(b"mine", "1", MARK, 0)
    for number in range(3 * PER_CLIENT_MAX):
        repeats.begin(b"busy", str(number), MARK, 0)
    assert repeats.find(b"mine", "1", MARK, 0) is mine
    assert repeats.find(b"busy", "0", MARK, 0) is None
    assert repeats.find(b"busy", str(3 * PER_CLIENT_MAX - 1), MARK, 0) is not None
    for number in range(2 * CLIENTS_MAX):
        repeats.begin(str(number).encode(), "1", MARK, 0)
    assert len(repeats._clients) == CLIENTS_MAX
    assert max(len(each) for each in repeats._clients.values()) <= PER_CLIENT_MAX
