"""The workers, none of which starts to record without being told what it must not."""

from collections.abc import Callable

from reeld.replay.lease import House, SharedWorkers
from reeld.supervisor.signals import Role
from reeld_proto.workers import AnyOrder, AnyReport

Dress = Callable[[AnyOrder], AnyOrder]
"""The order as it shall be given."""


class PrivateHouse(SharedWorkers):
    """Implements House for the session and the rolling buffer. dress: applied to every order for a serving worker."""

    def __init__(self, house: House, dress: Dress) -> None:
        super().__init__(house, house.set_live_session)
        self._dress = dress

    async def ask_active(self, role: Role, order: AnyOrder, timeout_s: float) -> AnyReport:
        """An order to the worker that serves the role."""
        return await self._house.ask_active(role, self._dress(order), timeout_s)

    def retire(self, role: Role) -> str | None:
        """See House."""
        return self._house.retire(role)

    def dismiss(self, name: str) -> None:
        """See House."""
        self._house.dismiss(name)

    async def ask_named(self, name: str, order: AnyOrder, timeout_s: float) -> AnyReport:
        """See House."""
        return await self._house.ask_named(name, order, timeout_s)
