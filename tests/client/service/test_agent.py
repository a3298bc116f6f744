"""The rendered LaunchAgent. Harm guarded against: an agent that launchd refuses, or that keeps its log nowhere."""

import plistlib
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reeld_client.service.agent import rendered_agent
from reeld_client.service.templates import AGENT, read_template

TEMPLATE = read_template(AGENT)
LOG = Path("/Users/ada/Library/Logs/reeld/reeld.log")


def test_the_agent_runs_the_whole_path_and_logs_where_it_is_read() -> None:
    agent = plistlib.loads(rendered_agent(TEMPLATE, ["/opt/reeld", "--store", "/s & <t>"], "1.2", LOG))
    assert agent["ProgramArguments"][:3] == ["/opt/reeld", "--store", "/s & <t>"]
    assert agent["ProgramArguments"][3:] == ["--log-file", agent["StandardErrorPath"]], "a log that grows without end"
    assert agent["StandardErrorPath"] == agent["StandardOutPath"] == str(LOG)


def test_all_else_of_the_template_stays() -> None:
    changed = {"ProgramArguments", "StandardErrorPath", "StandardOutPath"}
    before = plistlib.loads(TEMPLATE)
    after = plistlib.loads(rendered_agent(TEMPLATE, ["/reeld"], "1", LOG))
    assert before.keys() == after.keys()
    assert all(after[key] == before[key] for key in before.keys() - changed)


def test_an_upgrade_is_another_agent_so_that_the_new_daemon_is_started() -> None:
    one, same, other = (rendered_agent(TEMPLATE, ["/reeld"], release, LOG) for release in ("1", "1", "2"))
    assert one == same != other


@given(st.text(max_size=20))
def test_no_release_name_can_break_the_file(release: str) -> None:
    assert plistlib.loads(rendered_agent(TEMPLATE, ["/reeld"], release, LOG))["Label"] == "org.reeld.reeld"
