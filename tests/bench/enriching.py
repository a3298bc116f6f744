"""Enrichment beside its engines run alone: pages read a second, speech as a multiple of real time, and what both find.

The same pictures and sounds go through the whole of reeld (stored, queued, read back, kept) and into the engine alone,
in one run, with the same number of threads.
"""

import argparse
import random
import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import soxr

from reeld.enrich.engines.api import SPEECH_RATE, Picture
from reeld.enrich.engines.rapid import RapidReader
from reeld.enrich.engines.whisper import WhisperListener
from reeld.enrich.engines.wordllama import WordLlamaEmbedder
from reeld.enrich.meaning import search
from reeld.store import sessions
from reeld.store.index.words import words_of
from reeld_client import Client
from reeld_proto import codec
from reeld_proto.enrich import FINAL_STATES
from reeld_proto.enrich_orders import SliceDone
from reeld_proto.events import EnrichmentChanged
from reeld_proto.findings import MeaningPassage, Meanings, NewFinding, Stage
from reeld_proto.units import NS_PER_S
from tests.bench.rows import Row
from tests.daemon.enrich.library import Shelf
from tests.support.installation import Installation
from tests.support.talk import samples_in, speak, word_errors
from tests.support.toy_engines import png

OVERHEAD_MAX = 1.10
MORE_ERRORS_MAX = 1.15
THREADS = 1
"""As the daemon gives an engine on two cores."""
RATE = 48_000
PASSAGES_AN_HOUR = 660
MEANING_MS_MAX = 500

SENTENCES = (
    "We will meet the customer in Lisbon on Thursday morning.",
    "Please remember to send the invoice for the new printer.",
    "The budget was approved by the board of directors yesterday.",
    "Can you open the window and turn on the light in the kitchen?",
    "The next train to the airport leaves in twenty minutes.",
    "I think we should write more tests before the release.",
    "She asked for a copy of the report and a cup of coffee.",
    "There is a problem with the heating on the second floor.",
)
VOICES = ("en-us", "en-gb+f3")
PAUSE_S = 1.2
HEADINGS = ("alpha", "bravo", "cargo", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima")
VOCABULARY = tuple(sorted({word for sentence in SENTENCES for word in words_of(sentence)}))


@dataclass(frozen=True)
class Extent:
    """How much is measured: sentences that are said, pages that are shown, hours of talk that are searched."""

    sentences: int
    pages: int
    hours: int


LONG = Extent(48, 12, 1000)
SHORT = Extent(32, 3, 100)


@dataclass(frozen=True)
class Pace:
    """What a stage needs an item, start-up left out, and how much it did."""

    seconds: float
    items: float


def rows(folder: Path, *, short: bool) -> list[Row]:
    """All rows, measured in a store of their own."""
    extent = SHORT if short else LONG
    pages = [_page(number) for number in range(extent.pages)]
    sound, truth = _talk(folder, extent.sentences)
    with Installation({}) as installation:
        with closing(Shelf(installation.store)) as shelf:
            shelf.stills("pages", [png(_drawn(lines)) for lines in pages])
            shelf.voice("talk", sound)
        installation.start_daemon()
        read, heard = _pace(installation, "pages", Stage.OCR), _pace(installation, "talk", Stage.SPEECH)
        found = [_found(installation, lines) for lines in pages]
        transcript = installation.ok("transcript", "talk")
    said = [word for each in transcript["utterances"] for word in words_of(each["text"])]
    return [
        *_read_rows(pages, read, found),
        *_heard_rows(sound, truth, heard, said),
        _meaning_row(folder, extent.hours),
    ]


def _meaning_row(folder: Path, hours: int) -> Row:
    """A search by meaning, over hours of talk with a passage every 5.5 s."""
    engine = WordLlamaEmbedder()
    chance = random.Random(1)
    with closing(Shelf(folder / "meanings")) as shelf:
        for hour in range(hours):
            session = f"s{hour:04}"
            shelf.create(session, [])
            shelf.end(session, 3600 * NS_PER_S)
            texts = [" ".join(chance.choices(VOCABULARY, k=9)) for _ in range(PASSAGES_AN_HOUR)]
            passages = [MeaningPassage(place * 5 * NS_PER_S, "speech", "mic", text) for place, text in enumerate(texts)]
            made = Meanings(engine.embed(texts).tobytes(), codec.pack_list(passages))
            finding = NewFinding(
                session=session,
                stage=Stage.EMBEDDINGS,
                engine=engine.name,
                version=engine.version,
                basis=b"",
                revision=_revision(shelf, session),
                payload=codec.pack_record(made),
            )
            assert shelf.keep(SliceDone(findings=[finding]), session).kept == 1
        slowest_s = 0.0
        for question in ("the payment is overdue", "where do we travel to", "the kitchen must be repaired"):
            began_s = time.perf_counter()
            with shelf.store.read() as txn:
                _, _, known = search(txn, engine, question, "", 50)
            slowest_s = max(slowest_s, time.perf_counter() - began_s)
            assert known
    count = hours * PASSAGES_AN_HOUR
    return Row(
        f"search by meaning over {count:,} passages",
        f"{1000 * slowest_s:.0f} ms",
        "",
        1000 * slowest_s,
        MEANING_MS_MAX,
        "ms",
    )


def _revision(shelf: Shelf, session: str) -> int:
    with shelf.store.read() as txn:
        return sessions.load(txn, session).revision


def _read_rows(pages: Sequence[list[str]], ours: Pace, found: Sequence[set[str]]) -> list[Row]:
    reader = RapidReader(THREADS)
    drawn = [_drawn(lines) for lines in pages]
    reader.read(drawn[0])
    began_s = time.perf_counter()
    alone = [{word for line in reader.read(page) for word in words_of(line.text)} for page in drawn]
    alone_s = (time.perf_counter() - began_s) / len(pages)
    wanted = [{word for line in lines for word in words_of(line)} for lines in pages]
    count = sum(map(len, wanted))
    missed = count - sum(len(words & each) for words, each in zip(wanted, found, strict=True))
    missed_alone = count - sum(len(words & each) for words, each in zip(wanted, alone, strict=True))
    return [
        Row(
            "enrichment: reading a page of 1080p",
            f"{1 / ours.seconds:.2f} pages a second",
            f"RapidOCR alone {1 / alone_s:.2f}",
            ours.seconds / alone_s,
            OVERHEAD_MAX,
        ),
        Row(
            f"enrichment: words on {len(pages)} pages that are not found",
            f"{missed} of {count}",
            f"RapidOCR alone {missed_alone}",
            (missed + 1) / (missed_alone + 1),
            MORE_ERRORS_MAX,
        ),
    ]


def _heard_rows(sound: np.ndarray, truth: Sequence[str], ours: Pace, said: Sequence[str]) -> list[Row]:
    listener = WhisperListener(THREADS, "auto", "")
    voice = soxr.resample(sound.mean(axis=1), RATE, SPEECH_RATE).astype(np.float32)
    listener.listen(voice[: 5 * SPEECH_RATE])
    began_s = time.perf_counter()
    alone = [word for each in listener.listen(voice).words for word in words_of(each.text)]
    alone_s = (time.perf_counter() - began_s) / (len(voice) / SPEECH_RATE)
    errors, errors_alone = word_errors(list(truth), list(said)), word_errors(list(truth), alone)
    return [
        Row(
            "enrichment: writing down a second of speech",
            f"{1 / ours.seconds:.1f} x real time",
            f"faster-whisper {listener.model} alone {1 / alone_s:.1f}",
            ours.seconds / alone_s,
            OVERHEAD_MAX,
        ),
        Row(
            f"enrichment: words wrong, of {len(truth)} said by two voices",
            f"{100 * errors / len(truth):.1f} %",
            f"faster-whisper {listener.model} alone {100 * errors_alone / len(truth):.1f} %",
            (errors + 1) / (errors_alone + 1),
            MORE_ERRORS_MAX,
        ),
    ]


def _pace(installation: Installation, session: str, stage: Stage) -> Pace:
    """How fast a stage goes on once it has begun, by what the daemon tells while it does."""
    seen: list[tuple[float, float]] = []
    with Client(installation.runtime) as client, client.events("enrich") as events:
        client.enrich(session, plan="standard")
        for event in events:
            if not isinstance(event, EnrichmentChanged):
                continue
            status = next(each for each in event.job.stages if each.stage is stage)
            if status.done and (not seen or status.done > seen[-1][1]):
                seen.append((time.perf_counter(), status.done))
            if event.job.state in FINAL_STATES:
                break
    (first_s, first), (last_s, last) = seen[0], seen[-1]
    return Pace((last_s - first_s) / (last - first), last - first)


def _found(installation: Installation, lines: list[str]) -> set[str]:
    """Those of a page's words that a search finds on the screen."""
    wanted = {word for line in lines for word in words_of(line)}
    heading = words_of(lines[0])[-1]
    hits = installation.ok("search", f'"{heading}"', "--session", "pages")["hits"]
    moments = {hit["at_s"] for hit in hits if hit["kind"] == "screen"}
    found = set()
    for word in wanted:
        hits = installation.ok("search", f'"{word}"', "--session", "pages", "--limit", "500")["hits"]
        if any(hit["kind"] == "screen" and hit["at_s"] in moments for hit in hits):
            found.add(word)
    return found


def _page(number: int) -> list[str]:
    """Thirty lines of words; the heading ends in a word that no other page has."""
    choose = np.random.default_rng(number)
    heading = f"Page {HEADINGS[number]}"
    body = [" ".join(choose.choice(VOCABULARY, 9)) for _ in range(28)]
    return [heading, *body]


def _drawn(lines: Sequence[str]) -> Picture:
    """The lines in black on white, 1920 x 1080."""
    page = np.full((1080, 1920, 3), 255, np.uint8)
    for row, line in enumerate(lines):
        cv2.putText(page, line, (60, 60 + 36 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20, 20, 20), 2, cv2.LINE_AA)
    return page


def _talk(folder: Path, count: int) -> tuple[np.ndarray, list[str]]:
    """Sentences by two voices in turn, with pauses: 48 kHz stereo, and the words."""
    parts: list[np.ndarray] = []
    truth: list[str] = []
    for number in range(count):
        sentence = SENTENCES[number % len(SENTENCES)]
        path = speak(sentence, folder / "sentence.wav", voice=VOICES[number // len(SENTENCES) % 2])
        parts.append(samples_in(path, RATE))
        parts.append(np.zeros(round(PAUSE_S * RATE), np.float32))
        truth += words_of(sentence)
    return np.repeat(np.concatenate(parts)[:, None], 2, axis=1), truth


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    subprocess.run(["espeak-ng", "--version"], check=True, capture_output=True)
    with tempfile.TemporaryDirectory(prefix="reeld-enriching-") as folder:
        for row in rows(Path(folder), short=options.short):
            print(f"{row.work}: {row.ours}; {row.peer}; {row.value:.2f} {row.unit} (bar {row.bar:g})")


if __name__ == "__main__":
    main()
