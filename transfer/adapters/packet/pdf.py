"""The bookmarked PDF for people: made in a process of its own, because it opens files that came from outside."""

import json
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Final

from transfer.adapters.packet.layout import STATUSES, Layout, PlacedDocument, media_type
from transfer.errors import Unavailable
from transfer.packet import NOTICE, PART_2_LABEL, PART_2_NOTICE, Contents, PacketItem

#: bytes of one document that is opened, and of all of them together
LARGEST: Final = 64 << 20
LARGEST_ALL: Final = 160 << 20
_SECONDS: Final = 240
_ATTEMPTS: Final = 4
#: -I, and an empty environment: no setting of ours is in reach of what runs there
COMMAND: Final = (sys.executable, "-I", "-m", "transfer.adapters.packet.pdf_merge")


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a document stands in the PDF: its first page (from 1), how many, and how it got there: `merged`,
    `rendered`, or the reason why it is not shown.
    """

    page: int
    pages: int
    how: str

    @property
    def is_shown(self) -> bool:
        return self.how in ("merged", "rendered")


@dataclass(frozen=True, slots=True)
class Bookmarked:
    pdf: bytes
    pages: int
    documents: Mapping[int, Shown]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A document on its way to the other process: its bytes, or why they are not sent."""

    document: PlacedDocument
    data: bytes | None
    why: str | None = None


def bookmarked(
    contents: Contents, layout: Layout, documents: Mapping[int, bytes], *, command: Sequence[str] = COMMAND
) -> Bookmarked:
    """One PDF of all documents. A document absent from `documents` was too large to be sent.

    A document that kills the process it is opened in, or holds it up, gets a page that says so, and the rest goes in.

    Raises:
        Unavailable: the process could not be run.
    """
    sent = [_Sent(d, documents.get(d.number), None if d.number in documents else "too-large") for d in layout.documents]
    for _ in range(_ATTEMPTS):
        made, last = _run(contents, layout, sent, command)
        if made is not None:
            return made
        if not any(one.document.number == last and one.data is not None for one in sent):
            break
        sent = [replace(one, data=None, why="left-out") if one.document.number == last else one for one in sent]
    # Too many documents do harm, or all together are too much: the contents alone still help.
    made, _ = _run(contents, layout, [replace(one, data=None, why="left-out") for one in sent], command)
    if made is None:
        raise Unavailable("the process that makes the packet's PDF does not run")
    return made


def _run(
    contents: Contents, layout: Layout, sent: Sequence[_Sent], command: Sequence[str]
) -> tuple[Bookmarked | None, int | None]:
    """The PDF, or the number of the document the process had in hand when it ended."""
    told = json.dumps(_spec(contents, layout, sent)).encode()
    job = b"".join((struct.pack(">Q", len(told)), told, *(one.data for one in sent if one.data is not None)))
    try:
        done = subprocess.run(command, input=job, capture_output=True, timeout=_SECONDS, env={}, check=False)
        said, out, well = done.stderr, done.stdout, done.returncode == 0
    except subprocess.TimeoutExpired as late:
        said, out, well = late.stderr or b"", b"", False
    if not well or len(out) < 8:
        numbers = [int(line) for line in said.split(b"\n") if line.isdigit()]
        return None, numbers[-1] if numbers else None
    (length,) = struct.unpack(">Q", out[:8])
    outcome = json.loads(out[8 : 8 + length])
    shown = {int(n): Shown(one["page"], one["pages"], one["how"]) for n, one in outcome["documents"].items()}
    return Bookmarked(out[8 + length :], outcome["pages"], shown), None


def _spec(contents: Contents, layout: Layout, sent: Sequence[_Sent]) -> dict[str, Any]:
    """All that is drawn, as plain text."""
    return {
        "packet": contents.packet,
        "created_at": contents.created_at.astimezone(UTC).isoformat(),
        "footer": f"Records packet {contents.packet} · {patient_name(contents)}",
        "facts": facts(contents),
        "question": contents.question,
        "about": about(contents),
        "documents": [_document(one, layout) for one in sent],
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


def _document(one: _Sent, layout: Layout) -> dict[str, Any]:
    item = one.document.item
    return {
        "number": one.document.number,
        "path": one.document.path,
        "title": one.document.title,
        "section": one.document.section,
        "date": day(item.at),
        "source": item.source_name,
        "status": STATUSES[item.status],
        "remarks": remarks(one.document, layout),
        "media_type": media_type(item.content_type),
        "sha256": item.location.sha256,
        "sent": None if one.data is None else len(one.data),
        "why": one.why,
    }


def remarks(document: PlacedDocument, layout: Layout) -> list[str]:
    """What a reader must know of a document beside its status."""
    said = _superseded(document.item)
    if (same := layout.number(document.item.copy_of)) is not None:
        said.append(f"the same document as no. {same}, received another way")
    if document.item.derivation:
        said.append(f"derived: {document.item.derivation}")
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
