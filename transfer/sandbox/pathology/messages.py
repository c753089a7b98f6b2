"""HL7 v2.5.1 as Prairie's laboratory system writes it: ORU^R01 and MDM^T02, built and validated by hl7apy.

hl7apy needs some 30 ms for a message. So it builds and validates each shape once, with blanks, and each message fills
them in (`_written`).
"""

import base64
import random
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from hl7apy.base_datatypes import FT
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message

from transfer.sandbox import narratives, paper
from transfer.sandbox.charts import Chart, moment, names
from transfer.sandbox.directory import PRAIRIE

#: an element of hl7apy's, which has no types: a message, a group or a segment
Element = Any
#: what a message, a group or a segment consists of: its kind, its name, its fields by their number, its parts
Shape = tuple[str, str, tuple[tuple[int, str], ...], tuple["Shape", ...]]

#: OBX-3 of the sections of a surgical pathology report
_SECTION_CODES = {
    "Clinical history": "22636-5^Path report.relevant Hx^LN",
    "Gross description": "22634-0^Path report.gross description^LN",
    "Microscopic description": "22635-7^Path report.microscopic observation^LN",
    "Final diagnosis": "22637-3^Path report.final diagnosis^LN",
    "Comment": "22638-1^Path report.comments^LN",
    "Correction": "CORR^Correction^L",
}
_AUTHORITY = f"{PRAIRIE.namespace}&{PRAIRIE.oid}.1&ISO"
_ACCESSIONS = f"PRAIRIELIS&{PRAIRIE.oid}.2&ISO"
_LIS = f"PRAIRIELIS^{PRAIRIE.oid}.2^ISO"
#: OBX-11 where OBR-25 says P, F or C
_RESULT_STATUS = {"P": "P", "F": "F", "C": "C"}


def report(chart: Chart, *, control_id: str, status: str, form: str) -> bytes:
    """The patient's surgical pathology report.

    Raises:
        ValueError: for another `status` than P, F, C or another `form` than oru, mdm.
    """
    if status not in _RESULT_STATUS or form not in ("oru", "mdm"):
        raise ValueError("status is P, F or C; form is oru or mdm")
    return (_mdm(chart, control_id) if form == "mdm" else _oru(chart, control_id, status)).encode()


def about_nobody_known(dice: random.Random, control_id: str) -> bytes:
    """A report about somebody who is nobody's patient here; each is another person. They are sent by the thousand."""
    known = names()
    sex = dice.choice(("male", "female"))
    number = "".join(dice.choices("0123456789", k=8))
    born = datetime(1930, 1, 1, tzinfo=UTC) + timedelta(days=dice.randrange(30_000))
    family, given = f"{dice.choice(known['family'])}-{number[:4]}", dice.choice(known["given"][sex])
    drawn = datetime.now(UTC) - timedelta(days=dice.randrange(3, 40))
    accession = f"S{drawn:%y}-9{number[:6]}"
    message = _message("ORU_R01", "ORU^R01^ORU_R01", control_id, _now())
    result = message.add_group("ORU_R01_PATIENT_RESULT")
    pid = {1: "1", 3: f"P9{number}^^^{_AUTHORITY}^MR", 5: f"{_text(family)}^{_text(given)}", 7: f"{born:%Y%m%d}"}
    _fill(result.add_group("ORU_R01_PATIENT").add_segment("PID"), pid | {8: sex[0].upper()})
    order = result.add_group("ORU_R01_ORDER_OBSERVATION")
    numbers = {2: f"9{number}^PRAIRIELIS", 3: f"{accession}^{_LIS}"}
    _fill(order.add_segment("ORC"), {1: "RE", **numbers})
    asked = {4: "11529-5^Surgical pathology study^LN", 7: f"{drawn:%Y%m%d%H%M}", 24: "PAT", 25: "F"}
    _fill(order.add_segment("OBR"), {1: "1", **numbers, **asked})
    found = f"Skin, shave: {_text(dice.choice(_BENIGN))}"
    _observe(order, "ORU_R01_OBSERVATION", _section(1, "Final diagnosis", found, "F"))
    specimen = {1: "1", 2: f"{accession}-A&PRAIRIELIS", 4: "119376003^Tissue specimen^SCT"}
    _fill(order.add_group("ORU_R01_SPECIMEN").add_segment("SPM"), specimen)
    return _written(message).encode()


_BENIGN = ("SEBORRHEIC KERATOSIS.", "INTRADERMAL NEVUS.", "DERMATOFIBROMA.", "ACTINIC KERATOSIS.", "EPIDERMAL CYST.")


def _oru(chart: Chart, control_id: str, status: str) -> str:
    accession, result = chart["pathology"]["accession"]["value"], _RESULT_STATUS[status]
    message = _message("ORU_R01", "ORU^R01^ORU_R01", control_id, _now())
    group = message.add_group("ORU_R01_PATIENT_RESULT")
    patient = group.add_group("ORU_R01_PATIENT")
    _identify(patient.add_segment("PID"), chart)
    _fill(patient.add_group("ORU_R01_VISIT").add_segment("PV1"), _VISIT)
    order = group.add_group("ORU_R01_ORDER_OBSERVATION")
    numbers = {1: "RE", 2: f"{chart['pathology']['order']}^PRAIRIELIS", 3: f"{accession}^{_LIS}"}
    _fill(order.add_segment("ORC"), numbers)
    _fill(order.add_segment("OBR"), _obr(chart, status))
    sections = narratives.pathology(chart, status)
    for number, (heading, paragraph) in enumerate(sections, start=1):
        _observe(order, "ORU_R01_OBSERVATION", _section(number, heading, _text(paragraph), result))
    if status != "P":
        _observe(order, "ORU_R01_OBSERVATION", _document(len(sections) + 1, chart, status, result))
    _fill(order.add_group("ORU_R01_SPECIMEN").add_segment("SPM"), _spm(chart))
    # SPM-30 came with v2.7, and laboratories send it in older messages, too: hl7apy's 2.5.1 ends before it.
    return _written(message).removesuffix("\r") + f"||||{accession}^^^{_ACCESSIONS}\r"


def _mdm(chart: Chart, control_id: str) -> str:
    at, number = _when(chart, "pathology"), chart["documents"]["pathology"]["number"]
    message = _message("MDM_T02", "MDM^T02^MDM_T02", control_id, _now())
    _fill(message.add_segment("EVN"), {1: "T02", 2: at})
    _identify(message.add_segment("PID"), chart)
    _fill(message.add_segment("PV1"), _VISIT)
    _fill(
        message.add_segment("TXA"),
        {
            1: "1",
            2: "SP",
            3: "AP",
            4: at,
            5: _pathologist(chart),
            6: at,
            7: at,
            12: f"{number}^PRAIRIELIS",
            14: f"{chart['pathology']['order']}^PRAIRIELIS",
            15: f"{chart['pathology']['accession']['value']}^{_LIS}",
            17: "AU",
            18: "U",
            19: "AV",
        },
    )
    _observe(message, "MDM_T02_OBXNTE_SUPPGRP", _document(1, chart, "F", "F"))
    return _written(message)


@dataclass
class _Planned:
    """A message, a group or a segment that hl7apy is to build."""

    kind: str
    name: str
    fields: list[tuple[int, str]] = field(default_factory=list)
    parts: list["_Planned"] = field(default_factory=list)

    def add_group(self, name: str) -> "_Planned":
        return self._add("group", name)

    def add_segment(self, name: str) -> "_Planned":
        return self._add("segment", name)

    def _add(self, kind: str, name: str) -> "_Planned":
        self.parts.append(_Planned(kind, name))
        return self.parts[-1]


def _message(structure: str, kind: str, control_id: str, at: str) -> _Planned:
    """A message with its MSH."""
    message = _Planned("message", structure)
    _fill(
        message.add_segment("MSH"),
        {
            3: "PRAIRIELIS",
            4: f"{PRAIRIE.namespace}^{PRAIRIE.oid}^ISO",
            5: "RECORDS",
            6: "TRANSFER",
            7: at,
            9: kind,
            10: control_id,
            11: "P",
            18: "UNICODE UTF-8",
        },
    )
    return message


def _fill(segment: _Planned, fields: dict[int, str]) -> None:
    """Fields by their number, written as ER7."""
    segment.fields += fields.items()


def _observe(parent: _Planned, group: str, fields: dict[int, str]) -> None:
    """One OBX. OBX-2 is set first: it says what OBX-5 is."""
    _fill(parent.add_group(group).add_segment("OBX"), fields)


def _written(message: _Planned) -> str:
    """Its ER7. Line ends within a text become the formatting escape (2.7.6), which hl7apy cannot write.

    Raises:
        hl7apy.exceptions.ValidationError: it is not as v2.5.1 says.
    """
    words: dict[str, str] = {}
    form = _form(_shape(message, words))
    filled = re.sub("|".join(map(re.escape, words)), lambda blank: words[blank[0]], form) if words else form
    return filled.replace("\n", "\\.br\\") + "\r"


#: What differs from one message to the next of a shape: a day, an instant, any text. A short number is left as it is.
_DIFFERS = re.compile(
    r"""(?<![^&^~])
        (?: (?P<day>\d{8}) | (?P<instant>\d{12}(?:\d\d)?) (?P<offset>\+0000)? | (?!\d{1,3}(?![^&^~])) [^&^~]+ )
        (?![^&^~])""",
    re.VERBOSE,
)
#: what these say decides what others must be
_DECIDING = {("MSH", 9), ("OBX", 2)}


def _shape(planned: _Planned, words: dict[str, str]) -> Shape:
    """What is planned, with a blank of the same kind for whatever differs; `words` then has what fills each."""

    def blank(found: re.Match[str]) -> str:
        number = len(words)
        if found["day"]:
            said = f"{1000 + number}0101"
        elif found["instant"]:
            said = f"{1000 + number}0101000000"[: len(found["instant"])] + (found["offset"] or "")
        else:
            said = f"BLANK-{number:03}"
        words[said] = found[0]
        return said

    fields = tuple(
        (number, text if (planned.name, number) in _DECIDING else _DIFFERS.sub(blank, text))
        for number, text in planned.fields
    )
    return planned.kind, planned.name, fields, tuple(_shape(part, words) for part in planned.parts)


@lru_cache(maxsize=64)
def _form(shape: Shape) -> str:
    """The ER7 of a message with blanks. It is validated once it is whole: built strictly, OBX-5 would have to be ST."""
    _, name, _, parts = shape
    message = Message(name, version="2.5.1", validation_level=VALIDATION_LEVEL.TOLERANT)
    for part in parts:
        _build(message, part)
    message.validate()
    return str(message.to_er7())


def _build(parent: Element, shape: Shape) -> None:
    kind, name, fields, parts = shape
    # a message begins with an MSH
    made = parent.msh if name == "MSH" else getattr(parent, f"add_{kind}")(name)
    filled = set()
    for number, value in fields:
        if number in filled:
            made.add_field(f"{name}_{number}").value = value
        else:
            setattr(made, f"{name}_{number}".lower(), value)
        filled.add(number)
    for part in parts:
        _build(made, part)


def _now() -> str:
    return f"{datetime.now(UTC):%Y%m%d%H%M%S}+0000"


_VISIT = {1: "1", 2: "O", 3: "ONC^^^LAKESIDE"}


def _pid(chart: Chart) -> dict[int, str]:
    who = chart["patient"]
    address = who["address"]
    home = "^".join((_text(address["line"]), "", address["city"], address["state"], address["postal_code"], "USA", "H"))
    return {
        1: "1",
        3: f"{chart['numbers'][PRAIRIE.id]['value']}^^^{_AUTHORITY}^MR",
        5: f"{_text(who['family'])}^{'^'.join(_text(given) for given in who['given'])}",
        7: who["birth_date"].replace("-", ""),
        8: who["sex"][0].upper(),
        11: home,
    }


def _identify(pid: _Planned, chart: Chart) -> None:
    """Who it is; beside its own number the one under which its client ordered, where the chart says so."""
    _fill(pid, _pid(chart))
    if ordered := chart.get("ordered_under"):
        issuer = ordered["system"].removeprefix("urn:oid:")
        _fill(pid, {3: f"{ordered['value']}^^^&{issuer}&ISO^PT"})


def _obr(chart: Chart, status: str) -> dict[int, str]:
    return {
        1: "1",
        2: f"{chart['pathology']['order']}^PRAIRIELIS",
        3: f"{chart['pathology']['accession']['value']}^{_LIS}",
        4: "11529-5^Surgical pathology study^LN",
        # without an offset, as many laboratories write: it is Prairie's own time
        7: _when(chart, "operation"),
        22: _when(chart, "pathology"),
        24: "PAT",
        25: status,
        32: _pathologist(chart).replace("^", "&"),
    }


def _section(number: int, heading: str, text: str, result: str) -> dict[int, str]:
    return {1: str(number), 2: "FT", 3: _SECTION_CODES[heading], 4: "1", 5: text, 11: result}


def _document(number: int, chart: Chart, status: str, result: str) -> dict[int, str]:
    data = base64.b64encode(paper.pathology_report(chart, status)).decode()
    shape = f"^application^pdf^Base64^{data}"
    return {1: str(number), 2: "ED", 3: "11526-1^Pathology study^LN", 4: "1", 5: shape, 11: result}


def _spm(chart: Chart) -> dict[int, str]:
    found, accession = chart["diagnosis"], chart["pathology"]["accession"]["value"]
    return {
        1: "1",
        2: f"{accession}-A&PRAIRIELIS^{accession}-A&PRAIRIELIS",
        4: "119376003^Tissue specimen^SCT",
        8: f"{found['structure']}^{found['site']}^SCT",
        17: _when(chart, "operation"),
        26: str(len(chart["pathology"]["blocks"])),
    }


def _when(chart: Chart, what: str) -> str:
    return f"{moment(chart, what, PRAIRIE):%Y%m%d%H%M%S}"


def _pathologist(chart: Chart) -> str:
    given, _, family = chart["people"]["pathologist"].partition(" ")
    return f"PP7^{_text(family)}^{_text(given)}"


def _text(text: str) -> str:
    """Delimiters escaped (2.7)."""
    return str(FT(text).to_er7())
