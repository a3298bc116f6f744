"""What engines made of chunks. Harms guarded against: work that is done twice, a result that outlives its chunk, and
the result of a part shown for the whole."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reeld.store import chunks, gc, results
from reeld.store.environment import StoreEnvironment
from reeld.store.records import ResultEntry
from reeld.store.transaction import Table
from reeld_proto.findings import Stage
from reeld_proto.store_orders import CollectChunks
from tests.daemon.export.cutting import check, derive
from tests.daemon.store.builders import SESSION
from tests.daemon.store.found import end, forget, keep, result, sound, sounds, spoken
from tests.daemon.store.test_manifests import remove

SOURCE = b"s" * 32


def entry(stage: Stage = Stage.OCR, **fields: object) -> ResultEntry:
    values: dict[str, object] = {
        "engine": "engine",
        "version": "1",
        "parameters": "",
        "job": "job-1",
        "made_wall_ns": 1,
        "seconds": 0.5,
        "payload": b"first",
        **fields,
    }
    return ResultEntry(stage=stage, **values)  # type: ignore[arg-type]


def put(store: StoreEnvironment, *entries: ResultEntry, source: bytes = SOURCE) -> list[bool]:
    with store.write() as txn:
        return [results.put(txn, source, each) for each in entries]


def known(store: StoreEnvironment, payload: bytes) -> int:
    with store.read() as txn:
        return len(list(results.of(txn, chunks.digest_of(payload))))


def test_the_same_result_again_leaves_the_first_as_it_was(store: StoreEnvironment) -> None:
    assert put(store, entry(), entry(payload=b"second", job="job-2", made_wall_ns=2)) == [True, False]
    with store.read() as txn:
        assert list(results.of(txn, SOURCE)) == [entry()]


def test_results_of_other_engines_versions_parameters_and_stages_do_not_replace_each_other(
    store: StoreEnvironment,
) -> None:
    others = [
        entry(),
        entry(engine="other"),
        entry(version="2"),
        entry(parameters="x"),
        entry(Stage.SPEECH),
        entry(engine="engin", version="e1"),
    ]
    assert put(store, *others) == [True] * len(others)
    with store.read() as txn:
        assert len(list(results.of(txn, SOURCE))) == len(others)


def test_a_chunk_is_not_taken_for_looked_at_because_another_was(store: StoreEnvironment) -> None:
    put(store, entry())
    key = results.engine_key(Stage.OCR, "engine", "1", "")
    with store.read() as txn:
        assert results.has(txn, SOURCE, key)
        assert not results.has(txn, b"t" * 32, key)
        assert not results.has(txn, SOURCE, results.engine_key(Stage.OCR, "engine", "2", ""))
        assert list(results.of(txn, b"t" * 32)) == []


def test_people_are_shown_the_newest_result_of_the_stage_but_never_a_part_before_the_whole(
    store: StoreEnvironment,
) -> None:
    whole_old = entry(payload=b"whole, old", made_wall_ns=1)
    whole_new = entry(payload=b"whole, new", made_wall_ns=2, version="2")
    part = entry(payload=b"part", made_wall_ns=3, parameters=f"left{results.PART}0-10")
    put(store, part)
    with store.read() as txn:
        assert results.best(txn, SOURCE, Stage.OCR) == part
        assert results.best(txn, SOURCE, Stage.SPEECH) is None
    put(store, whole_new, whole_old, entry(Stage.SPEECH, made_wall_ns=9))
    with store.read() as txn:
        assert results.best(txn, SOURCE, Stage.OCR) == whole_new


def test_dropping_takes_all_of_one_chunk_and_nothing_of_its_neighbours(store: StoreEnvironment) -> None:
    neighbours = (b"s" * 31 + b"r", b"s" * 31 + b"t")
    put(store, entry(), entry(version="2"))
    for neighbour in neighbours:
        put(store, entry(), source=neighbour)
    with store.write() as txn:
        assert (results.drop(txn, SOURCE), results.drop(txn, SOURCE)) == (2, 0)
        assert list(results.of(txn, SOURCE)) == []
        assert [len(list(results.of(txn, each))) for each in neighbours] == [1, 1]


def test_a_chunk_that_nothing_holds_any_more_takes_its_results_with_it_at_once(store: StoreEnvironment) -> None:
    sounds(store, 2)
    keep(store, result(sound(0), spoken((0, 0.5, " secret"))), result(sound(1), spoken()))
    with store.write() as txn:
        chunks.release(txn, chunks.digest_of(sound(0)), reason="test", now_wall_ns=1)
    assert (known(store, sound(0)), known(store, sound(1))) == (0, 1)


def test_a_chunk_that_another_session_shows_keeps_its_results(store: StoreEnvironment) -> None:
    sounds(store, 3)
    end(store, 3)
    keep(store, *(result(sound(each), spoken()) for each in range(3)))
    derive(store, "clip", (SESSION, 1, 2))
    remove(store)
    assert [known(store, sound(each)) for each in range(3)] == [0, 1, 0]
    remove(store, "clip")
    with store.read() as txn:
        assert txn.count(Table.RESULTS) == 0


def test_bytes_that_come_again_do_not_bring_back_what_was_known_of_them(store: StoreEnvironment) -> None:
    sounds(store, 1)
    keep(store, result(sound(0), spoken((0, 0.5, " secret"))))
    with store.write() as txn:
        digest = chunks.digest_of(sound(0))
        chunks.release(txn, digest, reason="test", now_wall_ns=1)
        chunks.hold(txn, digest)
    assert known(store, sound(0)) == 0


def test_collecting_garbage_leaves_no_result_of_what_went_and_all_of_what_did_not(store: StoreEnvironment) -> None:
    sounds(store, 2)
    gone, kept = chunks.digest_of(sound(0)), chunks.digest_of(sound(1))
    with store.write() as txn:
        for digest in (gone, kept):
            chunks.release(txn, digest, reason="test", now_wall_ns=1)
        chunks.hold(txn, kept)
        for digest in (gone, kept):
            results.put(txn, digest, entry())
        gc.collect(txn, CollectChunks())
        assert [len(list(results.of(txn, digest))) for digest in (gone, kept)] == [0, 1]


def test_results_do_not_disturb_the_counts_of_the_store(store: StoreEnvironment) -> None:
    sounds(store, 3)
    end(store, 3)
    keep(store, *(result(sound(each), spoken()) for each in range(3)))
    check(store)
    forget(store, 1.2, 1.4)
    check(store)


_names = st.sampled_from(["a", "b", "ab", ""])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(list(Stage)), _names, _names, _names), max_size=12))
def test_put_again_in_any_order_changes_nothing(
    store: StoreEnvironment, made: list[tuple[Stage, str, str, str]]
) -> None:
    entries = [
        entry(stage, engine=engine, version=version, parameters=parameters, made_wall_ns=number)
        for number, (stage, engine, version, parameters) in enumerate(made)
    ]
    with store.write() as txn:
        results.drop(txn, SOURCE)
    assert sum(put(store, *entries)) == len(set(made))
    with store.read() as txn:
        before = list(results.of(txn, SOURCE))
    assert not any(put(store, *reversed(entries)))
    with store.read() as txn:
        assert list(results.of(txn, SOURCE)) == before
