"""Old recordings into fewer bytes: which, one after the other, and what takes the place of what."""

from collections.abc import Sequence
from datetime import datetime

from reeld.control.parts import Parts, as_reply
from reeld.features import Feature, is_on
from reeld.runtime.clock import wall_ns
from reeld.store import staging
from reeld.upkeep.keeper import Ledger
from reeld_proto.errors import ErrorCode, RequestRejected
from reeld_proto.records import SessionInfo, SessionState, TrackKind
from reeld_proto.store_orders import MediaStaged, ReplaceMedia, RunCompress
from reeld_proto.units import NS_PER_S

SECONDS_PER_DAY = 86_400.0
REPLACE_S = 120.0
"""The store reads what was staged twice and writes it in one transaction."""

AV1 = "av1"
"""The codec's name in the store; `reeld.media.av1` cannot be imported here, for it brings FFmpeg."""


async def compress(parts: Parts, ledger: Ledger, tried: set[str]) -> None:
    """Encode the pictures of old sessions again, one session at a time.

    tried: sessions where nothing was gained, not to be tried twice in the life of a daemon; added to.
    Raises RequestRejected if the config names no age, or if the feature is off and somebody asks for it.
    """
    days = parts.config.upkeep.compress_after_days
    if days is None:
        raise RequestRejected(
            "no session is ever old enough to be compressed",
            code=ErrorCode.WRONG_STATE,
            remedy="Say from when on in the config: `[upkeep]` `compress_after_days = 30`.",
        )
    if not is_on(Feature.COMPRESS_AV1, parts.config.features, await parts.library.identity()):
        ledger.detail = f"the feature {Feature.COMPRESS_AV1} is off"
        if ledger.asked:
            raise RequestRejected(
                ledger.detail,
                code=ErrorCode.WRONG_STATE,
                remedy=f'Switch it on in the config: `[features]` `{Feature.COMPRESS_AV1} = "on"`.',
            )
        return
    before_ns = wall_ns() - round(days * SECONDS_PER_DAY * NS_PER_S)
    old = [info for info in compressible(await parts.library.sessions(), before_ns) if info.session not in tried]
    ledger.total_bytes = sum(info.bytes for info in old)
    saved = 0
    for info in old:
        order = RunCompress(store=str(parts.store_dir), session=info.session)
        staged = as_reply(await parts.jobs.run(order), MediaStaged)
        tried.add(info.session)
        if staged.staged:
            replacing = ReplaceMedia(session=info.session, staged=staged.staged, reason="compressed to AV1")
            try:
                await parts.ask_store(replacing, REPLACE_S)
            finally:
                staging.remove_staged(parts.store_dir, staged.staged)
            saved += sum(track.bytes for track in info.tracks if track.kind is TrackKind.VIDEO) - staged.new_bytes
        ledger.done_bytes += info.bytes
        ledger.detail = f"{saved} bytes saved"


def compressible(found: Sequence[SessionInfo], before_wall_ns: int) -> list[SessionInfo]:
    """Sessions that are old enough, oldest first: finished, whole, and sharing their media with no other session."""
    shared = {origin for info in found for origin in info.origins}
    finished = (SessionState.COMPLETED, SessionState.INTERRUPTED)
    return sorted(
        (
            info
            for info in found
            if info.state in finished
            and not info.origins
            and info.session not in shared
            and info.tier == "full"
            and datetime.fromisoformat(info.started_at).timestamp() * NS_PER_S < before_wall_ns
            and any(track.kind is TrackKind.VIDEO and track.codec != AV1 for track in info.tracks)
        ),
        key=lambda info: info.started_at,
    )
