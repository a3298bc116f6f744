"""What a person typed, before the daemon is asked."""

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_client.cli.values import (
    START_OPTIONS,
    check_output,
    check_range,
    check_seconds,
    parse_range,
    parse_seconds,
    start_options,
)
from reeld_proto.errors import ErrorCode, RequestRejected

DEFAULTS = {name: default for name, (_, default) in START_OPTIONS.items()}


def options(**given_: Any) -> dict[str, Any]:
    return dict(start_options(**(DEFAULTS | given_)))


def test_what_was_not_said_is_not_sent() -> None:
    """The daemon's configuration decides on frame rate and quality."""
    assert not {"fps", "quality", "codec", "snapshots", "profile"} & set(options())
    assert options(snapshots=False)["snapshots"] is False
    assert options(fps=24)["fps"] == 24


def test_a_profile_is_named_and_not_empty() -> None:
    assert options(profile="meeting")["profile"] == "meeting"
    with pytest.raises(RequestRejected, match="--profile is empty"):
        options(profile=" ")


@given(st.tuples(st.integers(), st.integers(), st.integers(1), st.integers(1)))
def test_every_region_with_an_area_is_taken(region: tuple[int, int, int, int]) -> None:
    assert options(region=[",".join(map(str, region))])["regions"] == [region]


@given(st.text(max_size=20) | st.lists(st.integers(-5, 5), max_size=5).map(lambda parts: ",".join(map(str, parts))))
def test_any_text_is_a_region_or_one_fault(text: str) -> None:
    faults: tuple[str, ...] = ()
    found: list[Any] = []
    try:
        found = options(region=[text])["regions"]
    except RequestRejected as error:
        faults = error.faults
    assert (len(found), len(faults)) in {(1, 0), (0, 1)}


def test_several_regions_are_all_taken() -> None:
    assert options(region=["0,0,5,5", "5,5,5,5"])["regions"] == [(0, 0, 5, 5), (5, 5, 5, 5)]


def test_a_size_of_the_output_is_two_numbers_or_a_fault() -> None:
    assert options(output_size="1920x1080")["output"] == (1920, 1080)
    for text in ("1920", "x", "1920x", "axb", "-1x5", "1920 x 1080"):
        with pytest.raises(RequestRejected, match="--output-size"):
            options(output_size=text)


def test_paths_are_made_absolute_for_the_daemon() -> None:
    assert options(file=["a.mp4"])["files"] == [str(Path.cwd() / "a.mp4")]


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        ("90", 90.0),
        (" 1.5 ", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("7m20s", 440.0),
        ("20s", 20.0),
        ("1.25s", 1.25),
        ("7m", 420.0),
        ("90m", 5400.0),
        ("1h", 3600.0),
        ("1h2m3.5s", 3723.5),
        ("250ms", 0.25),
        ("1m250ms", 60.25),
        ("1m2s3ms", 62.003),
        ("2:05.3", 125.3),
        ("1:02:03", 3723.0),
        ("100:00", 6000.0),
        ("0:00", 0.0),
    ],
)
def test_times_as_people_write_them(text: str, expected: float) -> None:
    assert parse_seconds("--from", text) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-1", "1e3", "nan", "inf", "soon", "1:60", "1:2:3:4", "1:60:00", "1h2", "1s2m", "m", "s", "1,5", "٣"],
)
def test_times_that_could_mean_anything_are_refused(text: str) -> None:
    with pytest.raises(RequestRejected, match="--from") as caught:
        parse_seconds("--from", text)
    assert caught.value.exit_code == 2


@given(st.integers(0, 10**6), st.integers(0, 59), st.integers(0, 59))
def test_both_ways_to_write_a_time_mean_the_same(hours: int, minutes: int, seconds: int) -> None:
    wanted = hours * 3600 + minutes * 60 + seconds
    assert parse_seconds("--to", f"{hours}:{minutes:02}:{seconds:02}") == wanted
    assert parse_seconds("--to", f"{hours}h{minutes}m{seconds}s") == wanted
    assert parse_seconds("--to", str(wanted)) == wanted


@given(st.text(max_size=12))
def test_any_text_is_a_time_from_zero_on_or_one_fault(text: str) -> None:
    faults: tuple[str, ...] = ()
    at_s = -1.0
    try:
        at_s = parse_seconds("--to", text)
    except RequestRejected as error:
        faults = error.faults
    assert (at_s >= 0, len(faults)) in {(True, 0), (False, 1)}


def test_both_ends_of_a_range_are_checked_at_once() -> None:
    assert parse_range(None, None) == (None, None)
    assert parse_range("1m", "1:01") == (60.0, 61.0)
    with pytest.raises(RequestRejected) as caught:
        parse_range("soon", "later")
    assert len(caught.value.faults) == 2
    with pytest.raises(RequestRejected, match="not after"):
        parse_range("1m", "59")


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
