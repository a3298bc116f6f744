"""What `doctor` says to a person."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reeld_client.cli.human import plural
from reeld_client.cli.render_live import words
from reeld_client.doctor.diagnosis import Diagnosis
from reeld_proto.doctor import CheckStatus, Finding

_SIGNS = {
    CheckStatus.OK: ("✓", "green"),
    CheckStatus.WARNING: ("!", "bold yellow"),
    CheckStatus.FAULT: ("✗", "bold red"),
}


def print_diagnosis(console: Console, found: Diagnosis) -> None:
    """`reelctl doctor`: a line each, its remedy below it."""
    rows = Table.grid(padding=(0, 1))
    rows.add_column(no_wrap=True)
    rows.add_column(no_wrap=True)
    rows.add_column()
    for finding in found.findings:
        rows.add_row(*_row(finding))
        if finding.remedy:
            rows.add_row("", "", words(f"→ {finding.remedy}", "cyan"))
    console.print(rows)
    console.print(_summary(found.findings))
    if found.bundle is not None:
        about = "holds findings, versions, settings and logs; look at it before you send it"
        console.print(words(f"{found.bundle} {about}"), soft_wrap=True)


def _row(finding: Finding) -> tuple[Text, Text, Text]:
    sign, style = _SIGNS[finding.status]
    return Text(sign, style=style), words(finding.check, "bold"), words(finding.detail)


def _summary(findings: list[Finding]) -> Text:
    counts = {status: sum(finding.status is status for finding in findings) for status in CheckStatus}
    if counts[CheckStatus.FAULT]:
        parts = [plural(counts[CheckStatus.FAULT], "fault"), plural(counts[CheckStatus.WARNING], "warning")]
        return words(", ".join(parts), "bold red")
    if counts[CheckStatus.WARNING]:
        return words(f"no faults, {plural(counts[CheckStatus.WARNING], 'warning')}", "yellow")
    return words("everything is in order", "green")
