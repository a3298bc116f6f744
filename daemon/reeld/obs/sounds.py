"""Requests about inputs: the microphone and the computer's sound, their faders, and their levels."""

import math

from reeld.obs.desk import Desk
from reeld.obs.fields import Handler, flag, named, number, uuid_of
from reeld.obs.inputs import SILENT_DB, Input, inputs_of, metered, to_mul
from reeld.obs.wire import Intent, Message, Refused, Status, event
from reeld_proto.events import LevelsMeasured
from reeld_proto.sound_graph import SoundChange, VolumeNode

_DB_MAX = 26.0
_MUL_MAX = 20.0


class Sounds:
    """The graph is asked for anew each time: others change it, too."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._metered: tuple[str, list[Input]] = "", []

    def handlers(self) -> dict[str, Handler]:
        """By type of request."""
        return {
            "GetInputList": self._list,
            "GetSpecialInputs": self._special,
            "GetInputMute": self._get_mute,
            "SetInputMute": self._set_mute,
            "ToggleInputMute": self._toggle_mute,
            "GetInputVolume": self._get_volume,
            "SetInputVolume": self._set_volume,
        }

    async def measured(self, levels: LevelsMeasured) -> None:
        """Tell the remotes of levels."""
        session, inputs = self._metered
        if session != levels.session:
            inputs = await self._inputs()
            self._metered = levels.session, inputs
        self._desk.publish(event("InputVolumeMeters", Intent.VOLUME_METERS, metered(inputs, levels.levels)))

    async def _inputs(self) -> list[Input]:
        return inputs_of((await self._desk.client.sound()).graph)

    async def _fader(self, data: Message) -> tuple[str, VolumeNode]:
        inputs = await self._inputs()
        name = named(data, "input", [each.name for each in inputs])
        volume = next(each.volume for each in inputs if each.name == name)
        if volume is None:
            raise Refused(Status.INVALID_STATE, f"{name} has no volume of its own in the graph of sounds")
        return name, volume

    async def _change(self, name: str, volume: VolumeNode, setting: str, value: float | bool) -> None:  # noqa: FBT001
        if (await self._desk.client.status()).session is None:
            raise Refused(Status.OUTPUT_NOT_RUNNING, f"{name} can be changed only while it is recorded")
        await self._desk.client.adjust_sound([SoundChange(node=volume.name, setting=setting, value=value)])

    async def _list(self, data: Message) -> Message:
        inputs = [each.described() for each in await self._inputs()]
        kind = data.get("inputKind")
        return {"inputs": [each for each in inputs if kind is None or kind == each["inputKind"]]}

    async def _special(self, _data: Message) -> Message:
        inputs = await self._inputs()
        microphones = [each.name for each in inputs if each.is_microphone] + [None] * 4
        desktop = [each.name for each in inputs if not each.is_microphone] + [None] * 2
        found = {f"mic{number}": name for number, name in enumerate(microphones[:4], 1)}
        return {"desktop1": desktop[0], "desktop2": desktop[1], **found}

    async def _get_mute(self, data: Message) -> Message:
        _, volume = await self._fader(data)
        return {"inputMuted": volume.muted}

    async def _set_mute(self, data: Message) -> None:
        name, volume = await self._fader(data)
        await self._mute(name, volume, muted=flag(data, "inputMuted"))

    async def _toggle_mute(self, data: Message) -> Message:
        name, volume = await self._fader(data)
        await self._mute(name, volume, muted=not volume.muted)
        return {"inputMuted": not volume.muted}

    async def _mute(self, name: str, volume: VolumeNode, *, muted: bool) -> None:
        await self._change(name, volume, "muted", muted)
        if muted is not volume.muted:
            told = {"inputName": name, "inputUuid": uuid_of("input", name), "inputMuted": muted}
            self._desk.publish(event("InputMuteStateChanged", Intent.INPUTS, told))

    async def _get_volume(self, data: Message) -> Message:
        _, volume = await self._fader(data)
        return {"inputVolumeMul": to_mul(volume.gain_db), "inputVolumeDb": max(volume.gain_db, SILENT_DB)}

    async def _set_volume(self, data: Message) -> None:
        name, volume = await self._fader(data)
        if data.get("inputVolumeDb") is not None:
            gain_db = number(data, "inputVolumeDb", SILENT_DB, _DB_MAX)
        else:
            factor = number(data, "inputVolumeMul", 0.0, _MUL_MAX)
            gain_db = max(SILENT_DB, 20 * math.log10(factor)) if factor > 0 else SILENT_DB
        await self._change(name, volume, "gain_db", float(gain_db))
        level: Message = {"inputVolumeMul": to_mul(gain_db), "inputVolumeDb": gain_db}
        told = {"inputName": name, "inputUuid": uuid_of("input", name), **level}
        self._desk.publish(event("InputVolumeChanged", Intent.INPUTS, told))
