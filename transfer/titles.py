"""What a document is called where that says less of it than its status: "VOID - wrong patient", "Op note (draft)"."""

import re
from dataclasses import replace
from typing import Final

from transfer.flaws import Flaw
from transfer.records import Document, DocumentStatus

_VOID: Final = (
    r"(?:void(?:ed)?|(?:entered|filed|scanned|posted|created|documented|charted) in error|erroneous|retracted|nullified"
    r"|wrong (?:patient|chart)|(?:filed|scanned|posted|charted) (?:to|on|in|under) (?:the )?wrong (?:patient|chart)"
    r"|do not use|deleted)"
)
_DRAFT: Final = r"(?:(?:un)?signed draft|draft|unsigned|preliminary|not (?:yet )?(?:signed|final|verified))"
_APART: Final = r"\s*[-\u2013:|/*=!\[\](){}.,]+\s*"


def _marks(words: str) -> re.Pattern[str]:
    """These words alone, or set apart at the beginning or the end: a title goes on from them in other signs."""
    return re.compile(rf"\W*{words}\W*|\W*{words}{_APART}.*|.*{_APART}{words}\W*", re.IGNORECASE | re.DOTALL)


_CALLED_VOID: Final = _marks(_VOID)
_CALLED_DRAFT: Final = re.compile(
    rf"{_marks(_DRAFT).pattern}|\W*(?:draft|unsigned|preliminary)( [\w/-]{{1,30}}){{0,3}}"
    r" (?:report|note|summary|letter|transcription|document|copy|result|results)\W*",
    re.IGNORECASE | re.DOTALL,
)
#: how urine was got: "Cytology, urine (voided)"
_VOIDED_URINE: Final = re.compile(r"(?=.*\b(?:urin|cytolog)).*\bvoided\W*", re.IGNORECASE | re.DOTALL)
_MOST: Final = 200


def less_said(title: str | None) -> str | None:
    """A title that says less than a status may; None: it says nothing of that."""
    said = (title or "")[:_MOST]
    if _VOIDED_URINE.fullmatch(said):
        return None
    return said if _CALLED_VOID.fullmatch(said) or _CALLED_DRAFT.fullmatch(said) else None


def as_called(document: Document, title: str | None) -> Document:
    """The same, with what a title of it says: called a draft it is preliminary, called void a person looks at it first.

    Of what is preliminary or void anyway a title says nothing more.
    """
    said = less_said(title)
    if said is None or not document.status.is_settled:
        return document
    if _CALLED_VOID.fullmatch(said):
        return replace(document, flaws=document.flaws | {Flaw.UNEXPECTED})
    return replace(document, status=DocumentStatus.PRELIMINARY)
