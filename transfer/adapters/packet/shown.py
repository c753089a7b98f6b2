"""How a document stands in records.pdf, or why it does not: codes, and the sentence that people read for each."""

from collections.abc import Mapping
from typing import Final

#: its own pages, each as it is in its file
MERGED: Final = "merged"
#: drawn by us from its text or its pictures
RENDERED: Final = "rendered"
#: its own pages, as far as they could be read: its file is damaged
REPAIRED: Final = "repaired"
#: the document is in the PDF
IN_THE_PDF: Final = frozenset({MERGED, RENDERED, REPAIRED})

#: why a document is not in the PDF; each stands on the page in its place
NOT_SHOWN: Final = {
    "too-large": "This document is too large to be repeated here.",
    "too-many-pages": "This document has too many pages to be repeated here.",
    "password": "This document is protected with a password.",
    "damaged": "This document could not be opened. Its bytes are as they were received.",
    "too-long": "This document takes too long to be opened.",
    "left-out": "This document could not be repeated here.",
    "no-pages": "This kind of file has no pages that could be shown here.",
    "empty": "This document is empty.",
    "body-elsewhere": "This document is only the address of another one that did not come with it.",
    "for-programs": "This file is data for programs; it has no text that could be shown here.",
    "xfa": "This document is a form that only Adobe's programs show (XFA).",
}


#: scripts that are named, those with most letters first
_NAMED: Final = 4


#: scripts that are called otherwise than the names of their characters begin (https://www.unicode.org/reports/tr24/)
_SCRIPTS: Final = {"CJK": "Han"}


def letters(undrawn: Mapping[str, int]) -> str:
    """How many letters have no face here, with their scripts; `undrawn` counts them by script."""
    count = sum(undrawn.values())
    scripts = sorted(undrawn, key=lambda script: (-undrawn[script], script))[:_NAMED]
    named = ", ".join(_SCRIPTS.get(script, script.capitalize()) for script in scripts)
    return f"{count} character{'' if count == 1 else 's'} ({named})"


class NotShown(Exception):
    """The document goes in as a page that says why; the reason is a key of `NOT_SHOWN`."""


def why_not_shown(how: str) -> str | None:
    """The sentence for people; None where the document is in the PDF."""
    return None if how in IN_THE_PDF else NOT_SHOWN[how]
