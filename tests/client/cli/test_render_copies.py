"""What people read after a copy, a bundle, an import."""

from msgspec.structs import replace

from reeld_client.cli.render_copies import print_bundled, print_imported, print_synced
from reeld_proto.commands import Imported
from reeld_proto.copies import RefusedFile
from tests.client.cli.test_copies import BUNDLED, SYNCED, TAKEN
from tests.client.cli.test_render import text_of
from tests.client.fake_reeld import SESSION


def test_a_copy_says_what_moved_and_what_there_is() -> None:
    text = text_of(print_synced, SYNCED)
    for expected in ("/mnt/copy", "3 chunks", "3.00 kB", "1 removed", "2 sessions", "9.00 kB in all"):
        assert expected in text
    assert "up to date" in text_of(print_synced, replace(SYNCED, copied_chunks=0, copied_bytes=0))


def test_a_bundle_says_its_digest() -> None:
    text = text_of(print_bundled, BUNDLED)
    for expected in ("/x.reel", "2.5 s", "9.00 kB", "ab" * 32):
        assert expected in text


def test_an_import_says_what_is_new_what_was_there_and_what_was_refused() -> None:
    refused = [RefusedFile(path="/b\x1b[2J.mp4", reason="it is damaged")]
    text = text_of(print_imported, Imported(sessions=[TAKEN, replace(TAKEN, new=False)], refused=refused))
    assert text.count(SESSION) == 2
    assert text.count("there already") == 1
    assert "it is damaged" in text
    assert "\x1b" not in text
    assert "nothing to import" in text_of(print_imported, Imported(sessions=[]))
