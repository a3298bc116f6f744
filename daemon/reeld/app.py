"""The command `reeld`: the recorder daemon in the foreground."""

import argparse
import asyncio
import functools
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from reeld import __version__
from reeld.config import default_config_path, load_config
from reeld.daemon import Daemon, ReadConfig
from reeld.runtime import logs, traces
from reeld.runtime.log_file import LogFile
from reeld.supervisor.directories import DirectoryLock, prepare_private_dir, remove_stale_sockets
from reeld.supervisor.supervisor import Premises
from reeld_proto.endpoints import Endpoints, default_runtime_dir, default_store_dir
from reeld_proto.errors import ReeldError

Maker = Callable[..., Daemon]
"""Called as `Daemon` is, with its premises, settings and `read_config`."""


def main(argv: Sequence[str] | None = None, *, make: Maker = Daemon) -> None:
    """Entry point. Ends the process with an exit code of the command-line contract."""
    options = _parser().parse_args(argv)
    named = options.log_file or (Path(os.environ["REELD_LOG"]) if os.environ.get("REELD_LOG") else None)
    log = None if named is None or options.check_store else LogFile(named.absolute())
    try:
        if log is not None:
            log.take_over()
        logs.configure(worker="reeld")
        if options.check_store:
            print(_described(options.store.absolute() if options.store else default_store_dir()))  # noqa: T201
            return
        run(
            runtime_dir=options.runtime.absolute() if options.runtime else default_runtime_dir(),
            store_dir=options.store.absolute() if options.store else default_store_dir(),
            read_config=_reader(options.config),
            make=make if log is None else functools.partial(make, log=log),
        )
    except ReeldError as error:
        print(f"reeld: {error}", file=sys.stderr)  # noqa: T201 - the person who started it reads this, not a log
        if error.remedy:
            print(error.remedy, file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)


def run(*, runtime_dir: Path, store_dir: Path, read_config: ReadConfig, make: Maker = Daemon) -> None:
    """Hold both folders and serve until told to end. Raises ReeldError if that is not possible."""
    _, config = read_config()
    endpoints = Endpoints(runtime_dir)
    locks = [DirectoryLock(runtime_dir), DirectoryLock(store_dir)]
    note = f"runtime {runtime_dir}, store {store_dir}"
    try:
        for lock in locks:
            prepare_private_dir(lock.directory)
            lock.acquire(note)
        traces.sweep(runtime_dir)
        stale = remove_stale_sockets(runtime_dir)
        if stale:
            logs.get_logger().warning("daemon.stale_sockets_removed", names=stale)
        premises = Premises(endpoints, store_dir, inherited_fds=[lock.fd for lock in locks])
        asyncio.run(make(premises, config, read_config=read_config).run())
    finally:
        for lock in reversed(locks):
            lock.release()


def _reader(named: Path | None) -> ReadConfig:
    """Reads the file that was named when the daemon started, or the one of the default place."""
    path = named.absolute() if named else default_config_path()
    return lambda: (path, load_config(named and path))


def _described(store_dir: Path) -> str:
    """What format the store has, and what starting with it would do. Raises ReeldError; changes nothing."""
    from reeld.store.environment import stored_format  # noqa: PLC0415 - the daemon itself never opens a store
    from reeld.store.migrations import plan  # noqa: PLC0415

    version = stored_format(store_dir)
    steps = plan(version)
    if not steps:
        return f"{store_dir}: format {version}, up to date"
    return "\n".join([f"{store_dir}: format {version}; starting reeld with it would do:", *steps])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reeld", description="Record sessions of work in the background. Runs in the foreground; logs to stderr."
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help="where recordings are kept (REELD_STORE)")
    parser.add_argument("--runtime", type=Path, metavar="DIR", help="where the sockets are (REELD_RUNTIME_DIR)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="settings in TOML (REELD_CONFIG)")
    parser.add_argument(
        "--log-file", type=Path, metavar="FILE", help="log there instead of to stderr, at most 25 MB (REELD_LOG)"
    )
    parser.add_argument(
        "--check-store", action="store_true", help="say what format the store has and what would be migrated, and leave"
    )
    parser.add_argument("--version", action="version", version=f"reeld {__version__}")
    return parser
