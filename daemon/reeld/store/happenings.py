"""What happened when in a session, and how silent its sounds are: for people who look at one session."""

from collections import Counter

from msgspec import structs

from reeld.store import automation, sessions
from reeld.store.description import describe
from reeld.store.heard import heard_of
from reeld.store.reader import gaps_of
from reeld.store.records import SessionRecord, TrackState
from reeld.store.said import said_of
from reeld.store.transaction import Transaction
from reeld_proto.records import GapReason, SessionInfo, TrackKind
from reeld_proto.sound import AutomationPoint, HeardSpan, SessionTimeline, SpanKind
from reeld_proto.units import seconds


def timeline_of(txn: Transaction, session: str) -> SessionTimeline:
    """Gaps, markers, voices, silences and changes of the sound, each in the order of time.

    Raises RequestRejected (NOT_FOUND), StoreCorrupt.
    """
    info = describe(sessions.load_shown(txn, session), said_of(txn, session)).info
    heard: dict[SpanKind, list[HeardSpan]] = {kind: [] for kind in SpanKind}
    for track, kind, span in heard_of(txn, session):
        heard[kind].append(HeardSpan(track=track, start_s=seconds(span.start_ns), end_s=seconds(span.end_ns)))
    for spans in heard.values():
        spans.sort(key=lambda each: (each.start_s, each.track))
    return SessionTimeline(
        session=session,
        duration_s=info.duration_s,
        gaps=sorted(info.gaps, key=lambda gap: (gap.start_s, gap.track)),
        markers=info.markers,
        voice=heard[SpanKind.VOICE],
        silence=heard[SpanKind.SILENCE],
        automation=[
            AutomationPoint(
                at_s=seconds(moment.at_ns),
                node=moment.change.node,
                setting=moment.change.setting,
                value=moment.change.value,
            )
            for moment in automation.moments_of(txn, session)
        ],
    )


def shown(txn: Transaction, session: str) -> SessionInfo:
    """One session, with how silent its sounds are. Raises RequestRejected (NOT_FOUND)."""
    record = sessions.load_shown(txn, session)
    info = describe(record, said_of(txn, session)).info
    ratios = silence_ratios(txn, record)
    tracks = [structs.replace(track, silence_ratio=ratios.get(track.id)) for track in info.tracks]
    return structs.replace(info, tracks=tracks)


def silence_ratios(txn: Transaction, record: SessionRecord) -> dict[str, float]:
    """Of each track of sound the share of its time that is silent, from 0 to 1; none of a session without time.

    Silent is what a detector found, or, where that is more, what was filled in because the device gave nothing; and
    the time for which the device was lost.
    """
    sounds = [track for track in record.tracks if track.kind is TrackKind.AUDIO]
    total_ns = record.media_end_ns()
    detected: Counter[str] = Counter()
    for track, kind, span in heard_of(txn, record.id) if sounds else ():
        if kind is SpanKind.SILENCE:
            detected[track] += span.end_ns - span.start_ns
    return {track.id: _ratio(txn, record, track, detected[track.id], total_ns) for track in sounds if total_ns > 0}


def _ratio(txn: Transaction, record: SessionRecord, track: TrackState, detected_ns: int, total_ns: int) -> float:
    lost_ns = sum(
        min(gap.end_ns, total_ns) - gap.start_ns
        for gap in gaps_of(txn, record.id, track.id)
        if gap.reason is GapReason.DEVICE_LOST
    )
    return round(min(1.0, (max(detected_ns, track.silence_ns) + lost_ns) / total_ns), 4)
