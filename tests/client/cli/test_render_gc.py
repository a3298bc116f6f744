"""What people read about a collection."""

from reeld_client.cli.render_gc import print_collected
from reeld_proto.edits import Collected, GarbageItem
from tests.client.cli.test_render import text_of


def items(count: int, reason: str, size: int = 1000) -> list[GarbageItem]:
    return [GarbageItem(chunk=f"{number:064x}", bytes=size, reason=reason, since="") for number in range(count)]


def collected(*lists: list[GarbageItem], **fields: object) -> Collected:
    listed = [item for items in lists for item in items]
    values: dict[str, object] = {
        "dry_run": False,
        "chunks": len(listed),
        "bytes": sum(item.bytes for item in listed),
        "items": listed,
        "kept": [],
        "erased_bytes": 0,
        **fields,
    }
    return Collected(**values)  # type: ignore[arg-type]


def test_it_says_how_much_went_and_why_the_most_first() -> None:
    text = text_of(print_collected, collected(items(2, "forgotten"), items(3, "deleted"), erased_bytes=7000))
    for expected in ("5 chunks, 5.00 kB removed", "7.00 kB overwritten", "deleted", "3.00 kB", "forgotten", "2.00 kB"):
        assert expected in text
    assert text.index("deleted") < text.index("forgotten")


def test_a_dry_run_never_sounds_as_if_it_had_happened() -> None:
    text = text_of(print_collected, collected(items(1, "deleted"), dry_run=True))
    assert "1 chunk, 1.00 kB would go" in text
    assert "removed" not in text
    assert "✓" not in text


def test_nothing_to_do_is_said_so() -> None:
    assert "nothing to remove" in text_of(print_collected, collected())


def test_what_is_not_listed_and_what_must_stay_is_said() -> None:
    text = text_of(
        print_collected, collected(items(2, "x"), chunks=9, bytes=9000, kept=items(3, "young"), complete=False)
    )
    assert "and 7.00 kB more" in text
    assert "3 chunks, 3.00 kB kept" in text
    assert "run gc again" in text


def test_many_reasons_do_not_scroll_the_answer_away() -> None:
    text = text_of(print_collected, collected(*(items(1, f"session {number}") for number in range(30))))
    assert "10 other reasons" in text


def test_a_reason_of_others_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in text_of(print_collected, collected(items(1, "\x1b[2J")))
