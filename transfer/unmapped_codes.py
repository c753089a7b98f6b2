"""Codes that an institution uses and that mean nothing here yet: its file can say what they mean (`codes`)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from transfer.identifiers import InstitutionId
from transfer.records import Coding, Document, RecordKind

#: what looks like words, a name or a number of somebody is no code, and is not kept
_CODE: Final = re.compile(r"[a-z][a-z0-9+.-]{1,20}:[!-{}~]{1,120}\|[A-Za-z0-9][A-Za-z0-9._/+:-]{0,39}")
#: of one institution; a sender that makes up a code for each message fills no table
MOST_CODES: Final = 500
#: a code that was not seen for so long is forgotten
REMEMBERED: Final = timedelta(days=400)


class CodeUse(StrEnum):
    """What a code stood for."""

    #: a document or an order: FHIR `type` and `code`, TXA-2, OBR-4, OBX-3
    DOCUMENT = "document"
    #: what a release form is about: Consent `provision.code` and `class`
    CONSENT = "consent"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmappedCode:
    """A code as an institution's file writes it, `system|code`; how often it was seen, and between when (UTC)."""

    institution: InstitutionId
    use: CodeUse
    key: str
    times: int
    first_at: datetime
    last_at: datetime


def key_of(coding: Coding) -> str | None:
    """As a file writes it, by whichever door it came. None: it does not look like a code."""
    key = f"{coding.system}|{coding.code}"
    return key if _CODE.fullmatch(key) else None


def in_documents(documents: Iterable[Document]) -> list[str]:
    """The codes of documents whose kind nothing says, each as often as it stands."""
    said = [one.code for one in documents if one.kind is RecordKind.OTHER and one.code]
    return [key for coding in said if (key := key_of(coding))]
