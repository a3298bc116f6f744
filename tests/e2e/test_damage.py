"""A store damaged from outside, and a real daemon on it. Harms guarded against: a daemon that does not come up, dies,
hangs, or serves damaged media as whole; damage to one session that costs others. Many more cases, by chance:
`python -m tests.support.damage_drive --cases 90`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.damage_drive import Case, Finding, Reference, new_case, reference, run_case

pytestmark = [pytest.mark.slow, pytest.mark.paired, pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference(tmp_path_factory.mktemp("s"))


@pytest.mark.parametrize(
    ("kind", "seed", "whole"),
    [
        ("flip-head", 7, 3),
        pytest.param("swap-pages", 6, 1, marks=pytest.mark.long),
        pytest.param("truncate", 8, 0, marks=pytest.mark.long),
    ],
)
def test_a_damaged_store_is_served_as_far_as_it_is_whole(
    tmp_path: Path, sound: Reference, kind: str, seed: int, whole: int
) -> None:
    finding, log = run_case(tmp_path / "c", sound, kind, seed)
    assert finding.faults == [], log[-3000:]
    assert finding.steps["sessions"] == finding.steps["list again"] == 0
    assert len(finding.whole) >= whole, finding
    assert kind == "flip-head" or finding.steps["verify"] == 7, "what is lost is named"


def test_a_file_cut_off_under_a_running_daemon_is_an_error_and_a_restart_serves_the_rest(
    tmp_path: Path, sound: Reference
) -> None:
    finding, log = run_case(tmp_path / "c", sound, "truncate", 506, running=True)
    assert finding.faults == [], log[-3000:]
    assert finding.steps["verify"] == 7


@pytest.fixture
def hopeless(tmp_path: Path, sound: Reference) -> Iterator[Case]:
    data = bytes(2 * 4096) + sound.data[2 * 4096 :]
    case = new_case(tmp_path / "c", data, Finding("hopeless", 0, ""))
    yield case
    case.close()


def test_a_file_of_which_nothing_can_be_read_is_one_clear_error(hopeless: Case) -> None:
    assert not hopeless.start()
    assert hopeless.finding.steps == {"start": 7}
    assert hopeless.finding.faults == []
    last = hopeless.log.strip().splitlines()[-1]
    assert "damaged" in last
    assert "second copy" in last
    assert "Traceback" not in hopeless.log
