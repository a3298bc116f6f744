"""What a person sees and hears on the review page, recorded by reeld itself from a real browser on a real desk. Harm
guarded against: another picture than the one asked for, lips that do not fit the voice, tracks that cannot be told
apart."""

import itertools
import os
import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from playwright.sync_api import Browser

from tests.support.browser import READ_COUNTER, Seat, chromium
from tests.support.desk import Monitor, VirtualDesk
from tests.support.film import BEEP_HZ, FPS, HUM_HZ, make_film
from tests.support.installation import Installation
from tests.support.media import onsets_s, samples, tone_level_db
from tests.support.wait import until

pytestmark = [pytest.mark.alone, pytest.mark.slow, pytest.mark.timeout(180)]

FILM_S = 20
WATCHED_S = {0.5: 6.0, 1.0: 3.5, 2.0: 2.5}
"""By speed, so that each sees some flashes."""
SEEKS = 50 if os.environ.get("CI") else 200
APART_MAX_S = 0.05
SEEK_MEDIAN_MAX_MS = 100.0
SEEK_MAX_MS = 500.0
LOUD_DB, QUIET_DB = -40.0, -60.0
DESK = Monitor("LEFT", 0, 0, 640, 720)


@dataclass
class Cinema:
    desk: VirtualDesk
    installation: Installation
    browser: Browser
    film: str

    def seat(self) -> Seat:
        """The film's page, ready to be played."""
        seat = Seat(self.browser, viewport={"width": DESK.width, "height": DESK.height})
        seat.open_session(self.installation.ok("review", self.film)["url"])
        return seat


@pytest.fixture(scope="module")
def cinema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cinema]:
    film = tmp_path_factory.mktemp("film") / "film.mp4"
    make_film(film, FILM_S)
    kiosk = ("--kiosk", "--window-position=0,0", f"--window-size={DESK.width},{DESK.height}")
    with VirtualDesk(monitors=(DESK,), sound=True) as desk, Installation(desk.env) as installation:
        installation.start_daemon()
        (imported,) = installation.ok("import", str(film))["sessions"]
        with chromium(desk.env, *kiosk) as browser:
            yield Cinema(desk, installation, browser, imported["session"])


def test_many_seeks_show_the_picture_of_their_time(cinema: Cinema) -> None:
    seat = cinema.seat()
    rng = random.Random(7)
    times = [rng.uniform(0, FILM_S - 0.05) for _ in range(SEEKS)]
    seen = seat.page.evaluate(
        f"""async (times) => {{
          const read = {READ_COUNTER};
          const {{ player }} = document.querySelector("reeld-session");
          const seen = [];
          for (const at of times) {{
            const begun = performance.now();
            player.seek(at);
            while (!player.conductor.isSettled) await new Promise((resolve) => setTimeout(resolve, 1));
            // A browser hands a picture to the screen with its next frame.
            for (let frames = 0; frames < 2; frames += 1) await new Promise(requestAnimationFrame);
            seen.push([at, read(player.feeds.find((feed) => !feed.isSound).element), performance.now() - begun]);
          }}
          return seen;
        }}""",
        times,
    )
    wrong = [(at, number, at * FPS) for at, number, _ in seen if abs(number - int(at * FPS)) > 1]
    took_ms = sorted(took for _, _, took in seen)
    print(f"seeks: median {took_ms[SEEKS // 2]:.0f} ms, longest {took_ms[-1]:.0f} ms")
    assert not wrong
    assert took_ms[SEEKS // 2] < SEEK_MEDIAN_MAX_MS
    assert took_ms[int(SEEKS * 0.99)] < SEEK_MAX_MS
    seat.close()


@pytest.mark.long
@pytest.mark.parametrize("speed", WATCHED_S)
def test_a_flash_is_seen_when_its_beep_is_heard(cinema: Cinema, tmp_path: Path, speed: float) -> None:
    seat = cinema.seat()
    seat.view(f"(player.seek(2.5), player.setSpeed({speed}), 0)")
    recording = cinema.installation.ok("start", "--mic", "none", "--fps", "60")["session"]
    seat.page.click(".play")
    x, y, width, height = seat.page.evaluate(
        """(() => { const { x, y, width, height } = document.querySelector("video").getBoundingClientRect();
           return [x + screenX, y + screenY + outerHeight - innerHeight, width, height].map(Math.round); })()"""
    )
    begun_s = cinema.installation.elapsed_s()
    until(lambda: cinema.installation.elapsed_s() >= begun_s + WATCHED_S[speed], 30, what="some seconds of it")
    cinema.installation.ok("stop")
    seat.close()
    exported = tmp_path / "watched.mp4"
    cinema.installation.ok("export", recording, "-o", str(exported))
    flashes = _flashes_s(exported, slice(y + height // 3, y + 2 * height // 3), slice(x + width // 3, x + width // 2))
    beeps = onsets_s(samples(exported).mean(axis=1), BEEP_HZ, 0.1)
    apart_s = [min((beep - flash for beep in beeps), key=abs) for flash in flashes]
    print(f"at {speed}: sound after picture by {[round(each * 1000) for each in apart_s]} ms")
    assert len(apart_s) >= int(WATCHED_S[speed] * speed) - 1
    # The recorder looks 60 times a second, so one flash alone is known to a sixtieth.
    assert abs(float(np.median(apart_s))) <= APART_MAX_S
    assert sorted(map(abs, apart_s))[len(apart_s) * 3 // 4] <= APART_MAX_S + 1 / 60


@pytest.mark.long
def test_each_sound_is_silenced_for_itself(cinema: Cinema) -> None:
    seat = cinema.seat()
    seat.page.click(".play")
    until(lambda: seat.view("!conductor.isWaiting && player.position > 0.5"), 10, what="a film that plays")
    beeps, hum = (seat.page.locator(".sound button").nth(index) for index in range(2))
    assert min(_heard(cinema)) > LOUD_DB
    hum.click()
    assert until(lambda: _heard_without(cinema, 1), 8, what="no hum")[0] > LOUD_DB
    hum.click()
    beeps.click()
    assert until(lambda: _heard_without(cinema, 0), 8, what="no beeps")[1] > LOUD_DB
    seat.close()


def _heard_without(cinema: Cinema, silenced: int) -> tuple[float, ...]:
    """What is heard, once one of the two is not."""
    heard = _heard(cinema)
    return heard if heard[silenced] < QUIET_DB else ()


def _heard(cinema: Cinema) -> tuple[float, float]:
    """How loud beeps and hum leave the speakers, in dB of full scale, within 1.2 s."""
    words = ("--device=speakers.monitor", "--format=float32le", "--rate=48000", "--channels=1", "--latency-msec=20")
    with subprocess.Popen(("parec", *words), env=cinema.desk.env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        data = process.stdout.read(int(48_000 * 1.2) * 4)
        process.terminate()
    parts = np.array_split(np.frombuffer(data, np.float32), 24)
    # A beep lasts a tenth of a second: the loudest stretch counts.
    beep_db, hum_db = (max(tone_level_db(part, tone_hz) for part in parts) for tone_hz in (BEEP_HZ, HUM_HZ))
    return beep_db, hum_db


def _flashes_s(path: Path, rows: slice, columns: slice) -> list[float]:
    """When a part of the picture turns white, in seconds."""
    seen = []
    with av.open(os.fspath(path)) as container:
        for frame in container.decode(video=0):
            picture: Any = frame.to_ndarray(format="gray")
            seen.append((float(frame.time or 0), bool(picture[rows, columns].mean() > 128)))
    return [at for (_, before), (at, now) in itertools.pairwise(seen) if now and not before]
