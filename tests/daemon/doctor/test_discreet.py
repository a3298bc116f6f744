"""Settings for a stranger. Harm guarded against: a bundle that tells whom or what somebody hides."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import Config, ObsConfig, PrivacyConfig, ReplayConfig, parse_config
from reeld.doctor.discreet import WITHHELD, _without_secrets, discreet
from reeld_proto.privacy import PrivacyRule

SECRETS = st.text(alphabet="ÄÖÜẞ", min_size=4, max_size=12)
"""Texts that nothing else in the settings contains."""


@given(name=SECRETS, app=SECRETS, title=SECRETS, device=SECRETS)
def test_no_text_of_rules_or_devices_is_told(name: str, app: str, title: str, device: str) -> None:
    config = Config(
        privacy=PrivacyConfig(rules=[PrivacyRule(name=name, app=app, title=title)]),
        replay=ReplayConfig(minutes=5, microphone=device, displays=[device]),
        obs=ObsConfig(password=name, displays=[title], microphone=device, export_dir=app),
    )
    text = msgspec.json.encode(discreet(config)).decode()
    assert not any(each in text for each in (name, app, title, device))


def test_what_helps_is_told() -> None:
    plain = discreet(parse_config("[record]\nfps = 12\n[[privacy.rules]]\nname = 'bank'\napp = 'x'\n[profiles.anna]"))
    assert plain["record"]["fps"] == 12
    assert plain["privacy"] == {"rules": 1, "pause_on_lock": True}
    assert plain["replay"]["microphone"] == "default"
    assert plain["profiles"] == 1


def test_of_the_graph_of_sounds_kinds_and_numbers_are_told() -> None:
    text = """
        [[audio.nodes]]
        name = "anna"
        type = "microphone"
        device = "Annas Headset"
        [[audio.nodes]]
        name = "out"
        type = "track"
        inputs = ["anna"]
    """
    plain = discreet(parse_config(text))
    assert [node["type"] for node in plain["audio"]["nodes"]] == ["microphone", "track"]
    told = msgspec.json.encode(plain).decode().lower()
    assert "anna" not in told


def test_secrets_are_known_by_their_names() -> None:
    plain = {"a": {"access_token": "x", "api_key": "y", "password": "z", "fps": 3}, "b": [{"secret": "w"}]}
    assert _without_secrets(plain) == {
        "a": {"access_token": WITHHELD, "api_key": WITHHELD, "password": WITHHELD, "fps": 3},
        "b": [{"secret": WITHHELD}],
    }
