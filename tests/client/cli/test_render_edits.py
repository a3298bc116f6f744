"""What people read after an edit."""

from msgspec.structs import replace

from reeld_client.cli.render_edits import print_deleted, print_derived
from reeld_proto.edits import Deleted, Derived
from tests.client.cli.test_render import text_of
from tests.client.fake_reeld import INFO, SESSION

MADE = Derived(session=SESSION, name="best [1]", duration_s=62.5, bytes=2_000_000, new_bytes=0, info=INFO)


def test_a_new_session_says_its_id_and_that_nothing_was_copied() -> None:
    text = text_of(print_derived, MADE)
    for expected in ("best [1]", SESSION, "1:02.5", "2.00 MB", "nothing copied"):
        assert expected in text
    assert "30.0 kB made anew" in text_of(print_derived, replace(MADE, new_bytes=30_000))


def test_a_name_of_others_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in text_of(print_derived, replace(MADE, name="\x1b[2J"))


def test_a_deletion_says_what_goes_and_what_stays() -> None:
    text = text_of(print_deleted, Deleted(session=SESSION, freed_bytes=0, shared_bytes=5000))
    assert "5.00 kB stay in other sessions" in text
    text = text_of(print_deleted, Deleted(session=SESSION, freed_bytes=7000, shared_bytes=0))
    assert "7.00 kB for `reelctl gc`" in text
    assert "stay" not in text
