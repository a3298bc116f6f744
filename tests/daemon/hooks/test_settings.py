"""`[hooks]`. Harm guarded against: a hook that is never run because its key is misspelt, or that a shell reads."""

import pytest

from reeld.config import parse_config
from reeld_proto import commands
from reeld_proto.errors import RequestRejected


def test_commands_are_lists_of_words() -> None:
    hooks = parse_config('[hooks]\non_stop = ["/bin/copy", "a b", "$HOME"]\n').hooks
    assert hooks.of("stop") == ["/bin/copy", "a b", "$HOME"]
    assert hooks.of("start") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("on_stopp = ['a']", r"hooks\.on_stopp.*hooks\.on_stop"),
        ("on_stop = 'rm -rf /'", "on_stop"),
        ("on_stop = ['']", "no program"),
        ('on_stop = ["a", "b\\u0000"]', "null"),
        ("on_stop = [3]", "on_stop"),
    ],
)
def test_a_wrong_hook_is_refused(text: str, words: str) -> None:
    with pytest.raises(RequestRejected, match=words):
        parse_config(f"[hooks]\n{text}\n")


def test_no_message_can_bring_a_hook() -> None:
    """Harm: whoever may start a recording may run programs."""
    fields = {field for command in commands.AnyCommand.__args__ for field in command.__struct_fields__}
    assert not [field for field in fields if "hook" in field or field.startswith("on_")]
