"""What people and systems type where they do not know: `PENDING`, `123456789`, 1970-01-01, `Unknown`.

A placeholder is no value. It agrees with nothing and contradicts nothing. An institution's file adds its own
(`Institution.placeholders`).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Final

from transfer.patients import Demographics, PersonName, fold
from transfer.reviewed import ReviewedPart


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: what begins a number that nobody gave, with whatever digits behind it
_NO_NUMBER_BEGINS: Final = (
    "TEST",
    "TST",
    "PENDING",
    "PEND",
    "UNKNOWN",
    "UNK",
    "DUMMY",
    "FAKE",
    "SAMPLE",
    "EXAMPLE",
    "DEFAULT",
    "DEMO",
    "TEMP",
    "TMP",
    "NONE",
    "NULL",
    "NOMRN",
    "NONUM",
    "NOID",
    "NOTAVAIL",
    "NOTASSIGN",
    "UNASSIGNED",
    "TBD",
    "TBA",
    "ANON",
    "DELETED",
    "DUPLICATE",
    "DONOTUSE",
    "INVALID",
    "MERGED",
    "XXX",
    "ZZZ",
    "ABC",
    "QWERTY",
    "ASDF",
)
#: letters that say only that a number follows
_SAYS_NUMBER: Final = frozenset({"MRN", "MR", "ID", "NO", "NR", "NUM", "NUMBER", "PT", "PID", "PAT", "PATIENT", "X"})
_DIGITS: Final = "01234567890123456789"
#: typed along the keys, or what a spreadsheet makes of a long number
_NO_NUMBERS: Final = frozenset({"112233", "11223344", "1122334455", "13579", "24680", "147258369", "741852963"})
_SPREADSHEET: Final = re.compile(r"\d([.,]\d+)?E\+?\d+", re.IGNORECASE)

#: of a telephone with its country
_MOST_DIGITS: Final = 13
_BIRTH_DATES_AS_TYPED: Final = ("%Y%m%d", "%m%d%Y", "%d%m%Y", "%y%m%d", "%m%d%y", "%d%m%y")

#: nobody who is alive was born before
_EARLIEST: Final = date(1901, 1, 2)
_LATEST: Final = date(2100, 1, 1)
#: day zero of Unix, of Apple's clock and of others; the eleventh of the eleventh of eleven
_NO_BIRTH_DATES: Final = frozenset({date(1970, 1, 1), date(1904, 1, 1), date(1911, 11, 11)})

_NO_FAMILY: Final = _words(
    """UNKNOWN UNK NONAME NA NONE NULL ANONYMOUS ANON ANONYMIZED ANONYMISED UNIDENTIFIED UNNAMED NOTGIVEN NOTKNOWN
    NOTAVAILABLE TEST TESTPATIENT PATIENT DUMMY PENDING TBD TBA TRAUMA XX XXX XXXX ZZZ ZZTEST ZZZTEST"""
)
_NO_GIVEN: Final = _NO_FAMILY | _words("BABY BABYBOY BABYGIRL INFANT NEWBORN BOY GIRL MALE FEMALE")
_SUFFIXES: Final = _words("JR SR II III IV JUNIOR SENIOR 2ND 3RD")
_NOBODYS: Final = frozenset({("DOE", "JOHN"), ("DOE", "JANE")})


def is_number_placeholder(value: str) -> bool:
    """Whether this is no number at all: without a digit, all zeros, one digit again and again, counted up or down.

    A real number that looks so is taken for none. Then a person is asked.
    """
    plain = fold(value)
    digits = re.sub(r"\D", "", plain)
    letters = re.sub(r"\d", "", plain)
    if not digits.strip("0") or plain.startswith(_NO_NUMBER_BEGINS) or _SPREADSHEET.fullmatch(value.strip()):
        return True
    return (not letters or letters in _SAYS_NUMBER) and _is_typed_without_looking(digits)


def _is_typed_without_looking(digits: str) -> bool:
    if digits in _NO_NUMBERS or (len(digits) > 3 and len(set(digits)) == 1):
        return True
    if len(digits) > 2 and set(digits) == {"9"}:
        return True
    if len(digits) > 3 and (digits in _DIGITS or digits in _DIGITS[::-1]):
        return True
    return any(_is_repeated(digits, length) for length in (2, 3, 4))


def _is_repeated(digits: str, length: int) -> bool:
    """`121212`, `123123`: a few digits again and again; of three and more only digits that are counted up."""
    unit, times = digits[:length], len(digits) // length
    is_counted = unit in _DIGITS or len(set(unit)) == 1
    return unit * times == digits and times >= (2 if length > 2 and is_counted else 3)


def is_typed_for_number(value: str, said: Demographics) -> bool:
    """Whether a number is the birth date or a telephone of the same person, whatever stands between its digits."""
    digits = re.sub(r"[\s()+./-]", "", value)
    if not digits.isdecimal() or not 6 <= len(digits) <= _MOST_DIGITS:
        return False
    born = said.birth_date
    if born is not None and any(digits == f"{born:{way}}" for way in _BIRTH_DATES_AS_TYPED):
        return True
    return len(digits) > 9 and any(re.sub(r"\D", "", one)[-10:] == digits[-10:] for one in said.telephones)


def is_birth_date_placeholder(born: date) -> bool:
    """Whether nobody was born then, or a system writes this day where it knows none."""
    return born < _EARLIEST or born >= _LATEST or born in _NO_BIRTH_DATES


def without_suffix(words: Sequence[str]) -> tuple[str, ...]:
    """The words of a family name without a suffix that some systems write into it: `SMITH JR` is `SMITH`.

    A father and a son of one name differ in their birth dates and numbers.
    """
    kept = list(words)
    while len(kept) > 1 and fold(kept[-1]) in _SUFFIXES:
        kept.pop()
    return tuple(kept)


def without_placeholders(name: PersonName) -> tuple[str, tuple[str, ...]] | None:
    """The folded family name and the words of the given names, as they are compared. None: nobody's name."""
    family = fold(" ".join(without_suffix(name.family.replace(",", " ").split())))
    words = without_suffix([fold(word) for given in name.given for word in given.replace("-", " ").split()])
    given = tuple(word for word in words if word and word not in _NO_GIVEN)
    if not family or family in _NO_FAMILY or (given and (family, given[0]) in _NOBODYS):
        return None
    return family, given


class Placeholders(ReviewedPart):
    """What its systems write where they do not know, besides what everybody writes. `numbers` are telephones, too, such
    as the clinic's own.
    """

    numbers: tuple[str, ...] = ()
    birth_dates: tuple[date, ...] = ()
    family_names: tuple[str, ...] = ()

    def left_out_of(self, said: Demographics) -> Demographics:
        """The same, without what stands for nothing. Case, accents and punctuation do not matter."""
        numbers, families = {fold(one) for one in self.numbers}, {fold(one) for one in self.family_names}
        return replace(
            said,
            names=tuple(name for name in said.names if fold(name.family) not in families),
            birth_date=None if said.birth_date in self.birth_dates else said.birth_date,
            identifiers=tuple(number for number in said.identifiers if fold(number.value) not in numbers),
            telephones=tuple(one for one in said.telephones if fold(one) not in numbers),
        )
