"""The review server's interface against its own description, by Schemathesis. Harm guarded against: a request that
nobody thought of and that breaks the server, or is answered as nothing says."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from tests.e2e.test_review import House, Visitor
from tests.support.installation import Installation
from tests.support.wait import until

pytestmark = [pytest.mark.paired, pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLES = int(os.environ.get("REELD_EXAMPLES", "4"))
WITHOUT = ("ignored_auth", "positive_data_acceptance")
"""The first believes that the cookie it made up was sent; test_guard tries those. The second, that what fits a schema
must be right: a range may end before it begins."""
PATTERN = ("--test-pattern", "640x480", "--mic", "none", "--system-audio", "none")


@pytest.fixture(scope="module")
def visitor() -> Iterator[Visitor]:
    with Installation({**os.environ}) as installation:
        installation.start_daemon()
        session = installation.ok("start", "--name", "recorded", *PATTERN)["session"]
        until(lambda: installation.elapsed_s() >= 2, 30, what="two seconds of it")
        installation.ok("stop")
        yield House(installation, session, "").visitor()[0]


def test_everything_is_answered_as_it_is_described(visitor: Visitor) -> None:
    document = visitor.json("/openapi.json")
    # It has no end; test_review_page hears it.
    del document["paths"]["/api/events"]
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=f"http://127.0.0.1:{visitor.port}")
    headers = {"Cookie": visitor.cookie, "Origin": f"http://127.0.0.1:{visitor.port}"}
    schemathesis.checks.load_all_checks()
    excluded = [schemathesis.checks.CHECKS.get_one(name) for name in WITHOUT]
    asked = 0
    for result in schema.exclude(method="HEAD").get_all_operations():
        operation: Any = result.ok()  # type: ignore[union-attr]

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        @given(case=operation.as_strategy())
        def one(case: Any) -> None:
            nonlocal asked
            case.call_and_validate(headers=headers, excluded_checks=excluded)
            asked += 1

        one()
    assert asked > 20 * EXAMPLES / 2
