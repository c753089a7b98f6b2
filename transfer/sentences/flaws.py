"""What keeps a document from being read, said three ways."""

from collections.abc import Mapping

from transfer.flaws import Flaw
from transfer.sentences.words import OURS, THEIRS, Sentences

_AGAIN = "Something you sent cannot be opened. Please send it again."

FLAWS: Mapping[str, Sentences] = {
    Flaw.EMPTY: Sentences(
        "There is nothing in it, or no more than that there is no result.",
        THEIRS,
        "Something you sent is empty. Please send it again.",
    ),
    Flaw.CUT: Sentences("It stops before its end.", THEIRS, "Something you sent is cut off. Please send it again."),
    Flaw.POINTER: Sentences(
        "It only says where the document is: an address, or words such as “see attached report”.",
        THEIRS,
        "You sent no more than where a document is. Please send the document itself.",
    ),
    Flaw.UNDECODABLE: Sentences("It is not in the encoding that is said of it.", THEIRS, _AGAIN),
    Flaw.MISLABELLED: Sentences("It is of no type that is said of it, and of none that we can read.", THEIRS, _AGAIN),
    Flaw.SIZE_DIFFERS: Sentences("It has more or fewer bytes than its source says.", THEIRS, _AGAIN),
    Flaw.HASH_DIFFERS: Sentences("It is not what its source made a hash of.", THEIRS, _AGAIN),
    Flaw.UNEXPECTED: Sentences("Something else stands in its place, such as a page to log in.", THEIRS, _AGAIN),
    Flaw.PASSWORD: Sentences(
        "It opens by a password alone.",
        THEIRS,
        "Something you sent is protected with a password. Please send it without one.",
    ),
    Flaw.NO_PAGES: Sentences("It has no pages.", THEIRS, _AGAIN),
    Flaw.FOR_PROGRAMS: Sentences(
        "It is data for programs, without a text for people.",
        THEIRS,
        "Something you sent has no text that people can read. Please send it as a document.",
    ),
    Flaw.UNREADABLE: Sentences("No program of ours can open it.", THEIRS, _AGAIN),
    Flaw.ANOTHER_PATIENT: Sentences(
        "It says itself that it is about somebody else.",
        THEIRS,
        "Something you sent names another patient. Please tell us whose it is.",
    ),
    Flaw.PAGES_WITHHELD: Sentences(
        "Pages of another copy or version of it are withheld. Withhold those of this one, too, or let it go whole.",
        OURS,
        "There is nothing to do.",
    ),
}
