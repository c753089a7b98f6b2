"""HL7 v2.5.1 as Prairie's laboratory system writes it: ORU^R01 and MDM^T02, built and validated by hl7apy."""

import base64
import random
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from hl7apy.base_datatypes import FT
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message

from transfer.sandbox import narratives, paper
from transfer.sandbox.charts import Chart, moment, names
from transfer.sandbox.directory import PRAIRIE

#: an element of hl7apy's, which has no types: a message, a group or a segment
Element = Any

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
    """A report about somebody who is nobody's patient here; each is another person.

    They are sent by the thousand, and hl7apy needs some 50 ms for one: it builds a form once, and each fills it in.
    """
    known = names()
    sex = dice.choice(("male", "female"))
    number = "".join(dice.choices("0123456789", k=8))
    born = datetime(1930, 1, 1, tzinfo=UTC) + timedelta(days=dice.randrange(30_000))
    family, given = f"{dice.choice(known['family'])}-{number[:4]}", dice.choice(known["given"][sex])
    drawn = datetime.now(UTC) - timedelta(days=dice.randrange(3, 40))
    words = {
        "CONTROL": control_id,
        "19700101000000+0000": _now(),
        "NUMBER": number,
        "FAMILY": _text(family),
        "GIVEN": _text(given),
        "19000101|U": f"{born:%Y%m%d}|{sex[0].upper()}",
        "ACCESSION": f"S{drawn:%y}-9{number[:6]}",
        "200001010000": f"{drawn:%Y%m%d%H%M}",
        "SKIN": _text(dice.choice(_BENIGN)),
    }
    return re.sub("|".join(map(re.escape, words)), lambda blank: words[blank[0]], _form_to_fill()).encode()


@cache
def _form_to_fill() -> str:
    """A strictly valid message with blanks for what differs."""
    message = _message("ORU_R01", "ORU^R01^ORU_R01", "CONTROL", "19700101000000+0000")
    result = message.add_group("ORU_R01_PATIENT_RESULT")
    pid = result.add_group("ORU_R01_PATIENT").add_segment("PID")
    _fill(pid, {1: "1", 3: f"P9NUMBER^^^{_AUTHORITY}^MR", 5: "FAMILY^GIVEN", 7: "19000101", 8: "U"})
    order = result.add_group("ORU_R01_ORDER_OBSERVATION")
    _fill(order.add_segment("ORC"), {1: "RE", 2: "9NUMBER^PRAIRIELIS", 3: f"ACCESSION^{_LIS}"})
    _fill(
        order.add_segment("OBR"),
        {
            1: "1",
            2: "9NUMBER^PRAIRIELIS",
            3: f"ACCESSION^{_LIS}",
            4: "11529-5^Surgical pathology study^LN",
            7: "200001010000",
            24: "PAT",
            25: "F",
        },
    )
    _observe(order, "ORU_R01_OBSERVATION", _section(1, "Final diagnosis", "Skin, shave: SKIN", "F"))
    specimen = {1: "1", 2: "ACCESSION-A&PRAIRIELIS", 4: "119376003^Tissue specimen^SCT"}
    _fill(order.add_group("ORU_R01_SPECIMEN").add_segment("SPM"), specimen)
    return _written(message)


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
    _fill(message.evn, {1: "T02", 2: at})
    _identify(message.pid, chart)
    _fill(message.pv1, _VISIT)
    _fill(
        message.txa,
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


def _message(structure: str, kind: str, control_id: str, at: str) -> Element:
    """A message with its MSH. It is validated once it is whole: built strictly, every OBX-5 would have to be an ST."""
    message = Message(structure, version="2.5.1", validation_level=VALIDATION_LEVEL.TOLERANT)
    _fill(
        message.msh,
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


def _fill(segment: Element, fields: dict[int, str]) -> None:
    """Fields by their number, written as ER7."""
    for number, value in fields.items():
        setattr(segment, f"{segment.name}_{number}".lower(), value)


def _observe(parent: Element, group: str, fields: dict[int, str]) -> None:
    """One OBX. OBX-2 is set first: it says what OBX-5 is."""
    _fill(parent.add_group(group).add_segment("OBX"), fields)


def _written(message: Element) -> str:
    """Its ER7. Line ends within a text become the formatting escape (2.7.6), which hl7apy cannot write.

    Raises:
        hl7apy.exceptions.ValidationError: it is not as v2.5.1 says.
    """
    message.validate()
    return str(message.to_er7()).replace("\n", "\\.br\\") + "\r"


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


def _identify(pid: Element, chart: Chart) -> None:
    """Who it is; beside its own number the one under which its client ordered, where the chart says so."""
    _fill(pid, _pid(chart))
    if ordered := chart.get("ordered_under"):
        issuer = ordered["system"].removeprefix("urn:oid:")
        pid.add_field("PID_3").value = f"{ordered['value']}^^^&{issuer}&ISO^PT"


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
