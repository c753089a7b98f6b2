"""A document's blocks on pages of ours."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from transfer.adapters.packet.narrative import (
    Block,
    Embedded,
    Facts,
    FixedWidth,
    Heading,
    NarrativeTable,
    Paragraph,
    Picture,
    Remark,
)
from transfer.adapters.packet.pdf_fixed import draw_fixed, fixed_turns
from transfer.adapters.packet.pdf_tables import draw_table, table_turns
from transfer.adapters.packet.pdf_text import GREY, MARGIN, RULE, Pages, undrawable
from transfer.adapters.packet.pictures import frames
from transfer.adapters.packet.shown import letters

_HEADING_SIZES: Final = {1: 14.0, 2: 11.5, 3: 10.5}
_INDENT: Final = 14
_FRAMES: Final = 20
#: points of height that a picture among text takes at most
_TALLEST: Final = 420


def draw(pages: Pages, blocks: Sequence[Block]) -> None:
    """All blocks, one below the other; first of all what of them cannot be drawn."""
    if sentence := missing_letters(texts(blocks)):
        pages.write_line(sentence, size=9, bold=True)
        pages.ln(4)
    for number, block in enumerate(blocks):
        if isinstance(block, Heading):
            _turn_for(pages, next((one for one in blocks[number:] if not isinstance(one, Heading)), block))
        _draw(pages, block)


def _turn_for(pages: Pages, block: Block) -> None:
    """A section begins on a page that lies as its first block needs it, so that no heading is left behind."""
    match block:
        case NarrativeTable():
            is_turned = table_turns(pages, block)
        case FixedWidth(text):
            is_turned = fixed_turns(pages, text)
        case _:
            is_turned = False
    if is_turned != pages.is_turned:
        pages.add_page(orientation="L" if is_turned else "P")


def missing_letters(texts: Iterable[str], *, whole: str = "The file") -> str | None:
    """A sentence about characters of scripts for which no face is here, and what has them; None where all are drawn."""
    if not (missing := undrawable(texts)):
        return None
    count = missing.total()
    return (
        f"{letters(missing)} cannot be drawn here and {'is' if count == 1 else 'are'} shown as \ufffd. "
        f"{whole} has {'it' if count == 1 else 'them'}."
    )


def texts(blocks: Iterable[Block]) -> Iterator[str]:
    """All that is written in them."""
    return (text for block in blocks for text in _texts(block))


def _texts(block: Block) -> Iterator[str]:
    match block:
        case Heading(text) | Paragraph(text) | FixedWidth(text):
            yield text
        case Facts(rows):
            yield from (value for _, value in rows)
        case NarrativeTable():
            yield from (cell.text for cell in block.cells)


def _draw(pages: Pages, block: Block) -> None:
    match block:
        case Heading(text):
            pages.heading(text, size=_HEADING_SIZES.get(block.level, 10))
        case Paragraph(text, indent):
            pages.write_line(text, indent=_INDENT * max(indent - 1, 0), hang=10 if indent else 0)
            pages.ln(2 if indent else 4)
        case FixedWidth(text):
            draw_fixed(pages, text)
            pages.ln(5)
        case Facts(rows):
            pages.facts(rows)
            pages.ln(4)
            pages.set_draw_color(*RULE)
            pages.line(MARGIN, pages.get_y(), MARGIN + pages.epw, pages.get_y())
            pages.ln(4)
        case Remark(text):
            pages.write_line(text, size=9, colour=GREY)
            pages.ln(3)
        case NarrativeTable():
            draw_table(pages, block)
            pages.ln(6)
        case Picture(_, data):
            _picture(pages, data)
        case Embedded():
            pages.write_line("(a document carried inside; it is in the file itself)", colour=GREY)


def _picture(pages: Pages, data: bytes) -> None:
    try:
        shown = frames(data, _FRAMES)
    except (OSError, ValueError, SyntaxError):
        pages.write_line("(a picture that cannot be opened; it is in the file itself)", colour=GREY)
        return
    for frame in shown:
        width = min(frame.width_points, pages.epw)
        height = width * frame.height_points / frame.width_points
        if height > _TALLEST:
            width, height = width * _TALLEST / height, _TALLEST
        if pages.get_y() + height > pages.page_break_trigger:
            pages.add_page(same=True)
        pages.image(frame.data, x=MARGIN, y=pages.get_y(), w=width, h=height)
        pages.set_y(pages.get_y() + height + 6)
