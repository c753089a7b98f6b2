"""A page of HTML as blocks: what a browser shows of it, without scripts and without asking anybody."""

import re
from collections.abc import Iterator
from typing import Final

from transfer.adapters.packet.narrative.blocks import Block
from transfer.adapters.packet.narrative.characters import declared_in_html, decoded
from transfer.adapters.packet.narrative.flow import flow
from transfer.adapters.packet.narrative.trees import Element, html

_COMMENT: Final = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_RULE: Final = re.compile(r"([^{}@]{1,400})\{([^{}]{0,4000})\}")
#: selectors that are read: a tag, a class, an id, or a tag with one of them
_SELECTOR: Final = re.compile(r"([a-z][a-z0-9]*)?(?:([.#])([\w-]+))?", re.IGNORECASE)
_MOST_RULES: Final = 2_000


def html_page(data: bytes, charset: str | None) -> Iterator[Block]:
    """Its letters are those of the content type, else those it declares itself (https://html.spec.whatwg.org/#determining-the-character-encoding)."""
    root = html(decoded(data, charset or declared_in_html(data)))
    _hide(root)
    yield from flow(root)


def _hide(root: Element) -> None:
    """Mark what a style sheet in the page hides."""
    sheets = "\n".join(one.raw for one in root.within() if one.tag == "style" and _is_for_screen(one))
    hidden = {selector for selector, shows in _rules(_without_media(_COMMENT.sub("", sheets))) if not shows}
    if not hidden:
        return
    for element in root.within():
        if not hidden.isdisjoint(_selectors(element)):
            element.attributes.setdefault("hidden", "")


def _is_for_screen(style: Element) -> bool:
    return style.attributes.get("media", "all").lower() in ("", "all", "screen")


def _without_media(sheet: str) -> str:
    """Without the rules for other media, such as print."""
    kept, at = [], 0
    while (begin := sheet.find("@media", at)) >= 0:
        kept.append(sheet[at:begin])
        depth, at = 0, sheet.find("{", begin)
        if at < 0:
            return "".join(kept)
        for n in range(at, len(sheet)):
            depth += {"{": 1, "}": -1}.get(sheet[n], 0)
            if depth == 0:
                at = n + 1
                break
        else:
            return "".join(kept)
    return "".join([*kept, sheet[at:]])


def _rules(sheet: str) -> Iterator[tuple[tuple[str, str, str], bool]]:
    """Selectors that decide whether something is shown; the last word counts, as in a sheet."""
    said: dict[tuple[str, str, str], bool] = {}
    for number, rule in enumerate(_RULE.finditer(sheet)):
        if number >= _MOST_RULES:
            break
        flat = re.sub(r"\s", "", rule[2]).lower()
        hides = "display:none" in flat or "visibility:hidden" in flat
        for selector in rule[1].split(","):
            found = _SELECTOR.fullmatch(selector.strip())
            if found and (hides or "display:" in flat or "visibility:" in flat):
                said[((found[1] or "").lower(), found[2] or "", found[3] or "")] = not hides
    yield from said.items()


def _selectors(element: Element) -> Iterator[tuple[str, str, str]]:
    """Those of the kinds that are read that mean this element."""
    names = [(".", name) for name in element.attributes.get("class", "").split()]
    names += [("#", element.attributes.get("id", ""))]
    yield element.tag, "", ""
    for kind, name in names:
        yield from ((tag, kind, name) for tag in ("", element.tag))
