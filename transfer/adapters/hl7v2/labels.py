"""Confidentiality as the sender marks it: security labels, and the notices that must go with a record.

Marks stand in many fields (HL7 v2.9): TXA-18, ORC-28, MSH-26 and ARV-7 with codes of HL7, PD1-12, PV2-22, DG1-18 and
DRG-10 as yes or no, ARV-3 of a person or a visit. PV1-16 and OBX-13 have no codes but the site's own, MSH-28 and ARV-5
are words. What no table knows is `UNREAD`, and so a person's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from transfer.adapters.hl7v2.consent_fields import codes_said, is_restriction, levels
from transfer.adapters.hl7v2.message import FieldPart, Message, Segment
from transfer.adapters.hl7v2.statuses import fields_late
from transfer.security_labels import KNOWN_LABELS, PART_2, SENSITIVITY, UNREAD, is_label_system, read_beside, read_text

__all__ = ["PART_2", "common_labels", "labels", "notices"]

_CONFIDENTIAL: Final = {
    **{code: code for code in ("N", "R", "V", "M", "ETH", "HIV", "PSY", "SDV", "EMP", "STD", "SUD")},
    "U": "N",
    "AID": "HIV",
    "PSYSENS": "PSY",
}
#: table 0136
_YES_OR_NO: Final = {"Y": "R", "N": ""}
#: table 0717, what of it speaks of content. `OI`: the person wants to be in registries
_RESTRICTION: Final = {
    "HIV": "HIV",
    "PSY": "PSY",
    "STD": "STD",
    "DRG": "SUD",
    "SMD": "R",
    "ALL": "V",
    "NO": "",
    "OI": "",
}
#: a site that sets a flag for everybody says so by these
_NONE_SET: Final = {"N": "", "NO": "", "0": ""}

#: tables 0952 and 0953: labels and handling instructions by the codes of v3-Confidentiality and v3-ActCode
_SECURITY: Final = {code.upper(): code for code in KNOWN_LABELS}
_WORDS: Final[Mapping[str, str]] = {}

#: segment → field, table of the standard by its number or the field's name where the site has its own, codes
_MARKS: Final[Mapping[str, tuple[tuple[int, str, Mapping[str, str]], ...]]] = {
    "MSH": ((26, "0952", _SECURITY), (27, "0953", _SECURITY), (28, "MSH-28", _WORDS)),
    "TXA": ((18, "0272", _CONFIDENTIAL),),
    "ORC": ((28, "0177", _CONFIDENTIAL),),
    "OBX": ((13, "OBX-13", _NONE_SET),),
    "PV1": ((16, "0099", _NONE_SET),),
    "PV2": ((22, "0136", _YES_OR_NO),),
    "PD1": ((12, "0136", _YES_OR_NO),),
    "DG1": ((18, "0136", _YES_OR_NO),),
    "DRG": ((10, "0136", _YES_OR_NO),),
    "ARV": ((3, "0717", _RESTRICTION), (5, "ARV-5", _WORDS), (7, "0952", _SECURITY), (8, "0953", _SECURITY)),
}
#: tables whose codes are HL7's own; those of the other fields are the site's
_OF_HL7: Final = frozenset({"0272", "0177", "0717", "0952", "0953"})
#: what speaks of the message, the person or the visit, and so of every document of the message
_COMMON: Final = frozenset({"MSH", "PV1", "PV2", "PD1", "DG1", "DRG", "ARV"})
#: a consent that is not active (table 0498): limited, pending, refused, rescinded
_CONSENT_STATUS: Final = 11
#: where a statement about a record may stand, which goes on from one segment to the next
_STATEMENTS: Final[Mapping[str, tuple[int, ...]]] = {"NTE": (3,), "OBX": (5,), "CON": (3,)}
#: and what says one by itself: a remark's kind, what something is called, why it was asked for
_BESIDE: Final[Mapping[str, tuple[int, ...]]] = {
    "NTE": (4,),
    "OBX": (3,),
    "CON": (5,),
    "OBR": (4, 13),
    "TXA": (2, 25, 26),
}
#: OBX-2 of a document's bytes, or of where they lie
_OF_BYTES: Final = ("ED", "RP")
_VALUE: Final = 5


def labels(segments: Sequence[Segment], common: frozenset[str], table: Mapping[str, str]) -> frozenset[str]:
    """Labels of one document: what is marked in it, and what its whole message says of every document (`common`).

    `table` is the institution's own: `0177|CODE`, or `OBX-13|CODE`, → a known label.
    """
    together = " ".join(_said(segments, _STATEMENTS))
    return common.union(read_text(together, *_said(segments, _BESIDE)), *_marks(segments, table))


def common_labels(message: Message, said: Iterable[str], table: Mapping[str, str]) -> frozenset[str]:
    """What a message says of every document in it: its person and visit, and the sender's own segments (`notices`)."""
    about_all = [segment for segment in message.segments_in_order if segment.name in _COMMON]
    return read_text(*said).union(*_marks(about_all, table), *_refusals(message))


def _marks(segments: Iterable[Segment], table: Mapping[str, str]) -> Iterator[frozenset[str]]:
    for segment in segments:
        if segment.name not in _MARKS or _is_deleted(segment):
            continue
        if segment.name == "ARV" and not any(segment.repetitions(field) for field, *_ in _MARKS["ARV"]):
            yield frozenset({UNREAD})  # a restriction, and not of what
        late = fields_late(segment) if segment.name == "TXA" else 0
        for field, number, codes in _MARKS[segment.name]:
            for part in segment.repetitions(field + late):
                yield _coded(part, number, codes, table)


def _coded(part: FieldPart, number: str, codes: Mapping[str, str], table: Mapping[str, str]) -> frozenset[str]:
    """A field's code and its alternates (CWE.1 to 3, 4 to 6, 10 to 12): translations of each other, one we know will
    do. Where there is none of them, what stands there is words (CWE.9).
    """
    said = [(part.text(at), part.text(at + 1), part.text(at + 2)) for at in (1, 4, 10)]
    found = [
        read_beside(_label(code or words or "", system, number, codes, table), words if code else None)
        for code, words, system in said
        if code or words
    ]
    if not found and (words := part.whole()):
        found = [_label(words, None, number, codes, table)]
    return frozenset[str]().union(*([each for each in found if each != {UNREAD}] or found))


def _label(
    code: str, system: str | None, number: str, codes: Mapping[str, str], table: Mapping[str, str]
) -> frozenset[str]:
    """A code of another table than the field's means what that says only where it is sensitive, as elsewhere."""
    own = table.get(f"{number}|{code}")
    if own is None:
        own = codes.get(code.upper())
        is_theirs = system is not None and number in _OF_HL7 and not _names(system, number)
        own = None if is_theirs and own not in SENSITIVITY | {"R", "V"} else own
    if own is None:
        return read_text(code) or frozenset({UNREAD})
    return frozenset({own} - {""})


def _names(system: str, number: str) -> bool:
    """Whether a name of a code system is this table's of HL7, or that of the codes it was made from."""
    return system.upper() in (f"HL7{number}", number) or is_label_system(system)


def _is_deleted(segment: Segment) -> bool:
    """An access restriction that the message takes back (table 0206)."""
    return segment.name == "ARV" and (segment.text(2) or "").upper() == "D"


def _refusals(message: Message) -> Iterator[frozenset[str]]:
    """A consent in the message that is not simply active stands for what nobody but a person can carry out."""
    for segment in message.segments_in_order:
        if segment.name == "CON" and _is_narrower(segment):
            yield frozenset({UNREAD})


def _is_narrower(con: Segment) -> bool:
    """A state other than active, or a level that is not full (CON-21, table 0500), in any repetition and coding; and a
    request to restrict, whatever became of it.
    """
    states = [code for part in con.repetitions(_CONSENT_STATUS) for code in codes_said(part, "0498")]
    return is_restriction(con) or not ({*states} <= {"A"} and levels(con) <= {"F"})


def _said(segments: Sequence[Segment], fields_of_each: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    """Without the marks between components and repetitions: a sentence goes on over them."""
    for segment in segments:
        marks = segment.message.delimiters
        is_bytes = segment.name == "OBX" and (segment.text(2) or "").upper() in _OF_BYTES
        for field in fields_of_each.get(segment.name, ()):
            said = b"" if is_bytes and field == _VALUE else segment.raw(field)
            for mark in (marks.repetition, marks.component, marks.subcomponent):
                said = said.replace(mark, b" ") if mark else said
            yield segment.message.text(said)


def notices(message: Message) -> Iterator[str]:
    """What the sender's own segments say, whole: exchanges put the Part 2 notice into one (`ZNT`)."""
    for segment in message.segments_in_order:
        if segment.name.startswith("Z"):
            yield " ".join(fields_of(message, segment))


def fields_of(message: Message, segment: Segment) -> list[str]:
    """What stands in each field of a segment that no table describes."""
    said = message.text(message.data[segment.start + 4 : segment.end]).strip()
    return [field for field in said.split(message.delimiters.field.decode("latin-1")) if field]
