"""`python -m reeld.doctor`: makes all checks at once and writes `Examined` as one JSON document to standard output."""

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import msgspec
import psutil

from reeld.config import Config, load_config
from reeld.doctor import clock, disk, display, encoders, mac, sound, versions
from reeld.doctor.discreet import discreet
from reeld_proto.doctor import Check, Examined, Finding, fault, fine, run_checks
from reeld_proto.errors import ErrorCode, RequestRejected

LIMIT_S = 4.5
"""All checks together; every one has a shorter limit of its own wherever it can be given one."""


def settings() -> tuple[Config, list[Finding]]:
    """The daemon's settings and what is wrong with them; the usual ones if they cannot be read."""
    try:
        return load_config(None), [fine("config", "no faults")]
    except RequestRejected as error:
        is_missing = error.code is ErrorCode.NOT_FOUND
        remedy = "Make it with `reelctl config init`." if is_missing else "See `reelctl config check`."
        return Config(), [fault("config", str(error), remedy)]


def checks(store: Path, config: Config) -> dict[str, Check]:
    """What is looked at, in the order in which it is told."""
    record = config.record
    return {
        "display": display.check,
        "sound-server": sound.check,
        "portaudio": sound.check_portaudio,
        "encoders": lambda: encoders.check(record.encoder, record.codec),
        "disk": lambda: disk.check(store, config.store.reserve_bytes),
        "clock": clock.check,
        "permissions": mac.check,
        "versions": versions.check,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Look at everything, and write it."""
    parser = argparse.ArgumentParser(prog="reeld.doctor")
    parser.add_argument("--store", type=Path, required=True)
    parser.add_argument("--with-config", action="store_true")
    options = parser.parse_args(argv)
    config, findings = settings()
    findings += run_checks(checks(options.store, config), LIMIT_S)
    examined = Examined(findings=findings, config=discreet(config) if options.with_config else None)
    sys.stdout.buffer.write(msgspec.json.encode(examined))
    sys.stdout.flush()


def leave() -> NoReturn:
    """End at once, with everything that was started: what hangs in a driver would otherwise stay, or keep us."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()
    os._exit(0)


if __name__ == "__main__":
    main()
    leave()
