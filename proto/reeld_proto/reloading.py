"""The daemon's config file read again while it runs."""

from msgspec import field

from reeld_proto.base import Command, Reply


class ReloadConfig(Command, tag="config.reload", frozen=True, kw_only=True):
    """Read the config file again. Answered by `ConfigReloaded`; a file with faults is refused and changes nothing.

    SIGHUP does the same. A session that is being recorded goes on as it began.
    """


class ConfigReloaded(Reply, tag="config.reloaded", frozen=True, kw_only=True):
    """Answer to `ReloadConfig`. path: the file that was read.

    live: settings, or whole tables, that changed and hold from now on; a session that is being recorded goes on as it
    began. restart: those that differ from what the daemon works with until it is started again. warnings: what
    somebody might believe to hold and does not yet.
    """

    path: str
    live: list[str]
    restart: list[str]
    warnings: list[str] = field(default_factory=list)
