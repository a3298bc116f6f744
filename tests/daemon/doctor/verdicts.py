"""Short forms of findings for tests."""

from reeld_proto.doctor import CheckStatus, Finding

OK, WARNING, FAULT = CheckStatus.OK, CheckStatus.WARNING, CheckStatus.FAULT


def statuses(found: list[Finding]) -> dict[str, CheckStatus]:
    """By the names of the checks. Whatever is not in order must come with a remedy, and what is has none."""
    for finding in found:
        assert bool(finding.remedy) == (finding.status is not OK), finding
        assert finding.detail
    return {finding.check: finding.status for finding in found}
