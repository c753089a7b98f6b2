"""The documents in Lakeside's records of a patient, whatever resource they are filed as."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from transfer.sandbox import narratives, paper
from transfer.sandbox.charts import Chart, moment
from transfer.sandbox.directory import LAKESIDE, PRAIRIE

LOINC = "http://loinc.org"
#: Lakeside's own codes, for what its system never mapped
LOCAL = "http://lakeside-oncology.example/document-codes"
_SECTIONS = "http://terminology.hl7.org/CodeSystem/v2-0074"
_LABORATORY = {"coding": [{"system": _SECTIONS, "code": "LAB", "display": "Laboratory"}]}
_PATHOLOGY = {"coding": [{"system": LOINC, "code": "LP7839-6", "display": "Pathology"}]}
_RADIOLOGY = {"coding": [{"system": LOINC, "code": "LP29684-5", "display": "Radiology"}]}
_GENETICS = {"coding": [{"system": _SECTIONS, "code": "GE", "display": "Genetics"}]}
_SECTION_OF = {"LAB": _LABORATORY, "GE": _GENETICS, "RAD": _RADIOLOGY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document in the office's records."""

    name: str
    system: str
    code: str
    title: str
    at: datetime
    content: bytes
    content_type: str = "application/pdf"
    #: what it is filed as: DocumentReference, DiagnosticReport, or both
    filed: tuple[str, ...] = ("DocumentReference",)
    categories: tuple[dict[str, Any], ...] = ()
    #: `link` to an absolute Binary URL, `relative` to one below the server's base, `inline` data
    attached: str = "link"


def documents(chart: Chart) -> tuple[Document, ...]:
    """All documents of one patient, written once and kept."""
    return _written(json.dumps(chart, sort_keys=True))


@lru_cache(maxsize=512)
def _written(text: str) -> tuple[Document, ...]:
    chart: Chart = json.loads(text)
    return tuple(
        one for one in (*_notes(chart), *_reports(chart), *_further(chart)) if one.name not in chart.get("lacks", ())
    )


def _notes(chart: Chart) -> Iterator[Document]:
    people = chart["people"]
    at = moment(chart, "consultation", LAKESIDE)
    texts = narratives.consultation(chart)
    content = paper.note("consultation-note.xml", chart, at, "Oncology consultation", people["oncologist"], texts)
    yield Document(
        name="consultation",
        system=LOINC,
        code="11488-4",
        title="Consultation note",
        at=at,
        content=content,
        content_type="application/xml",
    )
    yield _sheet(chart, "progress", LOINC, "11506-3", "Progress note", narratives.progress(chart), attached="inline")
    at = moment(chart, "operation", LAKESIDE, hour=13)
    texts = narratives.operation(chart)
    yield Document(
        name="operation",
        system=LOINC,
        code="11504-8",
        title="Operative note",
        at=at,
        content=paper.note("operative-note.xml", chart, at, "Operative note", people["surgeon"], texts),
        content_type="application/xml",
        attached="relative",
    )
    yield _sheet(chart, "colonoscopy", LOINC, "28570-0", "Colonoscopy report", narratives.colonoscopy(chart))
    yield _sheet(chart, "treatment", LOCAL, "TXSUM", "Treatment summary", narratives.treatment(chart))
    yield _sheet(
        chart, "questionnaire", LOCAL, "PROM7", "Patient questionnaire", narratives.questionnaire(chart), on="progress"
    )


def _reports(chart: Chart) -> Iterator[Document]:
    yield _sheet(
        chart,
        "cea",
        LOINC,
        "2039-6",
        "CEA, serum",
        narratives.cea(chart),
        filed=("DiagnosticReport",),
        categories=(_LABORATORY,),
        attached="inline",
    )
    yield _sheet(
        chart,
        "ct",
        LOINC,
        "18748-4",
        "CT chest, abdomen, pelvis" if "further" not in chart else chart["imaging"]["description"].capitalize(),
        narratives.imaging(chart),
        filed=("DiagnosticReport",),
        categories=(_RADIOLOGY,),
    )
    yield _sheet(
        chart,
        "molecular",
        LOCAL,
        "MOLPANEL",
        "Molecular profile of the tumor",
        narratives.molecular(chart),
        filed=("DiagnosticReport",),
        categories=(_LABORATORY, _GENETICS),
    )
    # A scanned report is exposed through both resources with one attachment URL (US Core, clinical notes).
    yield Document(
        name="pathology",
        system=LOINC,
        code="11526-1",
        title="Surgical pathology report",
        at=moment(chart, "pathology", PRAIRIE),
        content=paper.pathology_report(chart),
        filed=("DocumentReference", "DiagnosticReport"),
        categories=(_PATHOLOGY,),
    )


def _further(chart: Chart) -> Iterator[Document]:
    """Reports of the patient's disease beside those that every chart has."""
    for one in chart.get("further", ()):
        said: narratives.Sections = [("Result", one["says"])]
        category = _SECTION_OF.get(one.get("section", ""))
        filed = ("DiagnosticReport",) if category else ("DocumentReference",)
        categories = (category,) if category else ()
        yield _sheet(chart, one["name"], LOINC, one["code"], one["title"], said, filed=filed, categories=categories)


def _sheet(
    chart: Chart,
    name: str,
    system: str,
    code: str,
    title: str,
    sections: narratives.Sections,
    *,
    on: str | None = None,
    filed: tuple[str, ...] = ("DocumentReference",),
    categories: tuple[dict[str, Any], ...] = (),
    attached: str = "link",
) -> Document:
    at = moment(chart, on or name, LAKESIDE)
    return Document(
        name=name,
        system=system,
        code=code,
        title=title,
        at=at,
        content=paper.pdf(LAKESIDE, title, chart, at, sections),
        filed=filed,
        categories=categories,
        attached=attached,
    )
