"""The recordings: their list, what is known of one, and where its media is."""

from msgspec import Struct, convert
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reeld.review.answers import answer_json
from reeld.review.desk import Desk, number, seconds_of
from reeld.review.guard import PLAY_PATH
from reeld.review.manifest import Manifest, manifest_of
from reeld.review.tickets import VISIT_S, Purpose
from reeld.runtime.clock import monotonic_ns
from reeld.store.reader import StoreReader
from reeld.store.selection import EVERYTHING, selection_of
from reeld_proto import codec
from reeld_proto.commands import ListSessions
from reeld_proto.errors import RequestRejected
from reeld_proto.records import SessionInfo, SessionState, TrackKind
from reeld_proto.units import NS_PER_S

COUNT_MAX = 500
"""Sessions in one answer."""
FOUND_MAX = 2000
"""Matches of a text; the best are in front, and nobody reads further."""
STRETCH_S = 60.0


class Row(Struct, frozen=True, kw_only=True, gc=False):
    """A session in the list."""

    session: str
    name: str
    state: SessionState
    started_at: str
    duration_s: float
    bytes: int
    tags: list[str]
    note: str
    pinned: bool
    has_video: bool
    has_audio: bool
    has_snapshots: bool
    marks: list[str]


def routes(desk: Desk) -> list[Route]:
    """The routes of this area."""

    async def sessions(request: Request) -> Response:
        """`{total, offset, sessions, warnings}`: newest first; with `text`, those that it finds, best match first."""
        params = request.query_params
        offset = number(params.get("offset", "0"), "offset")
        count = number(params.get("count", "100"), "count", COUNT_MAX)
        wanted = _wanted(params)
        if wanted.text is not None:
            found = await desk.client.list_sessions(
                text=wanted.text,
                status=wanted.status,
                tag=wanted.tag,
                since=wanted.since,
                until=wanted.until,
                limit=FOUND_MAX,
            )
            total, shown, warnings = len(found.sessions), found.sessions[offset : offset + count], found.warnings
        else:
            total, shown, warnings = await desk.shelf.read(lambda reader: _listed(reader, wanted, offset, count))
        rows = [_row(info) for info in shown]
        return answer_json({"total": total, "offset": offset, "sessions": rows, "warnings": warnings})

    async def session(request: Request) -> Response:
        """One session, and the address at which players play it."""
        info = await desk.client.show(request.path_params["session"])
        ticket = desk.office.issue(Purpose.PLAY, monotonic_ns(), VISIT_S, info.session)
        play_url = f"{PLAY_PATH}{ticket}/{info.session}/master.m3u8"
        return answer_json({"session": info, "play_url": play_url})

    async def manifest(request: Request) -> Response:
        """Where the media of the stretch [from_s, to_s) is."""
        params = request.query_params
        from_s = seconds_of(params.get("from_s", "0"), "from_s")
        to_s = seconds_of(params.get("to_s", str(from_s + STRETCH_S)), "to_s")
        if to_s <= from_s:
            raise RequestRejected("to_s is not after from_s")

        where = request.path_params["session"]

        def work(reader: StoreReader) -> Manifest:
            return manifest_of(reader, where, round(from_s * NS_PER_S), round(to_s * NS_PER_S))

        return answer_json(await desk.shelf.read(work))

    async def timeline(request: Request) -> Response:
        """What happened when: gaps, markers, voices, silences, changes of the sound."""
        return answer_json(await desk.client.timeline(request.path_params["session"]))

    one = "/api/sessions/{session}"
    return [
        Route("/api/sessions", sessions),
        Route(one, session),
        Route(one + "/manifest", manifest),
        Route(one + "/timeline", timeline),
    ]


def _wanted(params: QueryParams) -> ListSessions:
    status = params.get("status") or None
    if status is not None and status not in set(SessionState):
        raise RequestRejected(f"status: {status[:64]!r} is none of {', '.join(SessionState)}")
    return ListSessions(
        text=params.get("text", "").strip() or None,
        status=None if status is None else convert(status, SessionState),
        tag=params.get("tag") or None,
        since=params.get("since") or None,
        until=params.get("until") or None,
    )


def _listed(
    reader: StoreReader, wanted: ListSessions, offset: int, count: int
) -> tuple[int, list[SessionInfo], list[str]]:
    selection = selection_of(wanted)
    if selection == EVERYTHING:
        total, shown, damaged = reader.newest(offset, count)
    else:
        cards = reader.find(selection)
        total, damaged = len(cards), reader.damaged
        shown = codec.unpack_all([card.info for card in cards[offset : offset + count]], SessionInfo)
    return total, shown, [f"session {name} is damaged: {reason}" for name, reason in damaged.items()]


def _row(info: SessionInfo) -> Row:
    kinds = {track.kind for track in info.tracks}
    return Row(
        session=info.session,
        name=info.name,
        state=info.state,
        started_at=info.started_at,
        duration_s=info.duration_s,
        bytes=info.bytes,
        tags=info.tags,
        note=info.note,
        pinned=info.pinned,
        has_video=TrackKind.VIDEO in kinds,
        has_audio=TrackKind.AUDIO in kinds,
        has_snapshots=TrackKind.SNAPSHOT in kinds,
        marks=[marker.text for marker in info.markers[:20]],
    )
