"""Orders about the store's file as a whole, which is more than a transaction can do."""

from collections.abc import Callable

from reeld.store import compact
from reeld.store.environment import StoreEnvironment
from reeld.store.erase import Eraser
from reeld_proto.store_orders import EraseFreed, FreedErased, SwapFile
from reeld_proto.workers import AnyOrder, AnyReport, Done


class Housekeeping:
    """Used in the thread that owns the environment, between its transactions."""

    def __init__(self) -> None:
        self._eraser: Eraser | None = None

    def work_for(self, order: AnyOrder) -> Callable[[StoreEnvironment], AnyReport] | None:
        """What carries out `order`; None if it is an order for a transaction. Raises ReeldError when called."""
        if isinstance(order, EraseFreed):
            return lambda store: self._erase(store, order)
        if isinstance(order, SwapFile):
            return lambda store: self._swap(store, order)
        return None

    def close(self) -> None:
        """Let go of the file. May be called twice."""
        if self._eraser is not None:
            self._eraser.close()
            self._eraser = None

    def _erase(self, store: StoreEnvironment, order: EraseFreed) -> AnyReport:
        if order.anew or order.stop:
            self.close()
        if order.stop:
            return FreedErased(bytes=0, done=False)
        if self._eraser is None:
            self._eraser = Eraser(store)
        try:
            step = self._eraser.step()
        except BaseException:
            self.close()
            raise
        if step.done:
            self.close()
        return FreedErased(bytes=step.bytes, done=step.done, waiting=step.waiting)

    def _swap(self, store: StoreEnvironment, order: SwapFile) -> AnyReport:
        self.close()
        compact.swap_in(store, order.staged, order.txn_id)
        return Done()
