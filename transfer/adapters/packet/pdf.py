"""The bookmarked PDF for people: made in a process of its own, because it opens files that came from outside."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Final

from transfer.adapters.packet.layout import STATUSES, Layout, PlacedDocument
from transfer.adapters.packet.pdf_maker import COMMAND, Maker, Sent, made, whole
from transfer.packet import NOTICE, PART_2_LABEL, PART_2_NOTICE, Contents, PacketItem

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


@dataclass(frozen=True, slots=True)
class Bookmarked:
    pdf: bytes
    pages: int
    documents: Mapping[int, Shown]


def bookmarked(
    contents: Contents, layout: Layout, documents: Mapping[int, bytes], *, command: Sequence[str] = COMMAND
) -> Bookmarked:
    """One PDF of all documents. A document absent from `documents` was too large to be sent.

    A document that kills the process it is opened in, or holds it up, gets a page that says so, and the rest goes in.

    Raises:
        Unavailable: the process could not be run.
    """
    spec = _spec(contents, layout)
    sent = [
        Sent(drawn, documents.get(drawn["number"]), None if drawn["number"] in documents else "too-large")
        for drawn in spec["documents"]
    ]
    with Maker(command) as maker:
        pages = made(maker, spec, sent)
        outcome, pdf = whole(maker, spec, sent, pages)
    shown = {int(n): Shown(one["page"], one["pages"], one["how"]) for n, one in outcome["documents"].items()}
    return Bookmarked(pdf, outcome["pages"], shown)


def _spec(contents: Contents, layout: Layout) -> dict[str, Any]:
    """All that is drawn, as plain text."""
    return {
        "packet": contents.packet,
        "created_at": contents.created_at.astimezone(UTC).isoformat(),
        "footer": f"Records packet {contents.packet} · {patient_name(contents)}",
        "facts": facts(contents),
        "question": contents.question,
        "about": about(contents),
        "documents": [_document(one, layout) for one in layout.documents],
        "imaging": [
            (day(s.item.at), s.title, s.item.source_name, str(len(s.series)), str(s.item.instance_count))
            for s in layout.studies
        ],
        "missing": [(one.label, one.sentence) for one in contents.missing],
        "material": [
            (
                one.accession,
                one.description,
                str(one.count_expected),
                str(one.count_received),
                one.state.replace("-", " "),
                day(one.due_back, ""),
            )
            for one in contents.material
        ],
    }


def _document(document: PlacedDocument, layout: Layout) -> dict[str, Any]:
    item = document.item
    return {
        "number": document.number,
        "path": document.path,
        "title": document.title,
        "section": document.section,
        "date": day(item.at),
        "source": item.source_name,
        "status": STATUSES[item.status],
        "remarks": remarks(document, layout),
        "content_type": item.content_type,
        "sha256": item.location.sha256,
    }


def remarks(document: PlacedDocument, layout: Layout) -> list[str]:
    """What a reader must know of a document beside its status."""
    said = _superseded(document.item)
    if (same := layout.number(document.item.copy_of)) is not None:
        said.append(f"the same document as no. {same}, received another way")
    if document.item.derivation:
        said.append(f"derived: {document.item.derivation}")
    if document.item.taken:
        said.append(document.item.taken)
    return said


def _superseded(item: PacketItem) -> list[str]:
    """What it replaces or withdraws of what the receiver has, by its number in the packet it came in."""
    said = []
    for (relation, packet), those in groupby(item.supersedes, key=lambda one: (one.relation, one.packet)):
        numbers = [f"no. {one.number}" for one in those if one.number is not None]
        said.append(f"{relation} {' and '.join(numbers) or 'a document'} of packet {packet}")
    return said


def facts(contents: Contents) -> list[tuple[str, str]]:
    """Who, for whom, from whom, when: the head of every page for people."""
    patient = contents.patient
    numbers = "; ".join(f"{i.value} ({i.issuer})" for i in patient.identifiers)
    former = "; ".join(str(name) for name in patient.names[1:])
    rows = [
        ("Patient", patient_name(contents)),
        ("Also known as", former),
        ("Born", day(patient.birth_date, "")),
        ("Sex", (patient.sex or "").capitalize()),
        ("Numbers", numbers),
        ("For", contents.receiver_name),
        ("Referred by", contents.referring_name or ""),
        ("Packet", str(contents.packet)),
        ("Replaces", str(contents.replaces or "")),
        ("Made", f"{contents.created_at.astimezone(UTC):%d %b %Y, %H:%M} UTC"),
        ("Checklist", f"{contents.checklist}, version {contents.checklist_version}"),
    ]
    return [(label, value) for label, value in rows if value]


def about(contents: Contents) -> list[str]:
    """The notices, and what this PDF is."""
    said = [NOTICE]
    if PART_2_LABEL in contents.labels:
        said.append(PART_2_NOTICE)
    said.append(
        "This PDF repeats the packet's documents for reading. Documents that came as PDF are repeated page for page; "
        "text and C-CDA documents are drawn by us and say so. The files in data/documents are the records, byte for "
        "byte as they were received. Dates are UTC."
    )
    return said


def patient_name(contents: Contents) -> str:
    return str(contents.patient.names[0]) if contents.patient.names else "Name not stated"


def day(when: date | None, absent: str = "undated") -> str:
    """A date for people; a time is shown as its day in UTC."""
    if when is None:
        return absent
    return f"{when.astimezone(UTC) if isinstance(when, datetime) else when:%d %b %Y}"
