"""The whole records.pdf: the first pages, then every document's, with a header on each, bookmarks and links."""

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pikepdf

from transfer.adapters.packet.pdf_carried import carry_layers
from transfer.adapters.packet.pdf_cover import PageLink, cover
from transfer.adapters.packet.pdf_headers import Header, head


@dataclass(frozen=True, slots=True)
class Part:
    """One document's pages, ready."""

    document: Mapping[str, Any]
    how: str
    pages: int
    pdf: bytes

    @property
    def entry(self) -> int:
        return int(self.document["entry"])


def whole(spec: Mapping[str, Any], parts: Sequence[Part]) -> tuple[dict[str, Any], bytes]:
    """The PDF, and for each document its first page (from 1), its pages and how it got there.

    The same parts always give the same bytes.
    """
    starts, next_ = list[int](), 1
    for part in parts:
        starts.append(next_)
        next_ += part.pages
    entries = {part.entry: start for part, start in zip(reversed(parts), reversed(starts), strict=True)}
    front, links, length = _front(spec, entries)
    target = pikepdf.new()
    for piece in (front, *(part.pdf for part in parts)):
        with pikepdf.open(io.BytesIO(piece)) as source:
            target.pages.extend(source.pages)
            carry_layers(source, target)
    head(target, list(_headers(parts, length)), length, datetime.fromisoformat(spec["created_at"]))
    at = {entry: length + start - 1 for entry, start in entries.items()}
    _bookmark(target, spec, at)
    _link(target, links, at)
    target.docinfo["/Title"] = f"Records packet {spec['packet']}"
    target.docinfo["/Producer"] = "records-transfer"
    kept = io.BytesIO()
    target.save(
        kept,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
        deterministic_id=True,
    )
    told = {
        str(part.document["number"]): {"page": start + length, "pages": part.pages, "how": part.how}
        for part, start in zip(parts, starts, strict=True)
    }
    return {"pages": len(target.pages), "documents": told}, kept.getvalue()


def _front(spec: Mapping[str, Any], starts: Mapping[int, int]) -> tuple[bytes, list[PageLink], int]:
    """The first pages, drawn until the page numbers in them are right for their own length."""
    length = 2  # as most have: another length costs drawing it all once more
    while True:
        pages, links = cover(spec, starts, length)
        if pages.page == length:
            return pages.finished(), links, length
        length = pages.page


def _headers(parts: Sequence[Part], front: int) -> Iterator[Header]:
    """«3 · Pathology report · Lakeside Oncology · page 2 of 5»: pages are counted through all of an entry."""
    all_, before = Counter[int](), Counter[int]()
    for part in parts:
        all_[part.entry] += part.pages
    page = front
    for part in parts:
        for _ in range(part.pages):
            before[part.entry] += 1
            page += 1
            where = f" · {part.document['source']} · page {before[part.entry]} of {all_[part.entry]}"
            yield Header(f"{part.entry} · {part.document['title']}", where, page)


def _bookmark(target: pikepdf.Pdf, spec: Mapping[str, Any], at: Mapping[int, int]) -> None:
    """By kind, newest first within it; and by date, oldest first."""
    with target.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("The case, timeline and contents", 0))
        for title, items in (*_by_kind(spec), ("By date", _by_date(spec))):
            known = [(text, at[entry]) for text, entry in items if entry in at]
            if known:
                parent = pikepdf.OutlineItem(title, known[0][1])
                parent.is_closed = title == "By date"
                parent.children.extend(pikepdf.OutlineItem(text, page) for text, page in known)
                outline.root.append(parent)
    target.Root["/PageMode"] = pikepdf.Name.UseOutlines


def _by_kind(spec: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, int]]]]:
    sections: dict[str, list[tuple[str, int]]] = {}
    for entry in spec["entries"]:
        text = f"{entry['entry']}  {entry['day']}  {entry['title']} · {entry['source']}"
        sections.setdefault(entry["section"], []).append((text, entry["entry"]))
    yield from sections.items()


def _by_date(spec: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(f"{row['day']}  {row['what']}", row["entry"]) for row in spec["timeline"] if row["entry"] is not None]


def _link(target: pikepdf.Pdf, links: Sequence[PageLink], at: Mapping[int, int]) -> None:
    for link in links:
        if link.entry not in at:
            continue
        annotation = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Link,
            Rect=pikepdf.Array(round(one, 2) for one in link.rectangle),
            Border=pikepdf.Array([0, 0, 0]),
            Dest=pikepdf.Array([target.pages[at[link.entry]].obj, pikepdf.Name.Fit]),
        )
        page = target.pages[link.page].obj
        if "/Annots" not in page:
            page["/Annots"] = pikepdf.Array()
        page["/Annots"].append(target.make_indirect(annotation))
