"""One document beside our pages of it: what is missing, what is joined, what stands in another column."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import pypdfium2
from PIL import Image, ImageChops, ImageFilter, ImageStat

from tests.campaigns.pages.originals import Word
from transfer.adapters.packet import pdf_parts
from transfer.adapters.packet.pdf_text import undrawable
from transfer.adapters.packet.shown import MERGED

SPEC: Final = {"created_at": "2026-11-21T00:00:00+00:00", "footer": ""}
_DOCUMENT: Final = {
    "number": 1,
    "path": "data/documents/0001",
    "title": "A document",
    "section": "Other documents",
    "date": "21 Nov 2026",
    "source": "Lakeside",
    "status": "Final",
    "sha256": "0" * 64,
    "why": None,
}
#: what stands before the first word of a list
_MARKER: Final = re.compile(r"•$|\b\w{1,4}\.$")
#: letters of our page that may stand between two words of the original
_BETWEEN: Final = 3_000
#: points by which the cells of one column may begin apart
_APART: Final = 1.5
#: how different two drawings of a page may be: grey, 0 to 255, on the whole and in its worst ten-thousandth
_MEAN: Final = 0.6
_WORST: Final = 24.0
_SCALE: Final = 1.0


@dataclass(frozen=True, slots=True)
class Letter:
    text: str
    page: int
    left: float


@dataclass(frozen=True, slots=True)
class Compared:
    how: str
    words: int
    missing: tuple[str, ...]
    joined: tuple[str, ...]
    misplaced: tuple[str, ...]

    @property
    def is_right(self) -> bool:
        return not (self.missing or self.joined or self.misplaced)


def pages_of(data: bytes, content_type: str) -> tuple[str, bytes]:
    """What became of it, and our pages of it."""
    made = pdf_parts.part(SPEC, {**_DOCUMENT, "content_type": content_type}, data, 3_000)
    return made.how, made.pdf


def compared(original: Sequence[Word], data: bytes, content_type: str) -> Compared:
    """Every word of the original in its order; none joined to its neighbour; each cell in its column."""
    how, pdf = pages_of(data, content_type)
    letters = list(_letters(pdf))
    text = "".join(one.text for one in letters)
    is_told = "cannotbedrawnhere" in text
    at, missing = 0, []
    lefts: dict[tuple[int, int], list[tuple[Word, Letter]]] = defaultdict(list)
    for word in original:
        wanted = plain(word.text)
        if not wanted:
            continue
        found = text.find(wanted, at, at + _BETWEEN + len(wanted))
        if found < 0:
            if not (is_told and undrawable([word.text])):
                missing.append(word.text)
            continue
        if word.begins and not _MARKER.search(text[max(found - 6, 0) : found]):
            lefts[word.begins[0], word.begins[2]].append((word, letters[found]))
        at = found + len(wanted)
    return Compared(how, len(original), tuple(missing), _joined(original, pdf), _misplaced(lefts))


def plain(text: str) -> str:
    """Letters that are compared: those of one shape are one, and what is not seen is nothing."""
    return "".join(unicodedata.normalize("NFKC", text).replace("\u00ad", "").split()).translate(_SAME)


_SAME: Final = {
    # how the other program tells a hyphen at the end of a line
    2: "-",
    0xFFFE: "-",
    ord("☐"): "[]",
    ord("☑"): "[x]",
    ord("☒"): "[x]",
    ord("\u200b"): "",
    ord("\ufeff"): "",
    ord("\u2212"): "-",
}


def _letters(pdf: bytes) -> Any:
    """Every letter of the pages in the order in which it was drawn, and where."""
    with pypdfium2.PdfDocument(pdf) as document:
        for number, page in enumerate(document):
            text = page.get_textpage()
            for n in range(text.count_chars()):
                for letter in plain(text.get_text_range(n, 1)):
                    yield Letter(letter, number, text.get_charbox(n, loose=True)[0])


def _joined(original: Sequence[Word], pdf: bytes) -> tuple[str, ...]:
    """Words of our pages that are two neighbours of the original, and none of its words."""
    words = [plain(word.text) for word in original]
    known, pairs = set(words), {a + b for a, b in pairwise(words) if a and b and a[-1] != "-"}
    with pypdfium2.PdfDocument(pdf) as document:
        ours = " ".join(page.get_textpage().get_text_range() for page in document).split()
    return tuple(one for one in map(plain, ours) if one in pairs and one not in known)


def _misplaced(lefts: dict[tuple[int, int], list[tuple[Word, Letter]]]) -> tuple[str, ...]:
    """Cells that do not begin where the others of their column begin, on the same page."""
    wrong = []
    for cells in lefts.values():
        by_page: dict[int, list[tuple[Word, Letter]]] = defaultdict(list)
        for one in cells:
            by_page[one[1].page].append(one)
        for some in by_page.values():
            first = min(letter.left for _, letter in some)
            wrong += [word.text for word, letter in some if letter.left - first > _APART]
    return tuple(wrong)


@dataclass(frozen=True, slots=True)
class Drawn:
    """How a PDF's pages and ours of them differ where another program draws both."""

    how: str
    pages: int
    different: tuple[int, ...]


def drawn(data: bytes) -> Drawn:
    """Every page of a PDF beside the same page of ours. What is not called merged is not compared.

    Raises:
        pypdfium2.PdfiumError: the other program cannot open the original.
    """
    how, pdf = pages_of(data, "application/pdf")
    if how != MERGED:
        return Drawn(how, 0, ())
    begin = max(data.find(b"%PDF-"), 0)
    with pypdfium2.PdfDocument(data[begin:]) as theirs, pypdfium2.PdfDocument(pdf) as ours:
        theirs.init_forms()
        if theirs.formenv:  # its own tint over fields that can be filled in
            pypdfium2.raw.FPDF_SetFormFieldHighlightAlpha(theirs.formenv, 0)
        before = _first(theirs, ours)
        different = [n for n, page in enumerate(theirs) if not _is_same(page, ours[n + before])]
        return Drawn(how, len(theirs), tuple(different))


def _first(theirs: Any, ours: Any) -> int:
    """A page of ours may stand before its own."""
    is_headed = len(ours) > len(theirs) and "Its own pages follow" in ours[0].get_textpage().get_text_range()
    return 1 if is_headed else 0


def _is_same(theirs: Any, ours: Any) -> bool:
    """Alike, but for fields: in their place the other program draws what belongs to it, such as a button to choose."""
    one, other = _picture(theirs), _picture(ours)
    for field in _fields(theirs, one.height):
        one.paste(255, field)
        if other.size == one.size:
            other.paste(255, field)
    return is_alike(one, other)


def _fields(page: Any, height: int) -> Iterator[tuple[int, int, int, int]]:
    """Where the fields of a form are, in pixels."""
    raw = pypdfium2.raw
    if page.get_rotation():
        return
    box = page.get_cropbox()
    for n in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, n)
        if raw.FPDFAnnot_GetSubtype(annotation) == raw.FPDF_ANNOT_WIDGET:
            place = raw.FS_RECTF()
            raw.FPDFAnnot_GetRect(annotation, place)
            left, right = place.left - box[0], place.right - box[0]
            top, low = box[3] - max(place.top, place.bottom), box[3] - min(place.top, place.bottom)
            scaled = [one * _SCALE for one in (left - 2, top - 2, right + 2, low + 2)]
            yield max(int(scaled[0]), 0), max(int(scaled[1]), 0), int(scaled[2]) + 1, min(int(scaled[3]) + 1, height)
        raw.FPDFPage_CloseAnnot(annotation)


def _picture(page: Any) -> Image.Image:
    picture: Image.Image = page.render(scale=_SCALE, may_draw_forms=True).to_pil().convert("L")
    return picture


def is_alike(one: Image.Image, other: Image.Image) -> bool:
    """Whether two drawings show the same; a shade at the edge of a letter is no difference."""
    if one.size != other.size:
        return False
    difference = ImageChops.difference(one, other).filter(ImageFilter.BoxBlur(2))
    worst = max(difference.resize((100, 100), Image.Resampling.BOX).tobytes())
    return ImageStat.Stat(difference).mean[0] <= _MEAN and worst <= _WORST
