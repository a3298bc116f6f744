"""`python -m reeld.settings WHAT --config FILE ...`, run by `reelctl config`: one JSON document on standard output."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from reeld.config import default_config_path
from reeld.settings import work
from reeld_proto.errors import ReeldError
from reeld_proto.records import Record


def main(argv: Sequence[str] | None = None) -> None:
    """Do it. A ReeldError is written as `{"error": ...}`, and its exit code is that of the process."""
    options = _parser().parse_args(argv)
    code = 0
    try:
        plain = msgspec.to_builtins(_answer(options))
    except ReeldError as error:
        faults = list(error.faults)
        plain = {"error": {"code": error.code, "message": str(error), "remedy": error.remedy, "faults": faults}}
        code = error.exit_code
    sys.stdout.buffer.write(msgspec.json.encode(plain))
    sys.stdout.flush()
    sys.exit(code)


def _answer(options: argparse.Namespace) -> Record:
    path = options.config.absolute() if options.config else default_config_path()
    match options.what:
        case "init":
            return work.init(path, force=options.force)
        case "check":
            return work.check(path)
        case "set":
            return work.set_(path, options.key, options.value)
        case _:
            return work.show(path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="reeld.settings")
    parser.add_argument("what", choices=["init", "show", "check", "set"])
    parser.add_argument("--config", type=Path)
    parser.add_argument("--force", action="store_true")
    parser.add_argument("--key", default="")
    parser.add_argument("--value", default="")
    return parser


if __name__ == "__main__":
    main()
