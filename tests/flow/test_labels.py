"""Records with security labels: withheld without a word, or a person's, and never taken for ordinary."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.fakes import MemoryDocuments, MemoryVault, OpensAll
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from tests.kit.studies import a_study
from transfer.adapters.hl7v2.documents import HL7_V2
from transfer.arrivals import ArrivalKind, Door
from transfer.case import OpenedCase
from transfer.flow import desk
from transfer.flow.basis import may_ask, may_collect
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.institutions import Basis, Institution, Institutions
from transfer.ledger import Ledger, records
from transfer.patients import Demographics
from transfer.records import RecordKind
from transfer.requests import RequestState
from transfer.sandbox.charts import Chart
from transfer.security_labels import SENSITIVITY, UNREAD
from transfer.sources import Ending, Found, IndexEntry, SeriesFound, SeriesObject, StudyFound

pytestmark = pytest.mark.servers

CDA = (
    b'<ClinicalDocument xmlns="urn:hl7-org:v3"><confidentialityCode code="%s" codeSystem="%s"/>'
    b"<title>Note</title></ClinicalDocument>"
)
CONFIDENTIALITY = b"2.16.840.1.113883.5.25"


def with_changed(services: Services, institution: str, **how: object) -> Services:
    changed = {**services.institutions, institution: services.institutions[institution].model_copy(update=how)}
    return replace(services, institutions=Institutions(changed.values()))


def collected(services: Services, case: CaseId) -> list[frozenset[str]]:
    with services.ledger.transaction() as tx:
        return [kept.about.labels for kept, _ in records.joined(tx, case)]


# --- pushed -----------------------------------------------------------------------------------------------------------


def a_marked_report(chart: Chart, mark: str) -> bytes:
    """The laboratory's report, with an access restriction of the patient's."""
    return b.report_of(chart).rstrip(b"\r") + f"\rARV|1|A|{mark}\r".encode()


def comes(services: Services, chart: Chart, mark: str) -> str:
    body = a_marked_report(chart, mark)
    stored = b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, body, HL7_V2, Door.MLLP)
    process_all(services)
    return stored.arrival


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def test_a_message_with_a_label_nobody_knows_waits_for_a_person_and_is_read_again(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    arrival = comes(services, chart, "LOCAL7")

    (hold,) = b.open_holds(services, arrival)
    assert hold.code == "arrival-label-unread"
    assert collected(services, case) == []

    mapped = with_changed(services, b.PRAIRIE, labels={"0717|LOCAL7": "N"})
    desk.resolve(mapped, hold.id, HoldAnswer.AGAIN, actor=ANN)
    process_all(mapped)

    assert collected(services, case) == [{"N"}]
    assert b.open_holds(services, arrival) == []


def test_a_message_that_is_set_aside_stays_sealed(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    arrival = comes(services, chart, "LOCAL7")
    desk.resolve(services, b.the_hold(services, "arrival-label-unread").id, HoldAnswer.SEEN, actor=ANN)
    process_all(services)

    assert collected(services, case) == []
    with services.ledger.transaction() as tx:
        assert tx.value("SELECT purge_after FROM arrivals WHERE arrival = %s", arrival) is None


def test_a_message_of_a_known_category_is_withheld_and_nobody_is_asked(services: Services):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    arrival = comes(services, chart, "HIV")

    assert collected(services, case) == []
    assert b.open_holds(services, arrival) == []


def test_nobody_is_asked_about_the_label_of_a_strangers_message(services: Services):
    b.a_case(services)
    arrival = comes(services, b.a_chart(), "LOCAL7")

    assert b.open_holds(services, arrival) == []


# --- fetched ----------------------------------------------------------------------------------------------------------


class Labelled(MemoryDocuments):
    """A records office whose documents say these labels of themselves."""

    def __init__(self, papers: list[bytes], labels: list[frozenset[str]]) -> None:
        super().__init__(papers)
        self.labels = labels

    def ask(self, _source: object) -> "Labelled":
        return self

    def documents(self, *asked: Any, **how: Any) -> Iterator[Found]:
        for found, labels in zip(super().documents(*asked, **how), self.labels, strict=True):
            yield replace(found, document=replace(found.document, labels=labels))  # type: ignore[arg-type,union-attr]


@pytest.mark.parametrize(
    ("inside", "asks"),
    [
        (CDA % (b"N", CONFIDENTIALITY), False),
        (CDA % (b"R", CONFIDENTIALITY), False),
        (CDA % (b"SEALED", b"1.2.3"), True),
        (CDA[:40], True),
    ],
)
def test_what_stands_inside_a_document_counts_before_it_is_collected(ledger: Ledger, inside: bytes, asks: bool):
    office = Labelled([b"an ordinary note", inside], [frozenset(), frozenset()])
    services = b.new_services(ledger, ask_documents=office.ask, opener=OpensAll())
    case = b.a_case(services)
    is_ordinary = b'"N"' in inside

    assert len(collected(services, case)) == (2 if is_ordinary else 1)
    assert [hold.code for hold in b.open_holds(services, case)] == (["source-label-unread"] if asks else [])
    assert isinstance(services.vault, MemoryVault)
    assert (inside in services.vault.objects.values()) == is_ordinary


def test_a_label_nobody_knows_leaves_the_document_there_and_the_rest_is_collected(ledger: Ledger):
    office = Labelled([b"one", b"two"], [frozenset({UNREAD}), frozenset()])
    services = b.new_services(ledger, ask_documents=office.ask)
    case = b.a_case(services)

    assert len(collected(services, case)) == 1
    assert b.request_to(services, case, b.LAKESIDE).state is RequestState.ANSWERED
    hold = b.the_hold(services, "source-label-unread")

    office.labels = [frozenset({"N"}), frozenset()]
    desk.resolve(services, hold.id, HoldAnswer.AGAIN, actor=ANN)
    process_all(services)

    assert len(collected(services, case)) == 2


def test_an_office_whose_every_document_is_withheld_reads_as_one_that_has_none(ledger: Ledger):
    """And is asked again when a form comes that covers them."""
    offices = Labelled([b"one", b"two"], [frozenset({"HIV"})] * 2), Labelled([], [])
    states, notes = [], []
    for office in offices:
        services = b.new_services(ledger, ask_documents=office.ask)
        case = b.a_case(services)
        states.append(b.request_to(services, case, b.LAKESIDE).state)
        with services.ledger.transaction() as tx:
            rows = tx.rows("SELECT sentence FROM due_runs WHERE subject LIKE %s ORDER BY dag_id, round", f"{case}%")
            notes.append([row.sentence for row in rows])

    assert states == [RequestState.NOT_FOUND] * 2
    assert notes[0] == notes[1]


def test_what_was_withheld_is_asked_for_again_under_a_form_that_covers_it(ledger: Ledger):
    office = Labelled([b"one"], [frozenset({"HIV"})])
    services = b.new_services(ledger, ask_documents=office.ask)
    chart = b.a_chart()
    case = b.a_case(services, chart)
    assert collected(services, case) == []

    b.sign_form(services, chart, special=["HIV"])
    process_all(services)

    assert collected(services, case) == [{"HIV"}]


# --- images -----------------------------------------------------------------------------------------------------------


class Archive:
    """It has one study of one image, which says these labels."""

    def __init__(self, *labels: str) -> None:
        self.labels = frozenset(labels)

    def ask(self, _source: object) -> Any:
        return self

    def studies(self, who: Demographics, _institution: object, **_: object) -> list[StudyFound]:
        return [a_study("2.25.1", who)]

    def series(self, _study: str, **_: object) -> list[SeriesFound]:
        return [SeriesFound(uid="2.25.2")]

    def instances(self, _study: str, _series: str, **_: object) -> frozenset[str]:
        return frozenset({"2.25.3"})

    def fetch_series(self, _study: str, _series: str, *, vault: MemoryVault, **_: object) -> SeriesObject:
        place = vault.keep([b"a tar of images"])
        index = (IndexEntry("2.25.3", 0, 4, place.sha256),)
        return SeriesObject(study_instance_uid="2.25.1", series_instance_uid="2.25.2", location=place, index=index,
                            complete=True, ending=Ending.CLOSED, stated=(), labels=self.labels)  # fmt: skip


@pytest.mark.parametrize(
    ("labels", "is_collected", "asks"),
    [
        ((), True, []),
        (("N",), True, []),
        (("HIV",), False, ["source-found-nothing"]),
        ((UNREAD,), False, ["source-label-unread"]),
    ],
)
def test_images_are_collected_by_what_their_files_say_of_themselves(
    ledger: Ledger, labels: tuple[str, ...], is_collected: bool, asks: list[str]
):
    services = b.new_services(ledger, ask_archive=Archive(*labels).ask, opener=OpensAll())
    case = b.a_case(services)

    assert collected(services, case) == ([frozenset(labels)] if is_collected else [])
    is_there = is_collected or UNREAD in labels
    assert b.request_to(services, case, b.MERCY).state is (
        RequestState.ANSWERED if is_there else RequestState.NOT_FOUND
    )
    assert [hold.code for hold in b.open_holds(services, case)] == asks
    assert isinstance(services.vault, MemoryVault)
    assert (b"a tar of images" in services.vault.objects.values()) == is_collected


@pytest.mark.parametrize("is_covered", [True, False])
def test_images_that_came_for_another_case_join_only_where_their_labels_are_covered(ledger: Ledger, is_covered: bool):
    services = b.new_services(ledger, ask_archive=Archive("HIV").ask, opener=OpensAll())
    chart = b.a_chart()
    b.sign_form(services, chart, special=["HIV"])
    first = b.a_case(services, chart, form=False)
    assert collected(services, first) == [{"HIV"}]
    with services.ledger.transaction() as tx:
        tx.run("UPDATE cases SET receiver = 'another-center' WHERE case_id = %s", first)
    if not is_covered:
        b.sign_form(services, chart, special=[])
    again = {**chart, "referral": {**chart["referral"], "number": b.a_chart()["referral"]["number"]}}
    second = b.refer(services, again)
    process_all(services)

    assert b.patient_of(services, second) == b.patient_of(services, first)
    assert collected(services, second) == ([{"HIV"}] if is_covered else [])
    assert b.request_to(services, second, b.MERCY).state is (
        RequestState.ANSWERED if is_covered else RequestState.NOT_FOUND
    )


# --- on treatment alone -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("label", sorted(SENSITIVITY | {"V", "NOAUTH", UNREAD, "LOCAL"}))
def test_by_default_no_category_goes_on_treatment_alone(services: Services, label: str):
    treating = with_changed(services, b.LAKESIDE, requires=Basis.TREATMENT)
    case = b.a_case(services, form=False)

    assert may(treating, case, frozenset())
    assert may(treating, case, frozenset({"N"}))
    assert not may(treating, case, frozenset({label}))
    assert not may(treating, case, frozenset({"N", label}))


def may(services: Services, case: CaseId, labels: frozenset[str]) -> bool:
    with services.ledger.transaction() as tx:
        opened = OpenedCase.of(tx.case(case))
        ruling = may_collect(tx, services.institutions, opened, b.LAKESIDE, RecordKind.NOTE, labels, dated=None)
        return ruling.is_permitted


def test_an_institutions_own_list_is_shorter_and_never_below_the_federal_one(services: Services):
    treating = with_changed(services, b.LAKESIDE, requires=Basis.TREATMENT, special_categories=frozenset({"HIV"}))
    case = b.a_case(services, form=False)

    assert may(treating, case, frozenset({"MH"}))
    for label in ("HIV", "42CFRPart2", "SUD", "PSYTHPN", "V", UNREAD):
        assert not may(treating, case, frozenset({label})), label


def test_what_is_not_labelled_needs_a_form_where_its_file_says_so_and_asking_needs_none(services: Services):
    treating = with_changed(services, b.LAKESIDE, requires=Basis.TREATMENT, form_for_unlabelled=True)
    case = b.a_case(services, form=False)

    assert not may(treating, case, frozenset())
    assert may(treating, case, frozenset({"N"}))
    with services.ledger.transaction() as tx:
        opened = OpenedCase.of(tx.case(case))
        request = b.request_to(services, case, b.LAKESIDE)
        assert may_ask(tx, treating.institutions, opened, request).is_permitted


def test_a_list_of_no_categories_is_a_mistake_of_the_file():
    with pytest.raises(ValueError, match="no sensitivity that is known"):
        Institution.model_validate({"id": "a", "name": "A", "time_zone": "UTC", "special_categories": ["SECRET"]})
