"""A document says itself whose it is. If that is another than whom it came for, people compare both before it goes."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit import unreadable as u
from tests.kit.fakes import MemoryDocuments
from tests.kit.processing import process_all
from tests.kit.staff import ANN, BEN
from tests.kit.unreadable import a_push, with_content
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.case import OpenedCase
from transfer.completeness import NeedState
from transfer.errors import NotAllowed
from transfer.flaws import Flaw
from transfer.flow import desk
from transfer.flow.packet_content import agrees
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, records
from transfer.records import RecordKind, Relation
from transfer.sandbox.charts import Chart
from transfer.sandbox.pathology import messages

pytestmark = pytest.mark.servers

CDA = "application/cda+xml"


def a_cda(chart: Chart | None, **changed: str) -> bytes:
    """A note that names this patient, without a number."""
    header = ""
    if chart:
        who = {**chart["patient"], **changed}
        names = "".join(f"<given>{one}</given>" for one in who["given"]) + f"<family>{who['family']}</family>"
        sex, born = who["sex"][0].upper(), who["birth_date"].replace("-", "")
        header = (
            f"<recordTarget><patientRole><patient><name>{names}</name><administrativeGenderCode code='{sex}'/>"
            f"<birthTime value='{born}'/></patient></patientRole></recordTarget>"
        )
    return u.CDA.format(header=header, body=u.SECTION.format("Final diagnosis")).encode()


def an_image_of(chart: Chart) -> bytes:
    who = chart["patient"]
    name = f"{who['family']}^{who['given'][0]}"
    born, sex = who["birth_date"].replace("-", ""), who["sex"][0].upper()
    return u.an_image(PatientName=name, PatientBirthDate=born, PatientSex=sex)


def sends(services: Services, chart: Chart, kind: str, data: bytes) -> None:
    """The office sends a document about the patient."""
    body = a_push(chart, (kind, data))
    b.comes(services, b.LAKESIDE, ArrivalKind.ANSWER, body, "application/fhir+json")
    process_all(services)


def flaws(services: Services, case: CaseId) -> list[frozenset[Flaw]]:
    with services.ledger.transaction() as tx:
        return [kept.flaws for kept, _ in records.joined(tx, case)]


def state(services: Services, case: CaseId, line: str = "oncology-notes") -> NeedState:
    return next(n.state for n in b.assessed(services, case).completeness.needs if n.line.key == line)


def asked(services: Services) -> list[str]:
    return sorted(hold.code for hold in b.open_holds(services))


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.fixture
def chart() -> Chart:
    return b.a_chart()


@pytest.fixture
def case(services: Services, chart: Chart) -> CaseId:
    return b.a_case(services, chart)


@pytest.fixture
def of_another(services: Services, chart: Chart, case: CaseId) -> CaseId:
    """A note of somebody else came about the patient."""
    sends(services, chart, CDA, a_cda(b.a_chart()))
    return case


@pytest.mark.parametrize("whose", ["the patient's", "nobody's"])
def test_one_that_names_the_patient_or_nobody_counts(services: Services, chart: Chart, case: CaseId, whose: str):
    sends(services, chart, CDA, a_cda(chart if whose == "the patient's" else None))

    assert flaws(services, case) == [frozenset()]
    assert state(services, case) is NeedState.SATISFIED
    assert asked(services) == []


def written(chart: Chart) -> str:
    """As a letter has it on top, without a header for programs."""
    who = chart["patient"]
    year, month, day = who["birth_date"].split("-")
    return f"Patient: {who['family']}, {who['given'][0]}   DOB: {month}/{day}/{year}"


def in_one_piece(cda: bytes) -> bytes:
    """The same with a name of no parts, as some write it."""
    name = re.search(rb"<name>(.*?)</name>", cda)
    assert name
    return cda.replace(name[1], b" ".join(re.sub(rb"<[^>]*>", b" ", name[1]).split()))


def other_documents(chart: Chart) -> list[tuple[str, bytes]]:
    other = b.a_chart()
    return [
        ("application/pdf", u.a_pdf(text=written(other))),
        ("text/plain", f"Clinic note\n{written(other)}\nSeen today.".encode()),
        ("application/rtf", rb"{\rtf1\ansi %s\par Seen today.}" % written(other).encode()),
        (u.DOCX, u.a_letter("Clinic note", written(other), "Seen today.")),
        (CDA, in_one_piece(a_cda(chart, family="Elsewhere"))),
        (CDA, a_cda(other)),
        (CDA, a_cda(chart, birth_date="1931-03-04")),
        (CDA, a_cda(chart, family="Someone-Else")),
        ("application/dicom", an_image_of(other)),
        (HL7_V2, messages.report(other, control_id="9", status="F", form="oru")),
        ("application/fhir+json", a_push(other)),
    ]


@pytest.mark.parametrize("number", range(10))
def test_one_that_names_somebody_else_answers_nothing_until_people_have_compared(
    services: Services, chart: Chart, case: CaseId, number: int
):
    sends(services, chart, *other_documents(chart)[number])

    assert flaws(services, case) == [{Flaw.ANOTHER_PATIENT}]
    assert state(services, case) is NeedState.RECEIVED
    assert asked(services) == ["whose-answer"]
    assert b.assessed(services, case).is_undecided


@pytest.mark.parametrize("said", [b.a_chart, None], ids=["one of the two", "the patient's"])
def test_words_that_name_the_patient_in_part_ask_nobody(
    services: Services, chart: Chart, case: CaseId, said: Callable[[], Chart] | None
):
    """A married name, a birth date that was misread: words are read by guess."""
    who = chart["patient"]
    mixed = {**chart, "patient": {**who, "birth_date": said()["patient"]["birth_date"]}} if said else chart
    sends(services, chart, "application/pdf", u.a_pdf(text=written(mixed)))

    assert flaws(services, case) == [frozenset()]
    assert asked(services) == []


def test_people_see_what_it_says_beside_the_patient(services: Services, of_another: CaseId):
    seen = desk.hold(services, b.the_hold(services, "whose-answer").id, actor=ANN, identity=True).comparison

    assert seen is not None
    assert seen.candidates[0].identity is not None
    assert seen.candidates[0].patient == b.patient_of(services, of_another)
    assert seen.said[0].names != seen.candidates[0].identity.current.names


def decided(services: Services, answer: HoldAnswer) -> None:
    hold = b.the_hold(services, "whose-answer")
    for actor in (ANN, BEN):
        if any(one.id == hold.id for one in b.open_holds(services)):
            desk.resolve(services, hold.id, answer, actor=actor)
    process_all(services)


def test_one_that_is_the_patients_all_the_same_counts(services: Services, of_another: CaseId):
    decided(services, HoldAnswer.OURS)

    assert flaws(services, of_another) == [frozenset()]
    assert state(services, of_another) is NeedState.SATISFIED
    assert asked(services) == []


def test_one_that_is_not_stays_out_and_nobody_is_asked_again(services: Services, of_another: CaseId):
    decided(services, HoldAnswer.NOT_OURS)

    assert flaws(services, of_another) == [{Flaw.ANOTHER_PATIENT}]
    assert state(services, of_another) is NeedState.RECEIVED
    assert asked(services) == []
    assert not b.assessed(services, of_another).is_undecided


@pytest.mark.parametrize("answer", [HoldAnswer.OURS, HoldAnswer.NOT_OURS])
def test_one_that_was_replaced_meanwhile_holds_up_no_packet(services: Services, of_another: CaseId, answer: HoldAnswer):
    """Nobody opens it again. The tables still say of it what the ledger does."""
    with services.ledger.transaction() as tx:
        ((kept, _),) = records.joined(tx, of_another)
        records.supersede(tx, of_another, kept.id, None, Relation.WITHDRAWS)

    decided(services, answer)

    with services.ledger.transaction() as tx:
        case = tx.case(of_another)
        assert agrees(case, OpenedCase.of(case), records.joined(tx, of_another), [])


def test_what_people_said_holds_for_all_that_says_the_same(services: Services, chart: Chart, case: CaseId):
    """Her documents of before she married."""
    for text in ("Note", "Addendum"):
        sends(services, chart, CDA, a_cda(chart, family="Maiden").replace(b"Final diagnosis", text.encode()))
        if text == "Note":
            decided(services, HoldAnswer.OURS)

    assert flaws(services, case) == [frozenset()] * 2
    assert asked(services) == []


def test_nobody_takes_another_patients_document_as_it_is(services: Services, chart: Chart, case: CaseId):
    """It cannot be read, either, and that is another question."""
    sends(services, chart, CDA, a_cda(b.a_chart()).replace(b"Final diagnosis", b""))
    assert asked(services) == ["document-unreadable", "whose-answer"]

    desk.resolve(services, b.the_hold(services, "document-unreadable").id, HoldAnswer.APPROVE, actor=ANN)
    decided(services, HoldAnswer.NOT_OURS)

    assert state(services, case) is NeedState.RECEIVED
    assert not b.assessed(services, case).case.counts(next(iter(b.assessed(services, case).case.records)))


def test_asked_for_again_it_is_left_out_and_the_office_is_asked(ledger: Ledger, chart: Chart):
    office: Any = MemoryDocuments([a_cda(b.a_chart())])
    services = b.new_services(ledger, ask_documents=lambda _: office)
    case = b.a_case(services, chart)
    assert asked(services) == ["whose-answer"]
    office.papers = [a_cda(chart)]

    desk.resolve(services, b.the_hold(services, "whose-answer").id, HoldAnswer.AGAIN, actor=ANN)
    process_all(services)

    assert sorted(flaws(services, case), key=len) == [frozenset(), {Flaw.ANOTHER_PATIENT}]
    assert state(services, case) is NeedState.SATISFIED
    assert asked(services) == []


@pytest.mark.parametrize("form", ["oru", "mdm"])
def test_one_that_a_message_carries_is_compared_with_the_message(
    services: Services, chart: Chart, case: CaseId, form: str
):
    plain = messages.report(chart, control_id="1", status="F", form=form)
    body = with_content(plain, u.Sent(a_cda(b.a_chart()), CDA, Flaw.EMPTY))
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, body, HL7_V2, Door.MLLP)
    process_all(services)

    assert flaws(services, case) == [{Flaw.ANOTHER_PATIENT}]
    assert asked(services) == ["whose-answer"]


# --- asked on one case, awaited by all --------------------------------------------------------------------------------


@pytest.fixture
def third(services: Services, chart: Chart, of_another: CaseId) -> CaseId:
    """A second case of the patient, which the document joined. Its question is asked on the first one."""
    return b.a_third_opinion(services, chart)


def test_another_case_that_holds_it_waits_for_the_answer_too(services: Services, of_another: CaseId, third: CaseId):
    hold = b.the_hold(services, "whose-answer")
    assert hold.subject == of_another
    assert flaws(services, third) == [{Flaw.ANOTHER_PATIENT}]
    assert b.assessed(services, third).is_undecided

    decided(services, HoldAnswer.OURS)

    assert not b.assessed(services, third).is_undecided
    assert state(services, third) is NeedState.SATISFIED


def test_a_packet_of_another_case_is_not_put_together_before(services: Services, of_another: CaseId, third: CaseId):
    for kind in (RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES, RecordKind.NOTE):
        b.came_in(services, third, kind)

    with pytest.raises(NotAllowed):
        desk.approve(services, third, actor=ANN, without=("original-slides",))

    decided(services, HoldAnswer.NOT_OURS)
    assert not b.assessed(services, third).is_undecided


def test_what_is_asked_on_a_case_that_ends_is_asked_on_the_other(services: Services, of_another: CaseId, third: CaseId):
    desk.close(services, of_another, "opinion-given", actor=ANN)
    assert b.assessed(services, third).is_undecided
    process_all(services)

    assert b.the_hold(services, "whose-answer").subject == third
    decided(services, HoldAnswer.OURS)
    assert state(services, third) is NeedState.SATISFIED


def test_what_was_asked_on_an_ended_case_is_asked_on_a_later_one(services: Services, chart: Chart, of_another: CaseId):
    desk.close(services, of_another, "opinion-given", actor=ANN)
    process_all(services)
    assert asked(services) == []

    third = b.a_third_opinion(services, chart)

    assert b.the_hold(services, "whose-answer").subject == third
    assert b.assessed(services, third).is_undecided


def test_whose_it_is_is_found_anew_once_two_patients_are_one(services: Services, chart: Chart, case: CaseId):
    """What it names is what the other one was called."""
    other = b.a_case(services, {**b.a_chart(), "patient": {**chart["patient"], "family": "Otherwise"}})
    sends(services, chart, CDA, a_cda(chart, family="Otherwise"))
    assert flaws(services, case) == [{Flaw.ANOTHER_PATIENT}]

    for actor in (ANN, BEN):
        desk.merge(services, case, other, actor=actor)
    process_all(services)

    assert flaws(services, case) == [frozenset()]
    assert "whose-answer" not in asked(services)
