"""One document's pages: its own, or drawn from its text or pictures, or one that says why it is not shown."""

import io
import resource
import signal
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import pikepdf

from transfer import media_types
from transfer.adapters.packet import narrative, pictures
from transfer.adapters.packet.narrative import Block, BodyElsewhere, Embedded, Facts, ForPrograms, Remark
from transfer.adapters.packet.pdf_carried import Attached, carried, carry_layers
from transfer.adapters.packet.pdf_pages import document_head, notice_page, pictured, rendered
from transfer.adapters.packet.shown import MERGED, NOT_SHOWN, RENDERED, REPAIRED, NotShown

#: seconds of processor time for one document
SECONDS: Final = 20
FRAMES_EACH: Final = 200
#: documents within documents
_DEPTH: Final = 4
_PICTURES: Final = frozenset(
    {"image/jpeg", "image/png", "image/tiff", "image/gif", "image/bmp", "image/webp", "image/jp2"}
)

DrawnPiece = bytes


class TooLong(BaseException):
    """Not an `Exception`: a library that swallows those must not swallow this."""


@dataclass(frozen=True, slots=True)
class DocumentPages:
    """One document's pages as a PDF, how many, and how they came about: a code of `shown`. `undrawn` counts by script
    the letters for which no face is here.
    """

    how: str
    pages: int
    pdf: bytes
    undrawn: Mapping[str, int]


def part(spec: Mapping[str, Any], document: Mapping[str, Any], data: bytes | None, most: int) -> DocumentPages:
    """The pages of a document, or the one that says why there are none."""
    undrawn = Counter[str]()
    document = {**document, "undrawn": undrawn}
    try:
        if data is None:
            raise NotShown(document["why"] or "too-large")
        with in_time(document.get("seconds", SECONDS)):
            how, pieces = _shown(spec, document, document["content_type"], data, most, 0)
            pages, pdf = joined(pieces)
        if pages > most:
            raise NotShown("too-many-pages")
        return DocumentPages(how, pages, pdf, undrawn)
    except TooLong:
        why = "too-long"
    except Exception as reason:  # noqa: BLE001  # whatever a hostile file does to a parser, it costs these pages only
        why = _why(reason)
    return DocumentPages(why, 1, notice_page(spec, document, NOT_SHOWN[why]), {})


def type_of(content_type: str, data: bytes) -> str:
    """What the bytes are, by themselves first; with the letters that their sender names, where it has to."""
    looked = media_types.LOOKED_AT
    seen = media_types.judged(content_type, data[:looked], data[-looked:], len(data)).content_type
    if seen != media_types.UNKNOWN:
        return seen
    # nothing is known by the bytes alone: a PDF far behind something else, or text with a stray byte
    return media_types.PDF if data.find(b"%PDF-", 0, looked) >= 0 else media_types.named(content_type)


def _shown(
    spec: Mapping[str, Any], document: Mapping[str, Any], said: str, data: bytes, most: int, depth: int
) -> tuple[str, list[DrawnPiece]]:
    if not data.strip(b"\0 \t\r\n"):
        raise NotShown("empty")
    if depth > _DEPTH:
        raise NotShown("damaged")
    content_type = type_of(said, data)
    bare = content_type.partition(";")[0]
    if bare == media_types.PDF:
        return _carried(spec, document, data, most, depth)
    if bare in _PICTURES:
        return RENDERED, [pictured(spec, pictures.frames(data, min(FRAMES_EACH, most)))]
    found = narrative.blocks(content_type, data)
    if found is None:
        raise NotShown("no-pages")
    return _drawn(spec, document, found, most, depth)


def _drawn(
    spec: Mapping[str, Any], document: Mapping[str, Any], found: Sequence[Block], most: int, depth: int
) -> tuple[str, list[DrawnPiece]]:
    """Blocks on pages of ours, with the pages of what they carry where it stands."""
    pieces: list[DrawnPiece] = []
    how, waiting = RENDERED, list[Block]()
    carries_all = all(isinstance(block, Embedded | Facts | narrative.Heading) for block in found)
    for block in found:
        if not isinstance(block, Embedded):
            waiting.append(block)
            continue
        try:
            inner, pages = _shown(spec, document, block.content_type, block.data, most, depth + 1)
        except Exception as reason:  # whatever a parser does about it, it costs the carried file's pages only
            if carries_all:
                raise
            waiting.append(Remark(_within(block.name, NOT_SHOWN[_why(reason)])))
            continue
        if waiting:
            pieces.append(rendered(spec, document, waiting, is_first=not pieces))
            waiting = []
        pieces += pages
        how = inner if carries_all else RENDERED
    if waiting:
        pieces.append(rendered(spec, document, waiting, is_first=not pieces))
    return how, pieces


def _why(reason: Exception) -> str:
    match reason:
        case NotShown():
            return str(reason)
        case BodyElsewhere():
            return "body-elsewhere"
        case ForPrograms():
            return "for-programs"
        case MemoryError():
            return "too-large"
    return "damaged"


def _within(name: str, sentence: str) -> str:
    return f"{f'“{name}”' if name else 'A document carried inside'}: {sentence}"


def _carried(
    spec: Mapping[str, Any], document: Mapping[str, Any], data: bytes, most: int, depth: int
) -> tuple[str, list[DrawnPiece]]:
    """A PDF's own pages, then those of the files within it. What a reader must know stands on a page before them."""
    own = carried(data, most)
    if own.is_placeholder and not own.values and not own.attached:
        raise NotShown("xfa")
    said, after = list(own.remarks), list[DrawnPiece]()
    left = most - own.pages
    for attached in own.attached:
        pages = _attached(spec, document, attached, left, depth, said)
        after += pages
        left -= sum(map(_count, pages))
    if own.is_damaged:
        said.insert(
            0, "The file of this document is damaged. What could be read of it follows; something may be missing."
        )
    blocks: list[Block] = [*map(Remark, said), *([Facts(own.values)] if own.values else [])]
    head = [document_head(spec, document, blocks)] if blocks and not depth else []
    if depth and blocks:
        head = [rendered(spec, document, blocks, is_first=False)]
    how = RENDERED if own.is_placeholder else REPAIRED if own.is_damaged else MERGED
    return how, [*head, *([own.pdf] if own.pages else []), *after]


def _attached(
    spec: Mapping[str, Any], document: Mapping[str, Any], attached: Attached, most: int, depth: int, said: list[str]
) -> list[DrawnPiece]:
    """The pages of a file within another, or none and a sentence that says why."""
    why = "damaged"
    if attached.data is not None and most > 0:
        try:
            within = {**document, "title": f"{document['title']}: {attached.name}"}
            how, pages = _shown(spec, within, "", attached.data, most, depth + 1)
        except NotShown as reason:
            why = str(reason)
        except (BodyElsewhere, ForPrograms, MemoryError):
            why = "left-out"
        except Exception:  # noqa: BLE001  # it costs the attached file's pages only
            why = "damaged"
        else:
            drawn = "" if how == MERGED else ", drawn for reading"
            said.append(f"The attached file “{attached.name}” follows after its pages{drawn}.")
            return pages
    said.append(f"The attached file “{attached.name}” is in the file itself. {NOT_SHOWN[why]}")
    return []


def _count(pdf: bytes) -> int:
    with pikepdf.open(io.BytesIO(pdf)) as one:
        return len(one.pages)


def joined(pieces: Sequence[bytes]) -> tuple[int, bytes]:
    """Several PDFs of ours as one."""
    if len(pieces) == 1:
        return _count(pieces[0]), pieces[0]
    target = pikepdf.new()
    for piece in pieces:
        with pikepdf.open(io.BytesIO(piece)) as source:
            target.pages.extend(source.pages)
            carry_layers(source, target)
    kept = io.BytesIO()
    target.save(kept, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none, static_id=True)
    return len(target.pages), kept.getvalue()


@contextmanager
def in_time(seconds: float) -> Iterator[None]:
    """So much processor time: a busy machine takes nothing away from it.

    What does not come back to Python in time ends the process, by its own limit a little later.
    """

    def too_long(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def used_seconds() -> float:
    """Processor time of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
