"""Codes that stand on letters, and can be read out. Whoever has one, and knows a birth date, is let to one page.

A code says nothing of anybody. It has no 0, O, 1, I, L or U, so that nobody takes one sign for another. Its last sign
checks the others: a slip of the pen is no guess.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from transfer.identifiers import CaseId, RequestId

_SIGNS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
#: without the sign that checks them: 53 bits
_FREE: Final = 11
_GROUP: Final = 4


class CodeHolder(StrEnum):
    """Who has the code."""

    #: a department that was asked for records
    SOURCE = "source"
    PATIENT = "patient"
    REFERRING_OFFICE = "referring-office"


#: how long a code opens its page
LASTS: Final[Mapping[CodeHolder, timedelta]] = MappingProxyType(
    {
        CodeHolder.SOURCE: timedelta(days=30),
        CodeHolder.PATIENT: timedelta(days=90),
        CodeHolder.REFERRING_OFFICE: timedelta(days=90),
    }
)


#: digits of the PIN that is told by telephone to who sends or signs something, not only looks
PIN_DIGITS: Final = 8
#: wrong PINs in a row after which none works, and a person is asked (NIST SP 800-63B-4, section 3.2.2: at most 100)
MOST_WRONG_PINS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterCode:
    """What a code is for. A source's is for one request, any other for the case.

    Raises:
        ValueError: a source's code without a request, or another's with one.
    """

    holder: CodeHolder
    case: CaseId
    request: RequestId | None

    def __post_init__(self) -> None:
        if (self.request is not None) is not (self.holder is CodeHolder.SOURCE):
            raise ValueError("a source's code is for a request, any other for a case")


def of(digest: bytes) -> str:
    """The code that a digest of 32 bytes stands for, as it is printed: `K7Q4-9M2P-4TXW`."""
    number, free = int.from_bytes(digest), ""
    for _ in range(_FREE):
        number, place = divmod(number, len(_SIGNS))
        free += _SIGNS[place]
    return grouped(free + _check_sign(free))


def read(typed: str) -> str | None:
    """The code without blanks, dashes and lower case; None: it is none, or a sign of it is wrong."""
    plain = "".join(sign for sign in typed.upper() if sign not in " -\t.")
    if len(plain) != _FREE + 1 or any(sign not in _SIGNS for sign in plain):
        return None
    return plain if _check_sign(plain[:-1]) == plain[-1] else None


def grouped(code: str) -> str:
    """As people read it out: four signs at a time."""
    return "-".join(code[at : at + _GROUP] for at in range(0, len(code), _GROUP))


def _check_sign(free: str) -> str:
    """Luhn's algorithm for as many signs as there are (ISO/IEC 7812-1, annex B, for ten): it sees each single wrong
    sign.
    """
    size = len(_SIGNS)
    total = 0
    for place, sign in enumerate(reversed(free)):
        value = _SIGNS.index(sign) * (2 if place % 2 == 0 else 1)
        total += value // size + value % size
    return _SIGNS[-total % size]
