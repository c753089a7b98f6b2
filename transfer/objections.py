"""A patient's "no" as it comes in: what it says at least, so that it stops at the door what it may be about.

45 CFR 164.508(b)(5): an authorization may be revoked at any time, in writing. 45 CFR 164.510 calls the act "to object".
An objection may be wrong in every other way, and stops all the same. A person sorts out what is doubtful.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from transfer.patients import Demographics, IssuedIdentifier

#: that something ends or is refused, and that it is a release: both in one text
_ENDS: Final = re.compile(r"revoke|revocation|rescind|withdr[ae]w|opt(s|ed|ing)?[- ]?out\b|refus", re.IGNORECASE)
_OF_RELEASE: Final = re.compile(
    r"authori[sz]ation|release|disclos|permission|hipaa|\bphi\b|\bconsent (to|for) (use|shar|exchange)|information"
    r"|records?\b|(^|\W)consent\W*(form)?$|\b(of|my|patient|privacy) consent$",
    re.IGNORECASE,
)


def is_no(title: str) -> bool:
    """Whether a document of this title is a "no" to a release: "Revocation of authorization". Refusals of treatment
    are none.
    """
    return bool(_ENDS.search(title) and _OF_RELEASE.search(title))


class ObjectionKind(StrEnum):
    """What is said against a release, or against a form that permits one."""

    #: taken back: Consent.status inactive, CON-11 X
    REVOKED = "revoked"
    #: the form should never have been filed: Consent.status entered-in-error
    ENTERED_IN_ERROR = "entered-in-error"
    #: a release is refused: a provision of type deny, Consent.status rejected, CON-11 R
    REFUSED = "refused"
    #: a form in the place of one filed before: it objects to what it no longer permits
    REPLACES = "replaces"
    #: its state cannot be read: it may be any of these
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What a message says against a release, read leniently. Nothing in it is checked."""

    kind: ObjectionKind
    #: whom it may be about; several where it does not say which
    patients: tuple[Demographics, ...]
    #: numbers of release forms: its own, and those it names
    references: tuple[IssuedIdentifier, ...]
    #: False: by telephone or by word of mouth (CON-10)
    is_written: bool = True
