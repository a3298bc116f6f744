"""The sources of one track: made once each, and kept for as long as they are shown."""

from collections.abc import Sequence

from reeld.capture.api import FrameSource
from reeld.capture.scene import Part
from reeld.capture.sources import Wishes, make_source
from reeld.capture.sync_group import SyncedSource, SyncGroup
from reeld_proto.records import SourceKind
from reeld_proto.stats import SourceStats
from reeld_proto.track_orders import SourceSpec

_TIMED = {SourceKind.CAMERA, SourceKind.FILE}
"""They bring pictures at times of their own; several of them in one picture are shown in step."""


class Cast:
    """Belongs to the worker's main thread; its sources to the thread of the scene that has them."""

    def __init__(self, specs: Sequence[SourceSpec], wishes: Wishes) -> None:
        """Raises RequestRejected if a source is of no kind that can be recorded here."""
        self._wishes = wishes
        self._group = SyncGroup(wishes.fps)
        self._synced: dict[int, str] = {}
        self._is_shared = len(specs) > 1
        self._parts: dict[tuple[SourceKind, str], Part] = {}
        self.keep(self.parts(specs))

    def parts(self, specs: Sequence[SourceSpec]) -> dict[tuple[SourceKind, str], Part]:
        """A part for each spec, in their order: those that are shown already, and new ones. Raises RequestRejected."""
        self._is_shared = self._is_shared or len(specs) > 1
        return {spec.key: self._parts.get(spec.key) or Part(spec.name, self._source(spec)) for spec in specs}

    def keep(self, parts: dict[tuple[SourceKind, str], Part]) -> None:
        """These are shown from now on, and no others."""
        self._parts = parts

    @property
    def shown(self) -> list[Part]:
        """What is shown, in its order."""
        return list(self._parts.values())

    def statistics(self) -> list[SourceStats]:
        """Of the sources that are shown in step. From any thread."""
        return [
            SourceStats(
                source=self._synced[number],
                received=counts.received,
                matched=counts.matched,
                held=counts.held,
                dropped=counts.dropped,
            )
            for number, counts in self._group.counts().items()
        ]

    def _source(self, spec: SourceSpec) -> FrameSource:
        source = make_source(spec, self._wishes)
        if spec.kind not in _TIMED or not self._is_shared:
            return source
        member: SyncedSource = self._group.joined(source)
        self._synced[member.number] = spec.name
        return member
