"""Slides and blocks are held against the laboratory's reports, and images against theirs, by what they say."""

import base64
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.papers import a_printed_text
from tests.kit.processing import process_all
from tests.kit.scripted_fhir import an_institution
from tests.kit.staff import ANN
from transfer.adapters.hl7v2.documents import HL7_V2, documents
from transfer.arrivals import ArrivalKind, Door
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer
from transfer.identifiers import CaseId
from transfer.ledger import Ledger
from transfer.ledger.records import About
from transfer.materials import CheckIn, MaterialKind
from transfer.parcels import Carrier
from transfer.partial_dates import PartialDate
from transfer.patients import IssuedIdentifier
from transfer.records import RecordKind
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


@pytest.fixture
def chart() -> Chart:
    return b.a_chart()


@pytest.fixture
def case(services: Services, chart: Chart) -> CaseId:
    return b.a_case(services, chart)


def asked(services: Services, case: CaseId) -> bool:
    return "labels-differ" in {hold.code for hold in b.open_holds(services, case)}


def arrives(services: Services, case: CaseId, accession: str, pieces: int = 2) -> None:
    desk.receive_material(services, case, pieces=pieces, announced=6, accession=accession, actor=ANN)


def test_labels_of_the_report_ask_nobody_however_many_pieces_came(services: Services, chart: Chart, case: CaseId):
    b.report_comes(services, chart)
    arrives(services, case, chart["pathology"]["accession"]["value"] + " A1")

    assert not asked(services, case)


def test_labels_of_another_report_are_asked_about_once(services: Services, chart: Chart, case: CaseId):
    b.report_comes(services, chart)
    arrives(services, case, "S99-1")
    assert asked(services, case)

    hold = b.the_hold(services, "labels-differ")
    desk.resolve(services, hold.id, HoldAnswer.SEEN, actor=ANN)
    desk.receive_material(services, case, pieces=1, accession="S99-1", actor=ANN, is_another_parcel=True)
    process_all(services)
    assert not asked(services, case)


def test_glass_that_comes_before_its_report_is_looked_at_when_the_report_comes(
    services: Services, chart: Chart, case: CaseId
):
    arrives(services, case, "S99-1")
    assert not asked(services, case)

    b.report_comes(services, chart)
    assert asked(services, case)


# --- a part that its report calls malignant ---------------------------------------------------------------------------

DIAGNOSIS = "A. Right breast: Invasive carcinoma.\\.br\\B. Sentinel node: Metastatic carcinoma.\\.br\\C. Skin: Benign."


def a_report(chart: Chart, diagnosis: str = DIAGNOSIS) -> bytes:
    """The laboratory's report with this final diagnosis instead of its own, and no PDF."""
    segments = [one for one in b.report_of(chart).split(b"\r") if not one.startswith(b"OBX") or b"|ED|" not in one]
    first = next(number for number, one in enumerate(segments) if b"|22637-3^" in one)
    said = f"OBX|1|FT|22637-3^Pathology report final diagnosis^LN||FINAL DIAGNOSIS:\\.br\\{diagnosis}||||||F"
    return b"\r".join([*segments[:first], said.encode(), *segments[first + 1 :]])


def report_comes(services: Services, chart: Chart, diagnosis: str = DIAGNOSIS) -> None:
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, a_report(chart, diagnosis), HL7_V2, Door.MLLP)
    process_all(services)


def lacking(services: Services, case: CaseId) -> bool:
    return "part-lacking" in {hold.code for hold in b.open_holds(services, case)}


def logged_in(
    services: Services, case: CaseId, chart: Chart, *parts: str, accession: str = "", slides: int = 4
) -> None:
    did = desk.receive_parcel(services, carrier=Carrier.UPS, number=f"1Z999AA1012345678{slides}", shelf="A", actor=ANN)
    number = accession or chart["pathology"]["accession"]["value"]
    seen = CheckIn(parcel=did.fields["parcel"], accession=number, counts={MaterialKind.SLIDE: slides}, parts=parts)
    desk.log_in(services, case, seen, actor=ANN)


def test_a_malignant_part_of_which_nothing_came_is_asked_about(services: Services, chart: Chart, case: CaseId):
    report_comes(services, chart)
    assert not lacking(services, case), "no glass came yet: that is waited for"

    logged_in(services, case, chart, "A", "C")

    hold = b.the_hold(services, "part-lacking")
    said = {(line.label, line.says) for line in desk.context(services, hold.id, actor=ANN).lines}
    assert {says for _, says in said} >= {"It calls malignant: part A, B.", "Part A.", "Part C."}

    logged_in(services, case, chart, "B", slides=2)
    assert not lacking(services, case)


@pytest.mark.parametrize("parts", [("A", "B"), ("A", "B", "C"), ()], ids=["the malignant ones", "all", "not said"])
def test_nobody_is_asked_where_all_came_or_the_labels_name_none(
    services: Services, chart: Chart, case: CaseId, parts: tuple[str, ...]
):
    logged_in(services, case, chart, *parts)
    report_comes(services, chart)

    assert not lacking(services, case)


def test_the_part_behind_the_accession_number_counts(services: Services, chart: Chart, case: CaseId):
    report_comes(services, chart)
    logged_in(services, case, chart, accession=chart["pathology"]["accession"]["value"] + " A2")

    assert lacking(services, case)
    assert not asked(services, case)


def test_a_report_that_calls_nothing_malignant_asks_nobody(services: Services, chart: Chart, case: CaseId):
    logged_in(services, case, chart, "A")
    report_comes(services, chart, "A. Right breast: Fibroadenoma.\\.br\\B. Sentinel node: Negative for carcinoma.")

    assert not lacking(services, case)


def test_a_report_whose_words_stand_in_its_pdf_alone_asks_too(services: Services, chart: Chart, case: CaseId):
    lines = "FINAL DIAGNOSIS:\nA. Right breast: Invasive carcinoma.\nB. Node: Metastatic carcinoma.\nC. Skin: Benign."
    segments = [one for one in b.report_of(chart).split(b"\r") if not one.startswith(b"OBX")]
    pdf = base64.b64encode(a_printed_text(lines)).decode()
    said = f"OBX|1|ED|22637-3^Pathology report final diagnosis^LN||LAB^Application^PDF^Base64^{pdf}||||||F\r"
    b.comes(services, b.PRAIRIE, ArrivalKind.ANSWER, b"\r".join(segments) + said.encode(), HL7_V2, Door.MLLP)
    process_all(services)

    logged_in(services, case, chart, "A", "C")

    assert lacking(services, case)


# --- images and their report ------------------------------------------------------------------------------------------

RIS, STUDY = "urn:oid:2.16.840.1.113883.19.71.4", "2.25.71"
DAY = PartialDate(2026, 1, 4)


def numbered(*numbers: str) -> tuple[IssuedIdentifier, ...]:
    return tuple(IssuedIdentifier(RIS, number) for number in numbers)


def study_comes(services: Services, case: CaseId, number: str, uid: str = STUDY, title: str = "CT CHEST") -> str:
    own = IssuedIdentifier("urn:dicom:uid", f"urn:oid:{uid}")
    about = About(title=title, day=DAY, identifiers=(own, *numbered(number)), study_instance_uid=uid)
    return b.came_in(services, case, RecordKind.IMAGES, about=about)


def reading_comes(services: Services, case: CaseId, *numbers: str, title: str = "CT chest", **more: Any) -> str:
    about = About(**{"title": title, "day": DAY, "identifiers": numbered(*numbers)} | more)
    return b.came_in(services, case, RecordKind.IMAGING_REPORT, about=about, source=b.MERCY)


def unlike(services: Services, case: CaseId) -> set[str | None]:
    return {hold.about for hold in b.open_holds(services, case) if hold.code == "images-unlike-report"}


@pytest.mark.parametrize("is_report_first", [True, False])
def test_a_study_and_its_report_of_two_numbers_are_asked_about_once(
    services: Services, case: CaseId, is_report_first: bool
):
    if is_report_first:
        reading_comes(services, case, "R-1")
    study = study_comes(services, case, "R-2")
    if not is_report_first:
        reading_comes(services, case, "R-1")

    assert unlike(services, case) == {study}
    hold = b.the_hold(services, "images-unlike-report")
    assert "It bears another accession number." in {
        line.says for line in desk.context(services, hold.id, actor=ANN).lines
    }

    desk.resolve(services, hold.id, HoldAnswer.SEEN, actor=ANN)
    reading_comes(services, case, "R-3")
    assert unlike(services, case) == set()


@pytest.mark.parametrize(
    ("number", "more"),
    [
        ("r-2", {}),
        ("R-1", {"title": "CT abdomen"}),
        ("R-1", {"day": PartialDate(2026, 1, 5)}),
        ("R-1", {"studies": ("2.25.99",)}),
    ],
    ids=["the same number", "another part of the body", "another day", "the report of another study"],
)
def test_nothing_is_asked_of_what_is_not_said_to_belong_together(
    services: Services, case: CaseId, number: str, more: dict[str, Any]
):
    study_comes(services, case, "R-2")
    reading_comes(services, case, number, **more)

    assert unlike(services, case) == set()


def test_a_report_that_names_the_study_is_its_report_whatever_its_day(services: Services, case: CaseId):
    study = study_comes(services, case, "R-2")
    reading_comes(services, case, "R-1", title="Report", day=None, studies=(STUDY,))

    assert unlike(services, case) == {study}


def test_the_right_report_or_the_other_study_withdraws_the_question(services: Services, case: CaseId):
    study = study_comes(services, case, "R-2")
    reading_comes(services, case, "R-1")
    assert unlike(services, case) == {study}

    study_comes(services, case, "R-1", uid="2.25.72")
    assert unlike(services, case) == set()


@pytest.mark.parametrize(
    "segment",
    [
        f"OBX|2|HD|113014^DICOM Study^DCM||{STUDY}||||||F",
        f"OBX|2|ST|110180^Study Instance UID^DCM||{STUDY}||||||F",
        f"ZDS|{STUDY}^MERCY^Application^DICOM",
        f"IPC|R-1|P1|{STUDY}|S1",
    ],
)
def test_a_radiology_report_names_its_study(segment: str):
    message = (
        "MSH|^~\\&|RIS|MERCY|US|US|20260104||ORU^R01|1|P|2.5.1\rPID|1||7^^^MERCY^MR||Doe^Jo\r"
        f"OBR|1|O1|R-1^RIS|24627-2^CT Chest^LN|||20260104|||||||||||||||20260104|||F\r"
        f"OBX|1|TX|18782-3^Impression^LN||Nodule.||||||F\r{segment}\r"
    )
    (found,) = documents(message.encode(), an_institution())
    assert found.document.studies == (STUDY,)
