"""faster-whisper: Whisper's models in CTranslate2, with Silero's voice detection, which comes in its package.

DESIGN: Whisper invents words where nobody speaks and repeats itself. So only what the voice detector lets through is
listened to; nothing that was written before is given as context; what the model itself doubts is left out; and so is
what goes round in circles.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

from reeld.enrich.engines.api import SPEECH_RATE, Heard, Listened, Voice
from reeld.enrich.engines.missing import EngineMissing
from reeld.enrich.engines.models import find_model
from reeld.enrich.guard import without_loops

NAME = "faster-whisper"
BEAM = 5
"""Paths through the model: one takes a fifth less time, and gets more words wrong."""
SILENCE_MS = 400
PAD_MS = 200
NO_SPEECH = 0.6
PROBABILITY_MIN = -1.0
"""Mean logarithm of a segment's probability below which it counts as noise if the model also doubts that one spoke."""


class WhisperListener:
    """One model in memory. threads: of it. model: see `find_model`; language: a code, or empty to find out."""

    name = NAME

    def __init__(self, threads: int, model: str, language: str, *, download: bool = False) -> None:
        """Raises EngineMissing."""
        self.model, where = find_model(model, download=download)
        try:
            from faster_whisper import WhisperModel, vad  # noqa: PLC0415 - heavy, and only this engine needs it

            self.version = f"{version(NAME)}/{self.model}"
        except (PackageNotFoundError, ImportError) as error:
            raise EngineMissing("faster-whisper is not installed: pip install 'reeld[enrich]'") from error
        try:
            self._model: Any = WhisperModel(
                where, device="cpu", compute_type="int8", cpu_threads=threads, local_files_only=not download
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineMissing(f"the model in {where} cannot be loaded: {error}") from error
        self._vad: Any = vad
        self._options: Any = vad.VadOptions(min_silence_duration_ms=SILENCE_MS, speech_pad_ms=PAD_MS)
        self._language = language or (None if self._model.model.is_multilingual else "en")

    def speech(self, voice: Voice) -> list[tuple[float, float]]:
        """See `Listener`."""
        found = self._vad.get_speech_timestamps(voice, self._options)
        return [(each["start"] / SPEECH_RATE, each["end"] / SPEECH_RATE) for each in found]

    def listen(self, voice: Voice) -> Listened:
        """See `Listener`."""
        segments, info = self._model.transcribe(
            voice,
            language=self._language,
            beam_size=BEAM,
            word_timestamps=True,
            condition_on_previous_text=False,
            vad_filter=True,
            vad_parameters=self._options,
            no_speech_threshold=NO_SPEECH,
            hallucination_silence_threshold=2.0,
        )
        words = []
        for segment in segments:
            if segment.no_speech_prob > NO_SPEECH and segment.avg_logprob < PROBABILITY_MIN:
                continue
            words += [
                Heard(float(word.start), float(word.end), word.word, round(float(word.probability), 3))
                for word in segment.words or ()
            ]
        return Listened(without_loops(words), info.language)
