"""What a person typed, before the daemon is asked."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_client.cli.values import START_OPTIONS, check_output, check_range, check_seconds, start_options
from reeld_proto.errors import ErrorCode, RequestRejected

DEFAULTS = {name: default for name, (_, default) in START_OPTIONS.items()}


def options(**given_: Any) -> dict[str, Any]:
    return dict(start_options(**(DEFAULTS | given_)))


def test_what_was_not_said_is_not_sent() -> None:
    """The daemon's configuration decides on frame rate and quality."""
    assert not {"fps", "quality"} & set(options())
    assert options(fps=24)["fps"] == 24


@given(st.tuples(st.integers(), st.integers(), st.integers(1), st.integers(1)))
def test_every_region_with_an_area_is_taken(region: tuple[int, int, int, int]) -> None:
    assert options(region=[",".join(map(str, region))])["region"] == region


@given(st.text(max_size=20) | st.lists(st.integers(-5, 5), max_size=5).map(lambda parts: ",".join(map(str, parts))))
def test_any_text_is_a_region_or_one_fault(text: str) -> None:
    faults: tuple[str, ...] = ()
    region: Any = None
    try:
        region = options(region=[text])["region"]
    except RequestRejected as error:
        faults = error.faults
    assert (len(region or ()), len(faults)) in {(4, 0), (0, 1)}


def test_a_second_region_is_refused_not_forgotten() -> None:
    with pytest.raises(RequestRejected, match="one region"):
        options(region=["0,0,5,5", "5,5,5,5"])


@pytest.mark.parametrize("name", ["", " "])
def test_names_nobody_could_find_again_are_refused(name: str) -> None:
    with pytest.raises(RequestRejected, match="--name"):
        options(name=name)
    assert options(name="x" * 255)["name"] == "x" * 255


@pytest.mark.parametrize("value", [-1.0, math.nan, math.inf, -math.inf])
def test_seconds_that_cannot_be_meant(value: float) -> None:
    with pytest.raises(RequestRejected, match="--from") as caught:
        check_seconds("--from", value, positive=False)
    assert caught.value.exit_code == 2


def test_zero_is_a_beginning_but_no_length() -> None:
    check_seconds("--from", 0.0, positive=False)
    with pytest.raises(RequestRejected):
        check_seconds("--duration", 0.0, positive=True)


def test_a_range_needs_a_length() -> None:
    check_range(None, None)
    check_range(1.0, None)
    check_range(0.0, 1.0)
    for from_s, to_s in ((1.0, 1.0), (2.0, 1.0), (-1.0, None), (None, 0.0)):
        with pytest.raises(RequestRejected):
            check_range(from_s, to_s)


def test_a_file_to_write_is_absolute_and_its_folder_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_output(Path("x.mp4")) == tmp_path / "x.mp4"
    assert check_output(Path("~/x.mp4")) == tmp_path / "x.mp4"
    with pytest.raises(RequestRejected, match="folder") as caught:
        check_output(tmp_path)
    assert caught.value.code is ErrorCode.INVALID_REQUEST
    with pytest.raises(RequestRejected) as caught:
        check_output(tmp_path / "none" / "x.mp4")
    assert caught.value.code is ErrorCode.NOT_FOUND


def test_a_folder_that_may_not_be_written_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reeld_client.cli.values.os.access", lambda *_: False)
    with pytest.raises(RequestRejected) as caught:
        check_output(tmp_path / "x.mp4")
    assert caught.value.code is ErrorCode.PERMISSION
    assert caught.value.exit_code == 6
