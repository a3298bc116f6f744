"""structlog set up once a process: JSON lines to stderr, or colours when stderr is a terminal."""

import logging
import sys
from typing import Any

import structlog


def configure(*, worker: str, level: int = logging.INFO) -> None:
    """Log events of this process to stderr, each bound to `worker`. Called once, at the start of the process."""
    terminal = sys.stderr.isatty()
    renderer: Any = structlog.dev.ConsoleRenderer() if terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Bound globally, not by contextvars: capture and audio log from threads of their own.
    _bound.clear()
    _bound["worker"] = worker


_bound: dict[str, Any] = {}


def get_logger() -> Any:
    """A logger whose events carry the process's name. Call it at use, after `configure`."""
    return structlog.get_logger().bind(**_bound)
