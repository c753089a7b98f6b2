"""Where each record stands in the packet: its number, its path, its place in the reading order.

Paths say the kind of a record and nothing of the patient. Numbers follow the order in which a person reads: by kind,
newest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property
from typing import Final
from unicodedata import category

from transfer.identifiers import RecordId
from transfer.media_types import HL7_V2, extension
from transfer.packet import Contents, DicomInstance, ImagingItem, PacketItem, SeriesItem
from transfer.records import DocumentStatus, RecordKind

DICOMDIR: Final = "data/DICOMDIR"
INDEX_PAGE: Final = "index.html"
MANIFEST: Final = "manifest.json"
NOTICE: Final = "notice.txt"
PART_2_NOTICE: Final = "notice-42-cfr-part-2.txt"
RECORDS_PDF: Final = "records.pdf"
SUBMISSION: Final = "fhir/submission.json"

#: reading order, and what people call each kind
SECTIONS: Final = {
    RecordKind.PATHOLOGY_REPORT: "Pathology reports",
    RecordKind.MOLECULAR: "Molecular and genetic reports",
    RecordKind.IMAGING_REPORT: "Imaging reports",
    RecordKind.OPERATIVE_NOTE: "Operative notes",
    RecordKind.PROCEDURE_REPORT: "Procedure reports",
    RecordKind.TREATMENT_SUMMARY: "Treatment summaries",
    RecordKind.NOTE: "Clinical notes",
    RecordKind.LABORATORY: "Laboratory results",
    RecordKind.MATERIAL: "About slides and blocks",
    RecordKind.IMAGES: "About images",
    RecordKind.OTHER: "Other documents",
}

STATUSES: Final = {
    DocumentStatus.FINAL: "Final",
    DocumentStatus.CORRECTED: "Corrected",
    DocumentStatus.AMENDED: "Amended",
    DocumentStatus.APPENDED: "With addendum",
    DocumentStatus.PRELIMINARY: "Preliminary",
    DocumentStatus.UNKNOWN: "Status not stated",
}

#: what carries documents and is read after them
_MESSAGES: Final = frozenset({HL7_V2, "application/hl7-v2"})

#: Unicode's categories of controls, formats, surrogates, private and unassigned characters
_STEERING: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_LONGEST_TITLE: Final = 200

#: what things are sorted by: a day, and seconds
When = tuple[float, float]
_UNDATED: Final = float("inf")

#: characters of an accession number that is told from another patient's or house's by itself
_LONG_NUMBER: Final = 6


@dataclass(frozen=True, slots=True)
class PlacedDocument:
    number: int
    path: str
    item: PacketItem

    @property
    def title(self) -> str:
        """What it is called on pages: its own title, else its code's, else its kind."""
        display = self.item.code.display if self.item.code else None
        return one_line(self.item.title) or one_line(display) or self.kind

    @property
    def section(self) -> str:
        return SECTIONS[self.item.kind]

    @property
    def kind(self) -> str:
        """What one of its section is called."""
        return self.item.kind.value.replace("-", " ").capitalize()


@dataclass(frozen=True, slots=True)
class Entry:
    """What people read as one document: as it was received, and what was taken out of it or stands beside it."""

    received: PlacedDocument
    taken_out: tuple[PlacedDocument, ...] = ()

    @property
    def number(self) -> int:
        """The number by which this packet and later ones speak of it."""
        return self.received.number

    @property
    def item(self) -> PacketItem:
        return self.received.item

    @property
    def is_message(self) -> bool:
        """Whether what was received is an envelope: what was taken out of it is read first."""
        return media_type(self.item.content_type) in _MESSAGES

    @property
    def documents(self) -> tuple[PlacedDocument, ...]:
        """What is opened to read it: what was taken out of a message rather than the message; a form first."""
        if self.is_message:
            return self.taken_out or (self.received,)
        return self.received, *self.taken_out

    @property
    def pages(self) -> tuple[PlacedDocument, ...]:
        """In the order in which they are read page for page: a message stands behind what was taken out of it."""
        return (*self.taken_out, self.received) if self.is_message else (self.received, *self.taken_out)


@dataclass(frozen=True, slots=True)
class PlacedSeries:
    item: SeriesItem
    #: where its files stand, and no other's
    folder: str
    instances: tuple[tuple[str, DicomInstance], ...]


@dataclass(frozen=True, slots=True)
class PlacedStudy:
    item: ImagingItem
    series: tuple[PlacedSeries, ...]

    @property
    def accession(self) -> str | None:
        """Its accession number, for people."""
        said = (one_line(n.value) for n in self.item.identifiers if not n.value.startswith("urn:oid:"))
        return next((number for number in said if number), None)

    @property
    def title(self) -> str:
        return one_line(self.item.title) or one_line(" ".join(self.item.modalities)) or "Imaging study"

    @property
    def size(self) -> int:
        return sum(instance.location.length for series in self.item.series for instance in series.instances)


@dataclass(frozen=True)
class Layout:
    documents: tuple[PlacedDocument, ...]
    studies: tuple[PlacedStudy, ...]

    def number(self, record: RecordId | None) -> int | None:
        """The number of a record's document; None where the packet does not hold it."""
        return self._numbers.get(record) if record else None

    @cached_property
    def _numbers(self) -> dict[RecordId, int]:
        return {document.item.record: document.number for document in self.documents}

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """All documents in reading order, a message and what it carries as one."""
        here = self._numbers.keys()
        taken_out: dict[RecordId, list[PlacedDocument]] = {}
        for document in self.documents:
            if (original := document.item.derived_from) in here and original is not None:
                taken_out.setdefault(original, []).append(document)
        return tuple(
            Entry(document, tuple(taken_out.get(document.item.record, ())))
            for document in self.documents
            if document.item.derived_from not in here
        )

    def entry_of(self, document: PlacedDocument) -> Entry:
        """The entry that a document of the packet is part of."""
        return self._entries[document.number]

    @cached_property
    def _entries(self) -> dict[int, Entry]:
        return {one.number: entry for entry in self.entries for one in entry.pages}

    @cached_property
    def timeline(self) -> tuple[Entry | PlacedStudy, ...]:
        """Documents and studies by the day that their sources say, oldest first; what is undated stands last. A copy of
        another document of the packet is left out.
        """
        entries = [entry for entry in self.entries if self.number(entry.item.copy_of) is None]
        return tuple(sorted((*entries, *self.studies), key=lambda one: _when(one.item)))

    def reports(self, study: PlacedStudy) -> tuple[Entry, ...]:
        """The imaging reports that name one of the study's numbers."""
        return tuple(entry for entry in self.entries if _is_report_of(entry.item, study.item))

    def study(self, entry: Entry) -> PlacedStudy | None:
        """The study that a report is about."""
        return next((study for study in self.studies if _is_report_of(entry.item, study.item)), None)


def lay_out(contents: Contents) -> Layout:
    """Numbers and paths of everything in the packet; the same contents always give the same layout."""
    here = {item.record: item for item in contents.items}
    items = sorted(contents.items, key=lambda item: _reading_order(item, here.get(item.derived_from or item.record)))
    documents = tuple(PlacedDocument(n, _document_path(n, item), item) for n, item in enumerate(items, 1))
    return Layout(documents, _placed(sorted(contents.imaging, key=lambda study: (_newest(study), study.record))))


def one_line(text: str | None) -> str:
    """Others' words for a title: in one line, of bounded length, `printable`."""
    line = " ".join(printable(text or "").split())
    return line if len(line) <= _LONGEST_TITLE else f"{line[: _LONGEST_TITLE - 1].rstrip()}…"


def printable(text: str) -> str:
    """Others' words without characters that steer how they are shown. Lines stay, other white space is a blank.

    Those that turn the direction of writing would turn what stands beside them (Unicode TR 36, 3.1).
    """
    blanks = (c if c == "\n" or not c.isspace() else " " for c in text)
    return "".join(c for c in blanks if c == "\n" or category(c) not in _STEERING)


def media_type(content_type: str) -> str:
    """The bare media type: lower case, no parameters."""
    return content_type.partition(";")[0].strip().lower()


def _reading_order(item: PacketItem, original: PacketItem | None) -> tuple[int, When, str, bool, str]:
    """By kind, newest first; what was taken out of a document right behind it."""
    first = original or item
    return list(SECTIONS).index(first.kind), _newest(first), first.record, first is not item, item.record


def _newest(item: PacketItem | ImagingItem) -> When:
    day, at = _when(item)
    return (-day, -at) if day < _UNDATED else (day, at)


def _when(item: PacketItem | ImagingItem) -> When:
    """For sorting: the day that its source says, and the moment we made of it. What is undated stands last."""
    at = item.at.astimezone(UTC) if item.at else None
    day = item.day.first if item.day else at
    return (day.toordinal() if day else _UNDATED), (at.timestamp() if at else 0)


def _is_report_of(item: PacketItem, study: ImagingItem) -> bool:
    """They share a number with its issuer; or one that is long enough to be no other's, however its issuer is spelt:
    an archive and a report desk often name the issuer of one accession number differently.
    """
    if item.kind is not RecordKind.IMAGING_REPORT:
        return False
    long = {number.value.upper() for number in study.identifiers if len(number.value) >= _LONG_NUMBER}
    return bool({*item.identifiers} & {*study.identifiers} or {n.value.upper() for n in item.identifiers} & long)


def _document_path(number: int, item: PacketItem) -> str:
    return f"data/documents/{number:04d}-{item.kind}.{extension(item.content_type)}"


def _placed(studies: Sequence[ImagingItem]) -> tuple[PlacedStudy, ...]:
    placed, series_number = [], 0
    for study in studies:
        series = []
        for item in study.series:
            series_number += 1
            series.append(_placed_series(series_number, item))
        placed.append(PlacedStudy(study, tuple(series)))
    return tuple(placed)


def _placed_series(number: int, item: SeriesItem) -> PlacedSeries:
    """File IDs of at most eight capitals and digits, as PS3.10 section 8.5 wants them below a DICOMDIR."""
    folder = f"data/DICOM/S{number:04d}"
    return PlacedSeries(item, folder, tuple((f"{folder}/I{n:05d}", one) for n, one in enumerate(item.instances, 1)))
