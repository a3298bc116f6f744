"""The rendered unit. Harm guarded against: a service that starts another program, or other folders, than were meant."""

import configparser
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld_client.service.templates import UNIT, read_template
from reeld_client.service.unit import quoted, rendered_unit

TEMPLATE = read_template(UNIT).decode()
HOSTILE = st.text(alphabet=st.sampled_from("ab /%$\\\"';#{}\n\t\r-é"), min_size=0, max_size=12)


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read_string(text)
    return parser


def read_by_systemd(text: str) -> list[str]:
    """The words of an ExecStart= line after specifiers, quotes, escapes and variables, as systemd.service(5) has it."""
    lexer = shlex.shlex(text.replace("%%", "%"), posix=True, punctuation_chars="")
    lexer.whitespace_split, lexer.commenters, lexer.quotes = True, "", '"'
    found = []
    for number, word in enumerate(lexer):
        plain = word
        for escape, character in (("\\n", "\n"), ("\\t", "\t"), ("\\r", "\r")):
            plain = plain.replace(escape, character)
        found.append(plain if number == 0 else plain.replace("$$", "$"))
    return found


def test_the_unit_runs_the_whole_path_and_searches_nothing() -> None:
    text = rendered_unit(TEMPLATE, ["/opt/reeld/bin/reeld"], "1.2", own_runtime=True)
    service = parsed(text)["Service"]
    assert service["ExecStart"] == "/opt/reeld/bin/reeld"
    assert "ExecSearchPath" not in text
    assert "Where pip, pipx" not in text


def test_all_else_of_the_template_stays_with_its_reasons() -> None:
    text = rendered_unit(TEMPLATE, ["/reeld"], "1.2", own_runtime=True)
    before, after = parsed(TEMPLATE), parsed(text)
    assert after.sections() == before.sections()
    changed = {"ExecStart", "ExecSearchPath"}
    for section in before.sections():
        kept = {key: value for key, value in before[section].items() if key not in changed}
        assert {key: value for key, value in after[section].items() if key not in changed} == kept
    assert text.count("\n#") > 20


def test_an_upgrade_is_another_unit_so_that_the_new_daemon_is_started() -> None:
    one, same, other = (rendered_unit(TEMPLATE, ["/reeld"], release, own_runtime=True) for release in ("1", "1", "2"))
    assert one == same != other
    assert "`systemctl --user edit reeld`" in one


def test_sockets_elsewhere_leave_no_folder_behind_where_they_are_not() -> None:
    text = rendered_unit(TEMPLATE, ["/reeld", "--runtime", "/run/mine"], "1", own_runtime=False)
    assert "RuntimeDirectory" not in text
    assert "for this user alone. Gone after a stop" not in text
    assert "WatchdogSec" in text
    assert parsed(rendered_unit(TEMPLATE, ["/reeld"], "1", own_runtime=True))["Service"]["RuntimeDirectory"] == "reeld"


@pytest.mark.parametrize(
    ("word", "written"),
    [
        ("/usr/bin/reeld", "/usr/bin/reeld"),
        ("/home/a b/store", '"/home/a b/store"'),
        ("50%h", "50%%h"),
        ("$HOME", "$$HOME"),
        ('say "x"', '"say \\"x\\""'),
        ("back\\slash", '"back\\\\slash"'),
        ("two\nlines", '"two\\nlines"'),
        ("", '""'),
    ],
)
def test_a_word_is_written_so_that_systemd_reads_itself(word: str, written: str) -> None:
    assert quoted(word) == written


@given(st.lists(HOSTILE, min_size=0, max_size=4))
def test_no_path_can_break_out_of_its_word_or_line(words: list[str]) -> None:
    text = rendered_unit(TEMPLATE, ["/bin/a $b%/reeld", *words], "1", own_runtime=True)
    line = next(line for line in text.splitlines() if line.startswith("ExecStart="))
    assert read_by_systemd(line.removeprefix("ExecStart=")) == ["/bin/a $b%/reeld", *words]
    assert len(text.splitlines()) == len(rendered_unit(TEMPLATE, ["/r"], "1", own_runtime=True).splitlines())
