"""The same plan on a cluster of two machines. Harms guarded against: other results than this machine's own, sessions
that cannot be enriched because they are not synced, and a cluster that is away and takes the job's error with it."""

import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from reeld.audio.samples import RATE
from tests.daemon.enrich.library import Shelf
from tests.support.cluster import two_machines
from tests.support.installation import Installation
from tests.support.stocked import stocked
from tests.support.talk import samples_in, speak
from tests.support.toy_engines import png

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PAGES = [
    ["Quarterly report", "Revenue grew by eleven percent", "The warehouse in Rotterdam is full"],
    ["Quarterly report", "Revenue grew by twelve percent", "The warehouse in Rotterdam is full"],
    ["Release checklist", "Update the changelog and tag the version", "Ask Felix to review the migration"],
]
SPEECH = "We will meet the customer in Lisbon on Thursday morning. The contract has forty pages."


def far_away(scheduler: str, folder: Path) -> str:
    """The config for a cluster that reads the copy in this folder."""
    return f'[enrich]\nscheduler = "{scheduler}"\nobjects = "{(folder / "copy").as_uri()}"\n'


def one_page(shelf: Shelf) -> None:
    shelf.pages("shown", [[1, 2, 3]])


def drawn(shelf: Shelf, folder: Path) -> None:
    shelf.pages("shown", [[1, 2, 3], [1, 2, 4], [5, 6, 7]])
    shelf.talk("said", {"mic": {1.0: 1, 3.3: 2, 9.7: 3}, "system": {2.0: 9}}, 12.0)


def written_and_spoken(shelf: Shelf, folder: Path) -> None:
    pictures = []
    for number, lines in enumerate(PAGES):
        page = np.full((480, 800, 3), 255 if number < 2 else 200, np.uint8)
        for row, line in enumerate(lines):
            cv2.putText(page, line, (30, 80 + 90 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0, 0, 0), 2, cv2.LINE_AA)
        pictures.append(png(page))
    shelf.stills("shown", pictures)
    path = speak(SPEECH, folder / "said.wav", voice="en-us")
    mono = samples_in(path, RATE)
    shelf.voice("said", np.stack([mono, mono], axis=1))


def told(installation: Installation) -> list[Any]:
    """Everything that people see of what was found."""
    words = "report" if installation.ok("search", "report")["hits"] else "a*"
    return [
        installation.ok("transcript", "said"),
        *(installation.ok("enrich", "show", each) for each in ("shown", "said")),
        installation.ok("search", words, "--session", "shown"),
    ]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with two_machines() as address:
        yield address


@pytest.mark.parametrize(
    ("program", "fill"),
    [("toy-reeld", drawn), pytest.param("reeld", written_and_spoken, marks=pytest.mark.long)],
    ids=["toys", "real"],
)
def test_a_cluster_finds_what_this_machine_finds(
    program: str, fill: Callable[..., None], scheduler: str, tmp_path: Path
) -> None:
    found = {}
    for place in ("here", "cluster"):
        url = (tmp_path / "copy").as_uri()
        config = far_away(scheduler, tmp_path) if place == "cluster" else "[enrich]\n"
        with stocked(tmp_path, config, partial(fill, folder=tmp_path), program=program) as installation:
            if place == "cluster":
                installation.ok("sync", url)
                sends = [each["sends"] for each in installation.ok("enrich", "said", "--dry-run")["stages"]]
                assert [scheduler in each and url in each for each in sends] == [False, True, False, False]
            jobs = [installation.ok("enrich", each, timeout_s=200) for each in ("shown", "said")]
            assert [job["state"] for job in jobs] == ["completed", "completed"]
            assert {each["stage"]: each["calls"] > 0 for job in jobs for each in job["stages"]}["speech"]
            assert "enrich.not_synced" not in installation.log
            again = [installation.ok("enrich", each) for each in ("shown", "said")]
            assert {each["calls"] for job in again for each in job["stages"]} == {0}
            found[place] = told(installation)
    assert found["here"] == found["cluster"]
    assert found["here"][0]["utterances"]


def test_a_session_that_is_not_synced_is_enriched_here(scheduler: str, tmp_path: Path) -> None:
    with stocked(tmp_path, far_away(scheduler, tmp_path), one_page) as installation:
        job = installation.ok("enrich", "shown", timeout_s=100)
        assert (job["state"], job["stages"][0]["calls"]) == ("completed", 1)


def test_a_cluster_that_is_away_is_named_and_nothing_is_lost(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
    with stocked(tmp_path, far_away(address, tmp_path), one_page) as installation:
        installation.ok("sync", (tmp_path / "copy").as_uri())
        job = installation.ok("enrich", "shown", "--no-wait")
        told = ""
        while not told:
            told = installation.ok("enrich", "list", "shown")[-1]["error"]
        assert address in told
        assert "dask scheduler" in told
        (tmp_path / "config.toml").write_text("[enrich]\n")
        installation.ok("config", "reload")
        assert installation.ok("enrich", "shown", timeout_s=100)["state"] == "completed"
        assert job["id"] == installation.ok("enrich", "list", "shown")[0]["id"]
