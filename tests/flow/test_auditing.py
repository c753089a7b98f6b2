"""An auditor follows a case, a run and a period, and what they saw and took along is written down."""

import csv
import io
import json
from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.handed_over import handed_over
from tests.kit.staff import ANN, BEN, REGISTRAR
from transfer import facts
from transfer.errors import Unknown
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import rounds
from transfer.reports import ReportKind, ReviewFinding
from transfer.sheets import SheetFormat
from transfer.verify.lines import broken_in

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger) -> Services:
    return b.new_services(ledger)


def lately(services: Services):
    return desk.latest_days(services, 30, actor=ANN)


def rows_of(content: bytes) -> list[dict[str, str]]:
    table = list(csv.reader(io.StringIO(content.decode())))
    head = table.index([]) + 1
    return [dict(zip(table[head], row, strict=True)) for row in table[head + 1 :]]


def test_a_case_is_told_fact_by_fact_and_reading_it_is_a_fact(services):
    chart = b.a_chart()
    case = handed_over(services, chart=chart)

    found = desk.trace_case(services, case, actor=BEN)

    with services.ledger.transaction() as tx:
        patient = b.patient_of(services, case)
        stored = [line.hash.hex() for chain in (Chain.case(case), Chain.patient(patient)) for line in tx.lines(chain)]
    assert sorted(one.hash for one in found.lines) == sorted(stored)
    assert found.is_whole
    approved = next(one for one in found.lines if one.kind == "case-approved")
    assert (approved.by, approved.says) == (
        "ann",
        "Approved, without Glass slides or block of the biopsy and resection.",
    )
    assert chart["patient"]["family"] not in str(found)
    looks = desk.list_looks(services, actor=ANN, days=1, case=case)
    assert [(one.person, one.kind) for one in looks] == [("ben", "trail-viewed")]


def test_a_case_that_there_is_not_has_no_trail(services):
    with pytest.raises(Unknown):
        desk.trace_case(services, CaseId("c00000000000"), actor=ANN)
    with pytest.raises(Unknown):
        desk.chain_file(services, CaseId("c00000000000"), actor=ANN)


def test_lines_that_were_taken_along_are_checked_on_any_machine(services):
    case = handed_over(services)

    made = desk.chain_file(services, case, actor=ANN)

    lines = made.content.splitlines(keepends=True)
    assert broken_in(lines).broken == ()
    assert broken_in(lines).chains == 2
    told = json.loads(lines[3])
    altered = json.dumps({**told, "text": told["text"].replace('"at":"2', '"at":"1')}).encode() + b"\n"
    assert broken_in([*lines[:3], altered, *lines[4:]]).broken
    assert broken_in([*lines[:3], *lines[4:]]).broken


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"text": 1}', b'{"text":"{}","previous":"","hash":""}', b"[" * 99_999],
)
def test_a_file_that_holds_no_lines_is_broken_and_nothing_else(line: bytes):
    assert len(broken_in([line] if line else []).broken) == 1


def test_a_run_leads_to_what_it_wrote(services):
    chart = b.a_chart()
    b.sign_form(services, chart)
    case = b.refer(services, chart)
    with services.ledger.transaction() as tx:
        for one in rounds.postable(tx):
            rounds.posted(tx, one)
    wrote = services.ledger.transaction(facts.Origin(process="airflow", dag="open_case", run=f"{case}.1", task="t"))
    with wrote as tx:
        tx.append(Chain.case(case), facts.NoteAdded(note="n0123456789abcde", hmac="00"))

    (found,) = desk.trace_run(services, f"{case}.1", actor=ANN)

    assert (found.chain, found.kind, found.task) == (f"case:{case}", "note-added", "t")


@pytest.mark.parametrize(
    "run", ["", "x", "inbox", "inbox.x", "c00000000000.1", "inbox.99999999999999", "a\x00.1", "é.٣"]
)
def test_a_run_that_there_is_not_is_none(services, run: str):
    with pytest.raises(Unknown):
        desk.trace_run(services, run, actor=ANN)


def test_a_decision_says_who_answered_and_how_soon(services, hours_pass):
    case = b.a_case_without_slides(services)
    hold = b.the_hold(services, "approve-partial").id
    hours_pass(timedelta(hours=3))
    desk.resolve(services, hold, HoldAnswer.APPROVE, actor=ANN)

    (one,) = [found for found in desk.list_decisions(services, lately(services), actor=ANN) if found.hold == hold]

    assert (one.subject, one.answer, one.by) == (case, "approve", "ann")
    assert timedelta(hours=3) <= one.took < timedelta(hours=4)
    (row,) = [
        found
        for found in rows_of(desk.decisions_file(services, lately(services), SheetFormat.CSV, actor=ANN).content)
        if found["Question"] == "approve-partial"
    ]
    assert (row["Answered by"], int(row["Minutes"])) == ("ann", 180)


def test_where_two_must_say_the_same_both_are_told(services):
    chart = b.a_chart()
    b.a_case(services, chart)
    b.report_comes(services, b.a_twin(chart))
    hold = b.the_hold(services, "whose-record").id
    for somebody in (ANN, REGISTRAR):
        desk.resolve(services, hold, HoldAnswer.NOT_OURS, actor=somebody)

    (one,) = [found for found in desk.list_decisions(services, lately(services), actor=ANN) if found.hold == hold]

    assert {said.answer for said in one.opinions} <= {"not-ours"}
    assert one.answer == "not-ours"


def test_a_review_of_a_period_is_a_fact_with_how_long_the_list_was(services):
    case = b.a_case(services)
    desk.dossier(services, case, actor=BEN, identity=True)
    period = lately(services)

    first = desk.review_period(services, period, ReportKind.VIEWS, ReviewFinding.NOTHING, actor=ANN)
    again = desk.review_period(services, period, ReportKind.VIEWS, ReviewFinding.NOTHING, actor=ANN)

    assert (first.changed, again.changed) == (True, False)
    (review,) = desk.evidence(services, actor=ANN).reviews
    assert (review.by, review.report, review.finding, review.entries) == ("ann", "views", "nothing-found", 1)
    assert (review.first, review.last) == (period.first, period.last)


def test_the_files_that_were_taken_along_and_the_walks_are_evidence(services):
    handed_over(services)
    made = desk.sample_file(services, lately(services), SheetFormat.CSV, actor=ANN, size=1, seed="abc")
    walked = [desk.walk_chain(services.ledger, one, actor=ANN) for one in desk.chains(services.ledger, actor=ANN)]
    desk.note_walk(services, walked, actor=ANN)

    found = desk.evidence(services, actor=ANN)

    assert [(one.report, one.seed, one.sha256, one.rows) for one in found.taken] == [("sample", "abc", made.sha256, 1)]
    assert [(one.chains, one.broken) for one in found.walks] == [(len(walked), 0)]
    assert (found.anchors > 0) == (found.last_anchor is not None)


def test_views_are_those_of_one_patient_or_of_one_person(services):
    first, second = b.a_case(services), b.a_case(services)
    desk.dossier(services, first, actor=BEN, identity=True)
    desk.dossier(services, second, actor=ANN, identity=True)

    def looked(**sought: object) -> list[str]:
        made = desk.views_file(services, lately(services), SheetFormat.CSV, actor=ANN, **sought)
        return [row["Account"] for row in rows_of(made.content) if row["What"] == "identity-viewed"]

    assert sorted(looked()) == ["ann", "ben"]
    assert looked(case=first) == ["ben"]
    assert looked(person="ann") == ["ann"]
