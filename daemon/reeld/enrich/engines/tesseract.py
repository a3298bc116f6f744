"""Tesseract, where the system has it: a program of its own for every picture."""

import os
import shutil
import subprocess
from collections import defaultdict

import cv2

from reeld.enrich.engines.api import Picture
from reeld.enrich.engines.missing import EngineMissing
from reeld_proto.errors import InternalError
from reeld_proto.findings import TextLine

NAME = "tesseract"
TIMEOUT_S = 120.0
_COLUMNS = 12


class TesseractReader:
    """Starts the program for each picture. threads: of the program. languages: as its `-l` takes them."""

    name = NAME

    def __init__(self, threads: int, languages: str) -> None:
        """Raises EngineMissing."""
        program = shutil.which(NAME)
        if program is None:
            raise EngineMissing("tesseract is not installed: your system's package manager has it as tesseract-ocr")
        self._command = [program, "-", "-", "-l", languages, "tsv"]
        self._environment = {**os.environ, "OMP_THREAD_LIMIT": str(threads)}
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        self.version = (told.stdout or told.stderr).split("\n", 1)[0].removeprefix("tesseract ").strip()

    def read(self, picture: Picture) -> list[TextLine]:
        """See `PageReader`. Raises InternalError if the program fails."""
        done, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not done:
            raise InternalError("a picture could not be given to tesseract")
        try:
            told = subprocess.run(
                self._command,
                input=data.tobytes(),
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
                env=self._environment,
            )
        except subprocess.TimeoutExpired as error:
            raise InternalError(f"tesseract did not end within {TIMEOUT_S:g} s") from error
        if told.returncode:
            reason = told.stderr.decode(errors="replace").strip().rpartition("\n")[2]
            raise InternalError(f"tesseract failed: {reason or told.returncode}")
        return lines_in(told.stdout.decode(errors="replace"))


def lines_in(table: str) -> list[TextLine]:
    """Lines put together of the words in Tesseract's table (TSV)."""
    words: dict[tuple[str, ...], list[list[str]]] = defaultdict(list)
    for row in table.split("\n")[1:]:
        cells = row.split("\t")
        if len(cells) == _COLUMNS and cells[11].strip() and not cells[10].startswith("-"):
            words[tuple(cells[1:5])].append(cells)
    lines = []
    for cells_of in words.values():
        boxes = [tuple(int(cell) for cell in cells[6:10]) for cells in cells_of]
        left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
        text = " ".join(cells[11].strip() for cells in cells_of)
        score = sum(float(cells[10]) for cells in cells_of) / len(cells_of) / 100
        lines.append(TextLine(text, left, top, right - left, bottom - top, round(score, 3)))
    return lines
