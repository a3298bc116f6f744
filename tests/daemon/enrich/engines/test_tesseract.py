"""Tesseract. Harms guarded against: lines that are torn apart or run together, a program that fails and is taken for an
empty screen, and an engine that is not there and only says so in the middle of a job."""

import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.enrich.engines import tesseract
from reeld.enrich.engines.api import PageReader
from reeld.enrich.engines.missing import EngineMissing
from reeld.enrich.engines.tesseract import TesseractReader, lines_in
from reeld_proto.errors import InternalError

HEAD = "level\tpage_num\tblock_num\tpar_num\tline_num\tword_num\tleft\ttop\twidth\theight\tconf\ttext"
Box = tuple[int, int, int, int]
Word = tuple[str, Box, float]
WORDS = st.tuples(
    st.text(st.characters(categories=("L", "N", "P")), min_size=1, max_size=12),
    st.tuples(st.integers(0, 4000), st.integers(0, 4000), st.integers(0, 500), st.integers(0, 100)),
    st.floats(0, 100),
)
PICTURE = np.full((4, 6, 3), 7, np.uint8)
Install = Callable[[str], None]


def row(place: tuple[int, int, int], number: int, word: Word) -> str:
    text, box, score = word
    level = 5
    cells = [level, 1, *place, number, *box, f"{score:.6f}", text]
    return "\t".join(str(cell) for cell in cells)


def table(lines: list[list[Word]]) -> str:
    """What the program prints: pages, blocks, paragraphs and lines have rows of their own, without a text."""
    rows = [HEAD, "1\t1\t0\t0\t0\t0\t0\t0\t800\t600\t-1\t"]
    for number, words in enumerate(lines):
        place = (1 + number // 4, 1 + number // 2 % 2, 1 + number % 2)
        rows.append(f"4\t1\t{place[0]}\t{place[1]}\t{place[2]}\t0\t0\t0\t800\t20\t-1\t")
        rows += [row(place, at, word) for at, word in enumerate(words, 1)]
    return "\n".join(rows) + "\n"


@given(st.lists(st.lists(WORDS, min_size=1, max_size=5), max_size=9))
def test_every_word_is_in_its_line_once_and_every_line_around_its_words(lines: list[list[Word]]) -> None:
    found = lines_in(table(lines))
    assert [each.text for each in found] == [" ".join(text for text, _, _ in words) for words in lines]
    for each, words in zip(found, lines, strict=True):
        boxes = [box for _, box, _ in words]
        assert (each.x, each.y) == (min(box[0] for box in boxes), min(box[1] for box in boxes))
        assert each.x + each.width == max(x + width for x, _, width, _ in boxes)
        assert each.y + each.height == max(y + height for _, y, _, height in boxes)
        assert 0 <= each.score <= 1
        assert each.score == pytest.approx(sum(score for _, _, score in words) / len(words) / 100, abs=0.001)


@pytest.mark.parametrize("told", ["", "\n", HEAD, HEAD + "\n"])
def test_a_screen_without_text_has_no_lines(told: str) -> None:
    assert lines_in(told) == []


def test_pictures_and_blanks_that_the_program_takes_for_words_are_no_lines() -> None:
    rows = [HEAD, row((1, 1, 1), 1, (" ", (0, 0, 9, 9), 95)), row((2, 1, 1), 1, ("|", (0, 0, 9, 9), -1))]
    assert lines_in("\n".join(rows)) == []


def test_a_row_that_was_cut_off_costs_itself_alone() -> None:
    rows = [HEAD, row((1, 1, 1), 1, ("whole", (1, 2, 3, 4), 90)), "5\t1\t1\t1\t1\t2\t50"]
    assert [each.text for each in lines_in("\n".join(rows))] == ["whole"]


def test_quotes_are_letters_like_any_other() -> None:
    rows = [HEAD, row((1, 1, 1), 1, ('"a', (0, 0, 9, 9), 90)), row((1, 1, 1), 2, ("b'", (10, 0, 9, 9), 80))]
    (line,) = lines_in("\n".join(rows))
    assert (line.text, line.width, line.score) == ("\"a b'", 19, 0.85)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a program that does this in the place of Tesseract; it knows the words of its command line and `data`."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()

    def write(does: str) -> None:
        path = tmp_path / "bin" / "tesseract"
        path.write_text(
            f"#!{sys.executable} -SE\nimport os, sys\n"
            "if sys.argv[1:] == ['--version']:\n"
            "    print('tesseract 5.3.4\\n leptonica-1.82.0')\n    sys.exit()\n"
            f"data = sys.stdin.buffer.read()\n{does}\n"
        )
        path.chmod(0o755)

    return write


def test_a_system_without_it_says_so_before_anything_is_begun(install: Install) -> None:
    with pytest.raises(EngineMissing, match="tesseract is not installed"):
        TesseractReader(1, "eng")


def test_its_version_is_known_so_that_another_one_reads_anew(install: Install) -> None:
    install("")
    reader = TesseractReader(1, "eng")
    assert isinstance(reader, PageReader)
    assert (reader.name, reader.version) == ("tesseract", "5.3.4")


def test_it_is_given_the_very_pixels_the_languages_and_its_share_of_the_cores(install: Install, tmp_path: Path) -> None:
    line = row((1, 1, 1), 1, ("Hello", (1, 2, 3, 4), 91))
    install(
        f"open({str(tmp_path / 'seen.png')!r}, 'wb').write(data)\n"
        f"open({str(tmp_path / 'seen.txt')!r}, 'w').write(' '.join([*sys.argv[1:], os.environ['OMP_THREAD_LIMIT']]))\n"
        f"print({HEAD!r})\nprint({line!r})"
    )
    (found,) = TesseractReader(3, "deu+eng").read(PICTURE)
    assert (found.text, found.x, found.y, found.width, found.height, found.score) == ("Hello", 1, 2, 3, 4, 0.91)
    assert (tmp_path / "seen.txt").read_text() == "- - -l deu+eng tsv 3"
    seen = cv2.imdecode(np.fromfile(tmp_path / "seen.png", np.uint8), cv2.IMREAD_COLOR)
    assert seen is not None
    assert np.array_equal(seen, PICTURE)


def test_a_program_that_fails_is_a_fault_with_its_last_words_and_no_empty_screen(install: Install) -> None:
    install("sys.stderr.write('Error opening data file\\nCould not load language xyz\\n'); sys.exit(1)")
    with pytest.raises(InternalError, match=r"tesseract failed: Could not load language xyz$"):
        TesseractReader(1, "xyz").read(PICTURE)


def test_a_program_that_fails_without_a_word_is_told_by_its_code(install: Install) -> None:
    install("sys.exit(3)")
    with pytest.raises(InternalError, match=r"tesseract failed: 3$"):
        TesseractReader(1, "eng").read(PICTURE)


def test_a_program_that_hangs_is_given_up(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("import signal; signal.pause()")
    reader = TesseractReader(1, "eng")
    monkeypatch.setattr(tesseract, "TIMEOUT_S", 0.2)
    with pytest.raises(InternalError, match="did not end within"):
        reader.read(PICTURE)


def test_output_that_is_no_text_does_not_end_the_worker(install: Install) -> None:
    install(
        f"sys.stdout.buffer.write({HEAD!r}.encode() + b'\\n5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t90\\tA\\xff\\n')"
    )
    (line,) = TesseractReader(1, "eng").read(PICTURE)
    assert line.text == "A\ufffd"
