"""What is known of a live session. Harm guarded against: a worker that is told another time, or other tracks, than the
store."""

from reeld.config import Config
from reeld.sessions.live import Live, ServiceState
from reeld.sessions.signals import Service, Step
from reeld.sessions.validation import make_plan
from reeld_proto.commands import StartSession
from reeld_proto.units import NS_PER_S
from reeld_proto.workers import StartAudio, StartVideo
from tests.daemon.sessions.conversation import BROKEN, START_NS, WALL_NS, surroundings


def live(**options: object) -> Live:
    plan = make_plan(StartSession(**options), surroundings(), Config())  # type: ignore[arg-type]
    return Live.begin(plan, session="s1", now_ns=START_NS, wall_ns=WALL_NS, arrived_ns=START_NS - 5, ask=1)


def test_only_what_is_planned_becomes_a_service() -> None:
    assert set(live().services) == {Service.VIDEO, Service.AUDIO}
    assert set(live(displays=["none"]).services) == {Service.AUDIO}
    silent = live(microphone="none", system_audio="none")
    assert set(silent.services) == {Service.VIDEO}
    assert silent.waiting == {Step.CREATE, Service.VIDEO}


def test_store_and_workers_are_told_the_same_start_and_tracks() -> None:
    session = live()
    create = session.create_order()
    video, audio = session.start_order(Service.VIDEO), session.start_order(Service.AUDIO)
    assert isinstance(video, StartVideo)
    assert isinstance(audio, StartAudio)
    assert create.started_mono_ns == video.clock.start_ns == audio.clock.start_ns == START_NS
    assert create.started_wall_ns == WALL_NS
    told = [spec.track for spec in video.tracks] + [spec.track for spec in audio.tracks]
    told += [spec.track for spec in video.snapshots]
    assert told == [record.id for record in create.tracks]
    assert (video.codec, video.encoder) == (session.plan.codec, session.plan.encoder)


def test_a_replacement_is_told_the_pauses_there_were_and_its_own_epoch() -> None:
    session = live()
    session.clock.pause(START_NS + NS_PER_S)
    session.clock.resume(START_NS + 3 * NS_PER_S)
    session.services[Service.VIDEO].epoch = 4
    order = session.start_order(Service.VIDEO)
    assert isinstance(order, StartVideo)
    assert order.epoch == 4
    assert [(span.start_ns, span.end_ns) for span in order.clock.pauses] == [
        (START_NS + NS_PER_S, START_NS + 3 * NS_PER_S)
    ]
    assert session.elapsed_s(START_NS + 4 * NS_PER_S) == 2.0
    assert session.offset_ns(START_NS + 4 * NS_PER_S) == 4 * NS_PER_S
    assert session.elapsed_s(START_NS - NS_PER_S) == 0.0


def test_orders_reach_a_worker_only_behind_its_start() -> None:
    status = live().services[Service.VIDEO]
    taking = set()
    for state in ServiceState:
        status.state = state
        if status.takes_orders:
            taking.add(state)
    assert taking == {ServiceState.INITIALIZING, ServiceState.ACTIVE}


def test_a_service_that_is_being_tried_again_still_counts_as_failed() -> None:
    session = live()
    status = session.services[Service.AUDIO]
    assert session.failed() == {}
    status.state, status.error = ServiceState.CLAIMING, BROKEN
    assert session.failed() == {Service.AUDIO: BROKEN}
