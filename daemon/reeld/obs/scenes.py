"""Requests about scenes, which are layouts here: of what is being recorded, and of what a remote starts next."""

from reeld.obs.desk import Desk
from reeld.obs.fields import Handler, named, uuid_of
from reeld.obs.wire import Intent, Message, event
from reeld_proto.records import Layout

AUTOMATIC = "automatic"
"""One picture as it is, several as a grid; chosen, it leaves a picture that is being recorded as it is."""
SCENES = [AUTOMATIC, *(layout for layout in Layout if layout is not Layout.TRACKS)]


class Scenes:
    """The scene that remotes have chosen."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._scene = AUTOMATIC

    def handlers(self) -> dict[str, Handler]:
        """By type of request."""
        return {
            "GetSceneList": self._list,
            "GetCurrentProgramScene": self._get,
            "SetCurrentProgramScene": self._set,
        }

    def layout(self) -> Layout | None:
        """What the chosen scene is; None for `automatic`."""
        return None if self._scene == AUTOMATIC else Layout(self._scene)

    async def _list(self, _data: Message) -> Message:
        # OBS lists the lowest first.
        scenes = [
            {"sceneIndex": index, "sceneName": str(name), "sceneUuid": uuid_of("scene", name)}
            for index, name in enumerate(reversed(SCENES))
        ]
        preview = {"currentPreviewSceneName": None, "currentPreviewSceneUuid": None}
        current = {"currentProgramSceneName": self._scene, "currentProgramSceneUuid": uuid_of("scene", self._scene)}
        return {**current, **preview, "scenes": scenes}

    async def _get(self, _data: Message) -> Message:
        uuid = uuid_of("scene", self._scene)
        current = {"currentProgramSceneName": self._scene, "currentProgramSceneUuid": uuid}
        return {"sceneName": self._scene, "sceneUuid": uuid, **current}

    async def _set(self, data: Message) -> None:
        scene = named(data, "scene", SCENES)
        if scene != AUTOMATIC and (await self._desk.client.status()).session is not None:
            await self._desk.client.arrange(layout=Layout(scene))
        if scene != self._scene:
            self._scene = str(scene)
            told = {"sceneName": self._scene, "sceneUuid": uuid_of("scene", scene)}
            self._desk.publish(event("CurrentProgramSceneChanged", Intent.SCENES, told))
