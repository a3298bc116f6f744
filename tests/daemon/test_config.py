"""Settings. Harm guarded against: a misspelt key that is silently ignored, so that a person believes in a limit that
does not hold."""

import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reeld.config import Config, ReplayConfig, default_config_path, load_config, parse_config, parse_size
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import EncoderChoice, Quality, VideoCodec
from reeld_proto.sound_graph import SoundGraph, ToneNode, TrackNode


def test_an_empty_file_means_all_defaults() -> None:
    config = parse_config("")
    assert config == Config()
    assert config.store.reserve_bytes == 100_000_000
    assert config.record.fps == 30


def test_keys_are_read_with_their_types() -> None:
    config = parse_config('[store]\nreserve_bytes = 5\n[record]\nfps = 12\nquality = "high"\n')
    assert (config.record.codec, config.record.encoder) == (VideoCodec.H264, EncoderChoice.SOFTWARE)
    chosen = parse_config('[record]\ncodec = "av1"\nencoder = "auto"\n').record
    assert (chosen.codec, chosen.encoder) == (VideoCodec.AV1, EncoderChoice.AUTO)
    assert (config.store.reserve_bytes, config.record.fps, config.record.quality) == (5, 12, Quality.HIGH)


def test_a_misspelt_key_is_refused_and_the_nearest_known_one_named() -> None:
    with pytest.raises(RequestRejected, match=r"store\.reserve_byte;.*store\.reserve_bytes") as caught:
        parse_config("[store]\nreserve_byte = 5\n", origin="here.toml")
    assert "here.toml" in str(caught.value)
    assert caught.value.exit_code == 2


def test_every_unknown_key_is_named_at_once() -> None:
    with pytest.raises(RequestRejected) as caught:
        parse_config("[stor]\nx = 1\n[record]\nfsp = 3\n")
    assert len(caught.value.faults) == 2
    assert "store" in caught.value.faults[0]
    assert "record.fps" in caught.value.faults[1]


@pytest.mark.parametrize(
    "text",
    [
        "[store]\nreserve_bytes = -1\n",
        "[store]\nreserve_bytes = 'much'\n",
        "[record]\nfps = 0\n",
        "[record]\nfps = 61\n",
        "[record]\nquality = 'best'\n",
        "[record]\ncodec = 'vp8'\n",
        "[record]\nencoder = 'hardware'\n",
        "store = 3\n",
        "not toml",
    ],
)
def test_wrong_values_are_refused_before_anything_runs(text: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        parse_config(text)
    assert caught.value.code == ErrorCode.INVALID_REQUEST


@given(st.text())
def test_any_text_is_a_config_or_a_clean_refusal(text: str) -> None:
    with contextlib.suppress(RequestRejected):
        parse_config(text)


def test_a_missing_default_file_is_fine_but_a_named_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELD_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert load_config(None) == Config()
    with pytest.raises(RequestRejected) as caught:
        load_config(tmp_path / "gone.toml")
    assert caught.value.code == ErrorCode.NOT_FOUND
    monkeypatch.setenv("REELD_CONFIG", str(tmp_path / "gone.toml"))
    with pytest.raises(RequestRejected):
        load_config(None)


def test_the_default_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELD_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    default_config_path().parent.mkdir()
    default_config_path().write_text("[record]\nfps = 24\n")
    assert load_config(None).record.fps == 24


def test_bytes_that_are_not_text_and_folders_are_refused_cleanly(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RequestRejected, match="UTF-8"):
        load_config(path)
    with pytest.raises(RequestRejected) as caught:
        load_config(tmp_path)
    assert caught.value.code == ErrorCode.PERMISSION


def test_home_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REELD_CONFIG", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_config_path() == tmp_path / ".config" / "reeld" / "config.toml"


# -- storage --------------------------------------------------------------------------------------------------------


def test_nothing_is_ever_dropped_by_default() -> None:
    storage = parse_config("").storage
    assert not storage.is_limited
    assert (storage.quota_bytes, storage.keyframes_after_days, storage.drop_after_days) == (None, None, None)
    assert storage.garbage_after_s == 0


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("50GB", 50 * 10**9),
        ("500 MB", 500 * 10**6),
        ("500mb", 500 * 10**6),
        ("1.5TB", 1_500 * 10**9),
        ("20 GiB", 20 << 30),
        ("64KiB", 64 << 10),
        ("10G", 10 * 10**9),
        ("1000", 1000),
    ],
)
def test_sizes_are_read_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text) == size
    assert parse_config(f'[storage]\nquota = "{text}"\n').storage.quota_bytes == size


@given(st.integers(1, 1 << 60))
def test_a_quota_may_be_plain_bytes(size: int) -> None:
    storage = parse_config(f"[storage]\nquota = {size}\n").storage
    assert storage.quota_bytes == size == parse_size(str(size))
    assert storage.is_limited


@pytest.mark.parametrize(
    "text",
    [
        'quota = "much"',
        'quota = "50 XB"',
        'quota = "-5GB"',
        'quota = "0GB"',
        "quota = 0",
        "quota = -1",
        "quota = 1.5",
        "quota = true",
        "quota = {}",
        "drop_after_days = 0",
        "drop_after_days = 'a week'",
        "keyframes_after_days = -1",
        "garbage_after_s = -1",
        "keyframes_after_days = 30\ndrop_after_days = 30",
        "keyframes_after_days = 30\ndrop_after_days = 7",
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_before_it_drops_anything(text: str) -> None:
    with pytest.raises(RequestRejected) as caught:
        parse_config(f"[storage]\n{text}\n")
    assert caught.value.code == ErrorCode.INVALID_REQUEST


def test_the_refusal_of_a_size_says_how_one_looks() -> None:
    with pytest.raises(RequestRejected, match="50GB"):
        parse_config('[storage]\nquota = "lots"\n')
    with pytest.raises(RequestRejected, match="drop_after_days"):
        parse_config("[storage]\nkeyframes_after_days = 9\ndrop_after_days = 3\n")


def test_the_rolling_buffer_must_be_allowed_and_is_bounded() -> None:
    """Harm: a desk that is recorded although nobody said so."""
    assert Config().replay.minutes is None
    found = parse_config('[replay]\nminutes = 0.5\ndisplays = ["LEFT"]\nmicrophone = "none"\nfps = 5\nquality = "low"')
    assert found.replay == ReplayConfig(minutes=0.5, displays=["LEFT"], microphone="none", fps=5, quality=Quality.LOW)
    for minutes in ("0", "-1", "1441", '"ten"'):
        with pytest.raises(RequestRejected):
            parse_config(f"[replay]\nminutes = {minutes}")


RULE = """[[privacy.rules]]
name = "bank"
app = "firefox*"
title = "*bank*"
"""


def test_privacy_rules_are_read_and_a_lock_pauses_unless_told_otherwise() -> None:
    privacy = parse_config(RULE + "[[privacy.rules]]\nname = 'night'\nhours = '22:00-06:00'\n").privacy
    assert [(rule.name, rule.app, rule.title, rule.hours) for rule in privacy.rules] == [
        ("bank", "firefox*", "*bank*", None),
        ("night", None, None, "22:00-06:00"),
    ]
    assert privacy.pause_on_lock
    assert not parse_config("[privacy]\npause_on_lock = false\n").privacy.pause_on_lock


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (RULE + "titel = 'x'\n", "privacy.rules.title"),
        ("[privacy]\nrule = []\n", "privacy.rules"),
        (RULE + RULE, "two rules are called 'bank'"),
        ("[[privacy.rules]]\nname = 'empty'\n", "needs one of"),
        ("[[privacy.rules]]\nname = 'x'\nhours = '22-6'\n", "22:00-06:00"),
        ("[privacy]\nrules = ['firefox']\n", "rules"),
    ],
)
def test_a_privacy_rule_that_would_not_hold_is_refused(text: str, told: str) -> None:
    """Harm: a person believes in a rule that hides nothing."""
    with pytest.raises(RequestRejected) as caught:
        parse_config(text)
    assert told in str(caught.value)


def test_snapshots_have_a_pace_whose_bounds_are_in_order() -> None:
    found = parse_config("[snapshots]\nenabled = false\nmin_s = 4\n").snapshots
    assert (found.enabled, found.min_s, found.max_s) == (False, 4.0, 30.0)
    assert parse_config("").snapshots.enabled
    for wrong in ("min_s = 40", "max_s = 1", "min_s = 0.1", "min_s = 0", "every = 3"):
        with pytest.raises(RequestRejected):
            parse_config(f"[snapshots]\n{wrong}\n")


def test_a_bridge_for_remotes_is_off_and_needs_a_password() -> None:
    """Harm: a person enables it, and every program of the machine may record them."""
    assert not parse_config("").obs.enabled
    assert parse_config("[obs]\nenabled = true\npassword = 'x'\n").obs.port == 4455
    for wrong in ("enabled = true", "port = 80", "pasword = 'x'", "password = 1"):
        with pytest.raises(RequestRejected):
            parse_config(f"[obs]\n{wrong}\n")


GRAPH = """
[[audio.nodes]]
type = "tone"
name = "t"
[[audio.nodes]]
type = "track"
name = "beep"
inputs = ["t"]
"""


def test_a_graph_of_sounds_is_read_and_absent_without_its_table() -> None:
    graph = SoundGraph(nodes=[ToneNode(name="t"), TrackNode(name="beep", inputs=["t"])])
    assert parse_config(GRAPH).audio == graph
    assert parse_config("").audio is None
    assert parse_config(f"[audio]\nconvert = false\n{GRAPH}").audio == SoundGraph(nodes=graph.nodes, convert=False)


def test_all_faults_of_a_graph_are_told_beside_those_of_the_other_tables() -> None:
    """Harm: the daemon starts with a graph that no session can be recorded through."""
    text = (
        f"[record]\nfsp = 3\n{GRAPH.replace('tone', 'tune').replace('inputs', 'input')}[[audio.nodes]]\ntype = 'null'"
    )
    with pytest.raises(RequestRejected) as caught:
        parse_config(text, origin="here.toml")
    assert len(caught.value.faults) == 4
    for word in ("record.fps", "nearest known one is tone", "unknown key input", "node 3 of audio.nodes"):
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (GRAPH.replace('"t"]', '"x"]'), "x, which is no node"),
        ("[audio]", "the graph has no source"),
        ("audio = 3", "audio must be a table"),
        (GRAPH.replace("beep", "video-1"), "cannot be called video-1"),
    ],
)
def test_a_graph_that_cannot_be_recorded_through_is_a_fault_of_the_file(text: str, word: str) -> None:
    with pytest.raises(RequestRejected, match=word) as caught:
        parse_config(text)
    assert caught.value.exit_code == 2
