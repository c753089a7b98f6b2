"""Pages of a record that go to nobody: a copy without them takes its place, in every case, and stays there."""

import io

import pikepdf
import pytest

from tests.kit import builders as b
from tests.kit.pdf_pages import everything_in, three_pages
from tests.kit.staff import ANN
from transfer import facts
from transfer.case import OpenedCase
from transfer.derived_copies import Derivation
from transfer.errors import NotAllowed
from transfer.facts import Chain
from transfer.flaws import Flaw
from transfer.flow import desk
from transfer.flow.basis import may_collect
from transfer.flow.collecting import join
from transfer.flow.opening_records import open_parts
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId, RecordId
from transfer.ledger import Ledger, patients, records
from transfer.ledger.records import About, NewRecord, RecordPart
from transfer.matching import MatchRule
from transfer.patients import IssuedIdentifier
from transfer.records import DocumentStatus, RecordKind

pytestmark = pytest.mark.servers
NUMBER = IssuedIdentifier("urn:oid:1.2.3.4.5", "S26-77")


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.fixture
def case(services: Services) -> CaseId:
    return b.a_case(services)


def a_report(services: Services, case: CaseId, data: bytes, status: DocumentStatus = DocumentStatus.FINAL) -> RecordId:
    """A report of the laboratory joins the case."""
    place = services.vault.keep([data])
    part = RecordPart(role="received", content_type="application/pdf", location=place)
    with services.ledger.transaction() as tx:
        patient = OpenedCase.of(tx.case(case)).patient
    found = open_parts(services, patient, b.PRAIRIE, [part])
    with services.ledger.transaction() as tx:
        opened = OpenedCase.of(tx.case(case))
        patients.hold_epoch_shared(tx, opened.patient)
        tx.lock_case(case)
        kind = RecordKind.PATHOLOGY_REPORT
        new = NewRecord(
            patient=opened.patient,
            institution=b.PRAIRIE,
            kind=kind,
            status=status,
            origin=f"test/{place.key}",
            about=About(title="Pathology report", identifiers=(NUMBER,)),
            parts=(part,),
        )
        kept = records.keep(tx, new)
        ruling = may_collect(tx, services.institutions, opened, b.PRAIRIE, kind, frozenset(), dated=None)
        join(tx, services, opened, kept, ruling, MatchRule.ANSWERS_REQUEST, found=found)
        return kept.id


def counted(services: Services, case: CaseId) -> list[str]:
    with services.ledger.transaction() as tx:
        told = tx.case(case)
        return [one for one in told.records if told.counts(one) and one not in told.superseded]


def pages_of(services: Services, record: str) -> bytes:
    with services.ledger.transaction() as tx:
        kept = records.get(tx, record)
        assert kept
        (part,) = records.parts(tx, kept)
    return everything_in(b"".join(services.vault.read(part.location)))


def withhold(services: Services, case: CaseId, record: RecordId, *pages: int) -> desk.ActionResult:
    return desk.withhold_pages(services, case, record, pages, reason="Page of another specimen.", actor=ANN)


def test_a_copy_without_the_pages_takes_the_records_place(services: Services, case: CaseId):
    report = a_report(services, case, three_pages())
    did = withhold(services, case, report, 2)

    (copy,) = counted(services, case)
    assert (did.fields["record"], did.fields["pages"]) == (copy, "2")
    assert b"second page" not in pages_of(services, copy)
    assert b"second page" in pages_of(services, report)
    with services.ledger.transaction() as tx:
        kept = records.get(tx, copy)
        assert kept
        assert kept.about.derived
        (told,) = [line for line in tx.lines(Chain.case(case)) if isinstance(line.fact, facts.PagesWithheld)]
    assert (kept.about.derived.derivation, kept.about.derived.original) == (Derivation.WITHHELD, report)
    assert kept.about.derived.pages == (1, 3)
    assert (told.by.person, told.fact.pages, told.fact.of) == ("ann", "2", 3)


def test_the_same_again_does_nothing_and_other_pages_take_its_place(services: Services, case: CaseId):
    report = a_report(services, case, three_pages())
    first = RecordId(str(withhold(services, case, report, 2).fields["record"]))
    again = withhold(services, case, report, 2)  # of whoever got no answer
    other = withhold(services, case, first, 1, 3)
    (copy,) = counted(services, case)

    assert again.code == desk.ActionCode.PAGES_WITHHELD_BEFORE
    assert other.fields["record"] == copy
    assert b"first page" not in pages_of(services, copy)
    assert b"second page" in pages_of(services, copy)
    withhold(services, case, RecordId(copy))
    (whole,) = counted(services, case)
    assert b"third page" in pages_of(services, whole)


@pytest.mark.parametrize("pages", [(4,), (1, 2, 3)])
def test_pages_that_there_are_not_and_all_of_them_are_refused(services: Services, case: CaseId, pages: tuple[int, ...]):
    report = a_report(services, case, three_pages())
    with pytest.raises(NotAllowed, match="none of it would be left"):
        withhold(services, case, report, *pages)
    assert counted(services, case) == [report]


def test_what_does_not_stand_in_the_case_and_what_has_no_reason_is_refused(services: Services, case: CaseId):
    report = a_report(services, case, three_pages())
    with pytest.raises(NotAllowed, match="does not stand"):
        withhold(services, b.a_case(services), report, 1)
    with pytest.raises(NotAllowed, match="has to say why"):
        desk.withhold_pages(services, case, report, (1,), reason=" ", actor=ANN)


def another_copy() -> bytes:
    with pikepdf.open(io.BytesIO(three_pages())) as pdf:
        pdf.docinfo["/Title"] = "again"
        kept = io.BytesIO()
        pdf.save(kept)
        return kept.getvalue()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (another_copy(), DocumentStatus.FINAL),
        (another_copy(), DocumentStatus.CORRECTED),
    ],
    ids=["a copy", "a correction"],
)
def test_another_copy_or_version_counts_only_when_a_person_has_seen_it(
    services: Services, case: CaseId, data: bytes, status: DocumentStatus
):
    report = a_report(services, case, three_pages())
    withhold(services, case, report, 2)
    later = a_report(services, case, data, status)

    assert later not in counted(services, case)
    asked = b.the_hold(services, HoldCode.DOCUMENT_UNREADABLE)
    assert asked.about == later
    with services.ledger.transaction() as tx:
        kept = records.get(tx, later)
    assert kept
    assert kept.flaws == {Flaw.PAGES_WITHHELD}
    if status is DocumentStatus.CORRECTED:
        withhold(services, case, later, 2)
        assert [one for one in b.open_holds(services) if one.code == HoldCode.DOCUMENT_UNREADABLE] == []
        (copy,) = counted(services, case)
        assert b"second page" not in pages_of(services, copy)
    else:
        desk.resolve(services, asked.id, HoldAnswer.APPROVE, actor=ANN)
        assert later in counted(services, case)
