"""Whether this process belongs to a terminal that is still there."""

import os


def has_terminal() -> bool:
    """Whether there is a controlling terminal. It is lost, before SIGHUP comes, when a person closes the window."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError:
        return False
    return True
