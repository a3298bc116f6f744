"""Fields of requests. Harm guarded against: a request that is half understood and does something else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.obs.fields import flag, named, number, timecode, uuid_of
from reeld.obs.wire import Refused, Status


def status(read: Any, *arguments: Any) -> Status:
    with pytest.raises(Refused) as refused:
        read(*arguments)
    return refused.value.status


def test_things_are_found_by_name_or_uuid() -> None:
    names = ["mic", "system"]
    assert named({"inputName": "system"}, "input", names) == "system"
    assert named({"inputUuid": uuid_of("input", "mic")}, "input", names) == "mic"
    assert uuid_of("input", "mic") != uuid_of("scene", "mic")
    assert status(named, {}, "input", names) is Status.MISSING_FIELD
    assert status(named, {"inputName": "camera"}, "input", names) is Status.NOT_FOUND
    assert status(named, {"inputName": ["mic"]}, "input", names) is Status.NOT_FOUND
    assert status(named, {"inputUuid": uuid_of("scene", "mic")}, "input", []) is Status.NOT_FOUND


@pytest.mark.parametrize(("value", "found"), [(None, Status.MISSING_FIELD), (1, Status.INVALID_FIELD_TYPE)])
def test_a_flag_is_true_or_false(value: Any, found: Status) -> None:
    assert flag({"on": True}, "on") is True
    assert status(flag, {"on": value}, "on") is found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, Status.MISSING_FIELD),
        ("1", Status.INVALID_FIELD_TYPE),
        (True, Status.INVALID_FIELD_TYPE),
        (2.1, Status.OUT_OF_RANGE),
        (float("nan"), Status.OUT_OF_RANGE),
    ],
)
def test_a_number_lies_between_its_limits(value: Any, found: Status) -> None:
    assert number({"x": 2}, "x", 0, 2) == 2
    assert status(number, {"x": value}, "x", 0, 2) is found


@given(st.integers(0, 10**9))
def test_a_timecode_is_its_time(ms: int) -> None:
    hours, minutes, rest = timecode(ms / 1000).split(":")
    assert len(minutes) == 2
    told = (int(hours) * 60 + int(minutes)) * 60_000 + round(float(rest) * 1000)
    assert abs(told - ms) <= 1
