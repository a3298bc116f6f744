"""The import as the daemon drives it, without a daemon: the job, then each of its orders in a transaction."""

from pathlib import Path

from reeld.copies.importing import run_import
from reeld.store import landing
from reeld.store.api import Circumstances
from reeld.store.environment import StoreEnvironment
from reeld.store.staging import remove_staged
from reeld_proto.store_orders import ImportSession, ImportStaged, LandBytes, RunImport


def staged(store_dir: Path, *paths: Path, **options: object) -> ImportStaged:
    """What the job reports. The store must not be open in this process."""
    order = RunImport(store=str(store_dir), paths=[str(path) for path in paths], **options)  # type: ignore[arg-type]
    return run_import(order, lambda *_: True)


def land(store: StoreEnvironment, report: ImportStaged) -> list[str]:
    """Land everything; the sessions' ids."""
    circumstances = Circumstances(store.path, ())
    found = []
    for number, each in enumerate(report.imports):
        session = each.session or f"imported-{number}"
        if not each.known:
            for path in each.slices:
                with store.write() as txn:
                    landing.land_bytes(txn, LandBytes(staged=path), circumstances)
                remove_staged(store.path, path)
            with store.write() as txn:
                landing.import_session(txn, ImportSession(session=session, staged=each.rows), circumstances)
            remove_staged(store.path, each.rows)
        found.append(session)
    return found


def imported(store_dir: Path, *paths: Path, **options: object) -> list[str]:
    """Import files into a store that is not open; the sessions' ids."""
    report = staged(store_dir, *paths, **options)
    assert not report.refused, report.refused
    store = StoreEnvironment.open_write(store_dir)
    try:
        return land(store, report)
    finally:
        store.close()
