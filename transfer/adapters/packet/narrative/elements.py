"""What single elements mean, of C-CDA's narrative and of HTML alike: their names do not contradict each other."""

import base64
import re
from typing import Final
from urllib.parse import unquote_to_bytes

from transfer.adapters.packet.narrative.blocks import Picture
from transfer.adapters.packet.narrative.trees import Element

#: what a browser collapses; a no-break space stays
SPACE: Final = re.compile(r"[ \t\r\n\f]+")
#: ends a line within a block
LINE: Final = "\u2028"
COLUMNS: Final = re.compile(r"\S(?: {3,}|\t+)\S")

#: columns made of spaces that do not collapse
WIDE_SPACE: Final = re.compile(r"\S[ \u00a0]{3,}\S")  # three: two stand after a full stop

BLOCKS: Final = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details"),
        *("dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header"),
        *("hgroup", "html", "item", "legend", "main", "nav", "optgroup", "p", "paragraph", "section"),
        *("summary", "tbody", "td", "tfoot", "th", "thead", "tr", "linkblock"),
    )
)
BOLD_TAGS: Final = frozenset({"b", "strong"})
_DELETED_TAGS: Final = frozenset({"del", "s", "strike"})
#: of CDA's `styleCode`, by which a style sheet strikes letters out (CDA R2, 4.3.5.11 leaves such codes to implementers)
_STRUCK_CODES: Final = frozenset({"strikeout", "strikethrough", "strike-through", "strike", "line-through", "xstrike"})
_SUPER: Final = re.compile(r"vertical-align\s*:\s*super", re.IGNORECASE)
_LINE_THROUGH: Final = re.compile(r"text-decoration(?:-line)?\s*:[^;]*line-through", re.IGNORECASE)
_NOTHING: Final = frozenset(
    (
        *("script", "style", "head", "template", "noscript", "title", "meta", "link", "param", "source"),
        *("track", "datalist", "colgroup", "col"),
    )
)
ELSEWHERE: Final = {
    "iframe": "(a page from elsewhere is not shown)",
    "object": "(an object is not shown)",
    "embed": "(an object is not shown)",
    "video": "(a film is not shown)",
    "audio": "(a sound is not played)",
    "canvas": "(a drawing is not shown)",
    "svg": "(a drawing is not shown)",
    "applet": "(a program is not run)",
}
RAISED: Final = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
NO_BREAK: Final = "\u00a0"


#: https://www.w3.org/TR/css-display-3/#the-display-properties
_DISPLAY: Final = re.compile(
    r"display\s*:\s*(block|list-item|table-row|table|flex|grid|flow-root|inline-block|inline-table|inline-flex|table-cell)",
    re.IGNORECASE,
)
_AS_BLOCKS: Final = frozenset({"block", "list-item", "table-row", "table", "flex", "grid", "flow-root"})


def is_hidden(element: Element) -> bool:
    """Whether a browser would not show it: by its attributes and its own style."""
    said = element.attributes
    if (
        element.tag in _NOTHING
        or "hidden" in said
        or (element.tag == "input" and said.get("type", "").lower() == "hidden")
    ):
        return True
    style = SPACE.sub("", said.get("style", "")).lower()
    return "display:none" in style or "visibility:hidden" in style or "visibility:collapse" in style


def is_deleted(element: Element) -> bool:
    """Whether it is struck out, or was taken out in a revision."""
    said = element.attributes
    codes = said.get("styleCode", "").lower().split()
    return (
        element.tag in _DELETED_TAGS
        or said.get("revised") == "delete"
        or not _STRUCK_CODES.isdisjoint(codes)
        or _LINE_THROUGH.search(said.get("style", "")) is not None
    )


def display(element: Element) -> str:
    """How its own style has it stand: `block`, `apart` (in the line, and joined to nothing beside it), or nothing."""
    found = _DISPLAY.search(element.attributes.get("style", ""))
    if found is None:
        return ""
    return "block" if found[1].lower() in _AS_BLOCKS else "apart"


def dedented(text: str) -> str:
    """Lines without the space that all of them begin with, and without empty lines around."""
    lines = [line.expandtabs(8).rstrip() for line in text.replace("\r\n", "\n").strip("\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    # the first line has lost what stood before its element
    edge = min((len(line) - len(line.lstrip()) for line in lines[1:] if line), default=0)
    first = lines[0].lstrip() if lines and lines[0][:edge].strip() else (lines[0][edge:] if lines else "")
    return "\n".join((first, *(line[edge:] for line in lines[1:])))


def visible(element: Element) -> str:
    pieces = []
    for child in element.children:
        if isinstance(child, str):
            pieces.append(child)
        elif child.tag == "br":
            pieces.append("\n")
        elif not is_hidden(child):
            pieces.append(visible(child))
            if child.tag in BLOCKS:
                pieces.append("\n")
    return "".join(pieces)


def is_preformatted(element: Element, style: str) -> bool:
    if element.attributes.get("space") == "preserve" and "\n" in element.raw.strip():
        return True
    flat = SPACE.sub("", style).lower()
    return ("white-space:pre" in flat and "white-space:pre-line" not in flat) and not any(
        one.tag == "table" for one in element.within()
    )


def inline_picture(address: str) -> Picture | None:
    """A picture in its address (RFC 2397)."""
    if not address.lower().startswith("data:image/"):
        return None
    head, _, data = address[5:].partition(",")
    try:
        is_encoded = head.lower().endswith(";base64")
        return Picture(head.split(";")[0].lower(), base64.b64decode(data) if is_encoded else unquote_to_bytes(data))
    except ValueError:
        return None


def whole_number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,4}", text.strip()) else None


def row_span(text: str | None) -> int:
    number = whole_number(text)
    return 1 if number is None else number


def is_raised(element: Element) -> bool:
    """By its style alone: `sup` says it by its name (CDA R2, 4.3.5.1 has elements for it, and senders write codes)."""
    if {"superscript", "super", "sup"} & {*element.attributes.get("styleCode", "").lower().split()}:
        return True
    return _SUPER.search(element.attributes.get("style", "")) is not None


def raised(text: str) -> str:
    """Digits and signs that have a raised form; other letters after a sign that tells that they are raised."""
    said = text.strip()
    if not said:
        return text
    up = said.translate(RAISED)
    return up if all(one not in said for one in up) else f"^{said}"


def kind_of_list(element: Element) -> str:
    """How a list counts: `1`, `a`, `A`, `i`, `I` (CDA R2 section 4.3.5.8, HTML's `type`)."""
    codes = element.attributes.get("styleCode", "").lower()
    for code, kind in (("littleroman", "i"), ("bigroman", "I"), ("littlealpha", "a"), ("bigalpha", "A")):
        if code in codes:
            return kind
    return element.attributes.get("type", "1")


def ordinal(number: int, kind: str) -> str:
    if kind in ("a", "A") and number <= 26:
        letter = chr(ord("a") + number - 1)
        return f"{letter.upper() if kind == 'A' else letter}."
    if kind in ("i", "I"):
        return f"{_roman(number).upper() if kind == 'I' else _roman(number)}."
    return f"{number}."


def _roman(number: int) -> str:
    written = ""
    for value, letters in (
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ):
        written += letters * (number // value)
        number %= value
    return written
