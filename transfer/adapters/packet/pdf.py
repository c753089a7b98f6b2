"""The bookmarked PDF for people: made in a process of its own, because it opens files that came from outside."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from types import MappingProxyType
from typing import Any, Final

from transfer.adapters.packet import in_words
from transfer.adapters.packet.in_words import SeriesView
from transfer.adapters.packet.layout import STATUSES, Entry, Layout, PlacedDocument, PlacedStudy
from transfer.adapters.packet.pdf_maker import COMMAND, Maker, Sent, made, whole
from transfer.adapters.packet.shown import IN_THE_PDF
from transfer.adapters.packet.thumbnails import WHY_NONE
from transfer.packet import Contents

#: bytes of one document that is opened, and of all of them together
LARGEST: Final = 64 << 20
LARGEST_ALL: Final = 160 << 20


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a document stands in the PDF: its first page (from 1), how many, and how it got there, or the reason why it
    is not shown: a code of `transfer.adapters.packet.shown`, which has the sentences.
    """

    page: int
    pages: int
    how: str
    #: letters that stand there as U+FFFD, because no face here has them: how many of each script
    undrawn: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bookmarked:
    pdf: bytes
    pages: int
    documents: Mapping[int, Shown]


def bookmarked(
    contents: Contents,
    layout: Layout,
    documents: Mapping[int, bytes],
    images: Mapping[str, SeriesView] = MappingProxyType({}),
    *,
    command: Sequence[str] = COMMAND,
) -> Bookmarked:
    """One PDF of all documents. A document absent from `documents` was too large to be sent. `images` are the series by
    their folders.

    A document that kills the process it is opened in, or holds it up, gets a page that says so, and the rest goes in.

    Raises:
        Unavailable: the process could not be run.
    """
    spec = _spec(contents, layout, images)
    sent = [
        Sent(drawn, documents.get(drawn["number"]), None if drawn["number"] in documents else "too-large")
        for drawn in spec["documents"]
    ]
    with Maker(command) as maker:
        pages = made(maker, spec, sent)
        outcome, pdf = whole(maker, spec, sent, pages)
    shown = {
        int(n): Shown(one["page"], one["pages"], one["how"], pages[int(n)].undrawn if one["how"] in IN_THE_PDF else {})
        for n, one in outcome["documents"].items()
    }
    return Bookmarked(pdf, outcome["pages"], shown)


def _spec(contents: Contents, layout: Layout, images: Mapping[str, SeriesView]) -> dict[str, Any]:
    """All that is drawn, as plain text."""
    name = in_words.patient_name(contents)
    return {
        "packet": contents.packet,
        "created_at": contents.created_at.astimezone(UTC).isoformat(),
        "footer": f"Records packet {contents.packet} · {name}",
        "name": name,
        "brief": in_words.case_in_brief(contents),
        "details": in_words.details(contents),
        "about": [*in_words.standing_notices(contents), _ABOUT],
        "timeline": [_dated(one) for one in layout.timeline],
        "entries": [_entry(entry, layout) for entry in layout.entries],
        "documents": [_document(one, layout) for entry in layout.entries for one in entry.pages],
        "imaging": [_study(study, layout, images) for study in layout.studies],
        "void": in_words.VOID,
        "withdrawn": in_words.withdrawn(contents),
        "not_here": in_words.NOT_HERE,
        "missing": [one.label for one in contents.missing],
        "material": [
            (
                one.accession,
                one.description,
                in_words.pieces(one),
                one.state.replace("-", " ").capitalize(),
                in_words.day_words(one.due_back),
            )
            for one in contents.material
        ],
    }


_ABOUT: Final = (
    "This PDF repeats the packet's documents for reading. Documents that came as PDF are repeated page for page; text "
    "and C-CDA documents are drawn by us and say so. The line at the head of each page is ours. The files in "
    "data/documents are the records, byte for byte as they were received. Days of records are as their sources say "
    "them."
)


def _dated(one: Entry | PlacedStudy) -> dict[str, Any]:
    if isinstance(one, PlacedStudy):
        what = f"Images: {one.title} · {one.item.source_name} · {in_words.study_words(one)}"
        return {"day": in_words.day_of(one.item), "what": what, "entry": None}
    what = f"{one.received.kind}: {one.received.title} · {one.item.source_name}"
    return {"day": in_words.day_of(one.item), "what": what, "entry": one.number}


def _entry(entry: Entry, layout: Layout) -> dict[str, Any]:
    return {
        "entry": entry.number,
        "section": entry.received.section,
        "day": in_words.day_of(entry.item),
        "title": entry.received.title,
        "source": entry.item.source_name,
        "status": STATUSES[entry.item.status],
        "remarks": in_words.remarks(entry, layout),
    }


def _study(study: PlacedStudy, layout: Layout, images: Mapping[str, SeriesView]) -> dict[str, Any]:
    accession = f"accession no. {study.accession}" if study.accession else ""
    words = (study.item.source_name, in_words.study_words(study), accession, study.item.taken)
    return {
        "day": in_words.day_of(study.item),
        "title": study.title,
        "words": [part for part in words if part],
        "reports": [
            {"entry": entry.number, "what": f"{entry.number} · {entry.received.title} · {entry.item.source_name}"}
            for entry in layout.reports(study)
        ],
        "series": [_series(images[series.folder]) for series in study.series],
    }


def _series(view: SeriesView) -> dict[str, Any]:
    jpeg = view.thumbnail.jpeg
    return {
        "words": view.words,
        "jpeg": base64.b64encode(jpeg).decode() if jpeg else None,
        "why": WHY_NONE[view.thumbnail.why] if view.thumbnail.why else None,
    }


def _document(document: PlacedDocument, layout: Layout) -> dict[str, Any]:
    item, entry = document.item, layout.entry_of(document)
    return {
        "number": document.number,
        "entry": entry.number,
        "path": document.path,
        "title": entry.received.title,
        "section": document.section,
        "date": in_words.day_of(item),
        "source": item.source_name,
        "status": STATUSES[item.status],
        "content_type": item.content_type,
        "sha256": item.location.sha256,
    }
