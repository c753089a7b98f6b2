"""Faces that are parsed once for all pages of a process, and for the forks of one that prepared them.

fpdf2 parses a face anew for each document, and cuts it down from all of its letters. Most documents need few of them:
those are cut out once, and each document's own are cut from these.
"""

import copy
import io
from functools import cache
from typing import Any, Final

from fontTools import subset  # type: ignore[import-untyped]
from fontTools.ttLib import TTFont  # type: ignore[import-untyped]
from fpdf import FPDF
from fpdf.fonts import SubsetMap, TTFFont
from fpdf.output import OutputProducer

#: Latin with its accents, punctuation, and what stands beside numbers. U+0000, because fpdf2 keeps its letter in each
#: cut of a face that has one
_COMMON: Final = frozenset(
    {0, *range(0x20, 0x250), *range(0x2010, 0x2040), *range(0x2070, 0x2100), *range(0x2190, 0x2270)}
)
#: what a PDF needs of a face whose letters it names by their numbers (ISO 32000-2, 9.9.1), and the names by which they
#: are cut out. The rest is written out anew with each document, and read by nobody
_NEEDED: Final = frozenset({"cvt ", "fpgm", "glyf", "head", "hhea", "hmtx", "loca", "maxp", "post", "prep"})
#: fpdf2 leaves them out of what it writes. With them the cut is slow
_LAYOUT: Final = ("GDEF", "GPOS", "GSUB", "meta")


def add(pages: FPDF, family: str, style: str, path: str) -> None:
    """As `FPDF.add_font`, of a face that was perhaps parsed before. They are written out by `Writing`."""
    parsed = _parsed(path, family, style)
    face = copy.copy(parsed)
    face.i = len(pages.fonts) + 1
    face.cw, face.glyph_ids = parsed.cw.copy(), parsed.glyph_ids.copy()
    face.missing_glyphs, face.subset = [], SubsetMap(face)
    pages.fonts[face.fontkey] = face


class Writing(OutputProducer):  # type: ignore[misc]  # fpdf2 ships no types
    """Writes pages out; by then all is drawn, their footers, too."""

    def bufferize(self) -> bytearray:
        _give_files(self.fpdf)
        written: bytearray = super().bufferize()
        return written


def _give_files(pages: FPDF) -> None:
    """Give each face a file of its own, which fpdf2 cuts to the letters that were used."""
    for face in pages.fonts.values():
        common, has = _common(str(face.ttffile))
        is_enough = has.issuperset(face.subset.get_all_glyph_names())
        file = io.BytesIO(common) if is_enough else face.ttffile
        # The bounds of the letters that stay are what they were. To work them out again takes a third of the time.
        face.ttfont = TTFont(file, recalcBBoxes=False, recalcTimestamp=False, lazy=True)
        for table in _LAYOUT:
            if table in face.ttfont:
                del face.ttfont[table]


def prepare(faces: dict[tuple[str, str], str]) -> None:
    """Parse them for this process and its forks."""
    for (family, style), path in faces.items():
        _parsed(path, family, style)
        _common(path)


@cache
def _parsed(path: str, family: str, style: str) -> TTFFont:
    pages = FPDF()
    pages.add_font(family, style, path)
    (face,) = pages.fonts.values()
    return face


@cache
def _common(path: str) -> tuple[bytes, frozenset[str]]:
    """The common letters of a face as a file, and the names of its glyphs."""
    font = TTFont(path, recalcTimestamp=False)
    options: Any = subset.Options(notdef_outline=True, recommended_glyphs=True, glyph_names=True)
    options.drop_tables += _LAYOUT
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=_COMMON)
    cutter.subset(font)
    font["post"].formatType, font["post"].extraNames, font["post"].mapping = 2.0, [], {}  # names as in the whole face
    for table in set(font.keys()) - _NEEDED - {"GlyphOrder"}:
        del font[table]
    file = io.BytesIO()
    font.save(file)
    return file.getvalue(), frozenset(font.getGlyphOrder())
