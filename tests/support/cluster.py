"""A real Dask cluster of two machines, each a process of its own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from distributed import LocalCluster

HERE = Path(__file__).resolve().parents[2]


@contextmanager
def two_machines() -> Iterator[str]:
    """The scheduler's address."""
    paths = [str(HERE / part) for part in ("proto", "client", "daemon", "")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as cluster:
            yield str(cluster.scheduler_address)
