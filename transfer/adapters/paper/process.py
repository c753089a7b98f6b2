"""The process that draws and takes pages of papers. It reads other people's files, so it runs alone, bounded, and may
die.

Run by `transfer.adapters.paper.pages`, never imported by it. In: the length of a frame of JSON, the frame (what is to
be done with which pages), the paper's bytes. Out: the same, with what was made. It opens no file and no connection.
"""

import io
import json
import resource
import struct
import subprocess
import sys
import warnings
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time
from typing import Any, BinaryIO, Final

from transfer.adapters.process_bounds import bound_process
from transfer.incoming import PAGES, PaperRefused, WhyRefused

MEMORY: Final = 3 << 30
CPU_SECONDS: Final = 240
#: a letter waits for what it appends
FAX_CPU_SECONDS: Final = 20
#: pages of a scan that a letter appends
FAX_PAGES: Final = 8
#: dots of a page's longer side: about 200 to an inch of letter paper, as a fine fax has (ITU-T T.4)
FAX_SIDE: Final = 2200
#: pixels of the longer side of a page's picture: enough to read a name on it
SIDE: Final = 1100
#: one page takes a second
READ_CPU_SECONDS: Final = 30
#: of the clock on the wall
READ_SECONDS: Final = 240
#: dots of a page's longer side as it is read: about 200 to an inch of letter paper
READ_SIDE: Final = 2200
#: bytes of the table of words of one page; a page of small print has 300 KB
READ_BYTES: Final = 4 << 20
#: from 0 to 100: what the program is less sure of is no word
SURE: Final = 60
#: pixels of one page of a picture
PIXELS: Final = 120_000_000
_PDF: Final = "application/pdf"


def main() -> None:
    """Do what is asked, once."""
    bound_process(MEMORY, CPU_SECONDS)
    warnings.simplefilter("ignore")
    out = sys.stdout.buffer
    sys.stdout = sys.stderr  # a library that prints must not answer for us
    told, body = _job(sys.stdin.buffer)
    if seconds := {"fax": FAX_CPU_SECONDS, "read": READ_CPU_SECONDS}.get(told["do"]):
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        _answer(out, {}, list(_done(told, body)))
    except PaperRefused as refused:
        _answer(out, {"refused": refused.why}, [])
    except (FileNotFoundError, PermissionError):
        _answer(out, {"lacks": "program"}, [])


def _done(told: dict[str, Any], body: bytes) -> Iterator[bytes]:
    if told["do"] == "write":
        return iter([_written(json.loads(body))])
    is_pdf = told["content_type"] == _PDF
    if told["do"] == "fax":
        return _draw_fax(body)
    if told["do"] == "read":
        picture = _page_of_pdf(body, told["page"]) if is_pdf else next(_frames(body, [told["page"]]))
        return iter([_read(picture, told["program"])])
    if told["do"] == "draw":
        return _draw_pdf(body) if is_pdf else _draw_pictures(body)
    taken = _take_pdf if is_pdf else _take_pictures
    return iter([taken(body, told["pages"], told["turn"])])


def _job(stream: BinaryIO) -> tuple[dict[str, Any], bytes]:
    (length,) = struct.unpack(">Q", stream.read(8))
    told: dict[str, Any] = json.loads(stream.read(length))
    return told, stream.read()


def _answer(out: BinaryIO, told: dict[str, object], made: Sequence[bytes]) -> None:
    head = json.dumps({**told, "sizes": [len(one) for one in made]}).encode()
    out.write(b"".join((struct.pack(">Q", len(head)), head, *made)))
    out.flush()


def _bounded(count: int) -> int:
    if count > PAGES:
        raise PaperRefused(WhyRefused.TOO_MANY_PAGES)
    if count < 1:
        raise PaperRefused(WhyRefused.EMPTY)
    return count


def _as_jpeg(picture: Any) -> bytes:
    kept = io.BytesIO()
    picture.convert("RGB" if picture.mode not in ("1", "L") else "L").save(kept, "JPEG", quality=60)
    return kept.getvalue()


def _as_dots(picture: Any) -> bytes:
    kept = io.BytesIO()
    picture.convert("1").save(kept, "PNG", optimize=True)
    return kept.getvalue()


# --- reading ----------------------------------------------------------------------------------------------------------


def _read(picture: Any, program: str) -> bytes:
    """The words on a page as UTF-8, a line of it in each line. The program runs within our bounds, with an empty
    environment but for the number of its threads.

    It is given a PNG that we made ourselves: what is no picture it would take for a list of files and addresses.
    """
    grey = picture.convert("L")
    grey.thumbnail((READ_SIDE, READ_SIDE))
    shown = io.BytesIO()
    grey.save(shown, "PNG")
    # 1: upright or not, in whichever columns
    command = [program, "stdin", "stdout", "-l", "eng", "--psm", "1", "tsv"]
    try:
        done = subprocess.run(
            command,
            input=shown.getvalue(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=READ_SECONDS,
            env={"OMP_THREAD_LIMIT": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PaperRefused(WhyRefused.UNREADABLE) from None
    if done.returncode or len(done.stdout) > READ_BYTES:
        raise PaperRefused(WhyRefused.UNREADABLE)
    return _lines_of(done.stdout.decode("utf-8", "replace")).encode()


def _lines_of(table: str) -> str:
    """The table's rows are words: block, paragraph and line stand third to fifth, how sure it is before the word."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for row in table.splitlines():
        cells = row.split("\t")
        if len(cells) == 12 and cells[0] == "5" and float(cells[10]) >= SURE and cells[11].strip():
            lines.setdefault(tuple(cells[2:5]), []).append(cells[11].strip())
    return "\n".join(map(" ".join, lines.values()))


# --- PDF --------------------------------------------------------------------------------------------------------------


def _draw_pdf(body: bytes) -> Iterator[bytes]:
    paper = _opened_pdf(body)
    return (_as_jpeg(picture) for picture in _pictures(paper, _bounded(len(paper)), SIDE))


def _draw_fax(body: bytes) -> Iterator[bytes]:
    """The first pages as a fax machine sends them: one bit a dot."""
    paper = _opened_pdf(body)
    return map(_as_dots, _pictures(paper, min(len(paper), FAX_PAGES), FAX_SIDE))


def _written(sheet: dict[str, Any]) -> bytes:
    """A form that was filled in at our page; names of people come from outside."""
    from transfer.adapters.packet.pdf_text import Pages

    made = datetime.combine(date.fromisoformat(sheet["day"]), time(), UTC)
    pages = Pages(created_at=made, footer=sheet["title"])
    pages.set_title(sheet["title"])
    pages.heading(sheet["title"], size=16)
    pages.facts([(name, said) for name, said in sheet["rows"]])
    for one in sheet["statements"]:
        pages.ln(6)
        pages.write_line(one)
    pages.ln(12)
    pages.facts([(name, said) for name, said in sheet["signature"]], bold="Signed")
    return pages.finished()


def _opened_pdf(body: bytes) -> Any:
    import pypdfium2

    try:
        return pypdfium2.PdfDocument(body)
    except pypdfium2.PdfiumError as error:
        is_locked = "password" in str(error).lower()
        raise PaperRefused(WhyRefused.PASSWORD if is_locked else WhyRefused.UNREADABLE) from None


def _pictures(paper: Any, count: int, side: int) -> Iterator[Any]:
    import pypdfium2

    for number in range(count):
        try:
            page = paper[number]
            yield page.render(scale=side / max(*page.get_size(), 1), grayscale=True).to_pil()
        except pypdfium2.PdfiumError:
            raise PaperRefused(WhyRefused.UNREADABLE) from None


def _page_of_pdf(body: bytes, number: int) -> Any:
    import pypdfium2

    try:
        page = _opened_pdf(body)[number - 1]
        return page.render(scale=READ_SIDE / max(*page.get_size(), 1), grayscale=True).to_pil()
    except pypdfium2.PdfiumError:
        raise PaperRefused(WhyRefused.UNREADABLE) from None


def _take_pdf(body: bytes, pages: Sequence[int], turn: int) -> bytes:
    import pikepdf

    kept = io.BytesIO()
    with pikepdf.open(io.BytesIO(body), suppress_warnings=True) as paper, pikepdf.new() as taken:
        for number in pages:
            taken.pages.append(paper.pages[number - 1])
            if turn:
                taken.pages[-1].rotate(turn, relative=True)
        taken.save(kept, deterministic_id=True)  # the same pages again are the same bytes
    return kept.getvalue()


# --- pictures ---------------------------------------------------------------------------------------------------------


def _frames(body: bytes, pages: Sequence[int] = ()) -> Iterator[Any]:
    """Each page upright, with square pixels: a fax of standard resolution has pixels twice as high as wide (T.4)."""
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = PIXELS // 2  # Pillow refuses at twice of it
    try:
        with Image.open(io.BytesIO(body)) as picture:
            wanted = pages or range(1, _bounded(getattr(picture, "n_frames", 1)) + 1)
            for number in wanted:
                picture.seek(number - 1)
                across, down = picture.info.get("dpi") or (1, 1)
                upright = ImageOps.exif_transpose(picture)
                yield _squared(upright, float(across or 1), float(down or 1))
    except Image.DecompressionBombError:
        raise PaperRefused(WhyRefused.TOO_LARGE) from None
    except (OSError, EOFError, SyntaxError, ValueError, ZeroDivisionError):
        raise PaperRefused(WhyRefused.UNREADABLE) from None


def _squared(picture: Any, across: float, down: float) -> Any:
    if not 1.2 < across / down < 4:
        return picture
    return picture.resize((picture.width, min(round(picture.height * across / down), 20_000)))


def _draw_pictures(body: bytes) -> Iterator[bytes]:
    for frame in _frames(body):
        grey = frame.convert("L")
        grey.thumbnail((SIDE, SIDE))
        yield _as_jpeg(grey)


def _take_pictures(body: bytes, pages: Sequence[int], turn: int) -> bytes:
    import pikepdf

    kept = io.BytesIO()
    with pikepdf.new() as taken:
        for frame in _frames(body, pages):
            one = io.BytesIO()
            plain = frame if frame.mode in ("1", "L", "RGB") else frame.convert("RGB")
            # as a page of its longer side's eleven inches
            plain.rotate(-turn, expand=True).save(one, "PDF", resolution=max(plain.size) / 11)
            with pikepdf.open(one) as page:
                taken.pages.extend(page.pages)
        taken.save(kept, deterministic_id=True)  # the same pages again are the same bytes
    return kept.getvalue()


if __name__ == "__main__":
    main()
