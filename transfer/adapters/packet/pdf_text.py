"""Letters on pages of ours: which face draws a character, how wide it is, where a line ends.

The faces ship with us. Roboto draws Latin, Greek and Cyrillic, IBM Plex Mono what has columns. Four more draw Hebrew,
Arabic, Devanagari and Thai, shaped and in their own direction. What no face has is told in words, never left as boxes.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import font_roboto  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fpdf import FPDF

from transfer.adapters.packet import pdf_faces
from transfer.adapters.packet.narrative.blocks import BOLD, MARKS, STRUCK

INK: Final = (24, 32, 40)
GREY: Final = (92, 102, 112)
ACCENT: Final = (0, 82, 122)
RULE: Final = (200, 206, 212)
TINT: Final = (240, 243, 246)
MARGIN: Final = 54
TEXT: Final = "Roboto"
FIXED: Final = "Plex"
#: a character that stands for one that cannot be drawn
REPLACEMENT: Final = "\ufffd"
_NONE: Final = "\ufdd5"
#: drawn by what people read the same
_STANDS_FOR: Final = {
    **dict.fromkeys("☐❏❑▢", "[ ]"),
    **dict.fromkeys("☑☒🗹🗷", "[x]"),
    **dict.fromkeys("✔🗸", "✓"),
    **dict.fromkeys("✗✘✕", "×"),
    **dict.fromkeys("▪■●⚫◼⬤", "•"),
    **dict.fromkeys("○◦⚪", "◦"),
    **dict.fromkeys("⇒➔➜➡", "→"),
    **dict.fromkeys("⇐⬅", "←"),
    **dict.fromkeys("⇑⬆▲", "↑"),
    **dict.fromkeys("⇓⬇▼", "↓"),
    **dict.fromkeys("★☆✱", "*"),
    "\u2028": "\n",
    "\u2029": "\n",
}


@dataclass(frozen=True, slots=True)
class _Face:
    name: str
    path: str
    #: its letters join, or run from right to left
    is_shaped: bool = False


def _of_package(package: str, file: str) -> str:
    found = find_spec(package)
    assert found is not None and found.origin, "a font that ships with us"  # for the type
    return str(Path(found.origin).parent / "files" / file)


@cache
def _faces() -> tuple[_Face, ...]:
    """In the order in which they are asked for a character."""
    return (
        _Face(TEXT, str(font_roboto.Roboto)),
        _Face(FIXED, _of_package("fontpkg_ibm_plex_mono", "IBMPlexMono-Regular.ttf")),
        _Face("Hebrew", _of_package("fontpkg_heebo", "Heebo[wght].ttf"), is_shaped=True),
        _Face("Arabic", _of_package("fontpkg_noto_sans_arabic", "NotoSansArabic[wdth,wght].ttf"), is_shaped=True),
        _Face(
            "Devanagari",
            _of_package("fontpkg_noto_sans_devanagari", "NotoSansDevanagari[wdth,wght].ttf"),
            is_shaped=True,
        ),
        _Face("Thai", _of_package("fontpkg_noto_sans_thai", "NotoSansThai[wdth,wght].ttf"), is_shaped=True),
    )


def is_fixed(character: str) -> bool:
    """Whether the face of one width has it."""
    return ord(character) in _glyphs(next(face.path for face in _faces() if face.name == FIXED))


def prepare() -> None:
    """Parse what most pages are written with, and load what writes them, for this process and its forks."""
    plain = {(face.name, ""): face.path for face in _faces() if not face.is_shaped}
    pdf_faces.prepare({**plain, (TEXT, "B"): str(font_roboto.RobotoBold)})
    trial = Pages(created_at=datetime(2026, 1, 1, tzinfo=UTC), footer="a – b")
    trial.write_line("A", bold=True)
    trial.finished()
    for path in plain.values():
        _glyphs(path)


@cache
def _glyphs(path: str) -> frozenset[int]:
    return frozenset(TTFont(path).getBestCmap())


@cache
def _face_of(character: str) -> _Face | None:
    return next((face for face in _faces() if ord(character) in _glyphs(face.path)), None)


@cache
def _drawn(character: str) -> str:
    """What is drawn for a character: itself, another, nothing where it is not seen anyway."""
    if character in MARKS or character == "\n" or _face_of(character):
        return (
            character
            if character == "\n" or character in MARKS or character.isprintable() or character == "\u00a0"
            else ""
        )
    if (other := _STANDS_FOR.get(character)) is not None:
        return other
    kind = unicodedata.category(character)
    if kind == "Zs":
        return " "
    if kind in ("Cc", "Cf", "Cs", "Mn", "Me") and not character.isalnum():
        return ""
    return REPLACEMENT


def drawable(text: str) -> str:
    """The text as it can be drawn; a character that no face has is shown as one that says so (U+FFFD)."""
    return "".join(map(_drawn, unicodedata.normalize("NFC", text)))


def undrawable(texts: Iterable[str]) -> Counter[str]:
    """How many characters cannot be drawn, by the first word of their name, which is their script's."""
    missing: Counter[str] = Counter()
    for text in texts:
        if text.isascii():
            continue
        for character in unicodedata.normalize("NFC", text):
            if character != REPLACEMENT and _drawn(character) == REPLACEMENT:
                missing[unicodedata.name(character, "UNNAMED").split(" ")[0].split("-")[0]] += 1
    return missing


class Pages(FPDF):  # type: ignore[misc]  # fpdf2 ships no types
    """Letter-size pages in faces that ship with us."""

    # What is bold or struck out is told by marks that no text from outside holds; Markdown's own marks are text.
    MARKDOWN_BOLD_MARKER = BOLD * 2
    MARKDOWN_ITALICS_MARKER = "\ufdd2" * 2
    MARKDOWN_STRIKETHROUGH_MARKER = STRUCK * 2
    MARKDOWN_UNDERLINE_MARKER = "\ufdd3" * 2
    MARKDOWN_MARKERS = (
        MARKDOWN_BOLD_MARKER,
        MARKDOWN_ITALICS_MARKER,
        MARKDOWN_STRIKETHROUGH_MARKER,
        MARKDOWN_UNDERLINE_MARKER,
    )
    MARKDOWN_ESCAPE_CHARACTER = "\ufdd4"

    def __init__(
        self,
        *,
        created_at: datetime,
        footer: str,
        size: str | tuple[float, float] = "letter",
        margin: float = MARGIN,
        is_begun: bool = True,
    ) -> None:
        super().__init__(format=size, unit="pt")
        self.MARKDOWN_LINK_REGEX = _NO_LINK
        self.alias_nb_pages(_NONE)
        self._footer = drawable(footer)
        self._wide: set[str] = set()
        self._widths: dict[tuple[str, str, str, float], float] = {}
        self.set_creation_date(created_at)
        self.set_margin(margin)
        self.set_auto_page_break(True, margin=MARGIN + 6)
        self.c_margin = 0
        pdf_faces.add(self, TEXT, "", str(font_roboto.Roboto))
        pdf_faces.add(self, TEXT, "B", str(font_roboto.RobotoBold))
        if is_begun:
            self.add_page()

    @property
    def is_turned(self) -> bool:
        """Whether the page lies on its long side."""
        return bool(self.w > self.h)

    def footer(self) -> None:
        """Called by fpdf2 at the end of each page."""
        if not self._footer:
            return
        self.set_y(-40)
        self.face(TEXT, 8)
        self.set_text_color(*GREY)
        self.line_of(self._footer, self.epw, 10)

    def face(self, family: str, size: float, *, bold: bool = False) -> None:
        """From here on, write in this face."""
        self._load(family)
        self.set_font(family, "B" if bold and family == TEXT else "", size)

    def _load(self, family: str) -> None:
        if family != TEXT and family not in self._wide:
            self._wide.add(family)
            pdf_faces.add(self, family, "", next(face.path for face in _faces() if face.name == family))

    def _prepare(self, text: str) -> bool:
        """Make ready what these letters need; whether they are shaped."""
        if text.isascii():
            self._fallback_font_ids = ()
            self.text_shaping = None
            return False
        faces = {face for c in text if c not in MARKS and (face := _face_of(c))}
        others = [face.name for face in _faces() if face in faces and face.name != self.font_family.capitalize()]
        for name in others:
            self._load(name)
        self.set_fallback_fonts(
            [name for name in others if name != TEXT or self.font_family != TEXT.lower()], exact_match=False
        )
        is_shaped = any(face.is_shaped for face in faces)
        self.set_text_shaping(is_shaped)
        return is_shaped

    def width_of(self, text: str) -> float:
        """Points that one line of drawable text takes, in the face at hand."""
        key = (text, self.font_family, self.font_style, self.font_size_pt)
        if (known := self._widths.get(key)) is None:
            plain = text.replace(BOLD, "").replace(STRUCK, "")
            self._prepare(plain)
            known = self.get_string_width(plain) if plain else 0.0
            if len(self._widths) < 50_000:
                self._widths[key] = known
        return known

    def line_of(self, text: str, width: float, height: float, align: str = "L") -> None:
        """One line of drawable text from where we are; nothing of it is broken."""
        has_marks = BOLD in text or STRUCK in text
        self._prepare(text)
        marked = text.replace(BOLD * 2, "").replace(STRUCK * 2, "").replace(BOLD, BOLD * 2).replace(STRUCK, STRUCK * 2)
        self.cell(width, height, marked if has_marks else text, align=align, markdown=has_marks)
        if has_marks or not text.isascii():
            # fpdf2 restores the page's state after a line in several faces, but takes its face for set
            self.current_font_is_set_on_page = False

    def lines_of(self, text: str, width: float) -> list[str]:
        """Drawable text as lines that fit, in the face at hand. What is bold in one goes on in the next."""
        return [line for part in text.split("\n") for line in _remarked(self._broken(part, width))]

    def cut_lines(self, text: str, width: float) -> list[str]:
        """Drawable text as lines that stay as they are; what is too long is cut where it no longer fits."""
        return [piece for line in text.split("\n") for piece in self._cut(line, width - 0.01)]

    def _broken(self, text: str, width: float) -> Iterator[str]:
        room = width - 0.01
        if len(text) < 400 and self.width_of(text) <= room:
            yield text
            return
        space, line, used = self.width_of(" "), "", 0.0
        for word in text.split(" "):
            wide = self._width_bold(word)
            if line and used + space + wide > room:
                yield line
                line, used = "", 0.0
            if wide > room:
                *whole, word = self._cut(f"{line} {word}" if line else word, room)
                yield from whole
                line, used = word, self._width_bold(word)
                continue
            line, used = (f"{line} {word}", used + space + wide) if line else (word, wide)
        yield line

    def _width_bold(self, word: str) -> float:
        """Bold letters are a little wider; by how much differs by less than what this adds."""
        wide = self.width_of(word)
        return wide * 1.06 if BOLD in word else wide

    def _cut(self, word: str, room: float) -> Iterator[str]:
        """A word that is longer than a line, letter by letter."""
        piece, used = "", 0.0
        for letter in word:
            wide = self.width_of(letter)
            if used + wide > room and piece:
                yield piece
                piece, used = "", 0.0
            piece, used = piece + letter, used + wide
        yield piece

    # what is drawn of them

    def write_line(
        self,
        text: str,
        *,
        size: float = 10,
        bold: bool = False,
        colour: Sequence[int] = INK,
        indent: float = 0,
        hang: float = 0,
    ) -> None:
        """A paragraph in the face for text; its second line and all others stand in by `hang` points."""
        self.face(TEXT, size, bold=bold)
        self.set_text_color(*colour)
        self._paragraph(text, size * 1.38, indent, hang)

    def _paragraph(self, text: str, height: float, indent: float, hang: float) -> None:
        for n, line in enumerate(self.lines_of(drawable(text), self.epw - indent - hang)):
            if self.get_y() + height > self.page_break_trigger:
                self.next_page()
            self.set_x(MARGIN + indent + (hang if n else 0))
            self.line_of(line, self.epw - indent, height)
            self.set_xy(MARGIN, self.get_y() + height)

    def next_page(self) -> None:
        """Another page, and on it what was written with."""
        family, style, size = self.font_family, self.font_style, self.font_size_pt
        self.add_page(same=True)
        self.set_font(family, style, size)

    def heading(self, text: str, *, size: float = 13) -> None:
        """Never left alone at the foot of a page."""
        if self.will_page_break(size + 76):
            self.add_page(same=True)
        self.ln(size * 0.7)
        self.write_line(text, size=size, bold=True, colour=ACCENT)
        self.ln(2)

    def facts(self, rows: Sequence[tuple[str, str]], *, bold: str = "Patient") -> None:
        """Label and value, side by side."""
        for label, value in rows:
            self.face(TEXT, 10)
            lines = self.lines_of(drawable(label), 104)
            if self.will_page_break(14 * max(len(lines), 2)):
                self.add_page(same=True)
            top, page = self.get_y(), self.page
            self.face(TEXT, 10)
            self.set_text_color(*GREY)
            for n, line in enumerate(lines):
                self.set_xy(MARGIN, top + 14 * n)
                self.line_of(line, 104, 14)
            self.set_y(top)
            self.write_line(value, bold=label == bold, indent=110)
            if self.page == page:
                self.set_y(max(self.get_y(), top + 14 * len(lines)))

    def finished(self) -> bytes:
        return bytes(self.output(output_producer_class=pdf_faces.Writing))


def _remarked(lines: Iterable[str]) -> Iterator[str]:
    """Marks that are open at the end of a line are closed there and opened again."""
    open_: list[str] = []
    for line in lines:
        begun = "".join(open_) + line
        open_ = [mark for mark in (BOLD, STRUCK) if begun.count(mark) % 2]
        yield begun + "".join(open_)


class _NoLink:
    """Nothing is a link."""

    def match(self, _: str) -> None:
        return None


_NO_LINK: Any = _NoLink()
