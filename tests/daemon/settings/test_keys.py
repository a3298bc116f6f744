"""Every setting is known with what its docstring says. Harm guarded against: a new one that nobody hears of."""

from typing import Annotated

import pytest
from msgspec import Meta, Struct

from reeld.config import Config, StoreConfig
from reeld.settings import keys as keys_module
from reeld.settings.keys import Key, heading, keys, tables
from reeld_proto.records import Quality


@pytest.mark.parametrize("key", keys(), ids=lambda key: key.path)
def test_every_setting_is_explained_in_its_docstring(key: Key) -> None:
    assert key.about, f"the docstring of [{key.table}] says nothing of {key.name}"
    assert key.about.endswith(".")


@pytest.mark.parametrize("name", tables())
def test_every_table_says_what_it_is_for(name: str) -> None:
    assert heading(tables()[name])


def test_all_tables_of_the_config_are_there_but_those_that_a_person_names() -> None:
    assert [*tables(), "profiles", "features", "audio"] == list(Config.__struct_fields__)


def test_defaults_are_those_of_the_structs() -> None:
    config = Config()
    for key in keys():
        assert getattr(getattr(config, key.table), key.name) == key.default


class Sample(Struct):
    """`[sample]`: what it is; for tests. one, two: of both; they differ: a little.

    three: the last; of them.
    four: never mentions five: at all.
    """

    one: int = 1
    two: Annotated[str, Meta(min_length=1)] | None = None
    three: Quality | None = None
    four: list[str] = []
    five: bool = False


def test_a_docstring_is_cut_where_settings_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "tables", lambda: {"sample": Sample})
    found = {key.name: key for key in keys()}
    assert heading(Sample) == "What it is; for tests."
    assert found["one"].about == found["two"].about == "Of both; they differ: a little."
    assert found["three"].about == "The last; of them."
    assert found["four"].about == "Never mentions five: at all."
    assert found["five"].about == ""


def test_kinds_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_module, "tables", lambda: {"sample": Sample})
    found = {key.name: key for key in keys()}
    assert found["three"].choices == [quality.value for quality in Quality]
    assert [name for name, key in found.items() if key.is_text] == ["two", "three"]
    assert heading(StoreConfig) == "The file that holds everything."
