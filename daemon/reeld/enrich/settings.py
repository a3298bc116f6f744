"""`[enrich]` of the config: plans, engines, and when work may be done."""

import re
from typing import Annotated

from msgspec import Meta, Struct

from reeld_proto.findings import Stage

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
WORKERS_MAX = 8
_SCHEDULER = re.compile(r"(tcp|tls|ucx|ws|wss)://[^\s/]+:\d{1,5}")
BUILT_IN = {
    "off": (),
    "basic": (Stage.CHAPTERS,),
    "standard": (Stage.OCR, Stage.SPEECH, Stage.CHAPTERS, Stage.SUMMARY),
    "full": (Stage.OCR, Stage.SPEECH, Stage.CHAPTERS, Stage.SUMMARY, Stage.EMBEDDINGS, Stage.LANGUAGE),
}
"""Plans that need no config, and their stages."""


class PlanConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[[enrich.plans]]`: a plan of one's own.

    name: what it is called. stages: some of `ocr`, `speech`, `chapters`, `summary`, `embeddings`, `language`; they run
    in this order. on_failure: `keep` what was found before one failed, or `undo` it.
    """

    name: Annotated[str, Meta(min_length=1, max_length=64)]
    stages: Annotated[list[Stage], Meta(min_length=1)]
    on_failure: str = "keep"

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if self.on_failure not in ("keep", "undo"):
            raise ValueError(f"on_failure is {self.on_failure!r}, but must be keep or undo")
        if len(set(self.stages)) != len(self.stages):
            raise ValueError("a stage is named twice")


class EnrichConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[enrich]`: what is done with recordings besides keeping them.

    plan: what every session gets by itself, while it is recorded and when it has ended: `off`, `basic` (chapters),
    `standard` (also texts on screens, speech, a summary), `full` (also a language model, and what passages mean), or
    one of your own.
    lazy: whether that is put off until somebody looks at a session or searches in it, and done in the order in which
    sessions are wanted.
    ocr: `auto`, `rapidocr` or `tesseract`; ocr_languages: of Tesseract, as its `-l` takes them.
    speech_model: `auto`, a name such as `small`, or the folder of a faster-whisper model; language: of speech, a code
    such as `en`, or empty to find out. download: whether a model that is not on this machine is fetched from the hub.
    while_recording: `idle` (when the machine has time), `never` or `always`. on_battery: whether work goes on then.
    hours: `22:00-06:00`, when work by itself may be done; empty: always. What a person asks for is done at once.
    threads: of an engine, 0 for half of the machine's cores. memory_mb: of the worker; one that needs more is ended.
    workers: processes that work at the same time, each at a session of its own and with so much memory.
    scheduler: address of a Dask cluster, as tcp://10.0.0.5:8786, whose machines read and listen instead of this one;
    objects: URL of the copy that `reelctl sync` makes, as s3://bucket/reeld, from which they fetch what they need.
    language_url: address of a language model, as http://127.0.0.1:11434/v1; without one nothing is ever sent.
    language_model: its name there; language_small: a cheaper one, which is asked when most of a cap is spent. The key,
    if it needs one, is in REELD_LANGUAGE_KEY or the system's keyring.
    price_in, price_out: what a million tokens cost that are sent, and that come back; 0 on your own machine;
    small_price_in, small_price_out: of the cheaper one.
    cap_session, cap_day, cap_month: so much may be spent at most, in that money; nothing is asked that may cost more.
    plans: tables `[[enrich.plans]]`, each with a `name`, its `stages` and what is left `on_failure`.
    """

    plan: str = "off"
    lazy: bool = False
    ocr: str = "auto"
    ocr_languages: str = "eng"
    speech_model: str = "auto"
    language: str = ""
    download: bool = False
    while_recording: str = "idle"
    on_battery: bool = False
    hours: str = ""
    threads: Annotated[int, Meta(ge=0, le=64)] = 0
    memory_mb: Annotated[int, Meta(ge=500, le=64_000)] = 2000
    workers: Annotated[int, Meta(ge=1, le=WORKERS_MAX)] = 1
    scheduler: str = ""
    objects: str = ""
    language_url: str = ""
    language_model: str = ""
    language_small: str = ""
    price_in: Annotated[float, Meta(ge=0)] = 0.0
    price_out: Annotated[float, Meta(ge=0)] = 0.0
    small_price_in: Annotated[float, Meta(ge=0)] = 0.0
    small_price_out: Annotated[float, Meta(ge=0)] = 0.0
    cap_session: Annotated[float, Meta(ge=0)] | None = None
    cap_day: Annotated[float, Meta(ge=0)] | None = None
    cap_month: Annotated[float, Meta(ge=0)] | None = None
    plans: Annotated[list[PlanConfig], Meta(max_length=64)] = []

    def __post_init__(self) -> None:
        """Raises ValueError, which is told as a fault of the file."""
        _one_of("ocr", self.ocr, ("auto", "rapidocr", "tesseract"))
        _one_of("while_recording", self.while_recording, ("idle", "never", "always"))
        if self.hours and _HOURS.fullmatch(self.hours) is None:
            raise ValueError(f"hours is {self.hours!r}, but must look like 22:00-06:00")
        if self.language_url and not self.language_model:
            raise ValueError("language_url needs a language_model")
        if self.scheduler and _SCHEDULER.fullmatch(self.scheduler) is None:
            raise ValueError(f"scheduler is {self.scheduler!r}, but must look like tcp://10.0.0.5:8786")
        if self.scheduler and "://" not in self.objects:
            raise ValueError("scheduler needs objects: the URL to which `reelctl sync` copies, as s3://bucket/reeld")
        names = [*BUILT_IN, *(own.name for own in self.plans)]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two plans are called {twice!r}, the built-in ones among them")
        _one_of("plan", self.plan, tuple(names))

    @property
    def names(self) -> list[str]:
        """The names of all plans."""
        return [*BUILT_IN, *(own.name for own in self.plans)]

    def stages_of(self, plan: str) -> tuple[Stage, ...] | None:
        """The stages of a plan in their order; None if there is no such plan."""
        if plan in BUILT_IN:
            return BUILT_IN[plan]
        own = self._own(plan)
        return None if own is None else tuple(stage for stage in Stage if stage in own.stages)

    def undoes(self, plan: str) -> bool:
        """Whether a plan leaves nothing when it fails."""
        own = self._own(plan)
        return own is not None and own.on_failure == "undo"

    def _own(self, plan: str) -> PlanConfig | None:
        return next((own for own in self.plans if own.name == plan), None)

    def allows_minute(self, minute: int) -> bool:
        """Whether work by itself may be done at this minute of the day."""
        found = _HOURS.fullmatch(self.hours)
        if found is None:
            return True
        begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
        return begin <= minute < end if begin < end else minute >= begin or minute < end


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}, but must be one of {', '.join(allowed)}")
