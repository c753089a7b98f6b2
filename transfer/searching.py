"""Looking for a patient as people say it: any spelling of a name, a date in any order, a number however it is written.

What is looked for and what is kept become the same terms; the ledger keeps their HMACs. They find whom a person then
looks at, and decide nothing (`transfer.matching` does).
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from itertools import permutations
from typing import Final

import jellyfish

from transfer.patients import Demographics, PersonName, fold

#: letters of a word by which it is found before it is whole
_PREFIXES: Final = range(2, 7)
#: the same of scripts in which one sign is a whole family name, such as 李
_PREFIXES_OF_SIGNS: Final = range(1, 7)
#: characters of what is looked for
MOST_CHARACTERS: Final = 200
#: words of a name that count
_MOST_WORDS: Final = 6
_MONTHS: Final = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)  # noqa: SIM905
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What is looked for. `birth_dates` are all days that what was written may mean.

    Raises:
        ValueError: there is nothing by which anybody could be found.
    """

    words: tuple[str, ...] = ()
    birth_dates: tuple[date, ...] = ()
    number: str | None = None

    def __post_init__(self) -> None:
        if not (self.words or self.birth_dates or self.number):
            raise ValueError("nothing is looked for")

    @property
    def groups(self) -> tuple[frozenset[str], ...]:
        """Terms of which a patient has at least one of each group."""
        named = [frozenset({_beginning(word), *_sounds(word)}) for word in self.words]
        born = frozenset(f"born|{day}" for day in self.birth_dates)
        number = frozenset({f"number|{self.number}"} if self.number else ())
        return tuple(group for group in (*named, born, number) if group)

    def rank(self, known: Iterable[Demographics]) -> int | None:
        """How near a patient's names come to what was looked for; 0 is nearest: each word is one of theirs. None: a
        word is none of theirs, begins none and sounds as none.
        """
        words = {word for one in known for name in one.names for word in _words(name)}
        distances = [_distance(word, words) for word in self.words]
        return None if _FITS_NONE in distances else sum(distances)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What was looked for, without what it was."""
        said = {"name": self.words, "birth-date": self.birth_dates, "number": self.number}
        return tuple(kind for kind, value in said.items() if value)


def sought(name: str = "", born: str = "", number: str = "") -> Sought:
    """What people wrote, as it is looked for. An initial alone finds nobody, and is left out. One sign
    of a script that writes no letters is a name.

    Raises:
        ValueError: nothing is left to look for, it is too long, or the date can be none.
    """
    if max(map(len, (name, born, number))) > MOST_CHARACTERS:
        raise ValueError("too long")
    words = [fold(word) for word in re.split(r"[\s,;]+", name)]
    return Sought(
        words=tuple(dict.fromkeys(word for word in words if _is_name(word)))[:_MOST_WORDS],
        birth_dates=dates_meant(born) if born.strip() else (),
        number=fold(number) or None,
    )


def terms_of(known: Iterable[Demographics], numbers: Iterable[str]) -> frozenset[str]:
    """By what a patient is found: all that is known of them, and the numbers that their records and slides bear."""
    terms: set[str] = {f"number|{folded}" for one in numbers if (folded := fold(one))}
    for one in known:
        terms |= {f"number|{folded}" for number in one.identifiers if (folded := fold(number.value))}
        terms |= {f"born|{one.birth_date}"} if one.birth_date else set()
        for word in {word for name in one.names for word in _words(name)}:
            sizes = _PREFIXES_OF_SIGNS if _is_of_signs(word) else _PREFIXES
            terms |= {f"name|{word[:size]}" for size in sizes if size <= len(word)} | _sounds(word)
    return frozenset(terms)


def dates_meant(text: str) -> tuple[date, ...]:
    """The days that a written date may mean, the usual reading here first: month, day, year; then day, month, year.

    Raises:
        ValueError: it is no date, or has no year of four digits.
    """
    words = re.findall(r"[a-z]+|\d+", text.lower())
    if len(words) == 1 and re.fullmatch(r"\d{8}", words[0]):
        plain = words[0]
        words = (
            [plain[:4], plain[4:6], plain[6:]]
            if plain[:2] in ("18", "19", "20")
            else [plain[:2], plain[2:4], plain[4:]]
        )
    named = [_MONTHS[word[:3]] for word in words if word.isalpha() and word[:3] in _MONTHS]
    numbers = [int(word) for word in words if word.isdecimal() and len(word) <= 4]
    years = [number for number in numbers if number >= 1800]
    others = [number for number in numbers if number < 1800]
    if len(years) != 1 or len(named) + len(others) != 2 or len(named) > 1:
        raise ValueError("a date has a day, a month and a year of four digits")
    pairs = [(named[0], others[0])] if named else list(permutations(others))
    if words[0].isdecimal() and int(words[0]) == years[0]:
        pairs = pairs[:1]  # the year first: the month follows
    found = [day for month, day_of in dict.fromkeys(pairs) if (day := _day(years[0], month, day_of))]
    if not found:
        raise ValueError("there is no such day")
    return tuple(found)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _words(name: PersonName) -> frozenset[str]:
    """The words of a name, and what is written apart or with a hyphen as one word, too. Signs are written without a
    blank between family and given name.
    """
    written = (name.family, *name.given)
    if _is_of_signs(fold(name.family)):
        written = (*written, "".join(written))
    pieces = (piece for one in written for piece in (one, *re.split(r"[\s\-'’.]+", one)))
    return frozenset(folded for piece in pieces if _is_name(folded := fold(piece)))


def _is_name(word: str) -> bool:
    """Whether a folded word is more than an initial."""
    return len(word) > 1 or _is_of_signs(word)


def _is_of_signs(word: str) -> bool:
    """Whether it is written in Han, Kana or Hangul (Unicode Standard Annex 11: wide)."""
    return unicodedata.east_asian_width(word[0]) == "W" if word else False


def _beginning(word: str) -> str:
    return f"name|{word[: _PREFIXES[-1]]}"


def _sounds(word: str) -> frozenset[str]:
    """How an English reader may say it, by two rules: Metaphone and NYSIIS. Other scripts have none."""
    if not (word.isascii() and word.isalpha()):
        return frozenset()
    said = {"m": jellyfish.metaphone(word), "n": jellyfish.nysiis(word)}
    return frozenset(f"sound|{rule}|{sound}" for rule, sound in said.items() if len(sound) > 1)


_FITS_NONE: Final = 3


def _distance(word: str, known: Iterable[str]) -> int:
    """0: it is one of these words; 1: one begins so; 2: one sounds so; 3: none does, however it was found."""
    there = list(known)
    if word in there:
        return 0
    if any(one.startswith(word) for one in there):
        return 1
    return 2 if any(_sounds(word) & _sounds(one) for one in there) else _FITS_NONE
