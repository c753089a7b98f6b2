"""The process that makes the bookmarked PDF. It reads other people's files, so it runs alone, bounded, and may die.

Run by `pdf.bookmarked`, never imported by it. In: one frame of JSON (what to draw), then the documents' bytes. Out: one
frame of JSON (what became of each document), then the PDF. It opens no file and no connection. It writes the number of
the current document to its error channel, so that its watcher knows which one it died of.
"""

import io
import json
import resource
import signal
import struct
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

MEMORY: Final = 2 << 30
CPU_SECONDS: Final = 230
SECONDS_EACH: Final = 15
#: after this, what is left is not opened any more
SECONDS_ALL: Final = 150
PAGES_EACH: Final = 3_000
PAGES_ALL: Final = 20_000
FRAMES_EACH: Final = 200

#: what a page says of a document that is not shown
WHY: Final = {
    "too-large": "This document is too large to be repeated here.",
    "too-many-pages": "This document has too many pages to be repeated here.",
    "password": "This document is protected with a password.",
    "damaged": "This document could not be opened. Its bytes are as they were received.",
    "too-long": "This document could not be opened in reasonable time.",
    "left-out": "This document could not be repeated here.",
    "no-pages": "This kind of file has no pages that could be shown here.",
}


class TooLong(BaseException):
    """Not an `Exception`: a library that swallows those must not swallow this."""


class NotShown(Exception):
    """The document goes in as a page that says why; the reason is a key of `WHY`."""


def main() -> None:
    """Read the job, make the PDF, write it."""
    _bound()
    warnings.simplefilter("ignore")
    spec, documents = _job(sys.stdin.buffer)
    outcome, pdf = compiled(spec, documents)
    told = json.dumps(outcome).encode()
    sys.stdout.buffer.write(struct.pack(">Q", len(told)) + told + pdf)


def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _job(stream: BinaryIO) -> tuple[dict[str, Any], dict[int, bytes]]:
    (length,) = struct.unpack(">Q", stream.read(8))
    spec = json.loads(stream.read(length))
    sent = {d["number"]: stream.read(d["sent"]) for d in spec["documents"] if d["sent"] is not None}
    return spec, sent


def compiled(spec: Mapping[str, Any], documents: Mapping[int, bytes]) -> tuple[dict[str, Any], bytes]:
    """The whole PDF, and for each document its first page (from 1), its pages and how it got there."""
    from pypdf import PdfReader, PdfWriter

    parts, left = [], PAGES_ALL
    deadline = time.monotonic() + SECONDS_ALL
    for document in spec["documents"]:
        sys.stderr.write(f"{document['number']}\n")
        sys.stderr.flush()
        data = documents.get(document["number"]) if time.monotonic() < deadline else None
        how, pages, made = part(spec, document, data, min(left, PAGES_EACH))
        parts.append((document, how, pages, made))
        left = max(left - pages, 1)
    sys.stderr.write("0\n")
    sys.stderr.flush()
    front, links, front_pages, starts = _front(spec, parts)
    writer = PdfWriter()
    for made in (front, *(made for *_, made in parts)):
        for page in PdfReader(io.BytesIO(made)).pages:
            writer.add_page(page)
    _bookmark(writer, parts, starts, front_pages)
    _link(writer, links, starts, front_pages)
    writer.add_metadata({"/Title": f"Records packet {spec['packet']}", "/Producer": "records-transfer"})
    kept = io.BytesIO()
    writer.write(kept)
    told = {
        str(document["number"]): {"page": starts[document["number"]] + front_pages, "pages": pages, "how": how}
        for document, how, pages, _ in parts
    }
    return {"pages": len(writer.pages), "documents": told}, kept.getvalue()


def part(spec: Mapping[str, Any], document: Mapping[str, Any], data: bytes | None, most: int) -> tuple[str, int, bytes]:
    """One document's pages: `merged`, `rendered`, or the key of `WHY` that says why it is not shown."""
    from transfer.adapters.packet.pdf_pages import notice_page

    try:
        if data is None:
            raise NotShown(document["why"] or "too-long")
        with _in_time():
            return _shown(spec, document, document["media_type"], data, most)
    except NotShown as reason:
        why = str(reason)
    except TooLong:
        why = "too-long"
    except MemoryError:
        why = "too-large"
    except Exception:  # noqa: BLE001  # whatever a hostile file does to a parser, it costs this document's pages only
        why = "damaged"
    return why, 1, notice_page(spec, document, WHY[why])


def _shown(
    spec: Mapping[str, Any], document: Mapping[str, Any], media_type: str, data: bytes, most: int
) -> tuple[str, int, bytes]:
    from transfer.adapters.packet import narrative, pdf_pages

    if media_type == "application/pdf" or data[:5] == b"%PDF-":
        return "merged", *_merged(data, most)
    if media_type in ("image/jpeg", "image/png", "image/tiff"):
        return "rendered", *_counted(pdf_pages.pictured(spec, pdf_pages.picture_frames(data, FRAMES_EACH)), most)
    found = narrative.blocks(media_type, data)
    if found is None:
        raise NotShown("no-pages")
    for block in found:
        if isinstance(block, narrative.Embedded):
            return _shown(spec, document, block.content_type, block.data, most)
    return "rendered", *_counted(pdf_pages.rendered(spec, document, found), most)


def _merged(data: bytes, most: int) -> tuple[int, bytes]:
    """A PDF's pages in full, without what acts by itself: scripts, launches, attached files."""
    from pypdf import PdfReader, PdfWriter

    reader = PdfReader(io.BytesIO(data), strict=False)
    if reader.is_encrypted and not reader.decrypt(""):
        raise NotShown("password")
    if not len(reader.pages):
        raise NotShown("damaged")
    if len(reader.pages) > most:
        raise NotShown("too-many-pages")
    writer = PdfWriter()
    for page in reader.pages:
        _quieten(writer.add_page(page))
    kept = io.BytesIO()
    writer.write(kept)
    return _counted(kept.getvalue(), most)


def _quieten(page: Any) -> None:
    page.pop("/AA", None)
    annotations = page.get("/Annots")
    if annotations is None:
        return
    kept = []
    for reference in annotations.get_object():
        annotation = reference.get_object()
        if annotation.get("/Subtype") in ("/FileAttachment", "/RichMedia", "/Movie", "/Screen", "/Sound", "/3D"):
            continue
        for action in ("/A", "/AA", "/PA"):
            annotation.pop(action, None)
        kept.append(reference)
    from pypdf.generic import ArrayObject, NameObject

    page[NameObject("/Annots")] = ArrayObject(kept)


def _counted(pdf: bytes, most: int) -> tuple[int, bytes]:
    from pypdf import PdfReader

    pages = len(PdfReader(io.BytesIO(pdf)).pages)
    if pages > most:
        raise NotShown("too-many-pages")
    return pages, pdf


Part = tuple[Mapping[str, Any], str, int, bytes]


def _front(spec: Mapping[str, Any], parts: list[Part]) -> tuple[bytes, list[Any], int, dict[int, int]]:
    """Title and contents, drawn until the page numbers in them are right for their own length."""
    from transfer.adapters.packet.pdf_pages import title_pages

    starts, next_ = {}, 1
    for document, _, pages, _ in parts:
        starts[document["number"]] = next_
        next_ += pages
    length = 2  # as most have: another length costs drawing it all once more
    while True:
        pages, links = title_pages(spec, starts, length)
        if pages.page == length:
            return pages.finished(), links, length, starts
        length = pages.page


def _bookmark(writer: Any, parts: list[Part], starts: Mapping[int, int], front: int) -> None:
    """The outline: by kind, newest first within it."""
    writer.add_outline_item(title="Title page and contents", page_number=0)
    section, parent = None, None
    for document, *_ in parts:
        page = front + starts[document["number"]] - 1
        if document["section"] != section:
            section = document["section"]
            parent = writer.add_outline_item(title=section, page_number=page, bold=True)
        title = f"{document['number']}  {document['date']}  {document['title']} · {document['source']}"
        writer.add_outline_item(title=title, page_number=page, parent=parent)
    writer.page_mode = "/UseOutlines"


def _link(writer: Any, links: list[Any], starts: Mapping[int, int], front: int) -> None:
    from pypdf.annotations import Link

    for link in links:
        target = front + starts[link.document] - 1
        writer.add_annotation(link.page, Link(rect=link.rectangle, target_page_index=target, border=[0, 0, 0]))


@contextmanager
def _in_time() -> Iterator[None]:
    def too_long(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, SECONDS_EACH)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


if __name__ == "__main__":
    main()
