"""Text of a message in which its sender left the markup of HTML: what a browser would show of it, in lines."""

import html
import re
from typing import Final

_NAMES: Final = (
    "br|p|div|span|b|i|u|strong|em|font|li|ul|ol|tr|td|th|table|tbody|thead|h[1-6]|center|hr|sup|sub|pre|small"
)
_TAG: Final = re.compile(rf"<(/?)({_NAMES})\b[^<>]{{0,300}}>", re.IGNORECASE)
#: markup for certain, which nobody writes as text
_IS_MARKUP: Final = re.compile(rf"<br\s*/?>|</(?:{_NAMES})\s*>", re.IGNORECASE)
_ENTITY: Final = re.compile(r"&(?:lt|gt|amp|nbsp|quot|apos|#\d{1,6}|#x[0-9a-f]{1,5});", re.IGNORECASE)
_BLOCKS: Final = frozenset(
    {"p", "div", "li", "tr", "ul", "ol", "table", "hr", "center", "pre", *(f"h{n}" for n in range(1, 7))}
)
#: where a block begins or ends: several are one end of a line
_END: Final = "\0"
_CELLS: Final = frozenset({"td", "th"})


def without_markup(text: str) -> str:
    """Tags as line ends, columns, or nothing; references to characters as these. Text without either is the same."""
    if "<" in text and _IS_MARKUP.search(text):
        text = "\n".join(filter(None, (piece.strip() for piece in _TAG.sub(_written, text).split(_END))))
    if "&" in text and _ENTITY.search(text):
        text = _ENTITY.sub(lambda found: html.unescape(found[0]), text).replace("\r\n", "\n").replace("\r", "\n")
        text = text.replace("\u00a0", " ")
    return text


def _written(tag: re.Match[str]) -> str:
    closes, name = bool(tag[1]), tag[2].lower()
    if name == "br":
        return "\n"
    if name in _BLOCKS:
        return _END
    if name in _CELLS:
        return "   " if closes else ""
    return "^" if name == "sup" and not closes else ""
