"""Where each record stands in the packet: its number, its path, its place in the reading order.

Paths say the kind of a record and nothing of the patient. Numbers follow the order in which a person reads: by kind,
newest first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from transfer.identifiers import RecordId
from transfer.media_types import extension
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


@dataclass(frozen=True, slots=True)
class PlacedDocument:
    number: int
    path: str
    item: PacketItem

    @property
    def title(self) -> str:
        """What it is called on pages: its own title, else its code's, else its kind."""
        display = self.item.code.display if self.item.code else None
        return self.item.title or display or self.item.kind.value.replace("-", " ").capitalize()

    @property
    def section(self) -> str:
        return SECTIONS[self.item.kind]


@dataclass(frozen=True, slots=True)
class PlacedSeries:
    item: SeriesItem
    instances: tuple[tuple[str, DicomInstance], ...]


@dataclass(frozen=True, slots=True)
class PlacedStudy:
    item: ImagingItem
    series: tuple[PlacedSeries, ...]

    @property
    def title(self) -> str:
        return self.item.title or " ".join(self.item.modalities) or "Imaging study"

    @property
    def size(self) -> int:
        return sum(instance.location.length for series in self.item.series for instance in series.instances)


@dataclass(frozen=True, slots=True)
class Layout:
    documents: tuple[PlacedDocument, ...]
    studies: tuple[PlacedStudy, ...]

    def number(self, record: RecordId | None) -> int | None:
        """The number of a record's document; None where the packet does not hold it."""
        return next((d.number for d in self.documents if d.item.record == record), None)


def lay_out(contents: Contents) -> Layout:
    """Numbers and paths of everything in the packet; the same contents always give the same layout."""
    items = sorted(contents.items, key=_reading_order)
    documents = tuple(PlacedDocument(n, _document_path(n, item), item) for n, item in enumerate(items, 1))
    return Layout(documents, _placed(sorted(contents.imaging, key=lambda study: (_newest(study.at), study.record))))


def media_type(content_type: str) -> str:
    """The bare media type: lower case, no parameters."""
    return content_type.partition(";")[0].strip().lower()


def _reading_order(item: PacketItem) -> tuple[int, float, str]:
    return list(SECTIONS).index(item.kind), _newest(item.at), item.record


def _newest(at: datetime | None) -> float:
    return -at.astimezone(UTC).timestamp() if at else float("inf")


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
    return PlacedSeries(item, tuple((f"{folder}/I{n:05d}", one) for n, one in enumerate(item.instances, 1)))
