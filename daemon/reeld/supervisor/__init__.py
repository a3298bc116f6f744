"""Worker processes: spawned, watched by their progress, restarted within a budget, ended in order."""

from reeld.supervisor.core import Limits
from reeld.supervisor.signals import Role
from reeld.supervisor.supervisor import Listeners, Premises, Supervisor

__all__ = ["Limits", "Listeners", "Premises", "Role", "Supervisor"]
