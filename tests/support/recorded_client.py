"""A client of no daemon: it notes what is asked, in the words of the real one, and gives what it was told to."""

import inspect
from collections.abc import Mapping
from typing import Any

from reeld_client import AsyncClient
from reeld_client.aio_jobs import AsyncJobs


class RecordedClient:
    """What is asked must fit the signature of the real client's method; `asked` has name and arguments of each call.

    answers: what each method gives, by name; an exception is raised.
    """

    def __init__(self, answers: Mapping[str, Any], kind: type = AsyncClient) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._answers = answers
        self._kind = kind

    @property
    def jobs(self) -> "RecordedClient":
        """Of long work."""
        jobs = RecordedClient(self._answers, AsyncJobs)
        jobs.asked = self.asked
        return jobs

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._kind, name)

        async def call(*words: Any, **options: Any) -> Any:
            arguments = inspect.signature(method).bind(None, *words, **options).arguments
            arguments.pop("self")
            options = arguments.pop("options", {})
            self.asked.append((name, {**arguments, **options}))
            answer = self._answers[name]
            if isinstance(answer, Exception):
                raise answer
            return answer

        return call
