"""A FHIR document as blocks: what its Composition says of it, then the text of each section, which its author attests
(https://hl7.org/fhir/R4/documents.html#presentation). In JSON and in XML.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from transfer.adapters.fhir import xml_trees
from transfer.adapters.fhir.identities import Resources
from transfer.adapters.fhir.results import says_results
from transfer.adapters.fhir.sheets import concept_words, state_of, time_of
from transfer.adapters.fhir.trees import Tree, child, children, text, texts, type_of
from transfer.adapters.fhir.wrappers import decode
from transfer.adapters.packet.narrative.blocks import Block, Embedded, Facts, Heading, Paragraph, Remark
from transfer.adapters.packet.narrative.flow import flow
from transfer.adapters.packet.narrative.trees import Element, html, trimmed, xml
from transfer.errors import Unreadable

_MOST_ELEMENTS: Final = 400_000
_DEPTH: Final = 8


def is_document(tree: Tree) -> bool:
    """A Bundle that begins with a Composition, or a Composition alone."""
    return type_of(_composition(tree)) == "Composition"


def of_json(tree: Tree) -> Iterator[Block]:
    """The document that a resource is."""
    composition = _composition(tree)
    yield from _head(tree, composition)
    yield from _written(_json_sections([composition], 1))
    yield from files_within(tree)


def texts_of_others(tree: Tree) -> Iterator[Block]:
    """What resources say in a text for people alone, or in addition to results (R4 Narrative.status)."""
    for one in _inside(tree):
        if (div := text(one, "text", "div")) and _is_more(one):
            yield from flow(html(div))


def texts_in_xml(data: bytes, tree: Tree) -> Iterator[Block]:
    """The same of its XML; `tree` is what was read of it without its texts."""
    root = xml(data)
    roots = [next(held.elements(), None) for entry in root.all("entry") for held in entry.all("resource")]
    for one, element in zip(_inside(tree), roots if root.tag == "Bundle" else [root], strict=False):
        if element and (div := element.at("text", "div")) and _is_more(one):
            yield from flow(div)


def _inside(tree: Tree) -> list[Tree]:
    if type_of(tree) != "Bundle":
        return [tree]
    return [held for entry in children(tree, "entry") if (held := child(entry, "resource"))]


def _is_more(resource: Tree) -> bool:
    is_sheet = type_of(resource) == "Observation" or says_results(resource)
    return text(resource, "text", "status") in ("additional", "extensions") or not is_sheet


def files_within(tree: Tree) -> Iterator[Block]:
    """The files that stand in a resource in base64 (Attachment.data, Binary.data), in their order."""
    waiting: list[object] = [tree]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting += reversed(one)
        elif isinstance(one, Mapping):
            waiting += reversed([*one.values()])
            kind, data = text(one, "contentType"), text(one, "data")
            if kind and data:
                yield _file(kind, data, text(one, "title") or "")


def _file(kind: str, data: str, name: str) -> Block:
    try:
        return Embedded(kind, b"".join(decode(data, lambda: None)), name)
    except Unreadable:
        return Remark(f"{f'“{name}”' if name else 'A file carried inside'} cannot be decoded.")


def of_xml(data: bytes, tree: Tree) -> Iterator[Block]:
    """The same of its XML; `tree` is what was read of it without its texts."""
    root = xml(data)
    found = root if root.tag == "Composition" else root.at("entry", "resource", "Composition")
    yield from _head(tree, _composition(tree))
    yield from _written(_xml_sections([found] if found else [], 1))
    yield from files_within(tree)


def xml_tree(data: bytes) -> Tree:
    """Raises: Unreadable: it is no resource in XML."""
    tree = xml_trees.parse(trimmed(data), elements=_MOST_ELEMENTS)
    if type_of(tree) is None:
        raise Unreadable("not a FHIR resource")
    return tree


def _composition(tree: Tree) -> Tree:
    entries = children(tree, "entry")
    return child(entries[0], "resource") if type_of(tree) == "Bundle" and entries else tree


def _head(tree: Tree, composition: Tree) -> Iterator[Block]:
    yield Heading(text(composition, "title") or concept_words(child(composition, "type")) or "Clinical document", 1)
    around = Resources.around(composition, children(tree, "entry"))
    rows = [(label, said) for label, said in _rows(composition, around) if said]
    if rows:
        yield Facts(tuple(rows))


def _rows(composition: Tree, around: Resources) -> Iterator[tuple[str, str]]:
    patient = around.follow(child(composition, "subject"))
    yield "Patient", _called(child(composition, "subject"), patient)
    yield "Born", text(patient, "birthDate") or ""
    yield "Sex", (text(patient, "gender") or "").capitalize()
    yield "Patient no.", "; ".join(said for one in children(patient, "identifier") if (said := text(one, "value")))
    yield "Kind", concept_words(child(composition, "type"))
    yield "Dated", time_of(text(composition, "date"))
    yield "Status", state_of(composition)
    authors = [(one, around.follow(one)) for one in children(composition, "author")]
    yield "Author", "; ".join(filter(None, (_called(one, behind) for one, behind in authors)))
    custodian = child(composition, "custodian")
    yield "Custodian", _called(custodian, around.follow(custodian))


def _called(reference: Tree, behind: Tree) -> str:
    """A person by their names, an organization or device by its own; else what the reference calls them."""
    names = [said for one in children(behind, "name") if (said := _name(one))]
    devices = [called for one in children(behind, "deviceName") if (called := text(one, "name"))]
    own = text(behind, "name") or next(iter(texts(behind, "name")), "")
    return "; ".join(names) or own or "; ".join(devices) or text(reference, "display") or ""


def _name(human: Tree) -> str:
    parts = (*texts(human, "prefix"), *texts(human, "given"), text(human, "family"), *texts(human, "suffix"))
    return text(human, "text") or " ".join(filter(None, parts))


#: level, title, text, entries, and why it has none (Composition.section.emptyReason)
_Section = tuple[int, str, Element | None, int, str]


def _json_sections(sections: Sequence[Tree], level: int) -> Iterator[_Section]:
    """Each as it stands."""
    for one in sections:
        div = text(one, "text", "div")
        title = "" if level == 1 else text(one, "title") or concept_words(child(one, "code"))
        empty = concept_words(child(one, "emptyReason"))
        yield level, title, html(div) if div else None, len(children(one, "entry")), empty
        if level < _DEPTH:
            yield from _json_sections(children(one, "section"), level + 1)


def _xml_sections(sections: Sequence[Element], level: int) -> Iterator[_Section]:
    for one in sections:
        said = (one.at("title"), one.at("code", "text"), one.at("code", "coding", "display"))
        title = "" if level == 1 else _first_value(*said)
        reason = [
            one.at("emptyReason", "text"),
            *(one.at("emptyReason", "coding", name) for name in ("display", "code")),
        ]
        yield level, title, one.at("text", "div"), sum(1 for _ in one.all("entry")), _first_value(*reason)
        if level < _DEPTH:
            yield from _xml_sections([*one.all("section")], level + 1)


def _first_value(*elements: Element | None) -> str:
    return next((said for one in elements if one and (said := one.attributes.get("value", ""))), "")


def _written(sections: Iterator[_Section]) -> Iterator[Block]:
    """The text of a Composition itself stands for its sections only where none of them has one."""
    (_, _, whole, *_), *inner = sections
    has_texts = any(div is not None and div.text for _, _, div, *_ in inner)
    if whole is not None and not has_texts:
        yield from flow(whole)
    for level, title, div, entries, empty in inner:
        found = flow(div) if div is not None else []
        if title and (found or entries or empty or not has_texts):
            yield Heading(title, min(level, 6))
        yield from found
        if empty:
            yield Paragraph(f"Empty: {empty}")
        if not found and entries:
            entry = "1 coded entry is" if entries == 1 else f"{entries} coded entries are"
            yield Remark(f"This section has no text; {entry} in the file.")
