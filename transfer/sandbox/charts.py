"""Drawing a synthetic patient: everything the four institutions hold about one person.

Shaped after the Synthea patient with colon cancer in `data/`: same course of disease, but another person each time, so
that no two runs share a name, a number or a UID.

    chart = draw_chart()                    another patient each time
    chart = draw_chart(seed=7)              the same patient each time
    chart = draw_chart(marked="ZEBRA7")     every name, number and free text carries the word, for leak tests
    draw_chart(disease="breast")            a patient of another disease (`transfer.sandbox.diseases`)
    python -m transfer.sandbox.charts --slices 400 > chart.json
"""

import argparse
import json
import random
import re
import secrets
import sys
import uuid
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

from transfer.sandbox.directory import LAKESIDE, MERCY, PRAIRIE, SUMMIT, Entry
from transfer.sandbox.diseases import DISEASES, Disease

#: the disease of the published patient that all charts are shaped after
COLORECTAL = "colorectal"

#: JSON all through: it travels over the control interface and is kept in each institution's folder
Chart = dict[str, Any]

#: ICD-10-CM, SNOMED CT body structure, where, and the operation that goes with it
_SITES = (
    ("C18.0", "32713005", "cecum", "right hemicolectomy"),
    ("C18.2", "9040008", "ascending colon", "right hemicolectomy"),
    ("C18.6", "32622004", "descending colon", "left hemicolectomy"),
    ("C18.7", "60184004", "sigmoid colon", "sigmoid colectomy"),
)
_QUESTIONS = (
    "Would you give adjuvant chemotherapy for three or for six months?",
    "Is there a trial for which this patient should be considered before adjuvant treatment starts?",
    "Please review the nodal status and advise on adjuvant treatment.",
)
#: days before today on which each thing happened
_COURSE = {
    "colonoscopy": 74,
    "cea": 71,
    "ct": 66,
    "operation": 52,
    "pathology": 45,
    "molecular": 31,
    "consultation": 24,
    "progress": 12,
    "treatment": 9,
}
_PEOPLE = (
    ("oncologist", "female"),
    ("surgeon", "male"),
    ("endoscopist", "female"),
    ("pathologist", "male"),
    ("radiologist", "female"),
)
_RELATED_DOCUMENTS = (
    "consultation",
    "progress",
    "operation",
    "colonoscopy",
    "cea",
    "ct",
    "molecular",
    "treatment",
    "pathology",
    "questionnaire",
)


class _Draw:
    """One patient's dice, and the marker word where one is wanted."""

    def __init__(self, seed: int | None, marked: str | None) -> None:
        if marked is not None and not re.fullmatch(r"[A-Z][A-Z0-9]{3,7}", marked):
            raise ValueError("a marker word is 4 to 8 upper-case letters and digits")
        self.dice = random.Random(secrets.randbits(64) if seed is None else seed)
        self.marked = marked

    def word(self, text: str, suffix: str) -> str:
        return f"{self.marked}{suffix}" if self.marked else text

    def sentence(self, text: str) -> str:
        return f"{text} {self.marked}TEXT." if self.marked else text

    def number(self, prefix: str, digits: int = 7) -> str:
        drawn = "".join(self.dice.choices("0123456789", k=digits))
        return f"{self.marked or ''}{prefix}{drawn}"[:16]

    def uid(self) -> str:
        """A UID from a UUID (PS3.5 B.2). The top bit is set so that all have one length and no leading zero."""
        return f"2.25.{self.dice.getrandbits(127) | 1 << 127}"

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))


def draw_chart(
    seed: int | None = None,
    *,
    marked: str | None = None,
    slices: int = 24,
    today: date | None = None,
    disease: str = COLORECTAL,
) -> Chart:
    """One synthetic patient. Without a seed another one each time.

    `disease` is colorectal or one of `DISEASES`. `slices` is the number of images of the longest series. All dates are
    relative to `today` (default: the day in UTC).
    """
    draw = _Draw(seed, marked)
    today = today or datetime.now(UTC).date()
    chart: Chart = {"id": f"chart-{draw.uuid()}", "drawn_on": today.isoformat(), "marked": marked}
    chart |= _person(draw, today)
    chart |= _disease(draw, today)
    chart["documents"] = {
        name: {"id": draw.uuid(), "binary": draw.uuid(), "number": draw.number("D")} for name in _RELATED_DOCUMENTS
    }
    chart["pathology"] = _pathology(draw, today)
    chart["imaging"] = _imaging(draw, today, slices)
    chart["referral"] = _referral(draw, today)
    chart["form"] = _form(draw, today)
    return chart if disease == COLORECTAL else _with_disease(draw, chart, DISEASES[disease], today)


def pattern() -> dict[str, Any]:
    """The Synthea patient that all charts are shaped after."""
    return _data("synthea-colon-cancer.json")


def names() -> dict[str, Any]:
    """Family names, given names by sex, and towns, to draw from."""
    return _data("people.json")


@cache
def _data(file: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        resources.files("transfer.sandbox").joinpath(f"data/{file}").read_text(encoding="utf-8")
    )
    return loaded


def moment(chart: Chart, what: str, entry: Entry, hour: int = 10) -> datetime:
    """When something of the course happened, in the institution's own zone."""
    return datetime.combine(date.fromisoformat(chart["course"][what]), time(hour, 15), ZoneInfo(entry.time_zone))


def _person(draw: _Draw, today: date) -> dict[str, Any]:
    sex = draw.dice.choice(("male", "female"))
    town, state, postal_code = draw.dice.choice(names()["towns"])
    street = draw.dice.choice(("Elm", "Oak", "Lake"))
    given = draw.dice.sample(names()["given"][sex], 2)
    born = today - timedelta(days=draw.dice.randint(45 * 365, 78 * 365))
    return {
        "patient": {
            "family": draw.word(draw.dice.choice(names()["family"]), "FAMILY"),
            "given": [draw.word(given[0], "GIVEN"), draw.word(given[1], "MIDDLE")],
            "birth_date": born.isoformat(),
            "sex": sex,
            "address": {
                "line": draw.sentence(f"{draw.dice.randint(1, 9899)} {street} Street"),
                "city": town,
                "state": state,
                "postal_code": postal_code,
            },
            "phone": f"+1-262-555-{draw.dice.randint(100, 9999):04}",
        },
        "numbers": {
            LAKESIDE.id: {"system": LAKESIDE.patient_system, "value": draw.number("L")},
            PRAIRIE.id: {"system": PRAIRIE.patient_system, "value": draw.number("P")},
            MERCY.id: {"system": MERCY.patient_system, "value": draw.number("M")},
        },
        "fhir_id": draw.uuid(),
        "history": [entry["what"] for entry in pattern()["conditions"] if entry["date"] < "2017"],
        "vital_signs": pattern()["observations"],
    }


def _disease(draw: _Draw, today: date) -> dict[str, Any]:
    icd10, structure, site, operation = draw.dice.choice(_SITES)
    examined = draw.dice.randint(14, 29)
    return {
        "course": {what: (today - timedelta(days=days)).isoformat() for what, days in _COURSE.items()},
        "diagnosis": {
            "icd10": icd10,
            "snomed": "363406005",
            "display": f"Malignant neoplasm of {site}",
            "structure": structure,
            "site": site,
            "operation": operation,
            "size_mm": draw.dice.randint(24, 71),
            "nodes_examined": examined,
            "nodes_positive": draw.dice.randint(1, 3),
            "cea": round(draw.dice.uniform(1.8, 14.0), 1),
            "mismatch_repair": draw.dice.choice(("proficient", "deficient")),
            "kras": draw.dice.choice(("wild type", "p.G12D", "p.G13D", "p.G12V")),
        },
        "people": {
            role: f"{draw.dice.choice(names()['given'][sex])} {draw.dice.choice(names()['family'])}"
            for role, sex in _PEOPLE
        },
        "remark": draw.sentence("Lives with a sister and walks two miles a day."),
    }


def _with_disease(draw: _Draw, chart: Chart, disease: Disease, today: date) -> Chart:
    """The same person with another disease: what is only of the colon is lacking, and further reports are there."""
    told = {
        "icd10": disease.icd10,
        "snomed": disease.snomed,
        "display": disease.display,
        "structure": disease.structure,
        "site": disease.site,
        "operation": disease.operation,
        "histology": disease.histology,
        "stage": disease.stage,
    }
    further = [
        {"name": one.name, "code": one.code, "title": one.title, "says": draw.sentence(one.says)}
        | ({"section": one.section} if one.section else {})
        for one in disease.reports
    ]
    days = {one.name: (today - timedelta(days=one.days)).isoformat() for one in disease.reports}
    made = (today - timedelta(days=disease.study_days)).isoformat()
    ids = {one.name: {"id": draw.uuid(), "binary": draw.uuid(), "number": draw.number("D")} for one in disease.reports}
    imaging = chart["imaging"]
    series = [{**one, "description": disease.study, "modality": disease.modality} for one in imaging["series"]]
    return {
        **chart,
        "diagnosis": {**chart["diagnosis"], **told},
        "lacks": ["colonoscopy", "cea"],
        "further": further,
        "documents": {**chart["documents"], **ids},
        "course": {**chart["course"], **days, "ct": made},
        "imaging": {**imaging, "description": disease.study, "date": made, "series": series},
    }


def _pathology(draw: _Draw, today: date) -> dict[str, Any]:
    accession = draw.number(f"S{today:%y}-", 6)
    blocks = [f"{accession}-A{n}" for n in range(1, draw.dice.randint(6, 9))]
    slides = [{"id": f"{block}-1", "block": block, "stain": "H&E"} for block in blocks]
    slides += [
        {"id": f"{blocks[1]}-{n}", "block": blocks[1], "stain": stain}
        for n, stain in enumerate(("MLH1", "PMS2", "MSH2", "MSH6"), start=2)
    ]
    return {
        "accession": {"system": PRAIRIE.accession_system, "value": accession},
        "order": draw.number("O"),
        "blocks": blocks,
        "slides": slides,
    }


def _imaging(draw: _Draw, today: date, slices: int) -> dict[str, Any]:
    return {
        "study_uid": draw.uid(),
        "accession": {"system": MERCY.accession_system, "value": draw.number("CT")},
        "study_id": draw.number("", 6),
        "description": "CT CHEST ABDOMEN PELVIS W CONTRAST",
        "date": (today - timedelta(days=_COURSE["ct"])).isoformat(),
        "frame_uid": draw.uid(),
        "series": [
            {"uid": draw.uid(), "number": 1, "description": "SCOUT", "modality": "CT", "instances": 2},
            {"uid": draw.uid(), "number": 2, "description": "PORTAL VENOUS 5MM", "modality": "CT", "instances": slices},
        ],
    }


def _referral(draw: _Draw, today: date) -> dict[str, Any]:
    appointment = datetime.combine(today + timedelta(days=21), time(9, 30), ZoneInfo(SUMMIT.time_zone))
    return {
        "number": {"system": f"urn:oid:{LAKESIDE.oid}.3", "value": draw.number("R")},
        "question": draw.sentence(draw.dice.choice(_QUESTIONS)),
        "priority": "routine",
        "appointment_at": appointment.isoformat(),
        "needed_by": (appointment.date() - timedelta(days=5)).isoformat(),
        "receiver": SUMMIT.id,
        "sources": [LAKESIDE.id, PRAIRIE.id, MERCY.id],
    }


def _form(draw: _Draw, today: date) -> dict[str, Any]:
    signed = datetime.combine(today - timedelta(days=1), time(14, 5), ZoneInfo(LAKESIDE.time_zone))
    return {
        "number": {"system": f"urn:oid:{LAKESIDE.oid}.4", "value": draw.number("F")},
        "status": "active",
        "signed_at": signed.isoformat(),
        "starts_on": signed.date().isoformat(),
        "expires_on": (today + timedelta(days=180)).isoformat(),
        "disclosers": [LAKESIDE.id, PRAIRIE.id, MERCY.id],
        "recipients": [SUMMIT.id],
        "purpose": "TREAT",
        "special": [],
        "statements": ["revoke", "condition", "redisclose"],
        "description": "All my medical records",
        "codes": [],
        "representative": None,
        "verified": True,
        "type": "permit",
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m transfer.sandbox.charts", description="Draw a synthetic patient.")
    parser.add_argument("--seed", type=int, help="the same patient each time")
    parser.add_argument("--marked", help="a word that every name, number and free text carries")
    parser.add_argument("--disease", choices=[COLORECTAL, *DISEASES], default=COLORECTAL)
    parser.add_argument("--slices", type=int, default=24, help="images of the CT series (default 24)")
    asked = parser.parse_args()
    json.dump(
        draw_chart(asked.seed, marked=asked.marked, slices=asked.slices, disease=asked.disease), sys.stdout, indent=1
    )


if __name__ == "__main__":
    main()
