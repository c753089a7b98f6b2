"""A message as people read it: whose it is, its sections, each line with what the sender says of it.

All of it is words. Nothing here is judged: whether a patient or a status is believed is for others.
"""

from dataclasses import dataclass
from enum import StrEnum


class LeftOutReason(StrEnum):
    """Why words of a message stand on no sheet."""

    #: OBX-11 D
    DELETED = "deleted"
    #: OBX-11 W
    WRONG_PATIENT = "wrong-patient"
    #: data of a file that is attached; the file itself is to be opened
    ATTACHED = "attached"
    #: a code whose words stand on the sheet, or the name of its table
    CODE = "code"
    #: numbers and types of fields by which a message is built
    STRUCTURE = "structure"
    #: who entered it where and when, in whose system; rules of access
    ADMINISTRATION = "administration"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Words that stand on no sheet, and where: `OBX-17`."""

    reason: LeftOutReason
    place: str
    words: str


@dataclass(frozen=True, slots=True)
class Detail:
    """What is said beside a value: `Method`, `immunohistochemistry`."""

    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetLine:
    """One result. `value` is its lines of text; a file or an address is said by `place` instead."""

    name: str
    #: OBX-4: results of one name and one of these belong together
    group: str = ""
    value: tuple[str, ...] = ()
    #: a sentence that stands for an attached file or for content that is kept by its source
    place: str = ""
    unit: str = ""
    range: str = ""
    flags: tuple[str, ...] = ()
    status: str = ""
    #: day and time at the source
    at: str = ""
    details: tuple[Detail, ...] = ()
    notes: tuple[str, ...] = ()
    #: text (TX, FT) rather than a value
    is_text: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetSection:
    """One order (OBR) or document (TXA)."""

    title: str
    details: tuple[Detail, ...] = ()
    notes: tuple[str, ...] = ()
    lines: tuple[SheetLine, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultSheet:
    """What a message says of one patient."""

    #: patient, number, birth date, sex, facility, time of the message
    details: tuple[Detail, ...]
    notes: tuple[str, ...] = ()
    sections: tuple[SheetSection, ...] = ()
    #: what the sender's own segments say: a notice of 42 CFR 2.32 stands in one
    notices: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    #: the message is not in the letters it declares; its text was read by guess
    is_guessed: bool = False
    #: another message goes on with this one
    is_fragment: bool = False

    @property
    def words_not_shown(self) -> int:
        """How many words stand for the machines that the message passes, or for others than who reads a sheet."""
        reasons = (LeftOutReason.CODE, LeftOutReason.STRUCTURE, LeftOutReason.ADMINISTRATION)
        return sum(len(one.words.split()) for one in self.left_out if one.reason in reasons)

    def count(self, reason: LeftOutReason) -> int:
        """How many results are left out for this reason."""
        return sum(one.reason is reason and one.place.startswith("OBX") for one in self.left_out)
