"""One setting changed. Harm guarded against: a person's file that then means something else, or lost a comment."""

import contextlib
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import parse_config
from reeld.settings.editing import find_key, read_value, with_setting
from reeld.settings.keys import keys
from reeld.settings.template import template
from reeld_proto.errors import ErrorCode, RequestRejected

WRITTEN = """\
# my settings

[record]   # what I like
quality = "high"
fps = 15 # enough for "text" # really
# fps = 60 was too much

[storage]
quota = "50GB"
[[privacy.rules]]
name = "bank"
app = "firefox"
"""


def changed(text: str, path: str, value: Any) -> str:
    return with_setting(text, find_key(path), value)


def test_a_setting_is_replaced_where_it_stands_with_its_comment() -> None:
    assert changed(WRITTEN, "record.fps", 30) == WRITTEN.replace("fps = 15 #", "fps = 30 #")


def test_a_new_setting_joins_its_table() -> None:
    assert changed(WRITTEN, "record.pointer", False) == WRITTEN.replace(
        "# what I like\n", "# what I like\npointer = false\n"
    )
    assert "garbage_after_s = 60.0" in changed(WRITTEN, "storage.garbage_after_s", 60.0)


def test_a_table_that_is_not_there_is_added_at_the_end() -> None:
    assert changed(WRITTEN, "upkeep.compact", False) == f"{WRITTEN}\n[upkeep]\ncompact = false\n"
    assert changed("", "record.fps", 5) == "[record]\nfps = 5\n"


def test_a_table_of_which_only_rows_are_there_is_added_too() -> None:
    assert parse_config(changed(WRITTEN, "privacy.pause_on_lock", False)).privacy.pause_on_lock is False


def test_in_the_file_of_init_the_default_stays_above_the_choice() -> None:
    once = changed(template(), "record.fps", 12)
    assert "#fps = 30\nfps = 12\n" in once
    twice = changed(once, "record.fps", 13)
    assert "#fps = 30\nfps = 13\n" in twice
    assert len(twice.splitlines()) == len(template().splitlines()) + 1
    assert parse_config(twice).replay.fps is None


def test_a_value_over_several_lines_is_replaced_whole() -> None:
    text = '[replay]\ndisplays = [ # two\n  "A",\n  "B",\n]\nmicrophone = "none"\n'
    assert changed(text, "replay.displays", ["C"]) == '[replay]\ndisplays = ["C"]\nmicrophone = "none"\n'


def test_a_sign_within_a_text_is_no_comment() -> None:
    text = '[replay]\nmicrophone = "a # b"\n'
    assert changed(text, "replay.microphone", "c") == '[replay]\nmicrophone = "c"\n'


def test_line_ends_of_the_file_stay() -> None:
    text = "[record]\r\n# mine\r\nfps = 15\r\n"
    assert changed(text, "record.fps", 20) == "[record]\r\n# mine\r\nfps = 20\r\n"


@pytest.mark.parametrize(
    "text",
    [
        "record = {fps = 15}\n",
        "record.fps = 15\n",
        '[record]\n"fps" = 15\n',
        '["record"]\nfps = 15\n',
        "[replay]\nmicrophone = '''\n[record]\n'''\n[record]\nfps = 15\n",
    ],
)
def test_what_cannot_be_changed_safely_is_refused_or_right(text: str) -> None:
    """Never a file that means something else."""
    wanted = tomllib.loads(text)
    wanted["record"]["fps"] = 20
    try:
        after = changed(text, "record.fps", 20)
    except RequestRejected as error:
        after = text.replace("fps = 15", "fps = 20").replace('"fps" = 15', '"fps" = 20')
        by_hand = error.remedy
    else:
        by_hand = "[record] fps = 20"
    assert tomllib.loads(after) == wanted
    assert "[record] fps = 20" in by_hand


LINES = st.sampled_from(
    ["[record]", "[storage]", "[replay]", "[[privacy.rules]]", "fps = 15", "#fps = 30", "# fps = 3", 'quality = "high"',
     "quality = '''", "'''", "displays = [", "'a', # b", "]", 'name = "x # y"', "", "record.fps = 3", "'fps' = 4"]
)  # fmt: skip


@given(st.lists(LINES, max_size=12), st.integers(1, 60))
def test_any_file_means_the_same_but_for_the_one_setting(lines: list[str], fps: int) -> None:
    text = "\n".join(lines)
    with contextlib.suppress(tomllib.TOMLDecodeError, RequestRejected):
        before = tomllib.loads(text)
        after = tomllib.loads(changed(text, "record.fps", fps))
        assert after["record"].pop("fps") == fps
        before.setdefault("record", {}).pop("fps", None)
        assert after == before
        assert all(line in changed(text, "record.fps", fps) for line in lines if line.startswith("#"))


@pytest.mark.parametrize(
    ("path", "typed", "value"),
    [
        ("record.fps", "12", 12),
        ("record.quality", "high", "high"),
        ("record.quality", '"high"', "high"),
        ("record.pointer", "false", False),
        ("storage.quota", "50GB", "50GB"),
        ("storage.quota", "5000", 5000),
        ("storage.keyframes_after_days", "30", 30),
        ("replay.displays", '["A", "B"]', ["A", "B"]),
        ("replay.microphone", "alsa_input.pci.analog", "alsa_input.pci.analog"),
        ("replay.microphone", "true", "true"),
    ],
)
def test_what_is_typed_is_read_as_the_setting_wants_it(path: str, typed: str, value: Any) -> None:
    assert read_value(find_key(path), typed) == value


@pytest.mark.parametrize(
    ("path", "typed", "word"),
    [
        ("record.fps", "61", "60"),
        ("record.fps", "many", "many"),
        ("record.fps", "1\nx = 2", "int"),
        ("record.quality", "best", "lossless"),
        ("record.pointer", "yes", "bool"),
        ("replay.displays", "A", "array"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_do(path: str, typed: str, word: str) -> None:
    with pytest.raises(RequestRejected, match=word) as caught:
        read_value(find_key(path), typed)
    assert caught.value.exit_code == 2


def test_an_unknown_setting_is_refused_and_the_nearest_named() -> None:
    with pytest.raises(RequestRejected, match=r"record\.fps") as caught:
        find_key("record.fsp")
    assert caught.value.code is ErrorCode.NOT_FOUND
    assert find_key("record.fps") in keys()
