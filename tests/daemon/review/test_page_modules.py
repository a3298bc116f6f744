"""The page's own arithmetic, run by Node. Harm guarded against: a length, a place or a hit on it that is not so."""

import json
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reeld.review.files import PAGE


class Modules:
    """A Node process that evaluates expressions over the page's modules, one a line."""

    def __init__(self) -> None:
        names = ("format", "ruler", "manifest", "tiles")
        imports = "\n".join(f'import * as {name} from "{PAGE.as_uri()}/{name}.js";' for name in names)
        script = f"""{imports}
        import readline from "node:readline";
        for await (const line of readline.createInterface({{ input: process.stdin }}))
          console.log(JSON.stringify(new Function("{'", "'.join(names)}", "return " + line)({", ".join(names)})));
        """
        command = ["node", "--input-type=module", "--no-warnings", "-e", script]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def value(self, expression: str, *values: Any) -> Any:
        """What it is with `?` replaced by each value."""
        for value in values:
            expression = expression.replace("?", json.dumps(value), 1)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(expression + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def modules() -> Any:
    modules = Modules()
    yield modules
    modules.close()


def test_lengths_and_sizes_are_said_as_people_read_them(modules: Modules) -> None:
    assert modules.value("format.lasting(3723.4)") == "01:02:03"
    assert [modules.value(f"format.lasting({each}, 2)") for each in (59.999, 0.3, 61)] == [
        "00:00:59.99",
        "00:00:00.30",
        "00:01:01.00",
    ]
    assert [modules.value(f"format.sized({size})") for size in (0, 999, 1000, 1_234_567, 5e15)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "1.2 MB",
        "5000.0 TB",
    ]
    assert modules.value("format.because('hidden', 'locked')") == "hidden for privacy (locked)"


def test_the_words_of_a_search_are_those_that_the_index_looks_for(modules: Modules) -> None:
    words = modules.value("format.wordsOf(?)", '"plan b" OR budg* AND Meeting')
    assert words == ["plan b", "budg", "meeting"]


@settings(max_examples=60)
@given(st.lists(st.floats(0, 1e5), max_size=60).map(sorted), st.floats(-1, 1e5))
def test_the_piece_at_a_time_is_the_last_that_begins_by_then(starts: list[float], at_s: float) -> None:
    modules = _shared()
    place = modules.value("manifest.placeOf(?.map((start_s) => ({ start_s })), ?)", starts, at_s)
    assert place == sum(start <= at_s for start in starts) - 1


@settings(max_examples=60)
@given(st.floats(0, 1000), st.floats(0.3, 5000), st.floats(0.01, 100), st.floats(0, 1), st.floats(0.1, 90_000))
def test_a_view_stays_within_the_recording(low: float, span: float, factor: float, share: float, whole: float) -> None:
    modules = _shared()
    view = [low, low + span]
    at_s = low + share * span
    begin, end = modules.value("ruler.zoomed(?, ?, ?, ?)", view, factor, at_s, whole)
    assert begin >= 0
    assert end <= max(whole, 0.2) + 1e-6 * whole
    assert end - begin >= min(0.2, whole) - 1e-9


@settings(max_examples=60)
@given(st.lists(st.floats(0, 100), max_size=80).map(sorted), st.floats(0, 90), st.floats(1, 100))
def test_every_item_in_sight_is_counted_once_and_one_is_drawn_a_pixel(
    times: list[float], low: float, span: float
) -> None:
    modules = _shared()
    shown = modules.value("ruler.inSight(?, (each) => each, ?, ?, 50)", times, low, low + span)
    assert sum(each["count"] for each in shown) == sum(low <= each <= low + span for each in times)
    places = [each["x"] for each in shown]
    assert places == sorted(set(places))


@settings(max_examples=40)
@given(st.floats(1e-4, 1e4))
def test_a_column_of_a_waveform_is_no_wider_than_a_pixel(seconds_a_pixel: float) -> None:
    column = _shared().value("tiles.Tiles.columnOf(?)", seconds_a_pixel)
    assert column <= max(seconds_a_pixel, 1 / 512)
    assert column > seconds_a_pixel / 2.01 or column == 1 / 512


def test_ticks_are_apart_and_within_sight(modules: Modules) -> None:
    step = modules.value("ruler.stepOf(0.01)")
    assert step / 0.01 >= 90
    assert modules.value("ruler.ticks(1.2, 5.1, 1)") == [2, 3, 4, 5]


_process: list[Modules] = []


def _shared() -> Modules:
    """One process for all examples: hypothesis takes no fixture that lives for a function."""
    return _process[0]


@pytest.fixture(scope="module", autouse=True)
def _share(modules: Modules) -> Any:
    _process.append(modules)
    yield
    _process.clear()
