"""What may be recorded. Harm guarded against: a start that fails half-way, or a recording that silently lacks what was
asked for."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reeld.config import Config, RecordConfig, SnapshotsConfig
from reeld.sessions.pictures import wants_video
from reeld.sessions.sounds import wants_audio
from reeld.sessions.validation import Plan, make_plan
from reeld_proto.commands import ErrorReply, Sources, StartSession
from reeld_proto.errors import ErrorCode, ReeldError
from reeld_proto.records import DisplaySource, EncoderChoice, Layout, Quality, SourceKind, TrackKind, VideoCodec
from reeld_proto.sound_graph import DeviceNode, SoundCodec
from tests.daemon.sessions.conversation import NO_AUDIO, NO_DISPLAY, PICTURES, SOUNDS, TIMEOUT, surroundings


def plan(config: Config | None = None, around: Any = None, **options: Any) -> Plan:
    return make_plan(StartSession(**options), around or surroundings(), config or Config())


def refusal(around: Any = None, **options: Any) -> ReeldError:
    with pytest.raises(ReeldError) as caught:
        plan(around=around, **options)
    return caught.value


def test_by_default_every_display_and_both_sounds_are_recorded_the_mix_first() -> None:
    found = plan()
    (picture,) = found.video
    assert (picture.track, picture.label, picture.arrangement.layout) == ("video-1", "LEFT + RIGHT", Layout.GRID)
    assert [(source.id, source.x) for source in picture.sources] == [("LEFT", 0), ("RIGHT", 1920)]
    assert [(spec.track, spec.role, spec.source) for spec in found.audio] == [
        ("mix", "mix", ""),
        ("mic", "mic", "virtual_mic"),
        ("system", "system", "speakers.monitor"),
    ]
    assert [record.id for record in found.records()] == ["video-1", "mix", "mic", "system", "snapshots-1"]
    assert [record.kind for record in found.records()].count(TrackKind.AUDIO) == 3
    assert found.warnings == []
    assert not found.video_named
    assert not found.audio_named


def test_snapshots_are_taken_of_every_picture_unless_somebody_says_no() -> None:
    assert [(spec.track, spec.of) for spec in plan(layout=Layout.TRACKS).snapshots] == [
        ("snapshots-1", "video-1"),
        ("snapshots-2", "video-2"),
    ]
    kept = [record for record in plan(layout=Layout.TRACKS).records() if record.kind is TrackKind.SNAPSHOT]
    assert [record.source for record in kept] == ["video-1", "video-2"]
    assert plan(snapshots=False).snapshots == []
    assert plan(displays=["none"]).snapshots == []
    off = Config(snapshots=SnapshotsConfig(enabled=False, min_s=5, max_s=9))
    assert make_plan(StartSession(), surroundings(), off).snapshots == []
    wanted = make_plan(StartSession(snapshots=True), surroundings(), off).snapshots
    assert [(spec.min_s, spec.max_s) for spec in wanted] == [(5, 9)] * len(wanted)
    assert wanted


def test_a_default_is_followed_and_a_device_that_was_named_is_not() -> None:
    """Harm: a headset is put on and the rest of the talk is recorded from a microphone in the other room."""

    def devices(**options: Any) -> dict[str, str]:
        nodes = plan(**options).sound.graph.nodes
        return {node.name: node.device for node in nodes if isinstance(node, DeviceNode)}

    assert devices(microphone="virtual_mic") == {"mic-in": "virtual_mic", "system-in": "default"}
    assert devices(system_audio="speakers.monitor") == {"mic-in": "default", "system-in": "speakers.monitor"}


def test_one_sound_alone_needs_no_mix() -> None:
    assert [spec.track for spec in plan(microphone="none").audio] == ["system"]
    assert [spec.track for spec in plan(system_audio="none").audio] == ["mic"]


def test_displays_are_recorded_in_the_order_asked_for_and_once() -> None:
    found = plan(displays=["RIGHT", "LEFT", "RIGHT"])
    assert [spec.source for spec in found.video] == ["RIGHT, LEFT"]
    assert found.video_named


def test_all_may_be_said_and_none_too() -> None:
    assert len(plan(displays=["all"]).video[0].sources) == 2
    assert plan(displays=["none"]).video == []


def test_a_region_is_one_track() -> None:
    (spec,) = plan(region=(100, 50, 800, 600)).video
    assert (spec.track, spec.width, spec.height) == ("video-1", 800, 600)
    (source,) = spec.sources
    assert (source.kind, source.x, source.y, source.width, source.height) == (SourceKind.REGION, 100, 50, 800, 600)


def test_a_region_may_span_two_displays_but_not_leave_the_desktop() -> None:
    assert plan(region=(1500, 0, 1000, 1080)).video[0].width == 1000
    for region in ((3500, 0, 1000, 1080), (-1, 0, 700, 500), (0, 0, 0, 0), (0, 900, 640, 480)):
        assert "not inside the desktop" in str(refusal(region=region))


def test_the_config_decides_what_the_command_does_not() -> None:
    config = Config(record=RecordConfig(fps=12, quality=Quality.HIGH))
    assert (plan(config).fps, plan(config).quality) == (12, Quality.HIGH)
    assert (plan(config, fps=5, quality=Quality.LOW).fps, plan(config, quality=Quality.LOW).quality) == (5, Quality.LOW)
    config = Config(record=RecordConfig(codec=VideoCodec.HEVC, encoder=EncoderChoice.AUTO))
    assert (plan(config).codec, plan(config).encoder) == (VideoCodec.HEVC, EncoderChoice.AUTO)
    assert plan(config, codec=VideoCodec.AV1).codec is VideoCodec.AV1
    assert [track.codec for track in plan(config).records() if track.kind is TrackKind.VIDEO] == ["hevc"]


def test_lossless_av1_is_refused_with_what_to_do_instead() -> None:
    error = refusal(codec=VideoCodec.AV1, quality=Quality.LOSSLESS)
    assert (error.code, "h264 or hevc" in error.remedy) == (ErrorCode.INVALID_REQUEST, True)
    plan(codec=VideoCodec.AV1, quality=Quality.LOSSLESS, displays=["none"])


def test_an_empty_name_becomes_the_date() -> None:
    assert plan(name="").name == "Session today"
    assert plan(name="  ").name == "Session today"
    assert plan(name="x" * 255).name == "x" * 255


def test_all_faults_are_reported_at_once() -> None:
    error = refusal(
        around=surroundings(free_bytes=1),
        name="x" * 256,
        fps=61,
        tags=[""],
        displays=["MIDDLE"],
        microphone="banana",
        windows=[],
    )
    assert error.code == ErrorCode.INVALID_REQUEST
    text = "\n".join(error.faults)
    for word in ("256 characters", "fps is 61", "a tag has 0", "MIDDLE", "banana", "below the reserve"):
        assert word in text
    assert len(error.faults) == 6


@pytest.mark.parametrize(
    ("options", "code", "word"),
    [
        ({"fps": 0}, ErrorCode.INVALID_REQUEST, "1 to 60"),
        ({"displays": ["MIDDLE"]}, ErrorCode.NOT_FOUND, "there is LEFT, RIGHT"),
        ({"displays": ["all", "LEFT"]}, ErrorCode.INVALID_REQUEST, "combined"),
        ({"microphone": "banana"}, ErrorCode.NOT_FOUND, "virtual_mic"),
        ({"system_audio": "banana"}, ErrorCode.NOT_FOUND, "speakers.monitor"),
        ({"windows": ["7"]}, ErrorCode.NOT_FOUND, "there is no window '7'"),
        ({"cameras": ["0"]}, ErrorCode.NOT_FOUND, "there is no camera '0'"),
        ({"files": ["/no/such"]}, ErrorCode.NOT_FOUND, "no file with a picture"),
        ({"test_patterns": ["big"]}, ErrorCode.INVALID_REQUEST, "'big' is no size"),
        ({"layout": Layout.PASSTHROUGH}, ErrorCode.INVALID_REQUEST, "shows one source, not 2"),
        ({"region": (0, 0, 639, 480)}, ErrorCode.INVALID_REQUEST, "640x480"),
        ({"output": (100, 100)}, ErrorCode.INVALID_REQUEST, "100x100"),
        ({"columns": 5}, ErrorCode.INVALID_REQUEST, "columns is 5"),
        (
            {"displays": ["none"], "microphone": "none", "system_audio": "none"},
            ErrorCode.INVALID_REQUEST,
            "nothing to record",
        ),
    ],
)
def test_one_fault_has_its_own_code(options: dict[str, Any], code: ErrorCode, word: str) -> None:
    error = refusal(**options)
    assert error.code == code
    assert word in str(error)
    assert len(error.faults) == 1


def test_a_layout_of_one_source_is_that_source() -> None:
    (picture,) = plan(layout=Layout.GRID, displays=["LEFT"]).video
    assert (picture.arrangement.layout, picture.width, picture.height) == (Layout.PASSTHROUGH, 1920, 1080)


def test_as_tracks_each_source_is_recorded_alone() -> None:
    found = plan(layout=Layout.TRACKS)
    assert [(spec.track, spec.source) for spec in found.video] == [("video-1", "LEFT"), ("video-2", "RIGHT")]
    assert [record.id for record in found.records()][:2] == ["video-1", "video-2"]


def test_a_small_display_is_refused() -> None:
    small = DisplaySource(id="S", name="S", x=0, y=0, width=320, height=240, primary=True)
    assert "320x240" in str(refusal(around=surroundings(video=Sources(displays=[small]))))


def test_a_full_disk_is_refused_before_anything_starts() -> None:
    error = refusal(around=surroundings(free_bytes=99_999_999))
    assert error.code == ErrorCode.DISK_FULL
    assert error.exit_code == 6
    assert error.remedy


@pytest.mark.parametrize("missing", [NO_DISPLAY, Sources(warnings=["no display"])])
def test_without_a_display_sound_is_recorded_with_a_warning(missing: ErrorReply | Sources) -> None:
    found = plan(around=surroundings(video=missing))
    assert found.video == []
    assert found.audio
    assert found.warnings == ["no picture is recorded: no display"]


@pytest.mark.parametrize("options", [{"displays": ["LEFT"]}, {"displays": ["all"]}, {"region": (0, 0, 800, 600)}])
def test_without_a_display_that_was_asked_for_the_start_fails_with_the_remedy(options: dict[str, Any]) -> None:
    error = refusal(around=surroundings(video=NO_DISPLAY), **options)
    assert (error.code, error.remedy, error.exit_code) == (ErrorCode.NO_DISPLAY, "Set DISPLAY.", 6)


def test_with_neither_display_nor_sound_the_display_is_the_fault() -> None:
    error = refusal(around=surroundings(video=NO_DISPLAY, audio=NO_AUDIO))
    assert (error.code, error.remedy) == (ErrorCode.NO_DISPLAY, "Set DISPLAY.")


def test_without_sound_the_picture_is_recorded_with_warnings() -> None:
    found = plan(around=surroundings(audio=NO_AUDIO))
    assert found.audio == []
    assert found.warnings == [
        "no microphone is recorded: no sound server",
        "no system audio is recorded: no sound server",
    ]
    assert plan(around=surroundings(audio=Sources())).warnings[0] == "no microphone is recorded: there is none"


def test_a_sound_asked_for_by_name_is_an_error_when_there_is_no_sound() -> None:
    assert refusal(around=surroundings(audio=NO_AUDIO), microphone="virtual_mic").code == ErrorCode.NO_AUDIO
    assert refusal(around=surroundings(audio=Sources()), microphone="virtual_mic").code == ErrorCode.NO_AUDIO
    assert refusal(around=surroundings(audio=NO_AUDIO), displays=["none"]).code == ErrorCode.NO_AUDIO


def test_a_worker_that_does_not_answer_is_a_device_that_fails_not_a_missing_daemon() -> None:
    error = refusal(around=surroundings(video=TIMEOUT), displays=["all"])
    assert error.code == ErrorCode.DEVICE_FAILED
    assert error.exit_code == 6
    assert refusal(around=surroundings(audio=ErrorReply(code="new", message="?")), microphone="m").exit_code == 6


def test_a_default_is_found_even_where_the_server_names_none() -> None:
    nameless = Sources(
        microphones=[source.__class__(id="m", name="m", default=False) for source in SOUNDS.microphones],
        system_audio=SOUNDS.system_audio,
    )
    assert plan(around=surroundings(audio=nameless)).audio[1].source == "m"


def test_what_is_wanted_decides_who_is_asked() -> None:
    assert wants_video(StartSession())
    assert not wants_video(StartSession(displays=["none"]))
    assert wants_audio(StartSession(microphone="none"))
    assert not wants_audio(StartSession(microphone="none", system_audio="none"))


names = st.sampled_from(["LEFT", "RIGHT", "all", "none", "MIDDLE", "virtual_mic", "speakers.monitor", "default", ""])


@given(
    displays=st.lists(names, max_size=3),
    microphone=names,
    system_audio=names,
    fps=st.none() | st.integers(-5, 100),
    region=st.none() | st.tuples(*[st.integers(-(2**40), 2**40)] * 4),
    video=st.sampled_from([PICTURES, Sources(), NO_DISPLAY, TIMEOUT]),
    audio=st.sampled_from([SOUNDS, Sources(), NO_AUDIO, TIMEOUT]),
)
def test_any_request_becomes_a_plan_that_records_something_or_a_refusal_with_reasons(
    displays: list[str], microphone: str, system_audio: str, fps: int | None, region: Any, video: Any, audio: Any
) -> None:
    request = StartSession(displays=displays, microphone=microphone, system_audio=system_audio, fps=fps, region=region)
    found: Plan | None = None
    reasons: tuple[str, ...] = ()
    try:
        found = make_plan(request, surroundings(video, audio), Config())
    except ReeldError as error:
        reasons = (*error.faults, str(error))
    if found is None:
        assert len(reasons) >= 2
        assert all(reasons)
    else:
        records = [record.id for record in found.records()]
        assert records
        assert len(set(records)) == len(records)
        assert 1 <= found.fps <= 60


def test_the_store_hears_in_what_codec_a_sound_is() -> None:
    """Harm: a lossless track is announced as AAC."""
    found = plan()
    specs = [structs.replace(spec, codec=SoundCodec.FLAC) for spec in found.audio]
    lossless = replace(found, sound=replace(found.sound, tracks=specs))
    sounds = [record for record in lossless.records() if record.kind is TrackKind.AUDIO]
    assert [record.codec for record in sounds] == ["flac"] * 3
