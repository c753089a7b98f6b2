"""What keeps a document from being read by people, whatever language it came in."""

from dataclasses import dataclass
from enum import StrEnum


class Flaw(StrEnum):
    """Why a document cannot be opened, or is not what its source says. Any of them keeps it from answering a line."""

    #: there is nothing in it, or no more than that there is no result
    EMPTY = "empty"
    #: it stops before its end
    CUT = "cut"
    #: only where the document is: an address that stays with its source, or words (`see attached report`)
    POINTER = "pointer"
    #: it is not in the encoding that is said of it
    UNDECODABLE = "undecodable"
    #: its bytes are of no type that is said of it, and of none that can be read
    MISLABELLED = "mislabelled"
    #: more or fewer bytes than its source says
    SIZE_DIFFERS = "size-differs"
    #: other bytes than its source's hash
    HASH_DIFFERS = "hash-differs"
    #: something else in its place, such as a page to log in
    UNEXPECTED = "unexpected"
    #: it opens by a password alone
    PASSWORD = "password"  # noqa: S105  # a reason, no secret
    #: a document of pages that has none
    NO_PAGES = "no-pages"
    #: data for programs, without a text for people
    FOR_PROGRAMS = "for-programs"
    #: no program of ours can open it
    UNREADABLE = "unreadable"
    #: it says itself that it is about another patient
    ANOTHER_PATIENT = "another-patient"
    #: a person withheld pages of another copy or version of it, and has not seen this one
    PAGES_WITHHELD = "pages-withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedFile:
    """A file within a PDF, by the name that it has there, and what keeps it from being read."""

    name: str
    flaws: frozenset[Flaw] = frozenset()
