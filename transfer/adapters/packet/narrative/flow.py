"""Blocks out of a tree of elements: the narrative of a C-CDA (CDA R2 section 4.3.5) or a page of HTML.

Elements that stand as blocks separate what they hold; those that stand in a line do not. The names of both languages do
not contradict each other, and senders mix them.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from transfer.adapters.packet.narrative.blocks import (
    BOLD,
    STRUCK,
    Block,
    Cell,
    FixedWidth,
    Heading,
    Paragraph,
    gridded,
)
from transfer.adapters.packet.narrative.elements import (
    BLOCKS,
    BOLD_TAGS,
    COLUMNS,
    ELSEWHERE,
    LINE,
    NO_BREAK,
    RAISED,
    SPACE,
    WIDE_SPACE,
    dedented,
    display,
    inline_picture,
    is_deleted,
    is_hidden,
    is_preformatted,
    is_raised,
    kind_of_list,
    ordinal,
    row_span,
    visible,
    whole_number,
)
from transfer.adapters.packet.narrative.tables import RowGroup, carried, cell_text, heading_rows, is_layout, row_groups
from transfer.adapters.packet.narrative.trees import Element

#: a blank on both sides of where bold or struck-out words begin is one, and none at the beginning of a line
_BESIDE_MARKS: Final = re.compile(rf"(^| )([{BOLD}{STRUCK}]+) +")
#: pictures by the name under which the text refers to them
Pictures = Mapping[str, Block]


def flow(element: Element, pictures: Pictures | None = None) -> list[Block]:
    """The blocks of all that an element holds."""
    writer = _Writer(pictures or {}, {})
    writer.inside(element)
    writer.flush()
    return writer.blocks


class _Writer:
    def __init__(self, pictures: Pictures, notes: dict[str, int]) -> None:
        self.blocks: list[Block] = []
        self._pictures = pictures
        #: numbers of footnotes, by their IDs
        self._notes = notes
        self._text = ""
        self._bold = 0
        self._lists = 0
        #: what stands before the next block of a list's item
        self._marker = ""

    def inside(self, element: Element) -> None:
        for child in element.children:
            if isinstance(child, str):
                self._text += child
            else:
                self._element(child)

    def flush(self) -> None:
        """End the block that is being written."""
        raw, self._text = self._text, ""
        if self._bold:  # what is bold goes on in the next block
            raw, self._text = raw + BOLD, BOLD
        if len(COLUMNS.findall(raw)) > 1 and raw.strip().count("\n") and LINE not in raw:
            self._add(FixedWidth(dedented(raw)))
            return
        lines = [_BESIDE_MARKS.sub(r"\1\2", SPACE.sub(" ", line)).strip(" ") for line in raw.split(LINE)]
        text = "\n".join(lines).strip("\n")
        if sum(1 for line in lines if WIDE_SPACE.search(line)) > 1:
            self._add(FixedWidth(text.replace(NO_BREAK, " ").replace(BOLD, "").replace(STRUCK, "")))
            return
        if text.replace(BOLD, "").replace(STRUCK, "").strip():
            self._add(Paragraph(text, self._lists))

    def _add(self, block: Block) -> None:
        marker, self._marker = self._marker, ""
        if marker and isinstance(block, Paragraph):
            block = Paragraph(f"{marker} {block.text}", block.indent)
        elif marker:
            self.blocks.append(Paragraph(marker, self._lists))
        self.blocks.append(block)

    def _element(self, element: Element) -> None:
        if is_hidden(element):
            return
        if (write := _WRITTEN.get(element.tag)) is not None:
            write(self, element)
        elif element.tag in ELSEWHERE:
            self._text += f" {ELSEWHERE[element.tag]} "
        elif (shown := display(element)) == "apart" and element.tag not in BLOCKS:
            self._text += " "
            self._styled(element)
            self._text += " "
        elif element.tag in BLOCKS or element.tag.startswith("list") or shown == "block":
            self.flush()
            self._styled(element)
            self.flush()
        else:
            self._styled(element)

    def _styled(self, element: Element) -> None:
        """With what its style and its revision say."""
        style = element.attributes.get("style", "")
        if is_preformatted(element, style):
            self.preformatted(element)
            return
        codes = element.attributes.get("styleCode", "").lower().split()
        bold = element.tag in BOLD_TAGS or "bold" in codes or "font-weight:bold" in style.replace(" ", "").lower()
        if is_deleted(element):
            self._between(element, f"[deleted: {STRUCK}", f"{STRUCK}]")
        elif element.tag == "ins" or element.attributes.get("revised") == "insert":
            self._between(element, "[inserted: ", "]")
        elif is_raised(element) and element.tag not in BLOCKS:
            self.raised(element)
        elif bold:
            self._begin_bold()
            self.inside(element)
            self._end_bold()
        else:
            self.inside(element)

    def _between(self, element: Element, before: str, after: str) -> None:
        inner = self._sub()
        inner.inside(element)
        inner.flush()
        if text := cell_text(inner.blocks):
            self._text += before + text.replace("\n", LINE) + after
        self.blocks += carried(inner.blocks)

    def _begin_bold(self) -> None:
        self._bold += 1
        if self._bold == 1:
            self._text += BOLD

    def _end_bold(self) -> None:
        self._bold -= 1
        if self._bold == 0:
            self._text += BOLD

    def _sub(self) -> "_Writer":
        return _Writer(self._pictures, self._notes)

    # one verb for each element that is more than a block or a part of a line

    def line(self, _: Element) -> None:
        self._text += LINE

    def rule(self, _: Element) -> None:
        self.flush()

    def heading(self, element: Element) -> None:
        self.flush()
        if text := SPACE.sub(" ", element.text):
            self._add(Heading(text, min(int(element.tag[1]) + 1, 6)))

    def preformatted(self, element: Element) -> None:
        self.flush()
        text = visible(element).replace("\r\n", "\n").strip("\n")
        if text.strip():
            self._add(FixedWidth(text))

    def raised(self, element: Element) -> None:
        text = element.text
        up = text.translate(RAISED)
        is_number = bool(re.fullmatch(r"[0-9+\-−=()n]+", text))
        self._text += up if is_number else f"^{text}" if text[:1].isdigit() else text

    def list_(self, element: Element) -> None:
        self.flush()
        kept = self._marker
        if kept:  # a list at the head of an item
            self._add(Paragraph("", self._lists))
        self._lists += 1
        number = whole_number(element.attributes.get("start")) or 1
        is_ordered = element.tag == "ol" or element.attributes.get("listType", "").lower() == "ordered"
        for child in element.children:
            if isinstance(child, Element) and child.tag in ("item", "li") and not is_hidden(child):
                number = whole_number(child.attributes.get("value")) or number
                self._item(child, ordinal(number, kind_of_list(element)) if is_ordered else "•")
                number += 1
            elif isinstance(child, Element):
                self._element(child)
            else:
                self._text += child
        self.flush()
        self._lists -= 1

    def _item(self, element: Element, marker: str) -> None:
        self.flush()
        self._marker = marker
        self._styled(element)
        self.flush()
        self._marker = ""

    def definition(self, element: Element) -> None:
        self.flush()
        self._lists += 1
        self._styled(element)
        self.flush()
        self._lists -= 1

    def picture(self, element: Element) -> None:
        """`img` and `renderMultiMedia`."""
        name = element.attributes.get("referencedObject") or element.attributes.get("src", "")
        shown: list[Block] = [self._pictures[one] for one in name.split() if one in self._pictures]
        if not shown and (inline := inline_picture(name)):
            shown = [inline]
        said = element.attributes.get("alt", "") or element.text
        if shown:
            self.flush()
            for one in shown:
                self._add(one)
            self._text += said
        else:
            self._text += f" (a picture that is not in the document{f': {said}' if said else ''}) "

    def footnote(self, element: Element) -> None:
        number = self._note(element.attributes.get("ID"))
        self._text += f" [note {number}: {element.text}] "

    def footnote_reference(self, element: Element) -> None:
        self._text += f" [note {self._note(element.attributes.get('IDREF'))}]"

    def _note(self, name: str | None) -> int:
        return self._notes.setdefault(name or f"unnamed {len(self._notes)}", len(self._notes) + 1)

    def link(self, element: Element) -> None:
        self._styled(element)
        if not element.text:
            self._text += element.attributes.get("href", "")

    def field(self, element: Element) -> None:
        """What a person sees in a form's field."""
        kind = element.attributes.get("type", "text").lower()
        if kind in ("checkbox", "radio"):
            self._text += "[x] " if "checked" in element.attributes else "[ ] "
        elif kind not in ("image", "file", "password"):
            self._text += f" {element.attributes.get('value', '')} "

    def chosen(self, element: Element) -> None:
        options = [one for one in element.within() if one.tag == "option"]
        picked = [one.text for one in options if "selected" in one.attributes]
        if not picked and "multiple" not in element.attributes:
            picked = [one.text for one in options[:1]]
        self._text += f" {', '.join(picked)} "

    def table(self, element: Element) -> None:
        self.flush()
        groups, stray = row_groups(element)
        self._text += stray
        self.flush()
        if is_layout(element, groups):
            for group in groups:
                for row in group.rows:
                    for cell in row:
                        self._styled(cell)
                        self.flush()
            return
        self._add_table(element, groups)

    def _add_table(self, element: Element, groups: "Sequence[RowGroup]") -> None:
        after: list[Block] = []
        rows = [[[self._cell(cell, group, after) for cell in row] for row in group.rows] for group in groups]
        caption = next((one.text for one in element.elements() if one.tag == "caption"), "")
        if any(cell.text.strip() for group in rows for row in group for cell in row):
            self._add(gridded(rows, heading_rows=heading_rows(groups), caption=caption))
        elif caption:
            self._add(Paragraph(caption))
        self.blocks += after

    def _cell(self, element: Element, group: "RowGroup", after: list[Block]) -> Cell:
        inner = self._sub()
        inner._styled(element)  # one of its own kind
        inner.flush()
        after += carried(inner.blocks)
        return Cell(
            cell_text(inner.blocks),
            element.tag == "th" or group.is_heading,
            whole_number(element.attributes.get("colspan")) or 1,
            row_span(element.attributes.get("rowspan")),
            any(isinstance(block, FixedWidth) and "\n" in block.text for block in inner.blocks),
        )


_WRITTEN: Final[dict[str, Callable[[_Writer, Element], None]]] = {
    "br": _Writer.line,
    "hr": _Writer.rule,
    **{f"h{n}": _Writer.heading for n in range(1, 7)},
    **dict.fromkeys(("pre", "xmp", "listing", "textarea"), _Writer.preformatted),
    "sup": _Writer.raised,
    **dict.fromkeys(("list", "ul", "ol", "menu", "dir"), _Writer.list_),
    "dd": _Writer.definition,
    **dict.fromkeys(("img", "renderMultiMedia"), _Writer.picture),
    "footnote": _Writer.footnote,
    "footnoteRef": _Writer.footnote_reference,
    **dict.fromkeys(("a", "linkHtml"), _Writer.link),
    "input": _Writer.field,
    "select": _Writer.chosen,
    "table": _Writer.table,
}
