"""RapidOCR: PaddleOCR's models in ONNX, which come with its package. The default reader of screens."""

import logging
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from reeld.enrich.engines.api import Picture
from reeld.enrich.engines.missing import EngineMissing
from reeld_proto.findings import TextLine

NAME = "rapidocr"
SIDE_MAX = 2000
"""Longest side, in pixels, at which text is looked for; a larger picture is made smaller for that, not for reading."""


class RapidReader:
    """One engine with its three models in memory, about 250 MB. threads: of the models."""

    name = NAME

    def __init__(self, threads: int) -> None:
        """Raises EngineMissing."""
        try:
            self.version = version(NAME)
            from rapidocr import RapidOCR  # noqa: PLC0415 - heavy, and only this engine needs it
        except (PackageNotFoundError, ImportError) as error:
            raise EngineMissing("RapidOCR is not installed: pip install 'reeld[enrich]'") from error
        logging.getLogger("RapidOCR").setLevel(logging.ERROR)
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "error",
                "Global.use_cls": False,  # text on screens stands upright
                "Global.max_side_len": SIDE_MAX,
                "Det.limit_type": "max",
                "Det.limit_side_len": SIDE_MAX,
                "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )

    def read(self, picture: Picture) -> list[TextLine]:
        """See `PageReader`."""
        found = self._engine(picture, use_cls=False)
        lines = []
        for corners, text, score in zip(found.boxes, found.txts, found.scores, strict=True) if found.txts else ():
            (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
            line = TextLine(
                text.strip(), round(left), round(top), round(right - left), round(bottom - top), round(float(score), 3)
            )
            if line.text:
                lines.append(line)
        return lines
