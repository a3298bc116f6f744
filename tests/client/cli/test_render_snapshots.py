"""What people read about snapshots."""

import msgspec

from reeld_client.cli.render_snapshots import print_snapshots
from reeld_client.cli.snapshots import Snapshots
from tests.client.cli.test_render import text_of
from tests.client.cli.test_snapshots import AGAIN, FIRST


def test_files_are_named_only_when_they_were_written() -> None:
    written = Snapshots([msgspec.structs.replace(FIRST, file="/out/00h00m00.000s-snapshots-1.png"), AGAIN])
    assert "00h00m00.000s-snapshots-1.png" in text_of(print_snapshots, written)
    assert "file" not in text_of(print_snapshots, Snapshots([FIRST]))
