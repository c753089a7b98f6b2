"""What we ask institutions for, whatever language they speak: documents of a source, images of an archive.

`DocumentSource` and `ImageArchive` are what the flow asks. An adapter implements one of them and
`tests/contracts` holds all of its kind to the same promises. Both raise the errors of `transfer.errors`:

* TurnedAway    the source does not accept who we are. Forbidden is not absent
* Unreachable   no answer, or "not now", with `retry_after` if the source said when
* CutShort      it stopped in the middle
* NeedsReview   it answered what its interface does not promise, or what cannot be read
* TooLarge      beyond the bound set for this source

Asking twice is harmless: nothing is written at a source.
"""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from transfer.bytes_seen import Announced
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier
from transfer.records import Document, RecordKind
from transfer.staging import Location, Vault

#: Asked between two steps, before each MiB and at least every second while a source is waited for: it returns, or stops
#: everything by raising (`ChangedMeanwhile`, `NotPermitted`), and then nothing more is asked for and nothing half is
#: kept.
KeepGoing = Callable[[], None]


def go_on() -> None:
    """Nothing stops us."""


# --- documents --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientFound:
    """The one patient of theirs that answers to who we asked for. `demographics` is for matching to check.

    `id` is the source's own; `url` is its whole name for the entry.
    """

    id: str
    url: str
    demographics: Demographics
    #: the source's own entries that it merged into this one
    absorbed: tuple[str, ...] = ()
    #: security labels of the entry: they hold for all that is this patient's
    labels: frozenset[str] = frozenset()
    #: the entry says that the patient has died
    has_died: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file of a document at the source. `announced` is what the source says of its bytes.

    `read()` fetches them in chunks of at most `CHUNK`, once for each call, and raises as the module says; `NotAllowed`
    where they lie elsewhere than at the source.
    """

    read: Callable[[], Iterator[bytes]]
    announced: Announced = field(default_factory=Announced)
    title: str | None = None
    #: no file of the document, but what its entry says besides: results, a conclusion
    is_beside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One document at the source.

    `sources` are the source's own names for it, absolute URLs where it has them, and the same each time. By the least
    of them we know the document again. `files` are its pages, addenda and formats; a void one may have none.

    `version` differs once the source has changed anything of it. None: it does not say. Then a document that the source
    changes in place (`Document.entries`) is read to know; any other stays as it was.
    """

    document: Document
    sources: tuple[str, ...]
    files: tuple[SourceFile, ...]
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """An entry that cannot be used and is held. `reason` is free of values; `source` is the source's name for it."""

    reason: str
    source: str | None = None


class DocumentSource(Protocol):
    """A source of documents of one patient at a time."""

    def find_patient(
        self, who: Demographics, institution: Institution, *, keep_going: KeepGoing = go_on
    ) -> PatientFound | None:
        """The patient there: by each number with its issuer, then by name and birth date. None: not found under these.

        Whether it is the patient is for the caller to match: a source may ignore what it was asked by.

        Raises:
            NeedsReview: several answer, or there is nothing to ask by.
        """

    def documents(
        self,
        patient: PatientFound,
        institution: Institution,
        kinds: Collection[RecordKind],
        *,
        keep_going: KeepGoing = go_on,
    ) -> Iterator[Found | Bad]:
        """Every document of these kinds, and those whose kind is not known, each once.

        A bad entry is a `Bad` and stops nothing. What was read before an error is given first, then it is raised.
        """


# --- images -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFound:
    """One study an archive says it holds, and whose it says it is."""

    study_instance_uid: str
    #: the study under FHIR's system for DICOM UIDs, and its accession number
    identifiers: tuple[IssuedIdentifier, ...]
    patient: Demographics
    #: when it began: UTC; the local midnight if only the day is told
    at: datetime | None
    date: date | None
    modalities: frozenset[str]
    description: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFound:
    """One series of a study that an archive says it holds."""

    uid: str


class Ending(StrEnum):
    """How the archive's answer ended. Only one of them is an end."""

    CLOSED = "closed"
    DIED = "died"
    STALLED = "stalled"
    OUT_OF_TIME = "out-of-time"
    #: closed, and by its own word not all of it was sent (C-GET's B000)
    IN_PART = "in-part"


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """Where in its object an instance lies, as received, and its SHA-256 in lower-case hex."""

    sop_instance_uid: str
    offset: int
    length: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesObject:
    """A tar object in the vault with whole instances of one series: all that were wanted, or as far as it came.

    * `complete`: the answer came to its end, and the instances are exactly those wanted
    * `stated`: what the images say of their patient; more than one if they disagree among themselves. Whether it is
      the patient asked about is the caller's to decide
    * `labels`: the security labels of any of the images
    * `conflicting`: instances that came a second time with other bytes; kept, at places of their own
    * `misplaced`: instances listed for this series that name another study or series; kept. Archives file images
      anew in their database only, so whether they belong here is a person's to say
    * `strays`: instances not listed for this series that name another study or series; not kept
    * `rejected`: what rejection notes of the series name, and the notes themselves; kept, and given to nobody
    * `unreadable`: parts that are no DICOM files, not kept; and notes of which nobody can say what they reject, kept
    """

    study_instance_uid: str
    series_instance_uid: str
    location: Location
    index: tuple[IndexEntry, ...]
    complete: bool
    ending: Ending
    stated: tuple[Demographics, ...]
    labels: frozenset[str] = frozenset()
    conflicting: tuple[IndexEntry, ...] = ()
    misplaced: frozenset[str] = frozenset()
    strays: frozenset[str] = frozenset()
    rejected: frozenset[str] = frozenset()
    unreadable: int = 0

    @property
    def instances(self) -> frozenset[str]:
        return frozenset(entry.sop_instance_uid for entry in self.index)

    def locate(self, entry: IndexEntry) -> Location:
        """Where in the vault one instance lies."""
        return Location(self.location.key, self.location.offset + entry.offset, entry.length, entry.sha256)


class ImageArchive(Protocol):
    """An archive of images, in whichever language it is asked."""

    def studies(
        self, who: Demographics, institution: Institution, *, keep_going: KeepGoing = go_on
    ) -> list[StudyFound]:
        """The patient's studies by the numbers it would know, and if that finds none by name and birth date."""

    def series(self, study: str, *, keep_going: KeepGoing = go_on) -> list[SeriesFound]:
        """The study's series; none if the archive does not know the study (any more)."""

    def instances(self, study: str, series: str, *, keep_going: KeepGoing = go_on) -> frozenset[str]:
        """The SOP Instance UIDs of a series; none if the archive does not know it (any more)."""

    def fetch_series(
        self,
        study: str,
        series: str,
        *,
        expected: frozenset[str],
        wanted: frozenset[str] | None = None,
        institution: Institution,
        vault: Vault,
        keep_going: KeepGoing,
    ) -> SeriesObject | None:
        """Fetch a series, or the `wanted` rest of it, into one new object: whole, or as far as it came. None: all was
        answered and nothing came. Asking twice makes two objects; what `keep_going` raises leaves none.
        """
