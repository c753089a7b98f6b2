"""Security labels in FHIR resources: `meta.security`, `securityLabel` and `Composition.confidentiality`.

https://hl7.org/fhir/R4/security-labels.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from transfer.adapters.fhir.codes import ACT_REASON
from transfer.adapters.fhir.trees import Tree, child, children, objects_in, parse, text, type_of
from transfer.adapters.fhir.xml_trees import NAMESPACE, XmlReader
from transfer.errors import TransferError, Unexpected, Unreadable
from transfer.security_labels import UNREAD, is_label_aside, read_beside, read_label, read_markup, restricts

#: a system whose codes are no labels of confidentiality: integrity
_INTEGRITY: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
#: purposes that keep nothing from a second opinion; HTEST marks test data. Any other one limits what it may be used for
_PURPOSES: Final = frozenset({"HTEST", "TREAT", "TREATDS", "CAREMGT", "COC", "PATRQT", "HPAYMT", "HOPERAT", "PATADMIN"})

_CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
_INLINE: Final = re.compile(r"/extension-inline-sec-label/?(\|.*)?$")
#: extensions of whomever that say how confidential something is
_SAYS_HOW: Final = re.compile(r"confidential|privacy", re.IGNORECASE)
#: of a resource that is a document's content
_MOST_BYTES: Final = 16 << 20
_MOST_ELEMENTS: Final = 200_000
#: the first element of a resource, and bytes within which it is looked for where the XML before it is not read
_ROOT: Final = re.compile(rb"<(?:[\w.-]+:)?[A-Z]\w*\s[^>]{0,2000}[\"']http://hl7\.org/fhir[\"']")
_NAMED_WITHIN: Final = 64 << 10


def labels_in(tree: object, table: Mapping[str, str]) -> frozenset[str]:
    """Every label in a resource, also those of what it contains: the high-water mark of all of it.

    `table` is the institution's own. A label that is no coding and no concept is `UNREAD`.
    """
    named = map(read_markup, _texts(tree))
    return frozenset[str]().union(*named, *(_read(label, table) for label in _labels(tree)))


def meta_labels(tree: Tree, table: Mapping[str, str]) -> frozenset[str]:
    """The labels that a bundle says of itself: as high as those of anything in it."""
    return labels_in({"meta": tree.get("meta")}, table)


def outer_labels(tree: Tree, table: Mapping[str, str]) -> frozenset[str]:
    """The labels of a bundle that stand on no resource in it: on itself, and on its entries."""
    entries = [{name: said for name, said in each.items() if name != "resource"} for each in children(tree, "entry")]
    return labels_in({**tree, "entry": entries}, table)


def check_labels(tree: Tree, known: frozenset[str], table: Mapping[str, str]) -> None:
    """What comes as a document's content is labelled no higher than the document.

    Raises:
        Unexpected: it is. Whether the document may be had was judged by the lower labels.
    """
    if not labels_in(tree, table) <= known:
        raise Unexpected("content with a label that its document does not have")


class XmlResourceReader:
    """Takes a resource in XML, in pieces. `labels` and `tree` are there once all of it is."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table
        self._reader = XmlReader(_MOST_ELEMENTS)
        self._length = 0
        self._begun = bytearray()
        self.labels: set[str] = set()
        self.tree: Tree = {}

    @property
    def is_other(self) -> bool:
        """It is no resource: by its first element, wherever that stands."""
        return self._reader.namespace not in (None, NAMESPACE)

    def read(self, chunk: bytes, *, is_end: bool) -> None:
        """Raises: Unreadable: it says that it is a resource, and cannot be read or is longer than we read."""
        self._length += len(chunk)
        self._begun += chunk[: _NAMED_WITHIN - len(self._begun)]
        try:
            self._reader.read(chunk, is_end=is_end)
            if self._length > _MOST_BYTES:
                raise Unreadable("more XML than is read")
        except Unreadable:
            is_hidden = self._reader.namespace is None and _ROOT.search(self._begun.replace(b"\0", b""))
            if is_hidden or self._reader.namespace == NAMESPACE:
                raise
            self._reader.namespace = ""
            return
        if is_end and not self.is_other:
            self.tree = self._reader.tree
            self.labels |= labels_in(self.tree, self._table)


class ResourceReader:
    """Takes a resource in JSON, in pieces. `labels` are there once all of it is."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table
        self._body = bytearray()
        self._is_over = False
        self.labels: set[str] = set()
        #: the resource, once all of it is there and can be read
        self.tree: Tree = {}
        self.is_other = False

    def read(self, chunk: bytes, *, is_end: bool) -> None:
        """Raises: Unreadable: it says that it is a resource, and cannot be read or is longer than we read."""
        if self._is_over:
            return
        self._body += chunk
        if not is_end and len(self._body) <= _MOST_BYTES:
            return
        body, self._body = bytes(self._body), bytearray()
        self._is_over = True
        try:
            tree = parse(body, limit=_MOST_BYTES)
        except TransferError:
            if b'"resourceType"' in body:
                raise Unreadable("a resource that is not read") from None
            tree = {}
        self.is_other = type_of(tree) is None
        if not self.is_other:
            self.labels |= labels_in(tree, self._table)
            self.tree = tree


def _labels(tree: object) -> Iterator[object]:
    nodes = [tree]
    while nodes:
        node = nodes.pop()
        if isinstance(node, Mapping):
            said = [node.get("securityLabel"), node.get("_securityLabel")]
            said += [one.get(name) for one in _metas(node) for name in ("security", "_security")]
            for labels in said:
                yield from labels if isinstance(labels, list) else [] if labels is None else [labels]
            yield from _set_aside(node)
            # Composition; in DSTU1 and 2 other resources, too
            if (how := node.get("confidentiality")) is not None:
                yield {"system": _CONFIDENTIALITY, "code": how} if isinstance(how, str) else how
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node


def is_inline_label(url: str | None) -> bool:
    """Whether an extension is a label in place (DS4P)."""
    return bool(url and _INLINE.search(url))


def _texts(tree: object) -> Iterator[str]:
    """Every text, which may name the law; bytes in base64 are none."""
    for node in objects_in(tree):
        for name, value in node.items():
            for said in value if isinstance(value, list) else [value]:
                if isinstance(said, str) and name != "data":
                    yield said


def _set_aside(node: Tree) -> Iterator[Tree]:
    """A label in place on an element (DS4P, https://hl7.org/fhir/uv/security-label-ds4p), one among the tags, one in an
    extension, and HL7's own code of a restriction wherever it stands.
    """
    url = text(node, "url") or ""
    if is_inline_label(url):
        yield child(node, "valueCoding") or child(node, "valueCodeableConcept")
    elif _SAYS_HOW.search(url):
        words = text(node, "valueCode") or text(node, "valueString")
        said = [child(node, "valueCoding"), child(node, "valueCodeableConcept"), {"code": words} if words else {}]
        yield from filter(None, said)
    tags = [tag for one in _metas(node) for tag in children(one, "tag")]
    yield from (tag for tag in tags if is_label_aside(text(tag, "system"), text(tag, "code"), text(tag, "display")))
    if restricts(text(node, "system"), text(node, "code")):
        yield node


def _metas(node: Tree) -> list[Tree]:
    """Its `meta`; several where a sender writes it so."""
    meta = node.get("meta")
    return [one for one in (meta if isinstance(meta, list) else [meta]) if isinstance(one, Mapping)]


def _read(label: object, table: Mapping[str, str]) -> frozenset[str]:
    """A Coding or a CodeableConcept. Codings of one concept are translations of each other: one we know will do."""
    if not isinstance(label, Mapping):
        return frozenset({UNREAD})
    is_concept = "coding" in label or "text" in label
    found = [_of_coding(coding, table) for coding in (children(label, "coding") if is_concept else [label])]
    if is_concept and not found:
        return read_label(None, None, text(label, "text"), table)
    read = [each for each in found if each != {UNREAD}]
    together = frozenset[str]().union(*(read or found))
    return together if f"|{text(label, 'text')}" in table else read_beside(together, text(label, "text"))


def _of_coding(coding: Tree, table: Mapping[str, str]) -> frozenset[str]:
    system = text(coding, "system")
    if system == _INTEGRITY or (system == ACT_REASON and text(coding, "code") in _PURPOSES):
        return frozenset()
    return read_label(system, text(coding, "code"), text(coding, "display"), table)
