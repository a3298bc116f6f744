"""Installing and removing, the same with every manager: what is done in which order, and what a recording forbids."""

from reeld_client.service.files import remove_all, replace_if_other
from reeld_client.service.models import Manager, ServiceInstalled, ServiceRemoved


def install(manager: Manager, content: bytes, session: str | None) -> ServiceInstalled:
    """Put the file in place and have it run. Repeated, it changes nothing.

    session: the one being recorded. A daemon that records is not restarted for a changed file; the warnings say so.
    """
    before = manager.status()
    changed = replace_if_other(manager.path, content)
    restart = changed and before.active and session is None
    manager.start(changed=changed, restart=restart)
    after = manager.status()
    warnings = manager.warnings()
    if changed and before.active and session is not None:
        warnings.insert(
            0,
            f"session {session} is being recorded, so the daemon goes on as it was; what was installed is used from its"
            f" next start (`{manager.restart_words}` when the session has ended)",
        )
    return ServiceInstalled(
        manager=manager.name,
        path=str(manager.path),
        changed=changed,
        restarted=restart,
        active=after.active,
        pid=after.pid,
        warnings=warnings,
    )


def uninstall(manager: Manager, session: str | None) -> ServiceRemoved:
    """End the daemon cleanly, remove what `install` made, and nothing else. session: the one being recorded."""
    was_active = manager.status().active
    manager.stop()
    removed = remove_all(manager.leftovers())
    manager.forget()
    ended = [f"session {session} was being recorded and was ended with it"] if session and was_active else []
    return ServiceRemoved(manager=manager.name, removed=removed, warnings=ended)
