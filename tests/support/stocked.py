"""A daemon over a store that was filled before it began, its enrichment by toy engines unless another is named."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.daemon.enrich.library import Shelf
from tests.support.installation import Installation

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def stocked(
    folder: Path, config: str, fill: Callable[[Shelf], object], *, program: str = "toy-reeld"
) -> Iterator[Installation]:
    """The daemon, started with this config, which stands in `config.toml` of the folder."""
    path = folder / "config.toml"
    path.write_text(config)
    with Installation({**os.environ, "PYTHONPATH": str(ROOT)}) as installation:
        with closing(Shelf(installation.store)) as shelf:
            fill(shelf)
        installation.start_daemon("--config", str(path), program=program)
        yield installation
