"""What CON says at least (HL7 v2.9 chapter 9.9.1): to what the consent is, and in which state. Two readers need it."""

import re
from typing import Final

from transfer.adapters.hl7v2.message import FieldPart, Segment

#: table 0496; its other numbers are consents to something else, and a code of another form is not known
RELEASE_OF_INFORMATION: Final = "001"
#: a request to restrict access or disclosure (45 CFR 164.522(a)): in force it refuses, taken back it does not
_RESTRICTION: Final = "110"
#: to release a part: results of HIV tests, of psychiatry and drugs
_OF_A_PART: Final = frozenset({"057", "079", "102"})
_ABOUT_RELEASE: Final = _OF_A_PART | {RELEASE_OF_INFORMATION, _RESTRICTION}
_LEAVES_OUT: Final = re.compile(r"\b(not?|n['’]t|only|except|exclud|without|withh|limit|restrict|but)", re.IGNORECASE)
_OF_TABLE: Final = re.compile(r"\d{3}")
#: fields in which one thing alone can stand: type, mode, state, times, capacity, disclosure level, relationship
_SINGLE: Final = (2, 10, 11, 13, 14, 15, 16, 21, 25)


def code_of(part: FieldPart, table: str) -> str | None:
    """The code, in capitals, where it is of this table of HL7's or of none that is named; else None."""
    is_ours = re.fullmatch(rf"(HL7)?{table}", part.text(3) or table, re.IGNORECASE)
    return (part.text(1) or "").upper() or None if is_ours else None


def is_about_release(con: Segment) -> bool:
    """CON-2: to a release of information, or to what nobody can tell from it: nothing, or a code of the site's own."""
    said = _types(con)
    codes = {code for part in said if (code := _type(part))}
    return not codes.isdisjoint(_ABOUT_RELEASE) or not said or not all(map(_OF_TABLE.fullmatch, codes or {""}))


def is_restriction(con: Segment) -> bool:
    """CON-2: a request that something is kept back."""
    return any(_type(part) == _RESTRICTION for part in _types(con))


def is_restriction_alone(con: Segment) -> bool:
    """CON-2: such a request, and nothing else beside it."""
    return is_restriction(con) and all(_type(part) == _RESTRICTION for part in _types(con))


def is_of_a_part(con: Segment) -> bool:
    """CON-2: to a release of some records alone."""
    return any(_type(part) in _OF_A_PART for part in _types(con))


def _types(con: Segment) -> list[FieldPart]:
    return [part for part in con.repetitions(2) if part.whole()]


def _type(part: FieldPart) -> str | None:
    """By the table's code, wherever it stands."""
    return next(iter(_codes(part, "0496")), None)


def _codes(part: FieldPart, table: str) -> list[str]:
    """By codes of this table, in capitals: as `code_of`, and said a second and a third time (CWE.4 and 10)."""
    said = [(part.text(at), part.text(at + 2) or "") for at in (4, 10)]
    further = [code.upper() for code, system in said if code and re.fullmatch(rf"(HL7)?{table}", system, re.IGNORECASE)]
    own = code_of(part, table)
    return [own, *further] if own else further


def is_release(con: Segment) -> bool:
    """CON-2: to a release of information and to nothing else, or to nothing that is named."""
    said = _types(con)
    return not said or list(map(_type, said)) == [RELEASE_OF_INFORMATION]


def state(con: Segment) -> str | None:
    """CON-11 as a code of table 0498; None where several things stand there, or a code of another table."""
    said = con.repetitions(11)
    codes = _codes(said[0], "0498") if len(said) == 1 else []
    return codes[0] if len({*codes}) == 1 else None


def codes_said(part: FieldPart, table: str) -> list[str]:
    """By codes of this table, else by any others, else in words; all in capitals. Empty: it says nothing."""
    others = [part.text(at) or "" for at in (1, 4, 10)]
    said = _codes(part, table) or list(filter(None, others)) or list(filter(None, [part.whole()]))
    return [one.upper() for one in said]


def says_none(con: Segment) -> bool:
    """CON-21 (table 0500): nothing of it is disclosed."""
    return "N" in levels(con)


def says_unknown_level(con: Segment) -> bool:
    """CON-21 says neither full nor partial nor none: it may be any of these."""
    return not levels(con) <= {"F", "P", "N"}


def levels(con: Segment) -> set[str]:
    """CON-21: how much of it is disclosed, as it is said."""
    return {code for part in con.repetitions(21) for code in codes_said(part, "0500")}


def is_limited(con: Segment) -> bool:
    """Whether it permits less than all: by limits in words (CON-9), a reason to keep something back (CON-22) or its
    level, or where its words about this patient (CON-6, 8) leave something out.
    """
    has_limits = any(part.whole() for field in (9, 22) for part in con.repetitions(field))
    texts = [part.whole() or "" for field in (6, 8) for part in con.repetitions(field)]
    return has_limits or any(map(_LEAVES_OUT.search, texts)) or not levels(con) <= {"F"}


def contradicts_itself(con: Segment) -> bool:
    """Whether several things stand where one can."""
    return any(len(con.repetitions(field)) > 1 for field in _SINGLE)
