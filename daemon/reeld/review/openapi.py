"""The review server's interface as an OpenAPI 3.1 description: what can be asked, and what is answered."""

from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec

from reeld import __version__
from reeld.review.areas import changes, exports, knowledge, library, pictures, sounds
from reeld.review.bodies import Nothing
from reeld.review.desk import SECONDS_MAX
from reeld.review.manifest import Manifest
from reeld_proto import commands as c
from reeld_proto.jobs import JobInfo
from reeld_proto.records import SessionInfo, SessionState

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_SECONDS: Schema = {"type": "number", "minimum": 0, "maximum": SECONDS_MAX}
_DIGEST: Schema = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
_JSON, _MP4, _PLAYLIST = "application/json", "video/mp4", "application/vnd.apple.mpegurl"
_ANY = "*/*"
_PATHS: dict[str, Schema] = {
    "session": _TEXT,
    "track": _TEXT,
    "job": _TEXT,
    "name": _TEXT,
    "ticket": _TEXT,
    "digest": _DIGEST,
    "start": {"type": "integer", "minimum": 0, "description": "Nanoseconds of media time."},
    "at_ms": {"type": "integer", "minimum": 0, "maximum": int(SECONDS_MAX * 1000)},
}
_ALWAYS = (400, 401, 403, 404, 500, 503)
"""Refused by the guard or the application, whatever is asked; 500 is a fault of reeld."""
_OF_CHANGES = (409, 413, 415, 429, 507)
_OF_BYTES = (304, 410, 416)


@cache
def description(cookie: str) -> Schema:
    """The whole document. Its types are those that the code decodes and encodes. cookie: the name of the visitor's."""
    types = _Types()
    paths: dict[str, Schema] = {}
    for method, path, operation in _operations(types):
        paths.setdefault(path, {})[method] = operation
        if method == "get":
            paths[path]["head"] = {**operation, "responses": _without_content(operation["responses"])}
    refusal = {"type": "object", "required": ["error", "message"], "properties": {"error": _TEXT, "message": _TEXT}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "reeld review", "version": __version__, "license": {"name": "MIT", "identifier": "MIT"}},
        "servers": [{"url": "/"}],
        "security": [{"visit": []}],
        "paths": paths,
        "components": {
            "schemas": {**types.schemas(), "Refusal": refusal},
            "securitySchemes": {"visit": {"type": "apiKey", "in": "cookie", "name": cookie, "description": _COOKIE}},
        },
    }


_COOKIE = "Given in exchange for the ticket of an address that `reelctl review` prints."


class _Types:
    """Refers to records, and knows in the end all that were referred to."""

    def __init__(self) -> None:
        self._known: list[type] = []

    def of(self, kind: type) -> Schema:
        if kind not in self._known:
            self._known.append(kind)
        return {"$ref": f"#/components/schemas/{kind.__name__}"}

    def schemas(self) -> Schema:
        _, components = msgspec.json.schema_components(self._known, ref_template="#/components/schemas/{name}")
        return dict(components)


def _operations(types: _Types) -> list[tuple[str, str, Schema]]:
    one, play = "/api/sessions/{session}", "/play/{ticket}/{session}"
    rows = _object(total={"type": "integer"}, offset={"type": "integer"}, sessions=_list(types.of(library.Row)))
    info, job = _object(session=types.of(SessionInfo)), _object(job=types.of(JobInfo))
    filters = [
        _query("offset", {"type": "integer", "minimum": 0}),
        _query("count", {"type": "integer", "minimum": 0, "maximum": library.COUNT_MAX}),
        _query("text", _TEXT),
        _query("status", {"enum": [*SessionState]}),
        *(_query(name, _TEXT) for name in ("tag", "since", "until")),
    ]
    span = [_query("from_s", _SECONDS), _query("to_s", _SECONDS)]
    columns = [
        *(_query(name, _SECONDS, required=True) for name in ("from_s", "to_s")),
        _query("count", {"type": "integer", "minimum": 1, "maximum": sounds.COUNT_MAX}, required=True),
    ]
    width = {"type": "integer", "minimum": pictures.WIDTH_MIN, "maximum": pictures.WIDTH_MAX}
    peaks = _object(from_s=_SECONDS, to_s=_SECONDS, count={"type": "integer"}, peaks=_list({"type": "integer"}))
    return [
        _get("/api/sessions", "Recordings, newest first or best match first.", {_JSON: rows}, filters),
        _get(one, "One recording, and where players play it.", {_JSON: info}),
        _get(f"{one}/manifest", "Where its media is.", {_JSON: types.of(Manifest)}, span),
        _get(f"{one}/timeline", "What happened when.", {_JSON: types.of(c.SessionTimeline)}),
        _get(
            f"{one}/knowledge",
            "What enrichment found in it.",
            {_JSON: types.of(knowledge.Knowledge)},
            [_query("at", _SECONDS)],
        ),
        _get(
            f"{one}/moments",
            "Where words are in it.",
            {_JSON: types.of(c.MomentsFound)},
            [_query("text", {"type": "string", "minLength": 1}, required=True)],
        ),
        _get(f"{one}/snapshots", "Its snapshots.", {_JSON: _object(snapshots=_list({"type": "object"}))}),
        _get(f"{one}/snapshots/{{digest}}", "A snapshot.", {_ANY: {}}, also=_OF_BYTES),
        _get(
            f"{one}/thumbnails/{{at_ms}}.jpg",
            "The picture on view.",
            {"image/jpeg": {}},
            [_query("track", _TEXT), _query("width", width)],
            also=(410,),
        ),
        _get(f"{one}/tracks/{{track}}/peaks", "How loud it is over time.", {_JSON: peaks}, columns, also=(410,)),
        _get(f"{one}/tracks/{{track}}/{{start}}.m4s", "A chunk where it is shown.", {_MP4: {}}, also=_OF_BYTES),
        _post(f"{one}/edit", "Name, note, tags, pin.", types.of(changes.Edit), info),
        _post(f"{one}/markers", "Put a marker.", types.of(changes.Mark), info),
        _post(f"{one}/clip", "Make a session of a range.", types.of(changes.Clip), types.of(c.Derived)),
        _post(f"{one}/forget", "Remove a range everywhere.", types.of(changes.Span), types.of(c.Forgotten)),
        _post(f"{one}/delete", "Delete it.", types.of(Nothing), types.of(c.Deleted)),
        _post(f"{one}/export", "Begin to write a file.", types.of(exports.Export), job, HTTPStatus.ACCEPTED),
        _get("/api/jobs/{job}", "How far a job is.", {_JSON: job}),
        _post("/api/jobs/{job}/cancel", "Cancel an export that was begun here.", types.of(Nothing), job),
        _get(
            "/api/exports/{job}/{name}", "The file of an export.", {_ANY: {}}, [_query("play", _TEXT)], also=(304, 416)
        ),
        _get("/api/events", "What happens, as server-sent events.", {"text/event-stream": {}}),
        _get("/chunks/{digest}", "Stored bytes by their SHA-256.", {_MP4: {}}, also=_OF_BYTES),
        _get(f"{play}/master.m3u8", "All tracks for a player.", {_PLAYLIST: {}}),
        _get(f"{play}/{{track}}/playlist.m3u8", "One track for a player.", {_PLAYLIST: {}}),
        _get(f"{play}/{{track}}/init/{{digest}}.mp4", "An init segment.", {_MP4: {}}, also=_OF_BYTES),
        _get(f"{play}/{{track}}/{{start}}.m4s", "A chunk where it is shown.", {_MP4: {}}, also=_OF_BYTES),
        _get("/openapi.json", "This description.", {_JSON: {"type": "object"}}),
    ]


def _get(
    path: str, summary: str, content: Schema, queries: Sequence[Schema] = (), *, also: Sequence[int] = ()
) -> tuple[str, str, Schema]:
    responses = _refusals(*_ALWAYS, *also)
    responses["200"] = {"description": summary, "content": _content(content)}
    if _OF_BYTES[-1] in also:
        responses["206"] = {"description": "The range that was asked for.", "content": _content(content)}
        responses["304"] = {"description": "What is there is still right."}
    return "get", path, {"summary": summary, "parameters": [*_in(path), *queries], "responses": responses}


def _post(
    path: str, summary: str, body: Schema, answer: Schema, status: HTTPStatus = HTTPStatus.OK
) -> tuple[str, str, Schema]:
    responses = _refusals(*_ALWAYS, *_OF_CHANGES)
    responses[str(int(status))] = {"description": summary, "content": _content({_JSON: answer})}
    request = {"required": True, "content": _content({_JSON: body})}
    return "post", path, {"summary": summary, "parameters": _in(path), "requestBody": request, "responses": responses}


def _refusals(*statuses: int) -> Schema:
    content = {_JSON: {"schema": {"$ref": "#/components/schemas/Refusal"}}, "text/plain": {"schema": _TEXT}}
    return {
        str(status): {"description": HTTPStatus(status).phrase, **({"content": content} if status >= 400 else {})}
        for status in statuses
    }


def _without_content(responses: Schema) -> Schema:
    return {status: {"description": response["description"]} for status, response in responses.items()}


def _content(kinds: Schema) -> Schema:
    return {kind: ({"schema": schema} if schema else {}) for kind, schema in kinds.items()}


def _in(path: str) -> list[Schema]:
    names = [part.partition("}")[0] for part in path.split("{")[1:]]
    return [{"name": name, "in": "path", "required": True, "schema": _PATHS[name]} for name in names]


def _query(name: str, schema: Schema, *, required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": required, "schema": schema}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "required": [*properties], "properties": properties}


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}
