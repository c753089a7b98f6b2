"""The trade's words on pages, where the code and the command line have the project's (docs/glossary.md)."""

import re
from datetime import date
from typing import Final

#: in this order; each is replaced where it stands as a word
_WORDS: Final = (
    ("release forms", "authorizations"),
    ("release form", "authorization"),
    ("permissions", "authorizations"),
    ("permission", "authorization"),
    ("sources", "facilities"),
    ("source", "facility"),
    ("institutions", "facilities"),
    ("institution", "facility"),
    ("Just came in", "Just received"),
    ("Still missing; asked for", "Outstanding; requested"),
    ("Still missing", "Outstanding"),
    ("Not asked yet", "Not requested yet"),
    ("what came", "what was received"),
    ("pieces that came", "slides or blocks received"),
    ("that came", "received"),
    ("pieces came", "slides or blocks were received"),
    ("pieces", "slides or blocks"),
    ("record came", "record was received"),
    ("records came", "records were received"),
    ("Records came", "Records were received"),
    ("came", "was received"),
    ("purged", "destroyed"),
)
_SAID: Final = dict(_WORDS)
#: a day, or a moment in UTC, as sentences of ours carry it (ISO 8601)
_DAY: Final = re.compile(r"(?<![\w-])(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2}):\d{2}(?:\.\d+)?(?:Z|\+00:00))?(?![\w-])")
#: how a wait begins that needs a person; the question may be named
_DECIDED: Final = re.compile(r"Needs a (?:decision|number)(?: \(\w+\))?: ")
_PATTERN: Final = re.compile("|".join(rf"\b{re.escape(word)}(?!\w)" for word in _SAID))


def in_trade(text: str) -> str:
    """A sentence of ours for staff, as the trade says it; its days as pages write them."""
    first = _DECIDED.match(text)
    text = _DECIDED.sub("To do: ", text[first.end() :] if first else text)
    said = _PATTERN.sub(lambda found: _SAID[found.group()], with_days(text))
    return said[:1].upper() + said[1:]


def with_days(text: str) -> str:
    """The same with its days, and its moments in UTC, as people here write them."""
    return _DAY.sub(_day, text)


def day_words(day: date) -> str:
    """A day as people here write it: Sat 28 Nov 2026."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def _day(found: re.Match[str]) -> str:
    try:
        day = day_words(date.fromisoformat(found[1]))
        return f"{day}, {found[2]} UTC" if found[2] else day
    except ValueError:
        return found.group()
