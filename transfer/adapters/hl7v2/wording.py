"""Values of every data type in words (v2.9 ch. 2A): what stands in a field as a person reads it."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

from transfer.adapters.hl7v2.markup import without_markup
from transfer.adapters.hl7v2.message import FieldPart

_TEXT: Final = frozenset({"TX", "FT", "ST", ""})
_DTM: Final = re.compile(r"(\d{4})(\d\d)?(\d\d)?(?:(\d\d)(\d\d)?(\d\d)?(?:\.\d+)?)?([+-]\d{4})?")
_CLOCK: Final = re.compile(r"(\d\d)(\d\d)(\d\d)?(?:\.\d+)?([+-]\d{4})?")

#: table 0078
FLAGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "L": "Low",
        "H": "High",
        "LL": "Critically low",
        "HH": "Critically high",
        "LU": "Significantly low",
        "HU": "Significantly high",
        "<": "Below the instrument's range",
        ">": "Above the instrument's range",
        "N": "Normal",
        "A": "Abnormal",
        "AA": "Critically abnormal",
        "U": "Changed significantly up",
        "D": "Changed significantly down",
        "B": "Better",
        "W": "Worse",
        "S": "Susceptible",
        "R": "Resistant",
        "I": "Intermediate",
        "MS": "Moderately susceptible",
        "VS": "Very susceptible",
        "NS": "Non-susceptible",
        "SDD": "Susceptible, dose dependent",
        "POS": "Positive",
        "NEG": "Negative",
        "IND": "Indeterminate",
        "DET": "Detected",
        "ND": "Not detected",
        "E": "Equivocal",
        "EX": "Outside of limits",
        "RR": "Reactive",
        "NR": "Non-reactive",
        "WR": "Weakly reactive",
        "TOX": "Toxic",
        "CAR": "Carrier",
        "QCF": "Quality control failed",
        "NULL": "No range defined",
    }
)
#: table 0085 (OBX-11). What the sender took back (D, W) stands on no sheet
RESULT_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "A": "Amended",
        "B": "Appended",
        "C": "Corrected",
        "F": "Final",
        "I": "Pending",
        "N": "Not asked for",
        "O": "Order detail, no result",
        "P": "Preliminary",
        "R": "Not verified",
        "S": "Partial",
        "U": "Final",
        "V": "Verified",
        "X": "Cannot be obtained",
    }
)
#: table 0123 (OBR-25)
REPORT_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "A": "Some results, not all",
        "C": "Corrected",
        "F": "Final",
        "I": "No results yet: specimen received",
        "M": "Corrected, not final",
        "N": "Procedure done, no results yet",
        "O": "Order received, no results yet",
        "P": "Preliminary",
        "R": "Not verified",
        "S": "No results yet: procedure scheduled",
        "X": "Cancelled: no results",
        "Y": "No order on record",
        "Z": "No record of this patient",
    }
)
#: table 0271 (TXA-17)
DOCUMENT_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AU": "Authenticated",
        "DI": "Dictated",
        "DO": "Documented",
        "IN": "Incomplete",
        "IP": "In progress",
        "LA": "Legally authenticated",
        "PA": "Pre-authenticated",
    }
)
SEXES: Final[Mapping[str, str]] = MappingProxyType(
    {"F": "Female", "M": "Male", "O": "Other", "U": "Unknown", "A": "Ambiguous", "N": "Not applicable"}
)


def in_words(code: str | None, table: Mapping[str, str]) -> str:
    """A code by its table; one that the table does not have stands as it is."""
    return table.get((code or "").upper(), code or "")


def flag(part: FieldPart) -> str:
    """OBX-8: the words with the letters that people know, `High (H)`."""
    code = part.text(1) or ""
    said = part.text(2) or FLAGS.get(code.upper(), "")
    return f"{said} ({code})" if said and code and said != code else said or code


def time(text: str | None) -> str:
    """`2026-11-01 08:30` as the source says it, in its own zone. What is no time stands as it is."""
    found = _DTM.fullmatch(text) if text else None
    if found is None or not _is_possible(found):
        return text or ""
    year, month, day, hour, minute, second, offset = found.groups()
    date = "-".join(one for one in (year, month, day) if one)
    clock = f"{hour}:{minute or '00'}" + (f":{second}" if second and second != "00" else "") if hour else ""
    zone = f"{offset[:3]}:{offset[3:]}" if offset and clock else ""
    return " ".join(one for one in (date, clock, zone) if one)


def _is_possible(found: re.Match[str]) -> bool:
    """Whether there is such a day. A clock that does not go so far is said as it is written."""
    year, month, day = (int(one or 1) for one in found.groups()[:3])
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _clock(part: FieldPart) -> str:
    said = part.whole() or ""
    found = _CLOCK.fullmatch(said)
    if found is None:
        return said
    hour, minute, second, offset = found.groups()
    return f"{hour}:{minute}" + (f":{second}" if second else "") + (f" {offset[:3]}:{offset[3:]}" if offset else "")


def coded(part: FieldPart) -> str:
    """A coded element (CE, CWE, CNE): its words, and the original's where they differ; else its code."""
    said = dict.fromkeys(word for number in (2, 5, 9) if (word := part.component(number)))
    return " / ".join(said) or part.component(1) or part.component(4) or ""


def label(part: FieldPart) -> str:
    """What a thing is called by its first words: its own, else the original's, else the alternate's; else its code."""
    return next((word for number in (2, 9, 5, 1, 4) if (word := part.component(number))), "")


def person(part: FieldPart) -> str:
    """A person with a number before the name (XCN): `Dr ANN M DOE MD`, else the number."""
    return _name(part, 2) or part.component(1) or ""


def name(part: FieldPart) -> str:
    """A person's name (XPN)."""
    return _name(part, 1)


def _name(part: FieldPart, first: int) -> str:
    family, given, further, suffix, prefix, degree = (part.component(first + n) for n in range(6))
    return " ".join(word for word in (prefix, given, further, family, suffix, degree) if word)


def address(part: FieldPart) -> str:
    """XAD: street, further line, city, state, postal code, country."""
    said = (part.component(number) for number in range(1, 7))
    return ", ".join(word for word in said if word)


def first(part: FieldPart) -> str:
    return part.component(1) or ""


def _structured_number(part: FieldPart) -> str:
    """SN: `>100`, `1:128`, `10-20`."""
    return "".join(part.component(number) or "" for number in range(1, 5)) or part.whole() or ""


def _interval(part: FieldPart) -> str:
    """DR, NR: from, to."""
    said = [time(part.component(number)) for number in (1, 2)]
    return " – ".join(said) if all(said) else "".join(said)


def _whole(part: FieldPart) -> str:
    return part.whole() or ""


def _time(part: FieldPart) -> str:
    return time(part.component(1))


#: OBX-2 → how its value is said; which components that shows (None: all)
_BY_TYPE: Final[Mapping[str, tuple[Callable[[FieldPart], str], Sequence[int] | None]]] = MappingProxyType(
    {
        **dict.fromkeys(("CE", "CWE", "CNE", "CF"), (coded, (2, 5, 9))),
        **dict.fromkeys(("TS", "DTM", "DT"), (_time, (1,))),
        "TM": (_clock, None),
        "SN": (_structured_number, (1, 2, 3, 4)),
        **dict.fromkeys(("DR", "NR"), (_interval, (1, 2))),
        **dict.fromkeys(("XCN", "CN"), (person, (2, 3, 4, 5, 6, 7))),
        **dict.fromkeys(("XPN", "PN", "PPN"), (name, (1, 2, 3, 4, 5, 6))),
        **dict.fromkeys(("XAD", "AD", "SAD"), (address, (1, 2, 3, 4, 5, 6))),
    }
)


def value(part: FieldPart, kind: str) -> str:
    """One repetition of OBX-5 by its type (OBX-2), perhaps of several lines. A type we do not know is said whole."""
    if kind in _TEXT:
        return without_markup(part.plain() or "")
    return _BY_TYPE.get(kind, (_whole, None))[0](part)


def shown(kind: str) -> Sequence[int] | None:
    """Which components of a value stand in its words; None: all."""
    return None if kind in _TEXT else _BY_TYPE.get(kind, (_whole, None))[1]


def unsaid(part: FieldPart, components: Sequence[int] | None, said: str) -> str:
    """The words of the components that are not shown and do not stand in what is said all the same."""
    if components is None:
        return ""
    others = (part.component(number) for number in range(1, part.count() + 1) if number not in components)
    return " ".join(word for word in others if word and word != said)
