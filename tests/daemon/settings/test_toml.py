"""Values as TOML writes them: read back they are the same."""

import datetime
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.settings.toml import literal
from reeld_proto.records import Quality

TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
VALUES = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), TEXTS, st.lists(TEXTS, max_size=4)
)


@given(VALUES)
def test_a_value_comes_back(value: Any) -> None:
    assert tomllib.loads(f"value = {literal(value)}\n") == {"value": value}
    assert "\n" not in literal(value)


def test_an_enum_is_its_word() -> None:
    assert literal(Quality.HIGH) == '"high"'


def test_what_no_setting_is_is_refused() -> None:
    with pytest.raises(TypeError, match="date"):
        literal(datetime.date(2026, 11, 26))
