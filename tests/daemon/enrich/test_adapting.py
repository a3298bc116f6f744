"""Which model is taken. Harms guarded against: a battery that is emptied by the largest model, a backlog that grows for
ever, and another language's speech given to a model that knows English alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.enrich.adapting import SLOW, Circumstances, language_model, model_of_speech
from reeld.enrich.engines.models import SIZES

HERE = ["small", "base", "tiny", "tiny.en"]


@pytest.mark.parametrize(
    ("now", "language", "chosen", "why"),
    [
        (Circumstances(), "", "small", "best model on this machine"),
        (Circumstances(on_battery=True), "", "tiny", "battery"),
        (Circumstances(on_battery=True), "en", "tiny.en", "battery"),
        (Circumstances(on_battery=True, marked=True), "", "small", "marked"),
        (Circumstances(paces={"small": 1.5}), "", "base", "small takes 1.5 s"),
        (Circumstances(paces={"small": 1.5, "base": 1.2}), "", "tiny", "small takes"),
        (Circumstances(paces={"small": 3.0, "base": 2.0, "tiny": 1.5}), "", "tiny", "small takes"),
        (Circumstances(paces={"small": 1.5}, marked=True), "", "small", "marked"),
    ],
)
def test_the_model_fits_the_circumstances_and_says_why(
    now: Circumstances, language: str, chosen: str, why: str
) -> None:
    model, reason, better = model_of_speech(HERE, language, now)
    assert model == chosen
    assert why in reason
    assert better == HERE[: HERE.index(chosen)]


@given(
    st.lists(st.sampled_from(SIZES), min_size=1, unique=True),
    st.builds(
        Circumstances,
        on_battery=st.booleans(),
        marked=st.booleans(),
        paces=st.dictionaries(st.sampled_from(SIZES), st.floats(0, 5)),
    ),
)
def test_whatever_is_there_one_that_is_there_is_taken_and_none_that_knows_fewer_languages(
    found: list[str], now: Circumstances
) -> None:
    models = sorted(found, key=SIZES.index)
    model, _, better = model_of_speech(models, "", now)
    assert model in models
    assert better == models[: models.index(model)]
    assert model.endswith(".en") <= models[0].endswith(".en")
    if now.marked or (not now.on_battery and now.paces.get(models[0], 0.0) <= SLOW):
        assert model == models[0]


def test_near_a_cap_the_cheaper_language_model_is_asked_if_there_is_one() -> None:
    assert language_model("big", "small", Circumstances()) == ("big", "", [])
    assert language_model("big", "", Circumstances(near_cap=True)) == ("big", "", [])
    model, why, better = language_model("big", "small", Circumstances(near_cap=True))
    assert (model, better) == ("small", ["big"])
    assert "spent" in why
