"""What a form says, read without trust, and what is wrong with it, said beside the field and once at the top.

A page module reads its fields. Each reader adds what is wrong to `problems` and goes on, so that one answer tells all
of it. The macros of `forms.html` draw the same fields, with the problems, by name.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, time
from typing import IO, Final
from urllib.parse import parse_qsl

from transfer.partial_dates import PartialDate
from transfer.sentences.trade import day_words

#: bytes of a form without files
MAX_BODY: Final = 64 << 10
#: fields of one form
MAX_FIELDS: Final = 500
#: characters of a line, where a page sets no other bound
LINE: Final = 200
#: characters of a note
NOTE: Final = 4000
#: 14:30, 2:30 pm, 9 a.m.; whoever writes no half of the day writes its minutes
_TIME: Final = re.compile(
    r"(?P<hour>[0-9]{1,2})(?:[:.](?P<minute>[0-9]{2})(?: ?(?P<half>[ap])\.?m\.?)?| ?(?P<half_alone>[ap])\.?m\.?)",
    re.IGNORECASE,
)
#: hours of the night: a single digit up to it, without am or pm, is mostly of the afternoon
_NIGHT: Final = 6
#: the field that carries the session's token
TOKEN: Final = "token"  # noqa: S105  the name of a field


class BadForm(ValueError):
    """What was sent is no form."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one field, as a sentence without its full stop."""

    field: str
    says: str


class Problems:
    """What is wrong with a form so far, the first of each field."""

    def __init__(self) -> None:
        self._found: dict[str, str] = {}

    def add(self, name: str, says: str) -> None:
        self._found.setdefault(name, says)

    def of(self, name: str) -> str | None:
        return self._found.get(name)

    def __iter__(self) -> Iterator[Problem]:
        return (Problem(name, says) for name, says in self._found.items())

    def __bool__(self) -> bool:
        return bool(self._found)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a form, each with all that was sent under its name."""

    sent: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: what was sent as a file, by the name of its field; the name that it had is not believed, and not kept
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    #: what is too large for memory; whoever answers the form closes it
    on_disk: Mapping[str, IO[bytes]] = field(default_factory=dict, repr=False)

    @property
    def is_typed(self) -> bool:
        """Whether it says more than which session it is of."""
        return any(name != TOKEN for name in self.sent)

    def raw(self, name: str) -> str:
        """As it was sent, to show it again; empty where it was not."""
        return next(iter(self.sent.get(name, ())), "")

    def chosen(self, name: str) -> Sequence[str]:
        """All that were ticked."""
        return self.sent.get(name, ())

    def line(self, name: str, problems: Problems, *, needed: str | None = None, longest: int = LINE) -> str:
        """One line of text without blanks around it. `needed`: what is said where it is empty; else it may be."""
        text = self.raw(name).strip()
        if not text and needed:
            problems.add(name, needed)
        if len(text) > longest:
            problems.add(name, f"At most {longest} characters")
        if any(not character.isprintable() for character in text):
            problems.add(name, "Only letters, digits and signs, in one line")
        return text

    def note(self, name: str, problems: Problems, *, needed: str | None = None, longest: int = NOTE) -> str:
        """Text of several lines, each ended as Unix ends it."""
        text = "\n".join(self.raw(name).splitlines()).strip()
        if not text and needed:
            problems.add(name, needed)
        if len(text) > longest:
            problems.add(name, f"At most {longest} characters")
        if any(not (character.isprintable() or character in "\n\t") for character in text):
            problems.add(name, "Only letters, digits and signs")
        return text

    def one_of(self, name: str, choices: Collection[str], problems: Problems, *, needed: str) -> str:
        """What was chosen; empty where nothing was, or something that there is not."""
        word = self.raw(name)
        if word in choices:
            return word
        problems.add(name, needed)
        return ""

    def day(
        self,
        name: str,
        problems: Problems,
        *,
        needed: str | None = None,
        earliest: date | None = None,
        latest: date | None = None,
    ) -> date | None:
        """A date of three fields: `name-year`, `name-month`, `name-day`. None where there is none, or it is mistyped:
        before the earliest that it can be, or after the latest.
        """
        parts = [self.raw(f"{name}-{part}").strip() for part in ("year", "month", "day")]
        if not any(parts):
            if needed:
                problems.add(name, needed)
            return None
        try:
            if not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
                raise ValueError
            found = date(*map(int, parts))
            if found.year < 1850:
                raise ValueError
        except ValueError:
            problems.add(name, "A date with month, day and a year of four digits")
            return None
        if earliest and found < earliest:
            problems.add(name, f"Not before {day_words(earliest)}")
        elif latest and found > latest:
            problems.add(name, f"Not after {day_words(latest)}")
        else:
            return found
        return None

    def time_of_day(self, name: str, problems: Problems) -> time | None:
        """A time of day: 14:30, 2:30 pm, 9 am. None where it is none, or may be of the night or of the afternoon."""
        found = _TIME.fullmatch(self.line(name, problems))
        if found is None:
            problems.add(name, "A time as 09:30, 14:30 or 2:30 pm")
            return None
        hour, minute, half = (
            found["hour"],
            int(found["minute"] or 0),
            (found["half"] or found["half_alone"] or "").lower(),
        )
        if not half and len(hour) == 1 and 1 <= int(hour) <= _NIGHT:
            problems.add(name, f"Write {hour}:{minute:02} am or {hour}:{minute:02} pm")
            return None
        try:
            if half and not 1 <= int(hour) <= 12:
                raise ValueError
            return time(int(hour) % 12 + 12 * (half == "p") if half else int(hour), minute)
        except ValueError:
            problems.add(name, "A time as 09:30, 14:30 or 2:30 pm")
            return None

    def partial_day(self, name: str, problems: Problems) -> PartialDate | None:
        """A date of the same three fields, of which the day, or day and month, may be left empty."""
        parts = [self.raw(f"{name}-{part}").strip() for part in ("year", "month", "day")]
        if not any(parts):
            return None
        try:
            if not all(not part or (part.isascii() and part.isdigit() and len(part) <= 4) for part in parts):
                raise ValueError
            year, month, day = (int(part) if part else None for part in parts)
            if year is None or year < 1850:
                raise ValueError
            return PartialDate(year, month, day)
        except ValueError:
            problems.add(name, "A year of four digits, with its month and day as far as they are known")
            return None


def fields_of(body: bytes) -> Fields:
    """The fields of a form's body (WHATWG URL, application/x-www-form-urlencoded).

    Raises:
        BadForm: it is none, or has more fields than any page of ours.
    """
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except ValueError:
        raise BadForm("no form") from None
    sent: dict[str, list[str]] = {}
    for name, value in pairs:
        sent.setdefault(name, []).append(value)
    return Fields(sent)
