"""A page of HTML as blocks: what a browser shows of it, without scripts and without asking anybody."""

import re
from collections.abc import Iterator
from itertools import islice
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
#: what a sheet says that changes what letters mean
_MEANT: Final = re.compile(
    r"(?<![\w-])(text-decoration(?:-line)?|vertical-align|white-space)\s*:\s*([^;]{1,200})", re.IGNORECASE
)

#: tag, `.` or `#`, class or id
_Selector = tuple[str, str, str]


def html_page(data: bytes, charset: str | None) -> Iterator[Block]:
    """Its letters are those of the content type, else those it declares itself (https://html.spec.whatwg.org/#determining-the-character-encoding)."""
    root = html(decoded(data, charset or declared_in_html(data)))
    _dress(root)
    yield from flow(root)


def _dress(root: Element) -> None:
    """Mark what a style sheet in the page hides, strikes out, raises or sets in columns."""
    sheets = "\n".join(one.raw for one in root.within() if one.tag == "style" and _is_for_screen(one))
    sheet = _without_media(_COMMENT.sub("", sheets))
    hidden = {selector for selector, shows in _rules(sheet) if not shows}
    styles: dict[_Selector, dict[str, str]] = {}
    for selector, said in _said(sheet):
        styles.setdefault(selector, {}).update((found[1].lower(), found[2]) for found in _MEANT.finditer(said))
    if not hidden and not any(styles.values()):
        return
    for element in root.within():
        selectors = [*_selectors(element)]
        if not hidden.isdisjoint(selectors):
            element.attributes.setdefault("hidden", "")
        own = element.attributes.get("style", "")
        found = {name: value for one in selectors for name, value in styles.get(one, {}).items()}
        # its own word goes before the sheet's
        meant = [f"{name}: {value}" for name, value in found.items() if name.removesuffix("-line") not in own.lower()]
        if meant:
            element.attributes["style"] = "; ".join(filter(None, (own, *meant)))


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


def _rules(sheet: str) -> Iterator[tuple[_Selector, bool]]:
    """Selectors that decide whether something is shown; the last word counts, as in a sheet."""
    said: dict[_Selector, bool] = {}
    for selector, rule in _said(sheet):
        flat = re.sub(r"\s", "", rule).lower()
        hides = "display:none" in flat or "visibility:hidden" in flat
        if hides or "display:" in flat or "visibility:" in flat:
            said[selector] = not hides
    yield from said.items()


def _said(sheet: str) -> Iterator[tuple[_Selector, str]]:
    """Each selector that is read, with what is said of it."""
    for rule in islice(_RULE.finditer(sheet), _MOST_RULES):
        for selector in rule[1].split(","):
            if found := _SELECTOR.fullmatch(selector.strip()):
                yield ((found[1] or "").lower(), found[2] or "", found[3] or ""), rule[2]


def _selectors(element: Element) -> Iterator[_Selector]:
    """Those of the kinds that are read that mean this element."""
    names = [(".", name) for name in element.attributes.get("class", "").split()]
    names += [("#", element.attributes.get("id", ""))]
    yield element.tag, "", ""
    for kind, name in names:
        yield from ((tag, kind, name) for tag in ("", element.tag))
