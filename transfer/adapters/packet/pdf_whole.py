"""The whole records.pdf: title and contents, then every document's pages, with bookmarks and links."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pikepdf

from transfer.adapters.packet.pdf_carried import carry_layers
from transfer.adapters.packet.pdf_pages import PageLink, title_pages


@dataclass(frozen=True, slots=True)
class Part:
    """One document's pages, ready."""

    document: Mapping[str, Any]
    how: str
    pages: int
    pdf: bytes


def whole(spec: Mapping[str, Any], parts: Sequence[Part]) -> tuple[dict[str, Any], bytes]:
    """The PDF, and for each document its first page (from 1), its pages and how it got there.

    The same parts always give the same bytes.
    """
    front, links, length, starts = _front(spec, parts)
    target = pikepdf.new()
    for piece in (front, *(part.pdf for part in parts)):
        with pikepdf.open(io.BytesIO(piece)) as source:
            target.pages.extend(source.pages)
            carry_layers(source, target)
    _bookmark(target, parts, starts, length)
    _link(target, links, starts, length)
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
        str(part.document["number"]): {
            "page": starts[part.document["number"]] + length,
            "pages": part.pages,
            "how": part.how,
        }
        for part in parts
    }
    return {"pages": len(target.pages), "documents": told}, kept.getvalue()


def _front(spec: Mapping[str, Any], parts: Sequence[Part]) -> tuple[bytes, list[PageLink], int, dict[int, int]]:
    """Title and contents, drawn until the page numbers in them are right for their own length."""
    starts, next_ = {}, 1
    for part in parts:
        starts[part.document["number"]] = next_
        next_ += part.pages
    length = 2  # as most have: another length costs drawing it all once more
    while True:
        pages, links = title_pages(spec, starts, length)
        if pages.page == length:
            return pages.finished(), links, length, starts
        length = pages.page


def _bookmark(target: pikepdf.Pdf, parts: Sequence[Part], starts: Mapping[int, int], front: int) -> None:
    """The outline: by kind, newest first within it."""
    with target.open_outline() as outline:
        outline.root.append(pikepdf.OutlineItem("Title page and contents", 0))
        section, parent = None, None
        for part in parts:
            document, page = part.document, front + starts[part.document["number"]] - 1
            if document["section"] != section or parent is None:
                section = document["section"]
                parent = pikepdf.OutlineItem(section, page)
                outline.root.append(parent)
            title = f"{document['number']}  {document['date']}  {document['title']} · {document['source']}"
            parent.children.append(pikepdf.OutlineItem(title, page))
    target.Root["/PageMode"] = pikepdf.Name.UseOutlines


def _link(target: pikepdf.Pdf, links: Sequence[PageLink], starts: Mapping[int, int], front: int) -> None:
    for link in links:
        goal = target.pages[front + starts[link.document] - 1].obj
        annotation = pikepdf.Dictionary(
            Type=pikepdf.Name.Annot,
            Subtype=pikepdf.Name.Link,
            Rect=pikepdf.Array(round(one, 2) for one in link.rectangle),
            Border=pikepdf.Array([0, 0, 0]),
            Dest=pikepdf.Array([goal, pikepdf.Name.Fit]),
        )
        page = target.pages[link.page].obj
        if "/Annots" not in page:
            page["/Annots"] = pikepdf.Array()
        page["/Annots"].append(target.make_indirect(annotation))
