"""Which fields of a segment stand on a sheet, under which label; and the words of it that stand on none."""

from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from transfer.adapters.hl7v2 import wording
from transfer.adapters.hl7v2.message import FieldPart, Segment
from transfer.adapters.hl7v2.sheet import Detail, LeftOut, LeftOutReason

#: label, how it is said, which components that shows (None: all)
_Shown = tuple[str, Callable[[FieldPart], str], Sequence[int] | None]
#: by number of the field, in the order in which they are read
SheetFields = Mapping[int, _Shown]

_NAME: Final = (2, 3, 4, 5, 6, 7)
_CODED: Final = (2, 5, 9)
#: fields by which a segment is built
_STRUCTURE: Final = {"OBX": (1, 2, 4, 21), "NTE": (1, 2), "TXA": (1, 3)}
#: types of a patient's numbers (CX-5, table 0203) that a reader knows the patient by; none said is one of them
_RECORD_NUMBERS: Final = frozenset({None, "MR", "MRN", "PI", "PT", "PN", "U"})


def _whole(part: FieldPart) -> str:
    return part.whole() or ""


def _lines(part: FieldPart) -> str:
    return part.plain() or ""


def _time(part: FieldPart) -> str:
    return wording.time(part.text(1))


def _number(part: FieldPart) -> str:
    return wording.first(part) if part.text(5) in _RECORD_NUMBERS else ""


OF_RESULT: Final[SheetFields] = MappingProxyType(
    {
        9: ("Probability", _whole, None),
        15: ("Produced by", wording.coded, _CODED),
        16: ("Observed by", wording.person, _NAME),
        17: ("Method", wording.coded, _CODED),
        18: ("Instrument", _whole, None),
        19: ("Analysed", _time, (1,)),
        20: ("Body site", wording.coded, _CODED),
        23: ("Performed at", wording.first, (1,)),
        24: ("Address", wording.address, (1, 2, 3, 4, 5, 6)),
        25: ("Director", wording.person, _NAME),
    }
)
OF_ORDER: Final[SheetFields] = MappingProxyType(
    {
        3: ("Report number", wording.first, (1,)),
        2: ("Order number", wording.first, (1,)),
        7: ("Collected", _time, (1,)),
        14: ("Received", _time, (1,)),
        22: ("Reported", _time, (1,)),
        13: ("Clinical information", _lines, None),
        31: ("Reason", wording.coded, _CODED),
        15: ("Specimen", _whole, None),
        16: ("Ordered by", wording.person, _NAME),
        32: ("Interpreted by", _whole, None),
    }
)
OF_SPECIMEN: Final[SheetFields] = MappingProxyType(
    {
        2: ("Specimen number", _whole, None),
        4: ("Specimen", wording.coded, _CODED),
        5: ("Specimen modifier", wording.coded, _CODED),
        8: ("Site", wording.coded, _CODED),
        9: ("Site modifier", wording.coded, _CODED),
        14: ("Specimen description", _lines, None),
        17: ("Collected", _time, (1,)),
    }
)
#: those from TXA-12 on may stand one place further: `statuses.fields_late`
OF_DOCUMENT: Final[SheetFields] = MappingProxyType(
    {
        2: ("Kind of document", wording.label, ()),
        12: ("Document number", wording.first, (1,)),
        13: ("Changes document", wording.first, (1,)),
        4: ("Date of the event", _time, (1,)),
        6: ("Written", _time, (1,)),
        7: ("Transcribed", _time, (1,)),
        8: ("Edited", _time, (1,)),
        5: ("Carried out by", wording.person, _NAME),
        9: ("Author", wording.person, _NAME),
        10: ("Authenticated by", wording.person, _NAME),
        11: ("Transcribed by", wording.person, _NAME),
        22: ("Signed by", wording.person, _NAME),
        16: ("File", _whole, None),
        21: ("Reason for the change", _lines, None),
    }
)
OF_PATIENT: Final[SheetFields] = MappingProxyType(
    {
        5: ("Patient", wording.name, None),
        3: ("Number", _number, None),
        7: ("Birth date", _time, None),
        8: ("Sex", lambda part: wording.in_words(part.text(1), wording.SEXES), None),
    }
)


def details(segment: Segment, fields: SheetFields) -> list[Detail]:
    """What stands in these fields, each repetition for itself."""
    return [
        Detail(label, text)
        for number, (label, say, _) in fields.items()
        for part in segment.repetitions(number)
        if (text := say(part))
    ]


def unsaid(segment: Segment, fields: SheetFields) -> list[LeftOut]:
    """The words of these fields that `details` does not show: codes."""
    return [
        LeftOut(LeftOutReason.CODE, f"{segment.name}-{number}", words)
        for number, (_, say, components) in fields.items()
        for part in segment.repetitions(number)
        if (words := wording.unsaid(part, components, say(part)))
    ]


def others(segment: Segment, shown: Collection[int]) -> list[LeftOut]:
    """The words of all other fields."""
    structure = _STRUCTURE[segment.name]
    found = []
    for number in range(1, segment.count() + 1):
        if number in shown or not (words := words_of(segment, number)):
            continue
        reason = LeftOutReason.STRUCTURE if number in structure else LeftOutReason.ADMINISTRATION
        found.append(LeftOut(reason, f"{segment.name}-{number}", words))
    return found


def words_of(segment: Segment, number: int) -> str:
    """All that stands in a field."""
    return " ".join(text for part in segment.repetitions(number) if (text := part.whole()))
