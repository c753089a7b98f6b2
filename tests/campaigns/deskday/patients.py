"""Synthetic patients whose facilities have a fax, a telephone and couriers, and were never seen before."""

import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum, auto
from typing import Any, Final

from fpdf import FPDF

from tests.kit.discs import a_zip, an_image


class Turn(StrEnum):
    """What else happens in a case."""

    #: one scan of sixty pages is of this patient and of the next one, who shares it
    SHARED_SCAN = auto()
    SHARES_SCAN = auto()
    MOVED_TWICE = auto()
    CALLS_BACK = auto()
    #: the patient says stop by telephone, and days later that it may go on
    STOPPED_BY_TELEPHONE = auto()
    #: somebody else's study lies on the CD as well
    ANOTHERS_STUDY_ON_CD = auto()

    @property
    def said(self) -> str:
        """As the table of the page says it."""
        return "somebody else's study on the CD" if self is Turn.ANOTHERS_STUDY_ON_CD else self.replace("_", " ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """`kind` as the page lists it; `listed` as the list of the disease does, where the kind alone does not tell."""

    kind: str
    pages: int
    day: date
    listed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """`sort` and `zone` as the page lists them."""

    name: str
    city: str
    zone: str
    sort: str
    telephone: str
    fax: str
    documents: tuple[Document, ...]
    slides: int = 0
    #: of a study that comes on a CD: what it says that it is
    study: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disease:
    """`checklist` as the page lists it. `laboratory`: the line that results from the office itself answer. `study`
    comes on a CD; `report`: the line that the report of it answers.
    """

    checklist: str
    diagnosis: str
    laboratory: str = ""
    study: str = ""
    report: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    family: str
    given: str
    born: date
    sex: str
    number: str
    checklist: str
    diagnosis: str
    question: str
    referrer: str
    office: Place
    #: who else holds records: a laboratory, and where images were made the image library
    places: tuple[Place, ...]
    appointment: date
    turns: frozenset[Turn] = field(default_factory=frozenset)

    @property
    def everywhere(self) -> tuple[Place, ...]:
        return (self.office, *self.places)


_FAMILIES: Final = (
    *("Abernathy", "Birdsong", "Castellanos", "Delacroix", "Eastwood-Ruiz", "Fairweather", "Gallowglass", "Hollander"),
    *("Ironside", "Jessamine", "Kettleborough", "Lindqvist", "Montclair", "Nightingale", "Oyelaran", "Pemberton"),
    *("Quartermaine", "Rosenthal", "Silverstone", "Thistlewood"),
)
_GIVEN: Final = (
    *("Adela", "Bruno", "Corinne", "Desmond", "Elowen", "Florian", "Ginevra", "Hollis", "Imelda", "Jasper"),
    *("Kerensa", "Lorcan", "Mirabel", "Nathaniel", "Ottoline", "Percival", "Rosalind", "Silas", "Tabitha", "Ulric"),
)
_TOWNS: Final = (
    *("Minot ND", "Salina KS", "Duluth MN", "Joplin MO", "Paducah KY", "Ames IA", "Quincy IL", "Wausau WI"),
    *("Decatur AL", "Texarkana AR"),
)
_NAMES: Final = ("Cedar", "Harbor", "Meadow", "Pine", "Summit View", "Willow", "Granite", "Prairie Rose", "Lark", "Oak")
_DISEASES: Final = (
    Disease(checklist="Melanoma of the skin", diagnosis="Malignant melanoma of the left forearm, Breslow 2.1 mm"),
    Disease(
        checklist="Cancer of the prostate",
        diagnosis="Adenocarcinoma of the prostate, Grade Group 3",
        laboratory="PSA, every value with its date",
    ),
    Disease(
        checklist="Cancer of the colon or rectum",
        diagnosis="Adenocarcinoma of the sigmoid colon",
        study="CT CHEST ABDOMEN PELVIS",
    ),
    Disease(
        checklist="Cancer of the lung",
        diagnosis="Adenocarcinoma of the right upper lobe",
        study="CT CHEST",
        report="Report of the chest CT",
    ),
)
_OFFICE: Final = "Office: notes, reports, results"
_IMAGING: Final = "Imaging center: images and their reports"
_LABORATORY: Final = "Laboratory: pathology and molecular reports, slides and blocks"


def patients(count: int, today: date, seed: int = 14) -> tuple[Patient, ...]:
    """So many, the same ones for a seed. Each has an office and a laboratory that nobody else has."""
    dice = random.Random(seed)
    return tuple(_drawn(dice, number, today) for number in range(count))


def grouped(every: Sequence[Patient]) -> Iterator[tuple[Patient, ...]]:
    """One after another; those who share a scan, together."""
    for number, one in enumerate(every):
        if Turn.SHARED_SCAN in one.turns:
            yield tuple(every[number : number + 2])
        elif Turn.SHARES_SCAN not in one.turns:
            yield (one,)


def _drawn(dice: random.Random, number: int, today: date) -> Patient:
    disease = _DISEASES[number % len(_DISEASES)]
    born = date(1938, 1, 1) + timedelta(days=dice.randrange(14000))
    found = today - timedelta(days=dice.randrange(30, 70))
    notes = [Document(kind="Note", pages=dice.randrange(2, 6), day=found + timedelta(days=9))]
    if disease.laboratory:
        notes.append(Document(kind="Laboratory", pages=1, day=found + timedelta(days=2), listed=disease.laboratory))
    of_scan = _SCANS.get(number, (dice.randrange(2, 5),))
    reports = tuple(
        Document(kind="Pathology report", pages=pages, day=found + timedelta(days=4 + later))
        for later, pages in enumerate(of_scan)
    )
    places = [_place(dice, number, "Pathology", _LABORATORY, reports, slides=dice.randrange(4, 14))]
    if disease.study:
        read = [Document(kind="Imaging report", pages=2, day=found + timedelta(days=7), listed=disease.report)]
        places.append(_place(dice, number, "Imaging", _IMAGING, read if disease.report else (), study=disease.study))
    return Patient(
        family=_FAMILIES[number % 20],
        given=_GIVEN[number % 20],
        born=born,
        sex="Male" if number % 2 else "Female",
        number=f"{dice.randrange(10**6, 10**7)}",
        checklist=disease.checklist,
        diagnosis=disease.diagnosis,
        question="Is further treatment advised?",
        referrer=f"Dr. {dice.choice(_FAMILIES)}, {_telephone(dice)}",
        office=_place(dice, number, "Oncology", _OFFICE, notes),
        places=tuple(places),
        appointment=today + timedelta(days=dice.randrange(16, 30)),
        turns=_TURNS.get(number, frozenset()),
    )


def _place(
    dice: random.Random,
    number: int,
    of: str,
    sort: str,
    documents: Sequence[Document],
    *,
    slides: int = 0,
    study: str = "",
) -> Place:
    return Place(
        name=f"{_NAMES[number % 10]} {of}{' Group' if number >= 10 else ''}",
        city=_TOWNS[(number * 3) % 10],
        zone="Chicago",
        sort=sort,
        telephone=_telephone(dice),
        fax=_telephone(dice),
        documents=tuple(documents),
        slides=slides,
        study=study,
    )


def _telephone(dice: random.Random) -> str:
    return f"{dice.randrange(201, 990)} 555 {dice.randrange(100, 200):04d}"


#: pages of the documents in the scan of sixty pages, by the number of the patient
_SCANS: Final = {5: (12, 8, 11, 9), 6: (6, 12, 2)}
#: by the number of the patient
_TURNS: Final = {
    1: frozenset({Turn.CALLS_BACK}),
    2: frozenset({Turn.ANOTHERS_STUDY_ON_CD}),
    3: frozenset({Turn.MOVED_TWICE}),
    5: frozenset({Turn.SHARED_SCAN}),
    6: frozenset({Turn.SHARES_SCAN}),
    8: frozenset({Turn.STOPPED_BY_TELEPHONE}),
    11: frozenset({Turn.MOVED_TWICE, Turn.CALLS_BACK}),
    14: frozenset({Turn.CALLS_BACK}),
    15: frozenset({Turn.ANOTHERS_STUDY_ON_CD}),
}
#: whose study lies on somebody else's CD, and what it is
OTHER_PATIENT: Final = ("Zellweger^Ottilie", "19500917", "F")


def faxed(*parts: tuple[Patient, str, int]) -> bytes:
    """A fax: so many pages under each heading, each with the name of the patient it is of."""
    made = FPDF(format="letter")
    for patient, heading, pages in parts:
        for page in range(1, pages + 1):
            made.add_page()
            made.set_font("helvetica", size=20)
            made.cell(text=f"{heading}, page {page} of {pages}", new_x="LMARGIN", new_y="NEXT")
            made.set_font("helvetica", size=12)
            made.cell(text=f"Patient: {patient.family}, {patient.given}   Born: {patient.born:%m/%d/%Y}")
    return bytes(made.output())


def burned(patient: Patient, study: str, number: int) -> io.BytesIO:
    """A CD as a ZIP file: three images of a study of the patient, and perhaps two of somebody else's before them."""
    name, born, sex = f"{patient.family}^{patient.given}", f"{patient.born:%Y%m%d}", patient.sex[0]
    of_patient: dict[str, Any] = {"name": name, "born": born, "sex": sex, "description": study}
    files = {f"IMAGES/B{at}": an_image(f"{number}.2", at, **of_patient) for at in range(1, 4)}
    if Turn.ANOTHERS_STUDY_ON_CD in patient.turns:
        other: dict[str, Any] = dict(zip(("name", "born", "sex"), OTHER_PATIENT, strict=True))
        files |= {f"IMAGES/A{at}": an_image(f"{number}.1", at, **other) for at in range(1, 3)}
    return a_zip(files)
