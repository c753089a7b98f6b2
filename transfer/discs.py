"""A disc with images (DICOM PS3.10, PS3.11): what is on it, and whose its files say that it is.

A disc lies in *Incoming* as a paper does. Its studies are what a paper's pages are: somebody says of each what it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from transfer.errors import Refused

#: what a disc is called in Incoming
DISC: Final = "application/vnd.records-transfer.disc"
#: files of one disc, those that are no images among them
FILES: Final = 50_000
#: bytes of all of its images
LARGEST: Final = 9 << 30
#: bytes of a ZIP file that somebody uploads by a page: a CD holds 700 MB
LARGEST_UPLOAD: Final = 1 << 30
#: studies of one disc
STUDIES: Final = 100
#: folders within folders
DEPTH: Final = 12


class WhyNoDisc(StrEnum):
    """Why a file or folder is not taken in as a disc."""

    #: it is neither a folder nor a ZIP file
    NO_DISC = "no-disc"
    #: no file on it is an image by DICOM
    NO_IMAGES = "no-images"
    TOO_LARGE = "disc-too-large"
    TOO_MANY_FILES = "too-many-files"
    TOO_MANY_STUDIES = "too-many-studies"
    PASSWORD = "disc-password"  # noqa: S105  a reason, no secret
    UNREADABLE = "disc-unreadable"


class DiscRefused(Refused):
    """It is not taken in, and nothing of it is kept."""

    def __init__(self, why: WhyNoDisc) -> None:
        super().__init__(f"not taken in: {why}")
        self.why = why


class DirectoryState(StrEnum):
    """How the disc's own directory (DICOMDIR, PS3.10 section 8) is. Its images are found by their files in any case."""

    READ = "read"
    NONE = "none"
    BROKEN = "broken"


class Beside(StrEnum):
    """What lies on a disc beside images. None of it is run, kept or opened."""

    PROGRAM = "program"
    PDF = "pdf"
    ARCHIVE = "archive"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class DiscPatient:
    """Whom a file names as its patient (PS3.3 C.7.1.1): the values of its elements, decoded. Empty: it says nothing."""

    name: str
    number: str
    issuer: str
    #: as DA has it, YYYYMMDD
    born: str
    sex: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscSeries:
    """A series on a disc. `missing`: instances that the directory names and that are not there."""

    uid: str
    modality: str
    description: str
    instances: tuple[str, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscStudy:
    """What a disc holds of one study of one patient. A study whose files name two patients is two of these."""

    uid: str
    patient: DiscPatient
    #: as DA has it, YYYYMMDD; empty: no file says it
    day: str
    description: str
    accession: str
    series: tuple[DiscSeries, ...]
    #: instances of which the disc has several that differ
    conflicting: int = 0
    #: what its files say of their confidentiality
    confidential: tuple[str, ...] = ()

    @property
    def modalities(self) -> tuple[str, ...]:
        return tuple(sorted({one.modality for one in self.series if one.modality}))

    @property
    def count(self) -> int:
        """How many images are there."""
        return sum(len(one.instances) for one in self.series)

    @property
    def missing(self) -> int:
        """How many images the directory names that are not there."""
        return sum(len(one.missing) for one in self.series)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscNotes:
    """What is told of a disc besides its studies."""

    directory: DirectoryState
    #: files that begin as DICOM files do and are not read
    unreadable: int = 0
    #: files that the directory names, that are not there, and whose study is not there either
    missing: int = 0
    #: how many files lie beside the images, by what they are
    beside: Mapping[Beside, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscFile:
    """One image of a disc, by its number among all files there. `sha256` is in lower-case hex."""

    number: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStudy:
    """A study with its files, series by series."""

    study: DiscStudy
    files: tuple[DiscFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedDisc:
    """What is on a disc. `digest`: SHA-256 of its images in lower-case hex,
    however they are packed and whatever lies beside them."""

    studies: tuple[ListedStudy, ...]
    notes: DiscNotes
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptStudy:
    """A study of a disc that is kept: what it says, and where its bytes lie among those of the disc.

    `start` is an offset; `sizes` are those of its sealed pieces, and `first` is the number of the first of them.
    """

    study: DiscStudy
    notes: DiscNotes
    start: int
    first: int
    sizes: tuple[int, ...]
