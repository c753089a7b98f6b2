"""What a packet says to people, in words: the same on `index.html` and on the first pages of `records.pdf`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date
from itertools import groupby
from typing import Final

from transfer.adapters.packet.dicomdir import Directory, SeriesSaid
from transfer.adapters.packet.layout import Entry, Layout, PlacedSeries, PlacedStudy, one_line
from transfer.adapters.packet.thumbnails import Thumbnail
from transfer.packet import NOTICE, PART_2_LABEL, PART_2_NOTICE, Contents, ImagingItem, MaterialItem, PacketItem
from transfer.partial_dates import PartialDate

#: said above what was handed over before and is void since
VOID: Final = "These documents of earlier packets no longer count. Please do not use them:"

#: said above the lines of the checklist that the packet does not answer, whatever the reason
NOT_HERE: Final = "Usually asked for with this diagnosis, and not in this packet:"


@dataclass(frozen=True, slots=True)
class SeriesView:
    """A series as people see it: what it is in words, and a picture of it."""

    words: str
    thumbnail: Thumbnail


def views(
    studies: Iterable[PlacedStudy], directory: Directory, pictures: Mapping[str, Thumbnail]
) -> dict[str, SeriesView]:
    """Every series by its folder."""
    return {
        series.folder: SeriesView(
            series_words(series, directory.series.get(series.folder)),
            pictures.get(series.folder, Thumbnail(None, "no-pixels")),
        )
        for study in studies
        for series in study.series
    }


def series_words(series: PlacedSeries, said: SeriesSaid | None) -> str:
    """Its number, what its files call it, its kind, and how many there are."""
    count = len(series.instances)
    number = f"Series {said.number}" if said and said.number is not None else ""
    kind = said.modality if said else ""
    files = "image" if said and said.middle else "file"
    return _joined(
        number, one_line(said.description) if said else "", kind, f"{count} {files}{'s' if count != 1 else ''}"
    )


def patient_name(contents: Contents) -> str:
    return (one_line(str(contents.patient.names[0])) if contents.patient.names else "") or "Name not stated"


def case_in_brief(contents: Contents) -> list[tuple[str, str]]:
    """The case in five lines: who, which diagnosis, what is asked, who asks, for whom and when. What is not known is
    left out.
    """
    patient = contents.patient
    born = f"born {day_words(patient.birth_date)}" if patient.birth_date else ""
    who = _joined(patient_name(contents), born, patient.sex if patient.sex != "unknown" else "")
    asks = ", ".join(part for part in (contents.referrer, contents.referring_name) if part)
    appointment = f"appointment {day_words(contents.appointment)}" if contents.appointment else ""
    needed = contents.needed_by if contents.needed_by != contents.appointment else None
    when = f"needed by {day_words(needed)}" if needed else ""
    rows = (
        ("Patient", who),
        ("Diagnosis", contents.diagnosis or ""),
        ("Question", contents.question or ""),
        ("Referred by", asks),
        ("For", _joined(contents.receiver_name, appointment, when)),
    )
    return [(label, value if label == "Question" else one_line(value)) for label, value in rows if value]


def details(contents: Contents) -> list[tuple[str, str]]:
    """By what else the patient is known, and what this packet is."""
    numbers = "; ".join(
        f"{i.value} ({contents.issuer_names[i.issuer]})" if i.issuer in contents.issuer_names else i.value
        for i in contents.patient.identifiers
    )
    rows = (
        ("Also known as", "; ".join(str(name) for name in contents.patient.names[1:])),
        ("Record numbers", numbers),
        ("Packet", str(contents.packet)),
        ("Replaces", str(contents.replaces or "")),
        ("Made", f"{contents.created_at.astimezone(UTC):%d %b %Y, %H:%M} UTC"),
        ("Checklist", f"{contents.checklist}, version {contents.checklist_version}"),
    )
    return [(label, one_line(value)) for label, value in rows if value]


def standing_notices(contents: Contents) -> list[str]:
    return [NOTICE, PART_2_NOTICE] if PART_2_LABEL in contents.labels else [NOTICE]


def day_words(when: date | None) -> str:
    return PartialDate.of(when).words if when else ""


def day_of(item: PacketItem | ImagingItem) -> str:
    """The day as its source says it; of one without, the day of its moment in UTC, which says so."""
    if item.day:
        return item.day.words
    return f"{day_words(item.at.astimezone(UTC))} UTC" if item.at else "undated"


def remarks(entry: Entry, layout: Layout) -> list[str]:
    """What a reader must know of a document beside its status, what weighs most first: a list may be cut at its end."""
    said = [entry.item.taken] if entry.item.taken else []
    said += _superseded(entry.item)
    if (same := layout.number(entry.item.copy_of)) is not None:
        said.append(f"the same document as no. {same}, received another way")
    if entry.item.derivation:
        said.append(f"derived: {entry.item.derivation}")
    for one in entry.item.attached:
        said.append(f"attached within the file: “{one.name}”{', which cannot be opened' if one.flaws else ''}")
    return said


def _superseded(item: PacketItem) -> list[str]:
    """What it replaces or withdraws of what the receiver has, by its number in the packet it came in."""
    said = []
    for (relation, packet), those in groupby(item.supersedes, key=lambda one: (one.relation, one.packet)):
        numbers = [f"no. {one.number}" for one in those if one.number is not None]
        said.append(f"{relation} {' and '.join(numbers) or 'a document'} of packet {packet}")
    return said


def withdrawn(contents: Contents) -> list[str]:
    """What the receiver has from an earlier packet and no longer counts, where nothing here replaces it."""
    return [
        f"{f'no. {one.number}' if one.number is not None else 'a document'} of packet {one.packet}"
        for one in contents.withdrawn
    ]


def study_words(study: PlacedStudy) -> str:
    """What a study is: its kinds of images and how many there are."""
    series, images = len(study.series), study.item.instance_count
    kinds = one_line(", ".join(study.item.modalities))
    return _joined(kinds, f"{series} series", f"{images} image{'s' if images != 1 else ''}")


def pieces(material: MaterialItem) -> str:
    """How many came, of those that were announced."""
    announced = f" of {material.count_expected}" if material.count_expected else ""
    return f"{material.count_received}{announced}"


def _joined(*parts: str | None) -> str:
    return " · ".join(part for part in parts if part)
