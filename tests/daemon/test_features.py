"""Feature flags. Harm guarded against: what was switched off runs all the same; a machine is in one day and out the
next."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld import features
from reeld.config import parse_config
from reeld.features import FEATURES, PREVIEWS, Declared, Feature, infos, is_on, is_stage, place
from reeld_proto.errors import RequestRejected

AV1 = Feature.COMPRESS_AV1
ME = b"\x01" * 16
identities = st.binary(min_size=16, max_size=16)


def test_all_features_are_declared_with_words_and_a_stage() -> None:
    assert set(FEATURES) == set(Feature)
    assert all(is_stage(each.stage) and each.description.endswith(".") for each in FEATURES.values())


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, True),
        ({AV1.value: "off"}, False),
        ({AV1.value: "on"}, True),
        ({AV1.value: "preview"}, False),
        ({AV1.value: "preview", PREVIEWS: "on"}, True),
        ({AV1.value: "off", PREVIEWS: "on"}, False),
        ({AV1.value: "0%"}, False),
        ({AV1.value: "100%"}, True),
    ],
)
def test_the_config_wins_over_what_is_built_in(chosen: dict[str, str], expected: bool) -> None:
    assert is_on(AV1, chosen, ME) is expected
    (told,) = infos(chosen, ME)
    assert (told.enabled, told.source) == (expected, "config" if AV1.value in chosen else "built-in")
    assert told.stage == chosen.get(AV1.value, "on")


def test_a_preview_is_off_until_somebody_wants_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "FEATURES", {AV1: Declared("x.", "preview")})
    assert not is_on(AV1, {}, ME)
    assert is_on(AV1, {PREVIEWS: "on"}, ME)


@given(identities, st.integers(0, 100), st.integers(0, 100))
def test_who_is_in_stays_in_when_the_part_grows(identity: bytes, one: int, other: int) -> None:
    small, large = sorted((one, other))
    if is_on(AV1, {AV1.value: f"{small}%"}, identity):
        assert is_on(AV1, {AV1.value: f"{large}%"}, identity)
    assert 0 <= place(AV1, identity) < 100
    assert place(AV1, identity) == place(AV1, identity)


def test_the_part_is_as_large_as_it_says_and_another_for_each_feature() -> None:
    many = [uuid.uuid5(uuid.NAMESPACE_OID, str(number)).bytes for number in range(4000)]
    chosen = [identity for identity in many if is_on(AV1, {AV1.value: "25%"}, identity)]
    assert 900 < len(chosen) < 1100
    both = sum(place("another", identity) < 25 for identity in chosen)
    assert 190 < both < 310


def test_the_place_never_changes() -> None:
    """Harm: a new version moves everybody."""
    assert place("compress-av1", ME) == pytest.approx(76.376418, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("compress-av2 = 'on'", r"features\.compress-av2.*features\.compress-av1"),
        ("compress-av1 = 'yes'", "must be off, preview, on"),
        ("compress-av1 = '101%'", "must be off, preview, on"),
        ("compress-av1 = true", "Expected `str`"),
        ("previews = '10%'", "on or off"),
    ],
)
def test_a_wrong_flag_is_refused(text: str, words: str) -> None:
    with pytest.raises(RequestRejected, match=words):
        parse_config(f"[features]\n{text}\n")


def test_flags_are_read_from_the_config() -> None:
    assert parse_config("[features]\ncompress-av1 = '25%'\npreviews = 'on'\n").features == {
        "compress-av1": "25%",
        "previews": "on",
    }


@given(st.text(max_size=6) | st.integers(0, 120).map(lambda number: f"{number}%"))
def test_any_text_is_a_stage_or_not(text: str) -> None:
    assert is_stage(text) == (text in {"on", "off", "preview"} or _is_part(text))


def _is_part(text: str) -> bool:
    number = text.removesuffix("%")
    return text.endswith("%") and len(number) <= 3 and number.isascii() and number.isdigit() and int(number) <= 100
