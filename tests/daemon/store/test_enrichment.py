"""Jobs and what they found. Harms guarded against: a finding that tells what is not there any more, an undo that takes
what others found, what was forgotten coming back as a result, and work that is lost or told twice."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from reeld.store import chunks, enrichment, revisions, sessions
from reeld.store.environment import StoreEnvironment
from reeld.store.records import FindingEntry, ResultEntry
from reeld.store.transaction import Table, decode
from reeld_proto.enrich import FINAL_STATES, EnrichJob, EnrichState
from reeld_proto.enrich_orders import EnrichmentKept, KeepEnrichment, UndoEnrichment
from reeld_proto.errors import RequestRejected
from reeld_proto.findings import Chapters, NewFinding, NewResult, Stage, Summary
from reeld_proto.workers import RecordMarker
from tests.daemon.export.cutting import carry_out, check, derive
from tests.daemon.store.builders import NS, SESSION, creation
from tests.daemon.store.found import (
    chapters,
    end,
    finding,
    forget,
    job,
    keep,
    page,
    result,
    revision_of,
    rows,
    sound,
    sounds,
    spoken,
    summary,
)
from tests.daemon.store.test_manifests import remove

FOUND = (Table.RESULTS, Table.FINDINGS)


@pytest.fixture
def recorded(store: StoreEnvironment) -> StoreEnvironment:
    """Five seconds of sound, finished; and a session whose id begins alike."""
    sounds(store, 5)
    end(store, 5)
    with store.write() as txn:
        sessions.create(txn, creation(SESSION + "x", "neighbour"))
    return store


def undo(store: StoreEnvironment, by: EnrichJob) -> EnrichmentKept:
    with store.write() as txn:
        return enrichment.undo(txn, UndoEnrichment(job=by))


def results_in(store: StoreEnvironment) -> list[ResultEntry]:
    return [decode(value, ResultEntry) for _, value in rows(store, Table.RESULTS)]


def found_of(store: StoreEnvironment, stage: Stage, session: str = SESSION) -> FindingEntry | None:
    with store.read() as txn:
        return enrichment.finding_of(txn, session, stage)


def jobs(store: StoreEnvironment) -> list[EnrichJob]:
    with store.read() as txn:
        return enrichment.jobs_of(txn)


def test_a_crash_never_parts_a_job_from_what_it_found(recorded: StoreEnvironment) -> None:
    by = job(state=EnrichState.COMPLETED)
    kept = keep(recorded, result(sound(0), spoken((0, 0.5, " hello"))), finding(recorded, chapters((0, "All"))), by=by)
    assert kept == EnrichmentKept(kept=2)
    assert jobs(recorded) == [by]
    (entry,) = results_in(recorded)
    assert (entry.stage, entry.engine, entry.version, entry.job, entry.seconds) == (
        Stage.SPEECH,
        "engine",
        "1",
        "job-1",
        0.5,
    )
    chaptered = found_of(recorded, Stage.CHAPTERS)
    assert chaptered is not None
    assert (chaptered.engine, chaptered.basis, chaptered.job) == ("words", b"basis", "job-1")
    assert found_of(recorded, Stage.SUMMARY) is None
    check(recorded)


def test_an_order_that_fails_leaves_neither_job_nor_results(recorded: StoreEnvironment) -> None:
    before = rows(recorded, *Table)
    with pytest.raises(RequestRejected):
        keep(recorded, result(sound(0), spoken()), by=job(""))
    assert rows(recorded, *Table) == before


def test_a_finding_of_another_session_than_the_job_s_is_refused(recorded: StoreEnvironment) -> None:
    wrong = structs.replace(finding(recorded, chapters((0, "All"))), session="another")
    assert keep(recorded, wrong).stale


def test_the_same_result_twice_stays_the_first_and_nobody_is_told_of_a_change(recorded: StoreEnvironment) -> None:
    keep(recorded, result(sound(0), spoken((0, 0.5, " first"))))
    before = rows(recorded, Table.RESULTS, Table.SESSIONS)
    assert keep(recorded, result(sound(0), spoken((0, 0.5, " second"))), by=job("job-2")).kept == 0
    assert rows(recorded, Table.RESULTS, Table.SESSIONS) == before


def test_a_result_of_a_chunk_that_nothing_holds_any_more_is_not_kept(recorded: StoreEnvironment) -> None:
    forget(recorded, 1, 2)
    found = [result(sound(each), spoken((0, 0.5, " word"))) for each in (0, 1)]
    never_there = result(b"never there", spoken())
    assert keep(recorded, *found, never_there).kept == 1
    with recorded.read() as txn:
        assert [key[:32] for key, _ in txn.scan(Table.RESULTS)] == [chunks.digest_of(sound(0))]


def test_a_finding_made_of_what_has_changed_since_is_refused_and_nothing_of_it_is_kept(
    recorded: StoreEnvironment,
) -> None:
    old = [finding(recorded, chapters((0, "Secret"))), finding(recorded, summary((1, "A secret.")))]
    forget(recorded, 1, 2)
    before = rows(recorded, *FOUND, Table.SESSIONS)
    assert keep(recorded, *old) == EnrichmentKept(kept=0, stale=True)
    assert rows(recorded, *FOUND, Table.SESSIONS) == before
    assert keep(recorded, finding(recorded, chapters((0, "New")))) == EnrichmentKept(kept=1)


def test_a_finding_is_stale_after_any_word_about_the_session_changed(recorded: StoreEnvironment) -> None:
    old = finding(recorded, chapters((0, "One")))
    with recorded.write() as txn:
        sessions.mark(txn, RecordMarker(session=SESSION, media_ns=NS, text="new"))
    assert keep(recorded, old) == EnrichmentKept(kept=0, stale=True)
    assert found_of(recorded, Stage.CHAPTERS) is None


def test_results_beside_a_stale_finding_are_not_lost(recorded: StoreEnvironment) -> None:
    old = structs.replace(finding(recorded, chapters((0, "One"))), revision=revision_of(recorded) - 1)
    assert keep(recorded, result(sound(0), spoken()), old) == EnrichmentKept(kept=1, stale=True)
    assert rows(recorded, Table.FINDINGS) == []


def test_chapters_and_summary_of_one_order_do_not_make_each_other_stale(recorded: StoreEnvironment) -> None:
    found = [finding(recorded, chapters((0, "One"))), finding(recorded, summary((0, "It began.")))]
    assert keep(recorded, result(sound(0), spoken()), *found) == EnrichmentKept(kept=3)


def test_a_finding_made_of_the_same_again_changes_nothing_and_one_of_something_new_takes_its_place(
    recorded: StoreEnvironment,
) -> None:
    keep(recorded, finding(recorded, chapters((0, "One"))))
    before = rows(recorded, Table.FINDINGS, Table.SESSIONS)
    assert keep(recorded, finding(recorded, chapters((0, "Two"))), by=job("job-2")).kept == 0
    assert rows(recorded, Table.FINDINGS, Table.SESSIONS) == before
    assert keep(recorded, finding(recorded, chapters((0, "Two")), basis=b"other"), by=job("job-2")).kept == 1
    entry = found_of(recorded, Stage.CHAPTERS)
    assert entry is not None
    assert (entry.job, entry.basis) == ("job-2", b"other")
    assert len(rows(recorded, Table.FINDINGS)) == 1


def test_a_finding_of_a_session_that_is_gone_is_refused(recorded: StoreEnvironment) -> None:
    old = finding(recorded, summary((0, "It began.")))
    remove(recorded)
    assert keep(recorded, old, result(sound(0), spoken())) == EnrichmentKept(kept=0, stale=True)
    assert rows(recorded, *FOUND) == []


def test_whatever_was_found_is_told_to_the_index(recorded: StoreEnvironment) -> None:
    for found in (result(sound(0), spoken()), finding(recorded, chapters((0, "One")))):
        before = revision_of(recorded)
        fresh = structs.replace(found, revision=before) if isinstance(found, NewFinding) else found
        keep(recorded, fresh)
        assert revision_of(recorded) > before
    before = revision_of(recorded)
    keep(recorded)
    assert revision_of(recorded) == before
    undo(recorded, job())
    assert revision_of(recorded) > before
    with recorded.read() as txn:
        assert revisions.latest(txn) == sessions.load(txn, SESSION).revision


def test_undo_removes_what_this_job_made_and_nothing_of_any_other(recorded: StoreEnvironment) -> None:
    other = SESSION + "x"
    keep(recorded, result(sound(0), spoken()), by=job("job-1"))
    keep(recorded, finding(recorded, chapters((0, "One"))), by=job("job-1"))
    keep(recorded, result(sound(0), spoken(), version="2"), result(sound(1), spoken()), by=job("job-2"))
    keep(recorded, finding(recorded, summary((0, "It began."))), by=job("job-2"))
    keep(recorded, finding(recorded, chapters((0, "Other")), session=other), by=job("job-1", other))
    cancelled = job("job-1", state=EnrichState.CANCELLED)
    assert undo(recorded, cancelled) == EnrichmentKept(kept=2)
    assert {entry.job for entry in results_in(recorded)} == {"job-2"}
    assert len(results_in(recorded)) == 2
    assert found_of(recorded, Stage.CHAPTERS) is None
    assert found_of(recorded, Stage.SUMMARY) is not None
    assert found_of(recorded, Stage.CHAPTERS, other) is not None
    assert [each.state for each in jobs(recorded) if each.id == "job-1"] == [EnrichState.CANCELLED]


def test_undo_twice_is_undo_once(recorded: StoreEnvironment) -> None:
    keep(recorded, result(sound(0), spoken()))
    assert undo(recorded, job()).kept == 1
    before = rows(recorded, *Table)
    assert undo(recorded, job()).kept == 0
    assert rows(recorded, *Table) == before


def test_undo_after_the_session_is_gone_keeps_what_another_session_has(recorded: StoreEnvironment) -> None:
    derive(recorded, "clip", (SESSION, 0, 1))
    keep(recorded, result(sound(0), spoken()))
    remove(recorded)
    assert undo(recorded, job()) == EnrichmentKept(kept=0)
    assert len(results_in(recorded)) == 1


def test_a_chunk_that_is_shown_twice_is_one_source(recorded: StoreEnvironment) -> None:
    derive(recorded, "twice", (SESSION, 0, 2), (SESSION, 1, 3))
    with recorded.read() as txn:
        sources = list(enrichment.sources_of(txn, sessions.load(txn, "twice")))
    assert sources == [chunks.digest_of(sound(each)) for each in range(3)]


def test_forgetting_counts_every_result_and_finding_that_went_in_its_receipt(recorded: StoreEnvironment) -> None:
    keep(recorded, *(result(sound(each), spoken()) for each in range(5)), result(sound(2), spoken(), version="2"))
    found = [finding(recorded, chapters((0, "One"))), finding(recorded, summary((0, "It began.")))]
    keep(recorded, *found)
    receipt = forget(recorded, 2.2, 2.8)
    # Two of what is forgotten, one on either side of it, and two of the session as a whole.
    assert receipt.results == 6
    with recorded.read() as txn:
        left = {key[:32] for key, _ in txn.scan(Table.RESULTS)}
    assert left == {chunks.digest_of(sound(each)) for each in (0, 4)}
    assert rows(recorded, Table.FINDINGS) == []
    check(recorded)


def test_forgetting_takes_the_findings_of_every_session_that_shows_the_range_and_of_no_other(
    recorded: StoreEnvironment,
) -> None:
    derive(recorded, "with", (SESSION, 1, 4))
    derive(recorded, "without", (SESSION, 4, 5))
    for session in (SESSION, "with", "without"):
        keep(recorded, finding(recorded, summary((0, "A secret.")), session=session), by=job(session, session))
    receipt = forget(recorded, 2, 3)
    assert (set(receipt.sessions), receipt.results) == ({SESSION, "with"}, 2)
    assert found_of(recorded, Stage.SUMMARY, "without") is not None
    assert len(rows(recorded, Table.FINDINGS)) == 1


def test_forgetting_a_range_through_a_clip_takes_the_results_beside_it_in_the_recording(
    recorded: StoreEnvironment,
) -> None:
    derive(recorded, "clip", (SESSION, 2, 3))
    keep(recorded, *(result(sound(each), spoken()) for each in range(5)))
    assert forget(recorded, 0, 1, "clip").results == 3
    with recorded.read() as txn:
        left = {key[:32] for key, _ in txn.scan(Table.RESULTS)}
    assert left == {chunks.digest_of(sound(each)) for each in (0, 4)}


def test_forgetting_where_nothing_was_found_counts_nothing(recorded: StoreEnvironment) -> None:
    assert forget(recorded, 2, 3).results == 0


def test_a_deleted_session_takes_its_findings_and_jobs_with_it_and_leaves_those_of_others(
    recorded: StoreEnvironment,
) -> None:
    other = SESSION + "x"
    keep(recorded, finding(recorded, summary((0, "It began."))), by=job("job-1", state=EnrichState.COMPLETED))
    keep(recorded, by=job("job-2"))
    keep(recorded, finding(recorded, summary((0, "Other.")), session=other), by=job("job-3", other))
    remove(recorded)
    assert [each.id for each in jobs(recorded)] == ["job-3"]
    assert found_of(recorded, Stage.SUMMARY) is None
    assert found_of(recorded, Stage.SUMMARY, other) is not None


def test_a_job_is_one_row_however_often_it_is_written(recorded: StoreEnvironment) -> None:
    for state in (EnrichState.PENDING, EnrichState.RUNNING, EnrichState.COMPLETED):
        keep(recorded, by=job("job-2", state=state))
    keep(recorded, by=job("job-1"))
    assert [(each.id, each.state) for each in jobs(recorded)] == [
        ("job-1", EnrichState.RUNNING),
        ("job-2", EnrichState.COMPLETED),
    ]


def test_jobs_that_ended_do_not_pile_up_and_those_that_go_on_are_never_dropped(store: StoreEnvironment) -> None:
    running = [job(f"job-{number:04}", state=EnrichState.PAUSED) for number in range(3)]
    ended = [job(f"job-{number:04}", state=EnrichState.COMPLETED) for number in range(3, 3 + enrichment.JOBS_KEPT_MAX)]
    with store.write() as txn:
        for each in [*running, *ended]:
            txn.put_record(Table.ENRICH_JOBS, each.id.encode(), each)
    for state in sorted(FINAL_STATES):
        keep(store, by=job(f"job-9{state}", state=state))
    left = jobs(store)
    assert left[:3] == running
    assert len(left) == 3 + enrichment.JOBS_KEPT_MAX
    assert [each.id for each in left[3:5]] == ["job-0006", "job-0007"]
    assert {each.state for each in left[-3:]} == FINAL_STATES


def test_the_store_worker_carries_both_orders_out(recorded: StoreEnvironment) -> None:
    order = KeepEnrichment(job=job(), results=[result(sound(0), spoken()), result(sound(1), page("No sound"))])
    assert carry_out(recorded, order) == EnrichmentKept(kept=2)
    assert carry_out(recorded, UndoEnrichment(job=job())) == EnrichmentKept(kept=2)


_results = st.builds(
    lambda second, version, word: result(sound(second), spoken((0, 0.5, word)), version=version),
    st.integers(0, 6),
    st.sampled_from("12"),
    st.sampled_from(["one", "two"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(_results, max_size=6), st.lists(st.sampled_from([chapters((0, "One")), summary((0, "A."))]), max_size=3)
)
def test_given_twice_is_given_once_and_undone_is_as_if_it_never_was(
    recorded: StoreEnvironment, heard: list[NewResult], made: list[Chapters | Summary]
) -> None:
    """The store may be killed after it wrote and before it answered: then the order is given again."""
    undo(recorded, job())
    empty = rows(recorded, *FOUND)
    found: list[NewResult | NewFinding] = [*heard, *(finding(recorded, each) for each in made)]
    keep(recorded, *found)
    once = rows(recorded, *FOUND, Table.ENRICH_JOBS, Table.SESSIONS)
    assert keep(recorded, *found).kept == 0
    assert rows(recorded, *FOUND, Table.ENRICH_JOBS, Table.SESSIONS) == once
    undo(recorded, job())
    assert rows(recorded, *FOUND) == empty
