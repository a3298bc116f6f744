"""Which service manager this machine has."""

import sys

from reeld_client.service.models import Manager


def this_manager() -> Manager:
    """The manager of this platform; whether it answers shows at the first question."""
    if sys.platform == "darwin":
        from reeld_client.service.launchd import Launchd  # noqa: PLC0415 - one of the two is never needed

        return Launchd()
    from reeld_client.service.systemd import Systemd  # noqa: PLC0415

    return Systemd()
