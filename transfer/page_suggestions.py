"""What a page of paper may be, by the words that a machine read on it: whose, of what kind, of which day.

Each is a suggestion to somebody who looks at the page, and rests on words that stand there. A page that speaks against
itself suggests nothing, and so does one without words. None of this decides anything (`transfer.matching` does).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from transfer.patients import Demographics, PersonName, fold
from transfer.records import RecordKind
from transfer.searching import dates_meant

#: characters of a page's text
MOST_CHARACTERS: Final = 20_000
#: dates of one page that are looked at
_MOST_DATES: Final = 24
#: characters of a line; what a suggestion rests on is shown
_LONGEST_LINE: Final = 160
#: a title stands among the first lines, and is short
_TITLE_LINES: Final = 12
_TITLE_WORDS: Final = 9
#: words that a name is written in: of `Van der Berg` each stands alone
_NAME_WORDS: Final = 4
#: between a label and its date
_GAP: Final = r"[^\w\n]{0,6}(?:of|on)?[^\w\n]{0,4}$"

_MONTH: Final = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}"
_DATE: Final = re.compile(
    r"(?<![\w/-])(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}"
    rf"|{_MONTH}\.? {{1,3}}\d{{1,2}},? {{1,3}}\d{{4}}|\d{{1,2}} {{1,3}}{_MONTH}\.?,? {{1,3}}\d{{4}})(?![\w/-])",
    re.IGNORECASE,
)
#: `Bom` is how machines read `Born`
_BIRTH: Final = re.compile(rf"\b(?:d\.?o\.?b|(?:date of )?birth ?(?:date|day)?|bor?n|bom)\b\.?{_GAP}", re.IGNORECASE)
_PATIENT: Final = re.compile(r"\b(?:patient(?:'s)?(?: name)?|name of patient) ?:", re.IGNORECASE)
#: the day of what a page tells of goes before the day on which somebody wrote it
_DAYS: Final = tuple(
    re.compile(rf"\b(?:{words})\b{_GAP}", re.IGNORECASE)
    for words in (
        r"collect(?:ed|ion)(?: date)?|date collected|date of (?:service|procedure|operation|surgery|exam|visit|study)"
        r"|(?:service|procedure|operation|surgery|exam|visit|encounter|study) date",
        r"report(?:ed)?(?: date)?|date of report|date reported|signed|dictated",
        r"date",
    )
)


def _titles(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


#: what titles of each kind say, in the words of LOINC's document ontology (https://loinc.org/document-ontology/)
_KINDS: Final[Mapping[RecordKind, re.Pattern[str]]] = MappingProxyType(
    {
        RecordKind.PATHOLOGY_REPORT: _titles(
            r"pathology (?:reports?|study|consultation)|surgical pathology|cyto(?:logy|pathology) report"
        ),
        RecordKind.OPERATIVE_NOTE: _titles(
            r"operati(?:ve|on) (?:notes?|reports?)|surg(?:ical|ery) (?:operation )?note"
        ),
        RecordKind.PROCEDURE_REPORT: _titles(
            r"procedure (?:notes?|reports?)|(?:colono|gastro|broncho|endo)scopy (?:note|report)"
        ),
        RecordKind.IMAGING_REPORT: _titles(
            r"(?:radiology|imaging|ct|mri|mr|pet(?:/ct)?|ultrasound|mammogra(?:m|phy)|x-ray)"
            r"(?: [a-z]+){0,3} (?:reports?|study)"
            r"|diagnostic imaging"
        ),
        RecordKind.LABORATORY: _titles(r"lab(?:oratory)? (?:results?|reports?|studies)|blood count"),
        RecordKind.MOLECULAR: _titles(
            r"molecular(?: [a-z]+){0,2} (?:reports?|results?|study|studies)|genomic(?: [a-z]+){0,2} reports?"
            r"|(?:gene(?:tic)?|mutation) (?:analysis|tests?)|molecular (?:genetics|pathology)"
        ),
        RecordKind.TREATMENT_SUMMARY: _titles(
            r"(?:treatment|therapy|chemotherapy|radiation)(?: [a-z]+){0,2} summar(?:y|ies)"
        ),
        RecordKind.NOTE: _titles(
            r"(?:progress|consult(?:ation)?|clinic(?:al)?|office|oncology|follow-?up|visit) notes?|consultation"
            r"|history and physical|discharge summary"
        ),
    }
)
#: the kinds that a title does not mean where it means this one as well: any report may be a consultation
_GOES_BEFORE: Final = {
    **dict.fromkeys(_KINDS, frozenset({RecordKind.NOTE})),
    RecordKind.MOLECULAR: frozenset({RecordKind.PATHOLOGY_REPORT, RecordKind.NOTE}),
    RecordKind.NOTE: frozenset[RecordKind](),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedKind:
    """The kind that a page may be of, and the words of the page that say so."""

    kind: RecordKind
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SuggestedDay:
    """The day that a page may have been made on, and the words of the page that say so."""

    day: date
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _WrittenDate:
    """A date on a page: the days that it may mean, the usual reading first."""

    line: int
    days: tuple[date, ...]
    before: str

    @property
    def is_birth(self) -> bool:
        return _BIRTH.search(self.before) is not None


def lines_in(text: str) -> tuple[str, ...]:
    """The lines of a page that have words, each of its ordinary spaces."""
    lines = (" ".join(line.split())[:_LONGEST_LINE] for line in text[:MOST_CHARACTERS].splitlines())
    return tuple(filter(None, lines))


def birth_dates(lines: Sequence[str]) -> frozenset[date]:
    """All days on which the patient of a page may be born: those written as such, else every date on it."""
    written = _written(lines)
    births = [one for one in written if one.is_birth]
    return frozenset(day for one in births or written for day in one.days)


def names_patient(lines: Sequence[str], known: Iterable[Demographics]) -> str | None:
    """The words of the page that name this patient and their birth date; None: it does not, or names another as well.

    `known`: all that the patient is and was called.
    """
    written = _written(lines)
    births = [one for one in written if one.is_birth]
    labelled = set(_lines_for_name(lines))
    for said in known:
        dated = [one for one in births or written if said.birth_date in one.days]
        if not dated or any(said.birth_date not in one.days for one in births):
            continue
        named = [number for name in said.names for number in _lines_naming(lines, name)]
        if not named or labelled - {*named}:
            continue
        shown = dict.fromkeys(sorted((named[0], dated[0].line)))
        return " … ".join(lines[number] for number in shown)
    return None


def kind_of(lines: Sequence[str]) -> SuggestedKind | None:
    """The kind that the titles of a page say; None: no title says one, or they say several."""
    found: dict[RecordKind, str] = {}
    for line in lines[:_TITLE_LINES]:
        if len(line.split()) <= _TITLE_WORDS:
            kinds = {kind for kind, words in _KINDS.items() if words.search(line)}
            for kind in kinds.difference(*(_GOES_BEFORE.get(one, ()) for one in kinds)):
                found.setdefault(kind, line)
    if len(found) != 1:
        return None
    ((kind, words),) = found.items()
    return SuggestedKind(kind=kind, words=words)


def day_of(lines: Sequence[str], today: date) -> SuggestedDay | None:
    """The day that a page says it was made on; None: it says none, or several, or one that has not come.

    A date that may be read in two ways is read as people write it here: month, day, year.
    """
    written = [one for one in _written(lines) if not one.is_birth]
    for label in _DAYS:
        if found := [one for one in written if label.search(one.before)]:
            days = {one.days[0] for one in found}
            if len(days) > 1 or max(days) > today:
                return None
            return SuggestedDay(day=found[0].days[0], words=lines[found[0].line])
    return None


def _written(lines: Sequence[str]) -> list[_WrittenDate]:
    found: list[_WrittenDate] = []
    for number, line in enumerate(lines):
        for said in _DATE.finditer(line):
            try:
                days = dates_meant(said[0])
            except ValueError:
                continue
            found.append(_WrittenDate(line=number, days=days, before=line[max(0, said.start() - 60) : said.start()]))
            if len(found) == _MOST_DATES:
                return found
    return found


def _lines_naming(lines: Sequence[str], name: PersonName) -> Iterator[int]:
    """The lines with the family name and the first given name, each whole."""
    family, given = name.folded
    if not family or not given:
        return
    for number, line in enumerate(lines):
        words = [fold(word) for word in line.split()]
        joined = {"".join(words[at : at + size]) for at in range(len(words)) for size in range(1, _NAME_WORDS + 1)}
        if family in joined and given in joined:
            yield number


def _lines_for_name(lines: Sequence[str]) -> Iterator[int]:
    """The lines that are to have the patient's name: behind its label, or below where nothing stands behind it."""
    for number, line in enumerate(lines):
        if label := _PATIENT.search(line):
            yield number if line[label.end() :].strip() else number + 1
