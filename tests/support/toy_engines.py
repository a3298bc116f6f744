"""Engines that see and hear what tests draw and play: quick, exact, counted. The real ones pass the same contract."""

import hashlib
import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from reeld.enrich.engines.api import SPEECH_RATE, Heard, Listened, Picture, Vectors, Voice, Written
from reeld_proto.findings import TextLine

ROW = 20
"""Height of a drawn line in pixels."""
LEFT, WIDTH = 32, 192
MARK = 255
WORD_S = 0.25
BEEP_S = 0.3


def draw(words: list[int], width: int = 320, height: int = 240) -> Picture:
    """A page on which line `n` says the word of number `words[n]`, 1 to 200: a bar with edges, its halves so bright."""
    page = np.zeros((height, width, 3), np.uint8)
    for row, word in enumerate(words):
        top = 16 + row * 2 * ROW
        if word:
            page[top : top + ROW, LEFT : LEFT + WIDTH // 2] = 16 * (word % 15) + 8
            page[top : top + ROW, LEFT + WIDTH // 2 : LEFT + WIDTH] = 16 * (word // 15) + 8
            page[top : top + ROW, LEFT : LEFT + 8] = MARK
            page[top : top + ROW, LEFT + WIDTH - 8 : LEFT + WIDTH] = MARK
    return page


def png(page: Picture) -> bytes:
    done, data = cv2.imencode(".png", page)
    assert done
    return data.tobytes()


def spelled(word: int) -> str:
    """The word of a number: letters only, and no two alike."""
    digest = hashlib.sha256(str(word).encode()).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:7])


@dataclass
class ToyReader:
    """Reads drawn pages. slow_s: how long it takes; read_pixels: how much it was shown."""

    version: str = "1"
    name: str = "toy-reader"
    slow_s: float = 0.0
    calls: int = 0
    read_pixels: int = 0

    def read(self, picture: Picture) -> list[TextLine]:
        self.calls += 1
        self.read_pixels += picture.shape[0] * picture.shape[1]
        time.sleep(self.slow_s)  # an engine that takes its time is what some tests are about
        marks = (picture[:, :, 0] == MARK).astype(np.uint8)
        boxes = cv2.connectedComponentsWithStats(marks)[2][1:].tolist()
        lefts = [box for box in boxes if box[2] == 8]
        lines = []
        for left, top, width, height, _ in lefts:
            ends = [box[0] + box[2] for box in boxes if box[1] == top and box[0] > left]
            if ends:
                low, high = (int(picture[top + height // 2, at, 0]) // 16 for at in (left + width + 4, min(ends) - 12))
                lines.append(TextLine(spelled(low + 15 * high), left, top, min(ends) - left, height, 1.0))
        return lines


def say(words: dict[float, int], length_s: float, rate: int = 48_000) -> np.ndarray:
    """Stereo sound in which the word of number n (1 to 60) begins at each of these seconds: a beep of 200 + 50 n Hz."""
    sound = np.zeros((round(length_s * rate), 2), np.float32)
    for at_s, word in words.items():
        first = round(at_s * rate)
        times = np.arange(min(round(BEEP_S * rate), len(sound) - first)) / rate
        sound[first : first + len(times)] += 0.4 * np.sin(2 * np.pi * (200 + 50 * word) * times)[:, None]
    return sound


@dataclass
class ToyListener:
    """Hears beeps as words. listened_s: how much it was given to listen to."""

    version: str = "1"
    name: str = "toy-listener"
    slow_s: float = 0.0
    calls: int = 0
    listened_s: float = 0.0
    windows: list[float] = field(default_factory=list)

    def speech(self, voice: Voice) -> list[tuple[float, float]]:
        found: list[tuple[float, float]] = []
        for start_s, end_s in self._beeps(voice):
            if found and start_s - found[-1][1] < WORD_S:
                found[-1] = (found[-1][0], end_s)
            else:
                found.append((start_s, end_s))
        return found

    def listen(self, voice: Voice) -> Listened:
        self.calls += 1
        self.listened_s += len(voice) / SPEECH_RATE
        self.windows.append(len(voice) / SPEECH_RATE)
        time.sleep(self.slow_s)  # an engine that takes its time is what some tests are about
        words = []
        for start_s, end_s in self._beeps(voice):
            piece = voice[round((start_s + 0.05) * SPEECH_RATE) : round((end_s - 0.05) * SPEECH_RATE)]
            spectrum = np.abs(np.fft.rfft(piece, 16_000))
            words.append(Heard(start_s, end_s, " " + spelled(round((int(spectrum.argmax()) - 200) / 50)), 0.9))
        return Listened(words, "en")

    @staticmethod
    def _beeps(voice: Voice) -> list[tuple[float, float]]:
        """Where it is loud, in hundredths of a second; a beep lasts 0.3 s, a shorter one was cut."""
        step = SPEECH_RATE // 100
        loud = np.abs(voice[: len(voice) // step * step].reshape(-1, step)).max(axis=1) > 0.1
        edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
        return [(a / 100, b / 100) for a, b in edges.reshape(-1, 2).tolist() if b - a > 15]


@dataclass
class ToyWriter:
    """Sums up in a sentence. faults: raised by the next questions. A question is of 100 tokens, so is its answer."""

    version: str = "1"
    name: str = "toy-writer"
    calls: int = 0
    asked: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)

    def sum_up(self, text: str) -> Written:
        self.calls += 1
        if self.faults:
            raise self.faults.pop(0)
        self.asked.append(text)
        return Written([(1.0, f"It has {len(text.splitlines())} lines.")], 100, 100)

    def cost_of(self, _text: str) -> tuple[int, int]:
        return 100, 100


TOPICS = {"pay": 0, "invoice": 0, "money": 0, "boat": 1, "ship": 1, "sail": 1}


@dataclass
class ToyEmbedder:
    """Two topics, a direction each; words that it does not know mean nothing."""

    version: str = "1"
    name: str = "toy-embedder"
    calls: int = 0

    def embed(self, texts: list[str]) -> Vectors:
        self.calls += 1
        out = np.zeros((len(texts), 2), np.int8)
        for row, text in zip(out, texts, strict=True):
            topics = [TOPICS[word] for word in text.split() if word in TOPICS]
            if topics:
                share = sum(topics) / len(topics)
                row[:] = np.rint(np.array([1 - share, share]) / np.hypot(1 - share, share) * 127)
        return out
