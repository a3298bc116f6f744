"""A stage cut to portions, so that machines may do them at the same time and find what one alone would find."""

from collections.abc import Iterator

from reeld.enrich.changed import is_cut
from reeld.enrich.engines.api import Picture
from reeld.enrich.hearing import ordered_parts
from reeld.enrich.portions import Portion, SoundRun, Still
from reeld.enrich.reading import picture_of
from reeld.store.api import Footage
from reeld_proto.errors import ReeldError

STILLS_MAX = 8
"""Half a minute of work for dense pages: as often the job gets on, and no more is lost with a machine."""


def portions_of_sound(footage: Footage, session: str, runs: list[SoundRun], first_ns: int) -> Iterator[Portion]:
    """Each part of each run, in the order in which they are wanted."""
    for part in ordered_parts(footage, session, runs, first_ns):
        yield Portion(session=session, run=part)


def portions_of_stills(footage: Footage, session: str, stills: list[Still]) -> Iterator[Portion]:
    """Stills that are not known, in portions, each with the known one before it.

    Where a picture has little in common with the one before, a portion begins that needs nothing else. Any other
    follows the one before, and begins with the last still of that.
    """
    waiting: list[Still] = []
    follows = False
    before: Still | None = None
    before_picture: Picture | None = None
    for still in stills:
        if still.known:
            if waiting:
                yield Portion(session=session, stills=waiting, follows=follows)
            waiting, follows, before, before_picture = [], False, still, None
            continue
        picture = _picture(footage, still)
        if before is not None and before_picture is None:
            before_picture = _picture(footage, before)
        alone = before is None or picture is None or before_picture is None or is_cut(before_picture, picture)
        if alone and waiting:
            yield Portion(session=session, stills=waiting, follows=follows)
            waiting, follows = [], False
        elif not waiting and before is not None and not alone:
            # The still before is known to the store.
            waiting = [before]
        elif sum(not each.known for each in waiting) - follows >= STILLS_MAX and before is not None:
            yield Portion(session=session, stills=waiting, follows=follows)
            waiting, follows = [before], True
        waiting.append(still)
        before, before_picture = still, picture
    if waiting:
        yield Portion(session=session, stills=waiting, follows=follows)


def _picture(footage: Footage, still: Still) -> Picture | None:
    try:
        return picture_of(footage, still.source)
    except ReeldError:
        return None
