from reeld.store.compact import copy_store
from reeld.store.environment import StoreEnvironment
from reeld.store.housekeeping import Housekeeping
from reeld.store.transaction import Table
from reeld_proto.store_orders import CollectChunks, EraseFreed, FreedErased, SwapFile
from reeld_proto.workers import AnyOrder, AnyReport, Done
from tests.daemon.store.remains import remains

SECRET = bytes(range(256)) * 40


def do(house: Housekeeping, store: StoreEnvironment, order: AnyOrder) -> AnyReport:
    work = house.work_for(order)
    assert work is not None
    return work(store)


def delete_secret(store: StoreEnvironment) -> None:
    with store.write() as txn:
        txn.put(Table.QUARANTINE, b"secret", SECRET)
    with store.write() as txn:
        txn.delete(Table.QUARANTINE, b"secret")


def erase(house: Housekeeping, store: StoreEnvironment) -> int:
    anew, total = True, 0
    while True:
        step = do(house, store, EraseFreed(anew=anew))
        assert isinstance(step, FreedErased)
        anew = False
        total += step.bytes
        if step.done:
            return total


def test_orders_for_a_transaction_are_left_to_it() -> None:
    assert Housekeeping().work_for(CollectChunks()) is None


def test_erasing_goes_on_from_order_to_order(store: StoreEnvironment) -> None:
    delete_secret(store)
    assert remains(store.path, [SECRET])
    assert erase(Housekeeping(), store) > len(SECRET)
    assert remains(store.path, [SECRET]) == 0


def test_what_is_deleted_while_it_erases_is_erased_by_whoever_asks_anew(store: StoreEnvironment) -> None:
    # Two people may collect at the same time; each is told the truth about what he deleted.
    house = Housekeeping()
    do(house, store, EraseFreed(anew=True))
    delete_secret(store)
    erase(house, store)
    assert remains(store.path, [SECRET]) == 0


def test_a_swap_in_the_middle_of_erasing_ends_it(store: StoreEnvironment) -> None:
    house = Housekeeping()
    delete_secret(store)
    do(house, store, EraseFreed(anew=True))
    house.close()
    made = copy_store(store, 0, lambda _done, _total: True)
    assert isinstance(do(house, store, SwapFile(staged=made.staged, txn_id=made.txn_id)), Done)
    erase(house, store)
    assert remains(store.path, [SECRET]) == 0
    house.close()
    house.close()
