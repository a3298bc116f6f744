"""The devices of a graph of sounds as OBS knows inputs: a name, a fader with mute, a meter. Pure."""

from dataclasses import dataclass

from reeld.audio.graph.walking import sources_of
from reeld.obs.fields import uuid_of
from reeld.obs.wire import Message
from reeld_proto.sound import NodeLevels
from reeld_proto.sound_graph import AnyNode, DeviceNode, MeterNode, MicrophoneNode, SoundGraph, VolumeNode

SILENT_DB = -100.0
"""What OBS calls silence; a fader that is all the way down."""


@dataclass(frozen=True)
class Input:
    """A device. volume: the fader that only it goes through, None without one; meter: the node that measures it."""

    name: str
    is_microphone: bool
    volume: VolumeNode | None
    meter: str

    def described(self) -> Message:
        """As `GetInputList` tells it."""
        kind = "microphone" if self.is_microphone else "system-audio"
        uuid = uuid_of("input", self.name)
        return {"inputName": self.name, "inputUuid": uuid, "inputKind": kind, "unversionedInputKind": kind}


def inputs_of(graph: SoundGraph) -> list[Input]:
    """The devices in the order of the graph; `mic-in` is called `mic`."""
    alone = {node.name: node for node in graph.nodes if len(sources_of(node.name, graph)) == 1}
    found = []
    for device in graph.nodes:
        if isinstance(device, DeviceNode):
            after: list[AnyNode] = [node for node in alone.values() if sources_of(node.name, graph) == [device]]
            volume = next((node for node in after if isinstance(node, VolumeNode)), None)
            meters = [node.name for node in after if isinstance(node, MeterNode)]
            is_microphone = isinstance(device, MicrophoneNode)
            name = device.name.removesuffix("-in")
            found.append(Input(name, is_microphone, volume, meters[-1] if meters else ""))
    return found


def to_mul(db: float) -> float:
    """A gain in dB as a factor."""
    return 0.0 if db <= SILENT_DB else 10 ** (db / 20)


def metered(inputs: list[Input], levels: list[NodeLevels]) -> Message:
    """What `InputVolumeMeters` holds: of each channel magnitude, peak, and the peak again (OBS: before the fader)."""
    measured = {level.node: level for level in levels}
    rows = []
    for each in inputs:
        level = measured.get(each.meter)
        channels = zip(level.rms_db, level.peak_db, strict=False) if level is not None else ()
        muls = [[to_mul(rms), to_mul(peak), to_mul(peak)] for rms, peak in channels]
        uuid = uuid_of("input", each.name)
        rows.append({"inputName": each.name, "inputUuid": uuid, "inputLevelsMul": muls})
    return {"inputs": rows}
