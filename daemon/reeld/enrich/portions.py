"""Work that needs nothing but footage and an engine: what of a stage is to be done, in portions that travel as bytes.

DESIGN: the store says what is missing; a portion says it without the store. So the same portion is done in the worker
of this machine or on another one, and gives the same results.
"""

from msgspec import Struct


class Still(Struct, frozen=True, array_like=True):
    """A still in the order of reading.

    source, header: digests of it and of its description. before_ns, start_ns: when the still before it on its track and
    it itself came on view, in media time. known: it was read before; page: what was found then (packed), where the next
    still is read with it.
    """

    source: bytes
    header: bytes
    before_ns: int
    start_ns: int
    known: bool = False
    page: bytes = b""


class Piece(Struct, frozen=True, array_like=True):
    """A chunk that was not listened to. start_ns, end_ns: media time of the session.

    shift_ns: that less the chunk's own time. part: what of it is shown, empty for all.
    """

    start_ns: int
    end_ns: int
    shift_ns: int
    source: bytes
    part: str = ""


class SoundRun(Struct, array_like=True):
    """Chunks of one track in a row. lasts: more may follow.

    start_ns: where to begin to listen, behind a word that begins before. reach_ns: up to where, so that the last word
    is heard whole.
    """

    track: str
    pieces: list[Piece]
    start_ns: int
    reach_ns: int
    lasts: bool = False


class Portion(Struct, frozen=True, kw_only=True):
    """Some stills in a row, or one run of sound, of a session.

    follows: the first still is read with what was found on the last one of the portion before.
    """

    session: str
    stills: list[Still] = []
    run: SoundRun | None = None
    follows: bool = False
