"""Harm guarded against: a track that follows the default to nowhere, or jumps between devices without a reason."""

from hypothesis import given
from hypothesis import strategies as st

from reeld.audio.world import SYSTEM, Devices, World
from reeld_proto.records import AudioSource

sources = st.lists(
    st.builds(AudioSource, id=st.sampled_from("abcd"), name=st.just("?"), default=st.booleans()),
    unique_by=lambda source: source.id,
    max_size=4,
)


def world(*ids: str, default: str = "", role: str = "mic") -> World:
    found = [AudioSource(id=name, name=name, default=name == default) for name in ids]
    lists = Devices(system_audio=found) if role == SYSTEM else Devices(microphones=found)
    return World(lists, 0)


def test_the_servers_default_is_followed() -> None:
    assert world("a", "b", default="b").default("mic", "a") == "b"
    assert world("a", "b", default="b", role=SYSTEM).default(SYSTEM, "a") == "b"


def test_a_microphone_is_never_followed_to_an_output() -> None:
    assert world("a", default="a", role=SYSTEM).default("mic", "lost") == "lost"
    assert world("a", default="a").default(SYSTEM, "lost") == "lost"


def test_without_a_default_the_device_in_use_is_kept_and_a_lost_one_replaced() -> None:
    assert world("a", "b").default("mic", "b") == "b"
    assert world("a", "b").default("mic", "lost") == "a"


@given(microphones=sources, outputs=sources, role=st.sampled_from(["mic", SYSTEM]), current=st.sampled_from("abcde"))
def test_what_is_followed_exists_where_anything_does_and_stays_while_nothing_changes(
    microphones: list[AudioSource], outputs: list[AudioSource], role: str, current: str
) -> None:
    now = World(Devices(microphones=microphones, system_audio=outputs), 0)
    ids = [source.id for source in (outputs if role == SYSTEM else microphones)]
    chosen = now.default(role, current)
    assert chosen in (ids or [current])
    assert now.default(role, chosen) == chosen
