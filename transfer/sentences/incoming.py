"""Why something is not taken into Incoming, in words."""

from collections.abc import Mapping
from typing import Final

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
