"""The cluster as the enrichment worker sees it: where portions are handed out, and what became of them.

DESIGN: this process is Dask's client. When it is killed, to pause or to cancel, the scheduler drops what it was asked.
What a machine of the cluster did when it died Dask gives to another one.
"""

import contextlib
from collections.abc import Callable
from concurrent.futures import CancelledError
from typing import Any

from reeld_proto.errors import ErrorCode, InternalError, ReeldError, RequestRejected, TransportError

try:
    from distributed import Client, Future, wait
    from distributed.comm.core import FatalCommClosedError
    from distributed.scheduler import KilledWorker
except ImportError as _error:
    raise RequestRejected(
        "this installation cannot reach a Dask cluster",
        code=ErrorCode.NOT_FOUND,
        remedy="pip install 'reeld[cluster]', then restart the daemon, or remove `[enrich] scheduler`.",
    ) from _error

CONNECT_S = 10.0
LOOK_S = 2.0
"""How often it is looked whether the cluster is still there, while nothing comes back."""
NOBODY_S = 20.0
"""A cluster without machines is given so long to get one."""
_AWAY = (OSError, TimeoutError, FatalCommClosedError, CancelledError)


class Cluster:
    """A connection to a scheduler. Used by one thread. Raises TransportError (TIMEOUT) if it does not answer."""

    def __init__(self, address: str) -> None:
        self.address = address
        try:
            self._client = Client(
                address, timeout=CONNECT_S, set_as_default=False, name="reeld", heartbeat_interval=2000
            )
        except (OSError, TimeoutError, ValueError) as error:
            raise self._away() from error

    def close(self) -> None:
        """Leave; what was handed out and is not done is dropped."""
        with contextlib.suppress(*_AWAY):
            self._client.close(timeout=LOOK_S)

    def size(self) -> int:
        """Threads of all machines."""
        try:
            return sum(self._client.nthreads().values())
        except _AWAY as error:
            raise self._away() from error

    def submit(self, work: Callable[..., Any], *arguments: Any) -> "Future":
        """Hand out a call. It is done, whatever was done before; an argument may be what another call gives."""
        try:
            return self._client.submit(work, *arguments, pure=False)
        except _AWAY as error:
            raise self._away() from error

    def first_of(self, futures: "list[Future]") -> "Future":
        """The first that is done, of some in the order in which they were handed out.

        Raises TransportError (TIMEOUT) if the scheduler is lost, or no machine is there for `NOBODY_S`.
        """
        alone_s = 0.0
        while True:
            with contextlib.suppress(TimeoutError), self._client.as_current():
                wait(futures, timeout=LOOK_S, return_when="FIRST_COMPLETED")
            done = next((each for each in futures if each.done()), None)
            if done is not None:
                return done
            if self._client.status != "running":
                raise self._away()
            alone_s = 0.0 if self.size() else alone_s + LOOK_S
            if alone_s >= NOBODY_S:
                raise TransportError(
                    f"the Dask cluster at {self.address} has no worker",
                    code=ErrorCode.TIMEOUT,
                    remedy=f"Start one: `dask worker {self.address}`.",
                )

    def result_of(self, future: "Future") -> Any:
        """What came of a call. Raises the ReeldError that it raised; TransportError, InternalError for others."""
        try:
            return future.result(timeout=CONNECT_S)
        except ReeldError:
            raise
        except KilledWorker as error:
            message = f"machines of the cluster died of this work: {str(error)[:200]}"
            raise InternalError(message, code=ErrorCode.WORKER_LOST) from error
        except _AWAY as error:
            raise self._away() from error
        except Exception as error:  # whatever code of another machine raises arrives here
            raise InternalError(
                f"a machine of the cluster failed: {type(error).__name__}: {str(error)[:200]}"
            ) from error

    def _away(self) -> TransportError:
        return TransportError(
            f"no Dask scheduler answers at {self.address}",
            code=ErrorCode.TIMEOUT,
            remedy="Start `dask scheduler` there, or correct or remove `[enrich] scheduler`.",
        )
