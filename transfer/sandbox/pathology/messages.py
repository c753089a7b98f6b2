"""HL7 v2.5.1 as Prairie's laboratory system writes it: ORU^R01 and MDM^T02."""

import base64
import random
from datetime import UTC, datetime, timedelta

from transfer.sandbox import narratives, paper
from transfer.sandbox.charts import Chart, moment, names
from transfer.sandbox.directory import PRAIRIE

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
    written = _mdm(chart, control_id) if form == "mdm" else _oru(chart, control_id, status)
    return _joined(written)


def about_a_stranger(dice: random.Random, control_id: str) -> bytes:
    """A report about somebody who is nobody's patient here; each is another person."""
    known = names()
    sex = dice.choice(("male", "female"))
    number = "".join(dice.choices("0123456789", k=8))
    born = datetime(1930, 1, 1, tzinfo=UTC) + timedelta(days=dice.randrange(30_000))
    family, given = f"{dice.choice(known['family'])}-{number[:4]}", dice.choice(known["given"][sex])
    drawn = datetime.now(UTC) - timedelta(days=dice.randrange(3, 40))
    accession = f"S{drawn:%y}-9{number[:6]}"
    return _joined(
        [
            _msh("ORU^R01^ORU_R01", control_id),
            f"PID|1||P9{number}^^^{_AUTHORITY}^MR||{_text(family)}^{given}||{born:%Y%m%d}|{sex[0].upper()}",
            f"ORC|RE|9{number}^PRAIRIELIS|{accession}^{_LIS}",
            _segment(
                "OBR",
                {
                    1: "1",
                    2: f"9{number}^PRAIRIELIS",
                    3: f"{accession}^{_LIS}",
                    4: "11529-5^Surgical pathology study^LN",
                    7: f"{drawn:%Y%m%d%H%M}",
                    24: "PAT",
                    25: "F",
                },
            ),
            f"OBX|1|FT|{_SECTION_CODES['Final diagnosis']}|1|Skin, shave: {dice.choice(_BENIGN)}||||||F",
            f"SPM|1|{accession}-A&PRAIRIELIS||119376003^Tissue specimen^SCT",
        ]
    )


_BENIGN = ("SEBORRHEIC KERATOSIS.", "INTRADERMAL NEVUS.", "DERMATOFIBROMA.", "ACTINIC KERATOSIS.", "EPIDERMAL CYST.")


def _oru(chart: Chart, control_id: str, status: str) -> list[str]:
    accession = chart["pathology"]["accession"]["value"]
    result = _RESULT_STATUS[status]
    observations = [
        f"OBX|{n}|FT|{_SECTION_CODES[heading]}|1|{_text(paragraph)}||||||{result}"
        for n, (heading, paragraph) in enumerate(narratives.pathology(chart, status), start=1)
    ]
    if status != "P":
        observations.append(_document(len(observations) + 1, chart, status, result))
    return [
        _msh("ORU^R01^ORU_R01", control_id),
        _pid(chart),
        "PV1|1|O|ONC^^^LAKESIDE",
        f"ORC|RE|{chart['pathology']['order']}^PRAIRIELIS|{accession}^{_LIS}",
        _obr(chart, status),
        *observations,
        _spm(chart),
    ]


def _mdm(chart: Chart, control_id: str) -> list[str]:
    at, number = _when(chart, "pathology"), chart["documents"]["pathology"]["number"]
    accession = chart["pathology"]["accession"]["value"]
    header = {
        1: "1",
        2: "SP^Surgical pathology^HL70270",
        3: "AP",
        4: at,
        5: _pathologist(chart),
        6: at,
        7: at,
        12: f"{number}^PRAIRIELIS",
        14: f"{chart['pathology']['order']}^PRAIRIELIS",
        15: f"{accession}^{_LIS}",
        17: "AU",
        18: "U",
        19: "AV",
    }
    return [
        _msh("MDM^T02^MDM_T02", control_id),
        f"EVN|T02|{at}",
        _pid(chart),
        "PV1|1|O|ONC^^^LAKESIDE",
        _segment("TXA", header),
        _document(1, chart, "F", "F"),
    ]


def _msh(kind: str, control_id: str) -> str:
    now = datetime.now(UTC)
    return (
        rf"MSH|^~\&|PRAIRIELIS|{PRAIRIE.namespace}^{PRAIRIE.oid}^ISO|RECORDS|TRANSFER|{now:%Y%m%d%H%M%S}+0000||{kind}"
        f"|{control_id}|P|2.5.1||||||UNICODE UTF-8"
    )


def _pid(chart: Chart) -> str:
    who = chart["patient"]
    address = who["address"]
    home = "^".join((_text(address["line"]), "", address["city"], address["state"], address["postal_code"], "USA", "H"))
    name = f"{_text(who['family'])}^{'^'.join(_text(given) for given in who['given'])}"
    return (
        f"PID|1||{chart['numbers'][PRAIRIE.id]['value']}^^^{_AUTHORITY}^MR||{name}||"
        f"{who['birth_date'].replace('-', '')}|{who['sex'][0].upper()}|||{home}"
    )


def _obr(chart: Chart, status: str) -> str:
    fields: dict[int, str] = {
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
    return _segment("OBR", fields)


def _document(number: int, chart: Chart, status: str, result: str) -> str:
    data = base64.b64encode(paper.pathology_report(chart, status)).decode()
    return f"OBX|{number}|ED|11526-1^Pathology study^LN|1|^application^pdf^Base64^{data}||||||{result}"


def _spm(chart: Chart) -> str:
    found, accession = chart["diagnosis"], chart["pathology"]["accession"]["value"]
    fields: dict[int, str] = {
        1: "1",
        2: f"{accession}-A&PRAIRIELIS^{accession}-A&PRAIRIELIS",
        4: "119376003^Tissue specimen^SCT",
        8: f"{found['structure']}^{found['site']}^SCT",
        17: _when(chart, "operation"),
        26: str(len(chart["pathology"]["blocks"])),
        30: f"{accession}^^^{_ACCESSIONS}",
    }
    return _segment("SPM", fields)


def _when(chart: Chart, what: str) -> str:
    return f"{moment(chart, what, PRAIRIE):%Y%m%d%H%M%S}"


def _pathologist(chart: Chart) -> str:
    given, _, family = chart["people"]["pathologist"].partition(" ")
    return f"PP7^{_text(family)}^{_text(given)}"


def _text(text: str) -> str:
    """Delimiters escaped (2.7), the escape character first."""
    for plain, escaped in (("\\", "\\E\\"), ("|", "\\F\\"), ("^", "\\S\\"), ("~", "\\R\\"), ("&", "\\T\\")):
        text = text.replace(plain, escaped)
    return text.replace("\n", "\\.br\\")


def _segment(name: str, fields: dict[int, str]) -> str:
    return "|".join([name, *(fields.get(n, "") for n in range(1, max(fields) + 1))])


def _joined(segments: list[str]) -> bytes:
    return ("\r".join(segments) + "\r").encode()
