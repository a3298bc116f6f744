"""The LaunchAgent, from its template. Pure."""

import plistlib
import re
from collections.abc import Sequence
from pathlib import Path

_FIRST = (
    b"<!-- Written by `reelctl service install` of reeld %s, which will replace it; "
    b"`reelctl service uninstall` removes it. -->\n<plist"
)


def rendered_agent(template: bytes, command: Sequence[str], release: str, log: Path) -> bytes:
    """The agent that runs `command` and appends what it says to `log`. launchd does not make the log's folder.

    release: stands in the file, so that an upgrade of reeld is a changed agent and a restart.
    """
    agent = plistlib.loads(template)
    # The daemon keeps its log from growing without end; launchd adds what is said before it has taken it over.
    agent["ProgramArguments"] = [*command, "--log-file", str(log)]
    # With the whole path there is nothing to search; hooks of the user's find what they find in a terminal's PATH.
    agent["StandardErrorPath"] = agent["StandardOutPath"] = str(log)
    return plistlib.dumps(agent).replace(b"<plist", _FIRST % re.sub("[^0-9A-Za-z.+]", "", release).encode(), 1)
