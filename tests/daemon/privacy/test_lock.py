"""Who says that the session is locked. Harm guarded against: one witness unlocks what another still locks."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from reeld.privacy.lock import LockState

WITNESSES = st.sampled_from(["session a", "session b", "system c"])


@given(st.lists(st.tuples(WITNESSES, st.sampled_from([True, False, None])), max_size=20))
def test_it_is_locked_while_anybody_says_so_and_each_change_is_told_once(said: list[tuple[str, bool | None]]) -> None:
    told: list[tuple[bool, int]] = []
    state = LockState(lambda locked, at_ns: told.append((locked, at_ns)))
    last: dict[str, bool | None] = {}
    for now_ns, (witness, locked) in enumerate(said):
        state.say(witness, locked, now_ns)
        last[witness] = locked
        assert (told[-1][0] if told else False) == any(last.values())
    assert all(one[0] is not other[0] for one, other in pairwise(told))
    assert not told or told[0][0]


def test_a_bus_that_is_gone_takes_only_its_own_witnesses_along() -> None:
    told: list[bool] = []
    state = LockState(lambda locked, _at_ns: told.append(locked))
    state.say("session a", True, 1)
    state.say("system c", True, 2)
    state.forget("session", 3)
    assert told == [True]
    state.forget("system", 4)
    assert told == [True, False]
