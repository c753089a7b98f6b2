"""Every line that a center, a referral service or a laboratory asks for: its source, its answer, and a near miss.

A row names the public source. What answers the line by itself stands beside a near miss: the wrong modality, the wrong
test, too old, too few. Where only a person can say which record it is, the line is in `BY_PERSON`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.kit.documentation import marks_of
from transfer.body_parts import body_parts_in
from transfer.checklist import Necessity, load
from transfer.completeness import SETTLED, CollectedRecord, NeedState, Waiver, WaiverKind, assess
from transfer.identifiers import CaseId, DepartmentId, InstitutionId, MaterialId, RecordId, RequestId
from transfer.materials import Material, MaterialKind, MaterialState
from transfer.records import DocumentStatus, RecordKind
from transfer.requests import Request, RequestState

LISTS = load(Path(__file__).parents[2] / "checklists")
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
SOURCE = InstitutionId("mercy-imaging")
ANSWERED = (NeedState.SATISFIED, NeedState.SATISFIED_BY_OTHER)

Thing = CollectedRecord | Material


def a_record(kind: RecordKind, days: int = 5, **more) -> CollectedRecord:
    at = NOW - timedelta(days=days)
    return CollectedRecord(id=RecordId.draw(), kind=kind, status=DocumentStatus.FINAL, source=SOURCE, at=at, **more)


def images(modality: str, title: str = "", days: int = 5) -> CollectedRecord:
    found = frozenset(modality.split())
    return a_record(RecordKind.IMAGES, days, modalities=found, body=body_parts_in(title))


def report(title: str = "") -> CollectedRecord:
    return a_record(RecordKind.IMAGING_REPORT, body=body_parts_in(title))


def lab(code: str | None = None, days: int = 5) -> CollectedRecord:
    return a_record(RecordKind.LABORATORY, days, code=f"loinc|{code}" if code else None)


def pathology(code: str | None = None) -> CollectedRecord:
    return a_record(RecordKind.PATHOLOGY_REPORT, code=f"loinc|{code}" if code else None)


def molecular(code: str | None = None) -> CollectedRecord:
    return a_record(RecordKind.MOLECULAR, code=f"loinc|{code}" if code else None)


def of(kind: str) -> CollectedRecord:
    return a_record(RecordKind(kind))


def pieces(kind: str, came: int = 6, announced: int = 6) -> Material:
    state = MaterialState.RECEIVED if came == announced else MaterialState.DISCREPANT
    how = {"expected": announced, "received": came, "state": state}
    return Material(id=MaterialId.draw(), accession_hmac="a1", kind=MaterialKind(kind), **how)


@dataclass(frozen=True)
class Row:
    disease: str
    line: str
    source: str
    #: what answers it, what nearly does, and what is there beside either
    answer: Thing
    near: Thing
    beside: tuple[CollectedRecord, ...] = ()

    def __str__(self) -> str:
        return f"{self.disease}:{self.line}"


BC = "https://www.bccancer.bc.ca/health-professionals/referrals"
VIC = "https://src.health.vic.gov.au/"
VIC_BREAST = f"{VIC}suspected-or-confirmed-breast-cancer"
VIC_PROSTATE = f"{VIC}prostate-cancer-suspected-or-confirmed"
VIC_OVARY = f"{VIC}ovarian-and-other-adnexal-pathology"
VIC_NECK = f"{VIC}neck-mass-or-lumps"
CITY = "https://www.cityofhope.org/"
NUH = "https://www.nuh.nhs.uk/sarcoma"
MARSDEN = "https://www.royalmarsden.nhs.uk/neuro-oncology-referrals"
OCP = "https://www.optimalcarepathways.com.au/"
SCOTLAND = "https://docest.com/doc/33601"
GOLD_COAST = "https://www.goldcoast.health.qld.gov.au/"
HPCUT = "https://testcatalog.org/show/HPCUT"
SONIC = "https://www.sonichealthcareusa.com/hematopathology"
NIH = "https://ccrod.cancer.gov/confluence/x/JILiC"
HSS = "https://www.hss.edu/pathology-consultations"
RARE = "https://www.cancer.gov/pediatric-adult-rare-tumor"
SKIN = "https://www.guysandstthomas.nhs.uk/skin-cancer"
EAST = "https://www.eastgenomics.nhs.uk/"
SPECIMENS = "https://www.gov.uk/breast-screening-transferring-specimens"
LUNG_MASS = "https://www.peninsulahealth.org.au/lung-mass-clinic"
LONDON = "https://gps.northcentrallondon.icb.nhs.uk/sarcoma"
SA = "https://www.sahealth.sa.gov.au/leucocytosis"
METRO = "https://metronorth.health.qld.gov.au/?p=9798"
SAINT_MARKS = "https://www.stmarkshospital.nhs.uk/complex-cancer-clinic-referral"

ONE_PIECE_SHORT = pieces("slide", came=5)
MARROW = replace(pathology("33721-2"), at=NOW - timedelta(days=40))


#: the laboratory whose word on glass is the list's
_GLASS = {"brain": EAST, "breast": SPECIMENS, "leukaemia": SONIC, "lymphoma": NIH, "rare": NIH}


def shared(disease: str) -> Iterator[Row]:
    """What every list asks for and a record answers by itself."""
    keys = {line.key for line in LISTS[disease].lines}
    rows = [
        Row(disease, "oncology-notes", BC, of("note"), of("other")),
        Row(disease, "imaging-reports", BC, report(), images("CT")),
        Row(disease, "images-over-time", SAINT_MARKS, images("CT"), images("US")),
        Row(disease, "recent-labs", CITY, lab(), lab(days=31) if disease != "sarcoma" else report()),
        Row(disease, "systemic-therapy", BC, of("treatment-summary"), of("note")),
        Row(disease, "identity-document", BC, of("other"), of("note")),
        Row(disease, "operative-note", BC, of("operative-note"), of("procedure-report")),
        Row(disease, "pathology-report", BC, pathology(), lab()),
        Row(disease, "slides", _GLASS.get(disease, BC), pieces("slide"), ONE_PIECE_SHORT),
    ]
    yield from (row for row in rows if row.line in keys)


ROWS = [
    *(row for disease in LISTS for row in shared(disease)),
    Row("brain", "mri", MARSDEN, images("MR", "MRI BRAIN"), images("CT", "CT BRAIN")),
    Row("brain", "mri", MARSDEN, images("MR", "MRI BRAIN"), images("MR", "MRI KNEE")),
    Row("brain", "block", EAST, pieces("block", 1, 1), pieces("slide")),
    Row("breast", "receptors", VIC_BREAST, molecular("85337-4"), molecular("21636-6")),
    Row("breast", "mammogram", VIC_BREAST, images("MG"), images("MR", "MR BREAST")),
    Row("breast", "mammogram-report", VIC_BREAST, report("Mammogram, both"), report("CT chest")),
    Row("breast", "ultrasound", VIC_BREAST, images("US"), images("MG")),
    Row("breast", "germline", CITY, molecular("21636-6"), molecular("85337-4")),
    Row("breast", "block", SPECIMENS, pieces("block", 1, 1), pieces("slide")),
    Row("colorectal", "images", CITY, images("CT"), images("SM")),
    Row("common", "images", BC, images("MR"), report()),
    Row("common", "procedure-report", BC, of("procedure-report"), of("operative-note")),
    Row("head-and-neck", "neck-ct", VIC_NECK, images("CT", "CT NECK"), images("CT", "CT CHEST")),
    Row("head-and-neck", "neck-ct-report", VIC_NECK, report("CT neck"), report("CT chest")),
    Row("head-and-neck", "endoscopy", OCP, of("procedure-report"), of("operative-note")),
    Row("leukaemia", "marrow-report", SONIC, pathology("33721-2"), pathology("60570-9")),
    Row("leukaemia", "blood-count", HPCUT, lab("58410-2", days=30), lab("58410-2", days=25), (MARROW,)),
    Row("leukaemia", "blood-count", HPCUT, lab("58410-2", days=54), lab("2039-6", days=40), (MARROW,)),
    Row("leukaemia", "blood-film", SONIC, lab("5909-7"), lab("58410-2")),
    Row("leukaemia", "flow-cytometry", SONIC, pathology("33719-6"), pathology("33721-2")),
    Row("leukaemia", "karyotype", SONIC, molecular("55228-1"), molecular("69548-6")),
    Row("leukaemia", "fish", SONIC, molecular(), pathology()),
    Row("leukaemia", "tumour-genetics", SA, molecular("69548-6"), molecular("55228-1")),
    Row("leukaemia", "slides", SONIC, pieces("smear"), pieces("smear", came=5)),
    Row("leukaemia", "block", SONIC, pieces("block", 1, 1), pieces("slide")),
    Row("lung", "chest-ct", LUNG_MASS, images("CT", "CT CHEST"), images("CT PT", "PET CT CHEST")),
    Row("lung", "chest-ct-report", BC, report("CT chest"), report("MRI brain")),
    Row("lung", "chest-radiograph", LUNG_MASS, images("DX", days=180), images("DX", days=181)),
    Row("lung", "procedure-report", BC, of("procedure-report"), of("note")),
    Row("lymphoma", "flow-cytometry", GOLD_COAST, pathology("33719-6"), pathology("33721-2")),
    Row("lymphoma", "block", NIH, pieces("block", 1, 1), pieces("slide")),
    Row("lymphoma", "ihc-slides", NIH, pieces("slide"), ONE_PIECE_SHORT),
    Row("lymphoma", "staging-ct", GOLD_COAST, images("CT"), images("US")),
    Row("lymphoma", "blood-count", GOLD_COAST, lab("57021-8"), lab("57021-8", days=31)),
    Row("lymphoma", "ldh", METRO, lab("2532-0"), lab("2532-0", days=31)),
    Row("lymphoma", "chemistry", GOLD_COAST, lab("1952-1"), lab("2039-6")),
    Row("melanoma", "tumour-genetics", OCP, molecular(), pathology()),
    Row("myeloma", "protein-electrophoresis", GOLD_COAST, lab("24351-9"), lab("24351-9", days=61)),
    Row("myeloma", "free-light-chains", GOLD_COAST, lab("48378-4", days=400), lab("33358-3")),
    Row("myeloma", "blood", GOLD_COAST, lab("58410-2"), lab("58410-2", days=31)),
    Row("myeloma", "staging-blood", OCP, lab("1952-1", days=900), lab("2857-1")),
    Row("myeloma", "marrow-report", OCP, pathology("48807-2"), pathology("11529-5")),
    Row("myeloma", "fish", OCP, molecular("55228-1"), molecular("69548-6")),
    Row("myeloma", "skeleton", GOLD_COAST, images("CR"), images("NM")),
    Row("ovary", "ca-125", VIC_OVARY, lab("10334-1", days=400), lab("24108-3")),
    Row("ovary", "pelvic-ultrasound", VIC_OVARY, images("US"), images("CT", "CT PELVIS")),
    Row("ovary", "pelvic-ultrasound-report", VIC_OVARY, report("US pelvis"), report("CT chest")),
    Row("ovary", "abdominal-ct", VIC_OVARY, images("CT", "CT ABDOMEN"), images("CT", "CT CHEST")),
    Row("pancreas", "pancreas-ct", SCOTLAND, images("CT", "CT PANCREAS", 28), images("CT", "CT PANCREAS", 29)),
    Row("pancreas", "pancreas-ct", SCOTLAND, images("CT", "CT ABDOMEN"), images("MR", "MRCP")),
    Row("pancreas", "pancreas-ct-report", SCOTLAND, report("CT pancreas"), report("CT chest")),
    Row("pancreas", "chest-ct", OCP, images("CT", "CT CHEST"), images("CT", "CT ABDOMEN")),
    Row("pancreas", "mri", OCP, images("MR", "MRCP"), images("CT", "CT ABDOMEN")),
    Row("pancreas", "endosonography", OCP, of("procedure-report"), of("operative-note")),
    Row("pancreas", "blood", SCOTLAND, lab("24325-3", days=14), lab("24325-3", days=15)),
    Row("pancreas", "germline", OCP, molecular("21636-6"), molecular("69548-6")),
    Row("prostate", "psa-history", VIC_PROSTATE, lab("2857-1", days=90), lab("2857-1", days=91)),
    Row("prostate", "psa-history", VIC_PROSTATE, lab("35741-8"), lab("2039-6")),
    Row("prostate", "bone-scan", VIC_PROSTATE, images("NM"), images("CT")),
    Row("rare", "images", RARE, images("CT"), images("US")),
    Row("rare", "block", NIH, pieces("block", 1, 1), pieces("slide")),
    Row("sarcoma", "bone-films", HSS, images("CR"), images("MR")),
    Row("sarcoma", "local-images", LONDON, images("MR"), images("NM")),
    Row("sarcoma", "block", HSS, pieces("block", 1, 1), pieces("slide")),
]

#: of these only a person can say which record it is: nothing tells a letter from another note
BY_PERSON = {
    **{(disease, "referral-letter"): BC for disease in LISTS},
    **{(disease, "history"): BC for disease in LISTS},
    **{(disease, "performance-status"): BC for disease in LISTS},
    **{(disease, "radiation-summary"): BC for disease in LISTS},
    ("breast", "resection-pathology"): VIC_BREAST,
    ("breast", "implants"): VIC_BREAST,
    ("breast", "family-history"): VIC_BREAST,
    ("colorectal", "resection-pathology"): BC,
    ("head-and-neck", "swallowing"): OCP,
    ("head-and-neck", "smoking"): VIC_NECK,
    ("leukaemia", "pending-tests"): HPCUT,
    ("leukaemia", "recent-note"): HPCUT,
    ("lymphoma", "infection-screen"): GOLD_COAST,
    ("melanoma", "skin-examination"): OCP,
    ("myeloma", "urine-protein"): GOLD_COAST,
    ("myeloma", "treatment-lines"): GOLD_COAST,
    ("ovary", "family-history"): VIC_OVARY,
    ("prostate", "urinary-symptoms"): VIC_PROSTATE,
    ("rare", "research-consent"): RARE,
    ("sarcoma", "board-question"): NUH,
    ("sarcoma", "local-board"): NUH,
}
PEOPLES = [
    pytest.param(disease, line, id=f"{disease}:{line}")
    for disease, line in BY_PERSON
    if line in {one.key for one in LISTS[disease].lines}
]


def state(disease: str, key: str, *things: Thing, word: Waiver | None = None) -> NeedState:
    """How a line stands with these things, all sources having answered. A conditional line is said to apply."""
    known = LISTS[disease]
    line = known.line(key)
    applies = Waiver(kind=WaiverKind.APPLIES)
    said = {key: word} if word else {key: applies} if line.necessity is Necessity.CONDITIONAL else {}
    asked = Request(
        id=RequestId.draw(),
        case=CaseId.draw(),
        institution=SOURCE,
        department=DepartmentId("desk"),
        lines=tuple(one.key for one in known.lines if not one.counted),
        state=RequestState.ANSWERED,
        attempts=1,
    )
    found = assess(
        known,
        requests=[asked],
        records=[one for one in things if isinstance(one, CollectedRecord)],
        materials={key: [one for one in things if isinstance(one, Material)]},
        waivers=said,
        now=NOW,
    )
    return next(need.state for need in found.needs if need.line.key == key)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_line_is_answered_by_what_its_source_asks_for_and_by_nothing_near_it(row):
    assert state(row.disease, row.line, row.answer, *row.beside) in ANSWERED
    assert state(row.disease, row.line, *row.beside) not in SETTLED
    assert state(row.disease, row.line, row.near, *row.beside) not in SETTLED
    assert row.source.startswith("https://")


@pytest.mark.parametrize(("disease", "key"), PEOPLES)
def test_where_nothing_tells_one_from_another_a_person_names_the_record(disease, key):
    record = a_record(min(LISTS[disease].line(key).kinds))
    word = Waiver(kind=WaiverKind.ANSWERED_BY, record=record.id)

    assert state(disease, key, record, word=word) is NeedState.SATISFIED
    assert state(disease, key, record) is NeedState.RECEIVED
    assert state(disease, key, word=word) not in SETTLED
    assert state(disease, key, replace(record, superseded=True), word=word) not in SETTLED
    assert BY_PERSON[disease, key].startswith("https://")


MARKED = {
    (disease, key): mark for disease in LISTS for key, mark in marks_of(disease).items() if mark.startswith(("S", "L"))
}


def test_every_line_that_has_a_source_has_a_row():
    rows = {(row.disease, row.line) for row in ROWS}

    assert set(MARKED) - rows - set(BY_PERSON) == set()


def test_every_line_that_somebody_asks_for_says_in_its_file_where_a_reader_finds_it():
    named = {
        key: (found[1] if (found := re.match(r"[SL] (https://\S+?)(?:;|$)", mark)) else None)
        for key, mark in MARKED.items()
    }
    sources = {key: {row.source for row in ROWS if (row.disease, row.line) == key} for key in MARKED}

    assert {key: sources[key] or {BY_PERSON[key]} for key in MARKED} == {key: {said} for key, said in named.items()}


def test_every_line_of_a_list_has_a_mark():
    assert {(disease, line.key) for disease in LISTS for line in LISTS[disease].lines} == {
        (disease, key) for disease in LISTS for key in marks_of(disease)
    }
