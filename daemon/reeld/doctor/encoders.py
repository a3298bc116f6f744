"""Which encoders work here, found out by encoding a few frames with each in a process of its own."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import av

from reeld.media.hardware import LATE, candidates, trial
from reeld.media.presets import LIBRARIES
from reeld_proto.doctor import Finding, fault, fine, warning
from reeld_proto.records import EncoderChoice, Quality, VideoCodec

TRIAL_LIMIT_S = 3.0
"""Longest trial. One takes 0.5 s, most of it for the process; a driver that hangs must not hold up the whole report."""


def judge(trials: Mapping[str, str], wanted: EncoderChoice, codec: VideoCodec) -> list[Finding]:
    """One line for each codec, and one for the hardware.

    trials: by FFmpeg's name of the encoder, why it cannot be used, empty if it can; hardware that this FFmpeg does not
    know is not in it. wanted, codec: what `[record]` says; another codec that fails is a warning.
    """
    found = []
    for each, name in LIBRARIES.items():
        why = trials.get(name, "it was not tried")
        check = f"encoder-{each.value}"
        if not why:
            found.append(fine(check, f"{name} encodes"))
        elif why.startswith(LATE):
            found.append(warning(check, f"{name}: {why}", "Run it again when the machine is less busy."))
        elif each is codec:
            found.append(
                fault(check, f"{name}: {why}", "Install FFmpeg's libraries anew: pip install --force-reinstall av")
            )
        else:
            found.append(warning(check, f"{name}: {why}", f"Record with another codec than {each.value}."))
    hardware = {name: _short(name, why) for name, why in trials.items() if name not in LIBRARIES.values()}
    working = [name for name, why in hardware.items() if not why]
    reasons = "; ".join(f"{name}: {why}" for name, why in hardware.items()) or "this FFmpeg knows none"
    if working:
        found.append(fine("encoder-hardware", ", ".join(working)))
    elif wanted is EncoderChoice.AUTO:
        remedy = "Install the driver of the graphics hardware, or set record.encoder to software."
        found.append(warning("encoder-hardware", f"none works, software encodes ({reasons})", remedy))
    else:
        found.append(fine("encoder-hardware", f"none works and none is asked for ({reasons})"))
    return found


def _short(name: str, why: str) -> str:
    """Without the call that FFmpeg's binding quotes with all its options, and without saying the name twice."""
    return why.partition(": 'avcodec_open2")[0].removeprefix(f"the encoder {name} cannot be used: ")


def names() -> list[str]:
    """FFmpeg's names of what is to be tried: all software encoders, and those of hardware that this FFmpeg has."""
    hardware = [each.name for codec in VideoCodec for each in candidates(codec, Quality.MEDIUM)]
    return [*LIBRARIES.values(), *filter(_is_known, hardware)]


def _is_known(name: str) -> bool:
    try:
        av.codec.Codec(name, "w")
    except ValueError:
        return False
    return True


def gather() -> dict[str, str]:
    """Try all of them, as many at once as there are cores; blocks for that."""
    tried = names()
    with ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 1)) as pool:
        return dict(zip(tried, pool.map(lambda name: trial(name, TRIAL_LIMIT_S), tried), strict=True))


def check(wanted: EncoderChoice, codec: VideoCodec) -> list[Finding]:
    """The findings about encoders; takes about a second."""
    return judge(gather(), wanted, codec)
