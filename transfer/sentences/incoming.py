"""What the desk did in Incoming, and why something is not taken in, in words (`transfer.sentences.desk`)."""

from collections.abc import Mapping
from typing import Final

from transfer.actions import ActionCode
from transfer.sentences.patterns import Pattern

INCOMING: Final[Mapping[ActionCode, Pattern]] = {
    ActionCode.PAPER_STORED: "paper {incoming}, {pages} pages, is in Incoming",
    ActionCode.PAPER_STORED_BEFORE: "paper {incoming}, {pages} pages, came before",
    ActionCode.DISC_STORED: "disc {incoming}, {studies} studies, is in Incoming",
    ActionCode.DISC_STORED_BEFORE: "disc {incoming}, {studies} studies, came before",
    ActionCode.STUDIES_INDEXED: "studies {studies} of the disc are indexed to case {case}",
    ActionCode.STUDIES_INDEXED_BEFORE: "studies {studies} of the disc were indexed to case {case} before",
    ActionCode.PAPER_TAKEN: "{incoming} in Incoming is yours",
    ActionCode.PAPER_TAKEN_BEFORE: "{incoming} in Incoming is yours already",
    ActionCode.PAGES_INDEXED: "pages {pages} are a record of case {case}, from message {arrival}",
    ActionCode.PAGES_INDEXED_BEFORE: "pages {pages} are a record of case {case} already",
    ActionCode.PAGES_LEFT_OUT: "pages {pages}: {became}",
    ActionCode.PAGES_LEFT_OUT_BEFORE: "pages {pages}: {became}, said before",
    ActionCode.SENT_BACK: "{incoming} went back to its sender: {how}",
    ActionCode.SENT_BACK_BEFORE: "{incoming} went back to its sender: {how}, said before",
}

#: why a file is not taken in (`transfer.incoming.WhyRefused`)
WHY_NO_PAPER: Final[Mapping[str, str]] = {
    "empty": "the file is empty",
    "too-large": "the file is too large",
    "too-many-pages": "the file has too many pages",
    "heic": "the file is a HEIC picture of a telephone, which few programs open",
    "no-paper": "the file is none of PDF, TIFF, JPEG and PNG",
    "password": "the file opens by a password alone",
    "unreadable": "the file cannot be opened",
}
#: why a file or a folder is not taken in as a disc (`transfer.discs.WhyNoDisc`)
WHY_NO_DISC: Final[Mapping[str, str]] = {
    "no-disc": "it is neither a folder nor a ZIP file",
    "no-images": "no image by DICOM is on it",
    "disc-too-large": "its images are more than a disc holds",
    "too-many-files": "it has too many files",
    "too-many-studies": "it has more than 100 studies",
    "disc-password": "it opens by a password alone",
    "disc-unreadable": "it cannot be read to its end",
}
