"""What keeps a document from being read, said to staff."""

from collections.abc import Mapping

from transfer.flaws import Flaw
from transfer.sentences.words import Sentences

FLAWS: Mapping[str, Sentences] = {
    Flaw.EMPTY: Sentences("There is nothing in it, or no more than that there is no result."),
    Flaw.CUT: Sentences("It stops before its end."),
    Flaw.POINTER: Sentences("It only says where the document is: an address, or words such as “see attached report”."),
    Flaw.UNDECODABLE: Sentences("It is not in the encoding that is said of it."),
    Flaw.MISLABELLED: Sentences("It is of no type that is said of it, and of none that we can read."),
    Flaw.SIZE_DIFFERS: Sentences("It has more or fewer bytes than its source says."),
    Flaw.HASH_DIFFERS: Sentences("It is not what its source made a hash of."),
    Flaw.UNEXPECTED: Sentences("Something else stands in its place, such as a page to log in."),
    Flaw.PASSWORD: Sentences("It opens by a password alone."),
    Flaw.NO_PAGES: Sentences("It has no pages."),
    Flaw.FOR_PROGRAMS: Sentences("It is data for programs, without a text for people."),
    Flaw.UNREADABLE: Sentences("No program of ours can open it."),
    Flaw.ANOTHER_PATIENT: Sentences("It says itself that it is about somebody else."),
    Flaw.PAGES_WITHHELD: Sentences(
        "Pages of another copy or version of it are withheld. Withhold those of this one, too, or let it go whole."
    ),
}
