"""When work may be done. Harms guarded against: enrichment that costs a recording its frames or a laptop its battery,
and a person who asks and is told to come back at night."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from reeld.enrich.settings import EnrichConfig
from reeld.enrich.weather import BUSY_SHARE, Weather, Wish, hindrance

FINE = Weather(recording=False, others=0.0, on_battery=False, minute=12 * 60)
NIGHTS = EnrichConfig(hours="22:00-06:00")


def weather(**changes: Any) -> Weather:
    return Weather(**{name: changes.get(name, getattr(FINE, name)) for name in Weather.__slots__})


def test_in_fine_weather_nothing_hinders() -> None:
    assert hindrance(FINE, EnrichConfig(), Wish.NONE) == ""


@pytest.mark.parametrize(
    ("policy", "others", "waits"),
    [
        ("never", 0.0, True),
        ("idle", 0.0, False),
        ("idle", BUSY_SHARE, False),
        ("idle", 0.9, True),
        ("always", 1.0, False),
    ],
)
@pytest.mark.parametrize("asked", [False, True])
def test_a_recording_comes_first_as_the_config_has_it(policy: str, others: float, waits: bool, asked: bool) -> None:
    config = EnrichConfig(while_recording=policy)
    told = hindrance(weather(recording=True, others=others), config, Wish.ASKS if asked else Wish.NONE)
    assert bool(told) == waits
    assert not waits or "record" in told
    assert hindrance(weather(others=others), config, Wish.ASKS if asked else Wish.NONE) == ""


def test_a_battery_is_spared_unless_a_person_or_the_config_wants_it() -> None:
    tired = weather(on_battery=True)
    assert hindrance(tired, EnrichConfig(), Wish.NONE) == "waits for mains power"
    assert hindrance(tired, EnrichConfig(), Wish.ASKS) == ""
    assert hindrance(tired, EnrichConfig(), Wish.LOOKS) == "waits for mains power", "a glance empties no battery"
    assert hindrance(tired, EnrichConfig(on_battery=True), Wish.NONE) == ""


def test_what_a_person_asks_for_is_done_at_once_whatever_the_hour() -> None:
    assert hindrance(FINE, NIGHTS, Wish.NONE) == "waits for 22:00-06:00"
    assert hindrance(FINE, NIGHTS, Wish.ASKS) == ""
    assert hindrance(FINE, NIGHTS, Wish.LOOKS) == "", "who looks wants to see it now"
    assert hindrance(weather(minute=23 * 60), NIGHTS, Wish.NONE) == ""


@given(
    st.builds(Weather, st.booleans(), st.floats(0, 1), st.booleans(), st.integers(0, 1439)),
    st.builds(
        EnrichConfig,
        while_recording=st.sampled_from(["idle", "never", "always"]),
        on_battery=st.booleans(),
        hours=st.sampled_from(["", "22:00-06:00", "09:00-17:00"]),
    ),
)
def test_nothing_hinders_a_person_that_would_not_hinder_work_by_itself(sky: Weather, config: EnrichConfig) -> None:
    by_itself, asked = hindrance(sky, config, Wish.NONE), hindrance(sky, config, Wish.ASKS)
    assert by_itself or not asked
    if not sky.recording:
        assert asked == ""
    assert not hindrance(sky, replace(config, while_recording="always", on_battery=True, hours=""), Wish.NONE)
