"""Harm guarded against: damage met while the store was open, that its proper close makes look like a whole file."""

from pathlib import Path

from reeld.store import suspicion
from reeld.store.endings import Tenancy
from tests.daemon.store import damage
from tests.daemon.store.damage import store_of
from tests.daemon.store.test_pruning import deadly


def test_damage_that_was_met_is_looked_for_after_a_proper_close(tmp_path: Path) -> None:
    data = damage.two_sessions(tmp_path / "whole")
    folder = store_of(tmp_path / "store", data)
    tenancy = Tenancy(folder)
    page, _ = deadly(folder, data)
    suspicion.distrust(folder)
    tenancy.end()
    tenancy = Tenancy(folder)
    assert [fault.page for fault in tenancy.damaged] == [page]
    assert not suspicion.is_suspect(folder)
    tenancy.end()


def test_a_folder_that_is_no_store_of_ours_is_left_alone(tmp_path: Path) -> None:
    suspicion.distrust(tmp_path)
    suspicion.distrust(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []
