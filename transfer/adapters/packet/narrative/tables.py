"""Tables as they are written in C-CDA and HTML: rows by group, what stands in no cell, what a cell holds."""

from collections.abc import Iterator, Sequence

from transfer.adapters.packet.narrative.blocks import (
    BOLD,
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
from transfer.adapters.packet.narrative.elements import NO_BREAK, is_hidden
from transfer.adapters.packet.narrative.trees import Element


class RowGroup:
    """Rows of a thead, a tbody, a tfoot, or of the table itself."""

    def __init__(self, *, is_heading: bool = False) -> None:
        self.is_heading = is_heading
        self.rows: list[list[Element]] = []


def row_groups(table: Element) -> tuple[list[RowGroup], str]:
    """Its rows by group, the foot last; and text that stands in no cell."""
    heads, bodies, feet, stray = list[RowGroup](), list[RowGroup](), list[RowGroup](), ""
    loose: RowGroup | None = None
    for child in table.children:
        if isinstance(child, str):
            stray += child
        elif is_hidden(child) or child.tag == "caption":
            continue
        elif child.tag in ("thead", "tbody", "tfoot"):
            group = RowGroup(is_heading=child.tag == "thead")
            {"thead": heads, "tbody": bodies, "tfoot": feet}[child.tag].append(group)
            stray += _read_rows(child, group)
            loose = None
        elif child.tag == "tr":
            if loose is None:
                loose = RowGroup()
                bodies.append(loose)
            stray += _read_row(child, loose)
        else:
            stray += f" {child.text} "
    return [*heads, *bodies, *feet], stray


def _read_rows(element: Element, group: RowGroup) -> str:
    stray = ""
    for child in element.children:
        if isinstance(child, str):
            stray += child
        elif child.tag == "tr":
            if not is_hidden(child):
                stray += _read_row(child, group)
        elif not is_hidden(child):
            stray += f" {child.text} "
    return stray


def _read_row(row: Element, group: RowGroup) -> str:
    stray, cells = "", []
    for child in row.children:
        if isinstance(child, str):
            stray += child
        elif child.tag in ("td", "th"):
            if not is_hidden(child):
                cells.append(child)
        elif not is_hidden(child):
            stray += f" {child.text} "
    group.rows.append(cells)
    return stray


def is_layout(table: Element, groups: Sequence[RowGroup]) -> bool:
    """A table that only puts others side by side, as pages do."""
    cells = [cell for group in groups for row in group.rows for cell in row]
    if table.attributes.get("role") in ("presentation", "none"):
        return True
    if any(cell.tag == "th" for cell in cells) or any(group.is_heading for group in groups):
        return False
    return any(one.tag == "table" for cell in cells for one in cell.within())


def heading_rows(groups: Sequence[RowGroup]) -> int:
    """The rows of a thead; else those at the top that hold headings alone."""
    if in_heads := sum(len(group.rows) for group in groups if group.is_heading):
        return in_heads
    count = 0
    for row in groups[0].rows if groups else ():
        if len(row) < 2 or any(cell.tag != "th" for cell in row):
            break
        count += 1
    return count


def cell_text(blocks: Sequence[Block]) -> str:
    """Blocks as the lines of one cell."""
    return "\n".join(filter(None, _cell_lines(blocks)))


def _cell_lines(blocks: Sequence[Block]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Paragraph(text, indent):
                yield NO_BREAK * 3 * max(indent - 1, 0) + text
            case Heading(text):
                yield f"{BOLD}{text}{BOLD}"
            case FixedWidth(text):
                yield text.expandtabs(8).replace(" ", NO_BREAK)
            case NarrativeTable():
                yield block.caption
                yield from block.lines()
            case Facts(rows):
                yield from (f"{label}: {value}" for label, value in rows)
            case Remark(text):
                yield text
            case Picture() | Embedded():
                yield "(a picture: it follows below)"


def carried(blocks: Sequence[Block]) -> list[Block]:
    """What has no place in a line."""
    return [block for block in blocks if isinstance(block, Picture | Embedded)]
