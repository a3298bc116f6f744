"""Changing the picture while it is recorded."""

from msgspec import field

from reeld_proto.base import Command, Name, Reply, Text
from reeld_proto.records import Corner, InsetSize, Layout, SessionState


class ArrangePictures(Command, tag="session.arrange", frozen=True, kw_only=True):
    """Change layout or sources of the picture that is being recorded. Answered by `PictureArranged`.

    What is None or empty stays as it is. add_*: as in `StartSession`; remove: ids of sources. One of each swaps them.
    Refused (WRONG_STATE) where each source is a track of its own.
    """

    layout: Layout | None = None
    columns: int | None = None
    corner: Corner | None = None
    inset: InsetSize | None = None
    add_displays: list[Name] = field(default_factory=list)
    add_windows: list[Name] = field(default_factory=list)
    add_cameras: list[Name] = field(default_factory=list)
    add_files: list[Text] = field(default_factory=list)
    add_regions: list[tuple[int, int, int, int]] = field(default_factory=list)
    add_test_patterns: list[Name] = field(default_factory=list)
    remove: list[Text] = field(default_factory=list)

    @property
    def adds(self) -> bool:
        """Whether it names any new source."""
        return bool(
            self.add_displays
            or self.add_windows
            or self.add_cameras
            or self.add_files
            or self.add_regions
            or self.add_test_patterns
        )


class PictureArranged(Reply, tag="session.arranged", frozen=True, kw_only=True):
    """The picture is arranged. sources: what each shows, in the order of the layout."""

    session: str
    state: SessionState
    layout: Layout
    sources: list[str]
