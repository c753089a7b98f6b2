"""The trade's words on pages, where the code and the command line have the project's (docs/glossary.md)."""

import re
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
    ("what came", "what was received"),
    ("pieces that came", "slides or blocks received"),
    ("pieces came", "slides or blocks were received"),
    ("pieces", "slides or blocks"),
    ("record came", "record was received"),
    ("came", "was received"),
    ("purged", "destroyed"),
)
_SAID: Final = dict(_WORDS)
_PATTERN: Final = re.compile("|".join(rf"\b{re.escape(word)}(?!\w)" for word in _SAID))


def in_trade(text: str) -> str:
    """A sentence of ours for staff, as the trade says it."""
    text = text.removeprefix("Needs a decision: ").removeprefix("Needs a number: ")
    said = _PATTERN.sub(lambda found: _SAID[found.group()], text)
    return said[:1].upper() + said[1:]
