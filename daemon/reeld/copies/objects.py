"""Objects in a cloud, through the library obstore. Who may do so is read from the environment, as its tools do."""

import contextlib
from collections.abc import Iterator
from datetime import timedelta

from reeld_proto.errors import ErrorCode, RequestRejected, TransportError

try:
    import obstore
    from obstore import exceptions as faults
    from obstore.store import from_url
except ImportError as _error:
    raise RequestRejected(
        "this installation cannot reach object stores",
        code=ErrorCode.NOT_FOUND,
        remedy="Install reeld with the extra `copies`.",
    ) from _error

RETRIES_MAX = 5
RETRY_FOR = timedelta(seconds=60)
"""A network that is away for longer is told to the person; the next run goes on where this one ended."""


class ObjectTarget:
    """Implements `reeld.copies.targets.Target` at a URL such as `s3://bucket/prefix`."""

    def __init__(self, url: str) -> None:
        self._url = url
        try:
            retry = {"max_retries": RETRIES_MAX, "retry_timeout": RETRY_FOR}
            in_memory = url.startswith("memory:")
            self._store = from_url(url) if in_memory else from_url(url, retry_config=retry)  # type: ignore[call-overload]
        except (faults.BaseError, ValueError) as error:
            raise RequestRejected(f"cannot copy to {url}: {_first_line(error)}") from error

    def put(self, name: str, data: bytes) -> None:
        """Store an object; durable when this returns."""
        with self._translated():
            obstore.put(self._store, name, data)

    def get(self, name: str) -> bytes | None:
        """The object, or None."""
        try:
            with self._translated():
                return bytes(obstore.get(self._store, name).bytes())
        except FileNotFoundError:
            return None

    def list(self, prefix: str) -> Iterator[str]:
        """Names below a folder."""
        with self._translated():
            for page in obstore.list(self._store, prefix, chunk_size=1000):
                for meta in page:
                    yield str(meta["path"])

    def delete(self, name: str) -> None:
        """Remove an object."""
        with contextlib.suppress(FileNotFoundError), self._translated():
            obstore.delete(self._store, name)

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (faults.NotFoundError, FileNotFoundError) as error:
            raise FileNotFoundError(self._url) from error
        except (faults.PermissionDeniedError, faults.UnauthenticatedError, PermissionError) as error:
            raise RequestRejected(
                f"{self._url} may not be used: {_first_line(error)}",
                code=ErrorCode.PERMISSION,
                remedy="Check the credentials in the daemon's environment.",
            ) from error
        except (faults.BaseError, OSError, ValueError) as error:
            raise TransportError(
                f"{self._url} does not answer as it should: {_first_line(error)}",
                code=ErrorCode.TIMEOUT,
                remedy="Try again; what has been copied is not copied twice.",
            ) from error


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0][:300]
