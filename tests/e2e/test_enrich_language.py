"""A language model's service beside a real daemon. Harms guarded against: text that leaves the machine unannounced,
money that is spent twice or beyond a cap, and a service that is broken and takes all other work along."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reeld.enrich.engines.language import KEY_VARIABLE
from tests.daemon.enrich.library import Shelf
from tests.support.installation import Installation
from tests.support.language_service import Service, answer
from tests.support.toy_engines import spelled

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(180)]

TOLD = answer(json.dumps({"summary": [{"at_s": 12, "text": "They chose plan quagmire."}]}))
KEY = "sk-very-secret"


@dataclass
class Room:
    """A daemon whose config names the service. Sessions `s1` to `s4` have a page each that nobody has read."""

    installation: Installation
    service: Service

    def enrich(self, session: str, *words: str) -> Any:
        return self.installation.ctl("enrich", session, *words, timeout_s=120).json

    def stage(self, job: Any) -> Any:
        return next(each for each in job["stages"] if each["stage"] == "language")


@pytest.fixture
def room(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Room]:
    """The parameter: more lines of the config."""
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), KEY_VARIABLE: KEY}
    with Service() as service, Installation(env) as installation:
        thread = threading.Thread(target=service.serve_forever)
        thread.start()
        service.reply = (200, {}, TOLD)
        lines = [f'language_url = "{service.url}"', 'language_model = "small"', "price_in = 1000", "price_out = 1000"]
        config = tmp_path / "config.toml"
        config.write_text("\n".join(["[enrich]", *lines, getattr(request, "param", "")]))
        with closing(Shelf(installation.store)) as shelf:
            for number in range(1, 5):
                shelf.pages(f"s{number}", [[number, 40 + number]])
        installation.start_daemon("--config", str(config), program="toy-reeld")
        yield Room(installation, service)
        service.ending.set()
        service.shutdown()
        thread.join()


def test_nothing_leaves_before_it_was_announced_and_the_plan_wants_it(room: Room) -> None:
    plan = room.enrich("s1", "--plan", "full", "--dry-run")
    sends = {each["stage"]: each["sends"] for each in plan["stages"]}
    assert room.service.url in sends.pop("language")
    assert set(sends.values()) == {""}
    assert plan["cost"] > 0
    room.enrich("s1", "--plan", "standard")
    assert room.service.asked == []
    job = room.enrich("s1", "--plan", "full")
    assert job["state"] == "completed"
    assert 0 < job["cost"] <= plan["cost"]
    ((_, authorization, body),) = room.service.asked
    assert authorization == f"Bearer {KEY}"
    assert spelled(41) in body["messages"][1]["content"]
    assert room.installation.ok("enrich", "show", "s1")["written"] == [
        {"at_s": 10.0, "text": "They chose plan quagmire."}
    ]
    assert room.installation.ok("search", "quagmire")["hits"][0]["session"] == "s1"
    again = room.enrich("s1", "--plan", "full")
    assert (again["cost"], len(room.service.asked)) == (0, 1)
    room.installation.stop_daemon()
    assert KEY not in room.installation.log
    assert KEY.encode() not in (room.installation.store / "data.mdb").read_bytes()


@pytest.mark.parametrize("room", ["cap_session = 0", "cap_day = 0", "cap_month = 0"], indirect=True)
def test_a_cap_of_zero_spends_zero(room: Room) -> None:
    job = room.enrich("s1", "--plan", "full")
    assert (job["state"], job["cost"], room.service.asked) == ("failed", 0, [])
    assert "cap_" in job["error"]
    assert room.installation.ok("search", spelled(41))["hits"]


def test_a_busy_service_is_asked_again_and_a_broken_one_is_given_up(room: Room) -> None:
    room.service.reply = (429, {"retry-after": "1"}, b"")
    job = room.installation.ok("enrich", "s1", "--plan", "full", "--no-wait")
    room.service.answered.wait(20)
    room.service.reply = (200, {}, TOLD)
    assert room.installation.ok("enrich", "s1", "--plan", "full")["id"] == job["id"]
    assert len(room.service.asked) >= 2
    room.service.reply = (401, {}, b"")
    refused = room.installation.ctl("enrich", "s2", "--plan", "full")
    assert refused.code == 70
    assert KEY_VARIABLE in refused.json["error"]
    room.service.reply = (200, {}, b"<html>")
    room.installation.ok("enrich", "s3", "--plan", "full", "--no-wait")
    assert room.enrich("s4", "--plan", "standard")["state"] == "completed", "other work goes on meanwhile"
