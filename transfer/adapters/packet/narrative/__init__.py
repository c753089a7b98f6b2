"""The readable text of a document that is not made of pages: plain text, HTML, C-CDA, FHIR, RTF, DOCX, results.

Bytes from outside, read without trust. What comes out are blocks to draw, never markup. One module for each language.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Final

from transfer.adapters.fhir.sheets import resource_tree
from transfer.adapters.fhir.trees import Tree
from transfer.adapters.packet.narrative import fhir_documents
from transfer.adapters.packet.narrative.blocks import (
    Block,
    BodyElsewhere,
    Cell,
    Embedded,
    Facts,
    FixedWidth,
    ForPrograms,
    Heading,
    NarrativeTable,
    Paragraph,
    Picture,
    Remark,
    gridded,
    plain_table,
)
from transfer.adapters.packet.narrative.cda import clinical_document, other_document
from transfer.adapters.packet.narrative.characters import charset
from transfer.adapters.packet.narrative.docx import word_document
from transfer.adapters.packet.narrative.pages import html_page
from transfer.adapters.packet.narrative.plain import plain_text
from transfer.adapters.packet.narrative.results import message_results, resource_results
from transfer.adapters.packet.narrative.rtf import rich_text
from transfer.adapters.packet.narrative.trees import xml
from transfer.errors import TooLarge, Unreadable

__all__ = [
    "Block",
    "BodyElsewhere",
    "Cell",
    "Embedded",
    "Facts",
    "FixedWidth",
    "ForPrograms",
    "Heading",
    "NarrativeTable",
    "Paragraph",
    "Picture",
    "Remark",
    "blocks",
    "gridded",
    "lines",
    "plain_table",
]

#: characters of one document that are drawn: some 120 pages, a few seconds
_TEXT: Final = 300_000
_GOES_ON: Final = Remark("The document goes on; the rest is in the file itself.")


def blocks(content_type: str, data: bytes) -> list[Block] | None:
    """What there is to read; None where the type has no text we can show. A `charset` in the content type counts.

    Raises:
        Unreadable: the bytes are not what their type says.
        BodyElsewhere: the document is only the address of its body.
        ForPrograms: the document is data without a text for people.
    """
    read = _READERS.get(content_type.partition(";")[0].strip().lower())
    if read is None:
        return None
    found = list(_bounded(read(data, charset(content_type))))
    if not any(_length(block) or isinstance(block, Embedded | Picture) for block in found):
        raise Unreadable("no text in the document")
    return found


def lines(found: Iterable[Block]) -> Iterator[str]:
    """The words of blocks, line by line, for programs that look for some."""
    for block in found:
        match block:
            case NarrativeTable():
                yield from (line for row in block.lines() for line in row.splitlines())
            case Facts(rows):
                yield from (f"{label}: {value}" for label, value in rows)
            case Heading(text) | Paragraph(text) | FixedWidth(text):
                yield from text.splitlines()


def _bounded(found: Iterable[Block]) -> Iterator[Block]:
    left = _TEXT
    for block in found:
        length = _length(block)
        if length > left:
            if isinstance(block, Paragraph):
                yield Paragraph(block.text[:left], block.indent)
            elif isinstance(block, FixedWidth):
                yield FixedWidth(block.text[:left])
            yield _GOES_ON
            return
        left -= length
        yield block


def _length(block: Block) -> int:
    match block:
        case NarrativeTable():
            return sum(len(cell.text) + 4 for cell in block.cells)
        case Facts(rows):
            return sum(len(label) + len(value) for label, value in rows)
        case Heading(text) | Paragraph(text) | FixedWidth(text) | Remark(text):
            return len(text) + 1
        case _:
            return 0


def _xml(data: bytes, _charset: str | None) -> Iterator[Block]:
    try:
        document = xml(data)
    except Unreadable:
        if b"<html" not in data[:2048].lower():
            raise
        yield from html_page(data, _charset)
        return
    if document.tag == "ClinicalDocument":
        yield from clinical_document(document)
    elif document.tag.lower() == "html":
        yield from html_page(data, _charset)
    else:
        found = [*other_document(document)]
        if not found:
            raise ForPrograms
        yield from found


def _resource(data: bytes, _charset: str | None) -> Iterator[Block]:
    try:
        tree = resource_tree(data)
    except (Unreadable, TooLarge):
        raise ForPrograms from None
    if fhir_documents.is_document(tree):
        yield from fhir_documents.of_json(tree)
        return
    yield from _of_resource(tree, fhir_documents.texts_of_others(tree))


def _resource_in_xml(data: bytes, _charset: str | None) -> Iterator[Block]:
    try:
        tree = fhir_documents.xml_tree(data)
    except Unreadable:
        raise ForPrograms from None
    if fhir_documents.is_document(tree):
        yield from fhir_documents.of_xml(data, tree)
        return
    yield from _of_resource(tree, fhir_documents.texts_in_xml(data, tree))


def _of_resource(tree: Tree, texts: Iterable[Block]) -> Iterator[Block]:
    """Results, texts for people, and files within it.

    Raises:
        ForPrograms: there is none of them.
    """
    found = [*texts, *fhir_documents.files_within(tree)]
    with suppress(*([ForPrograms] if found else [])):
        yield from resource_results(tree)
    yield from found


_READERS: Final[dict[str, Callable[[bytes, str | None], Iterator[Block]]]] = {
    "text/plain": plain_text,
    "text/csv": plain_text,
    "text/markdown": plain_text,
    "text/html": html_page,
    "application/xhtml+xml": html_page,
    "text/xml": _xml,
    "application/xml": _xml,
    "application/cda+xml": _xml,
    "application/hl7-cda+xml": _xml,
    "text/rtf": rich_text,
    "application/rtf": rich_text,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": word_document,
    "application/hl7-v2": message_results,
    "x-application/hl7-v2+er7": message_results,
    "application/fhir+json": _resource,
    "application/fhir+xml": _resource_in_xml,
}
