"""The file that `config init` writes. Harm guarded against: one that changes what holds, or that fails once edited."""

import re

from reeld.config import Config, parse_config
from reeld.settings.keys import keys
from reeld.settings.template import EXAMPLES, template


def uncommented() -> str:
    return re.sub(r"(?m)^#(?! )", "", template())


def test_it_means_nothing_but_defaults() -> None:
    assert parse_config(template()) == Config()


def test_every_setting_is_in_it_once_and_valid_when_the_sign_is_taken_away() -> None:
    config = parse_config(uncommented())
    assert config.profiles["meeting"].fps == 15
    tables = {"privacy.rules": ["passwords"], "enrich.plans": ["screens"]}
    for key in keys():
        assert len(re.findall(rf"(?m)^#?\[?\[?(?:{key.path}\]\]|{key.name} = )", template())) >= 1, key.path
        value = getattr(getattr(config, key.table), key.name)
        if key.path in tables:
            assert [each.name for each in value] == tables[key.path]
        else:
            assert value == (EXAMPLES[key.path] if key.default is None else key.default), key.path


def test_every_setting_without_a_default_has_an_example_and_no_other() -> None:
    assert set(EXAMPLES) == {key.path for key in keys() if key.default is None}


def test_choices_are_listed() -> None:
    assert "One of: low, medium, high, lossless." in template()


def test_lines_fit_a_terminal() -> None:
    assert max(map(len, template().splitlines())) <= 100
