"""Whom a document without a header of its own says that it is about: by the labels of name and birth date in its words.

Words are read by guess, so they decide less than a header does (`transfer.opened.WrittenPatient`).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final

from transfer.opened import WrittenPatient
from transfer.patients import PersonName, fold
from transfer.searching import dates_meant

#: lines that are looked at, characters of each, and patients of one document
_MOST_LINES: Final = 1_500
_LONGEST_LINE: Final = 300
_MOST: Final = 10
#: lines between a name and the birth date that belongs to it
_NEAR: Final = 5
_NAME: Final = re.compile(
    r"(?:(?:^|[\s|])(?:patient(?:'s)?(?: name)?|name of (?:the )?patient|pt\.? name)|^\s*re(?:garding)?)"
    r"\s*[:#]\s*(.*)$",
    re.IGNORECASE,
)
_BIRTH: Final = re.compile(
    r"(?:^|[\s|(])(?:d\.?o\.?b\b\.?|date of birth|birth ?date|born(?: on)?)\s*[:#]?\s*(.*)$", re.IGNORECASE
)
#: of somebody else than the patient, in the line in which it stands
_OTHERS: Final = re.compile(
    r"\b(?:mother|father|parent|spouse|husband|wife|partner|guarantor|subscriber|insured|policy|guardian|contact"
    r"|relative|donor|sibling|brother|sister|child|son|daughter|newborn|baby|example|sample)\b",
    re.IGNORECASE,
)
#: where a name is over
_OVER: Final = re.compile(
    r"\s{2,}|[\t|(\[;:#/\d]|\b(?:mrn|d\.?o\.?b|date|birth|born|sex|gender|age|id|acct|account|visit|encounter|medical|med"
    r"|rec|phone|tel|physician|provider|location|ssn|race|unit|no|number|accession|case|collected|specimen|pcp|room"
    r"|ward|hospital|address|male|female|fin|csn|ordering|referring|attending|status|type|service)\b",
    re.IGNORECASE,
)
_DATE: Final = (
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}[ -][A-Za-z]{3,9}\.?,?[ -]\d{4}"
    r"|[A-Za-z]{3,9}\.? \d{1,2},? \d{4}"
)
#: the date comes first, behind how it is to be written at most: another label's date is no birth date
_BORN: Final = re.compile(rf"[^\w(]*(?:\([^()]*\)[^\w(]*)?({_DATE})")
_WORD: Final = re.compile(r"[^\W\d_][^\W\d_'’.-]*(?:['’.-][^\W\d_]+)*\.?")
#: words before and behind names, and of names that begin small
_TITLES: Final = frozenset(["MR", "MRS", "MS", "MISS", "DR", "PROF", "JR", "SR", "II", "III", "IV", "MD"])
_PARTICLES: Final = frozenset(
    ["van", "von", "der", "den", "de", "di", "da", "del", "della", "la", "le", "ter", "ten", "bin", "al", "el", "dos"]
)
_WORDS: Final = range(2, 6)


def written_patients(lines: Iterable[str]) -> tuple[WrittenPatient, ...]:
    """The patients that the labels of a document name, in its order. A name without a birth date beside it is none."""
    said = [line[:_LONGEST_LINE] for _, line in zip(range(_MOST_LINES), lines, strict=False)]
    births = [(number, days) for number, line in enumerate(said) if (days := _birth(line, said[number + 1 :][:1]))]
    found: dict[WrittenPatient, None] = {}
    for number, line in enumerate(said):
        name = _name(line, said[number + 1 :][:1])
        beside = [one for one in births if abs(one[0] - number) <= _NEAR]
        if name and beside and len(found) < _MOST:
            _, days = min(beside, key=lambda one: abs(one[0] - number))
            found[WrittenPatient(name, days)] = None
    return tuple(found)


def _labelled(label: re.Pattern[str], line: str, following: Sequence[str]) -> Iterator[str]:
    """What stands behind a label, or in the next line where nothing does."""
    found = label.search(line)
    if found and not _OTHERS.search(line):
        yield from [found[1]] if found[1].strip() else following


def _birth(line: str, following: Sequence[str]) -> tuple[date, ...]:
    for said in _labelled(_BIRTH, line, following):
        if (written := _BORN.match(said[:60])) is not None:
            try:
                return dates_meant(written[1])
            except ValueError:
                return ()
    return ()


def _name(line: str, following: Sequence[str]) -> PersonName | None:
    for said in _labelled(_NAME, line, following):
        over = _OVER.search(said.strip())
        return read_name(said.strip()[: over.start()] if over else said.strip())
    return None


def read_name(text: str) -> PersonName | None:
    """A name in one piece: `DOE, JANE M`, `Jane M. Doe`; None: these words are no name of a family and a person."""
    family, comma, given = text.strip(" ,.-").partition(",")
    words = [word for word in f"{given} {family}".split() if fold(word) not in _TITLES]
    is_name = all(_WORD.fullmatch(word) and (word[0].isupper() or word in _PARTICLES) for word in words)
    if len(words) not in _WORDS or not is_name:
        return None
    if comma:
        last = [word for word in family.split() if fold(word) not in _TITLES]
    else:
        start = next((number for number, word in enumerate(words) if word in _PARTICLES and number), len(words) - 1)
        last = words[start:]
    first = words[: len(words) - len(last)]
    return PersonName(" ".join(last), tuple(first)) if last and first else None
