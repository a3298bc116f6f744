"""What the owner wrote into the config file, as far as clients may see it: profiles and features."""

from typing import Annotated

from msgspec import Meta, Struct

from reeld_proto.base import Command, Name, Reply, Text
from reeld_proto.records import Corner, InsetSize, Layout, Quality, Record, VideoCodec
from reeld_proto.sound_graph import SoundGraph


class Profile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[profiles.NAME]`: what `StartSession` takes, under a name. What is nil is left to `[record]` and its like.

    name: of the sessions, with the conversions of strftime: `Meeting %Y-%m-%d`. audio_graph: path of a file with the
    graph of sounds, from the config file's folder; audio: the same as tables `[[profiles.NAME.audio.nodes]]`.
    """

    name: Name = ""
    displays: list[Name] = []
    windows: list[Name] = []
    cameras: list[Name] = []
    files: list[Text] = []
    test_patterns: list[Name] = []
    region: tuple[int, int, int, int] | None = None
    regions: list[tuple[int, int, int, int]] = []
    layout: Layout | None = None
    columns: Annotated[int, Meta(ge=0, le=4)] | None = None
    corner: Corner | None = None
    inset: InsetSize | None = None
    output: tuple[int, int] | None = None
    pointer: bool | None = None
    microphone: Name | None = None
    system_audio: Name | None = None
    fps: Annotated[int, Meta(ge=1, le=60)] | None = None
    quality: Quality | None = None
    codec: VideoCodec | None = None
    snapshots: bool | None = None
    audio_graph: Text | None = None
    audio: SoundGraph | None = None
    tags: list[Name] = []


class ProfileInfo(Record, frozen=True, kw_only=True):
    """A profile as the config has it, without its graph; sound_nodes: of how many nodes that is, 0 if it has none."""

    profile: str
    settings: Profile
    sound_nodes: int = 0


class FeatureInfo(Record, frozen=True, kw_only=True):
    """A part of reeld that can be switched. stage: `off`, `preview`, `on`, or `N%` of all installations.

    source: where the stage comes from: `built-in`, or `config`.
    """

    feature: str
    description: str
    stage: str
    enabled: bool
    source: str


class ListProfiles(Command, tag="profiles.list", frozen=True, kw_only=True):
    """Ask for the profiles that `StartSession` may name. Answered by `ProfileList`."""


class ListFeatures(Command, tag="features.list", frozen=True, kw_only=True):
    """Ask for the feature flags and their stages. Answered by `FeatureList`."""


class ProfileList(Reply, tag="profiles.list.reply", frozen=True, kw_only=True):
    """Answer to `ListProfiles`, in the order of the file."""

    profiles: list[ProfileInfo]


class FeatureList(Reply, tag="features.list.reply", frozen=True, kw_only=True):
    """Answer to `ListFeatures`."""

    features: list[FeatureInfo]
