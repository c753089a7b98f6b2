"""A FHIR resource in XML as the tree that it is in JSON, as far as it is read: patients, labels, states, results.

https://hl7.org/fhir/R4/xml.html. No entity is ever defined, and all is bounded.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from xml.parsers import expat

from transfer.adapters.fhir.trees import Tree, child
from transfer.adapters.type_declarations import guard
from transfer.errors import Unreadable

NAMESPACE: Final = "http://hl7.org/fhir"
#: how deep elements may stand
_DEPTH: Final = 100
#: elements that are read of a document; its text is among them
MOST_ELEMENTS: Final = 2_000_000
#: what is an array in JSON, of the types that are read
_REPEATING: Final = frozenset(
    {
        *("contained", "entry", "security", "tag", "profile"),
        *(
            "name",
            "given",
            "prefix",
            "suffix",
            "deviceName",
            "telecom",
            "address",
            "line",
            "coding",
            "extension",
            "link",
        ),
        *("securityLabel", "section", "author", "performer", "resultsInterpreter", "conclusionCode"),
        *("result", "hasMember", "component", "interpretation", "referenceRange", "note"),
        *("relatesTo", "presentedForm", "policy", "except", "item", "answer"),
    }
)
#: arrays in a resource of any type but these, and one element there, in a reference and in a bundle
_ONCE_IN: Final[Mapping[str, frozenset[str | None]]] = MappingProxyType(
    {
        "identifier": frozenset({None, "Bundle", "Composition"}),
        "specimen": frozenset({None, "Observation"}),
        "category": frozenset({None, "Procedure"}),
        "content": frozenset({None, "Binary", "Media"}),
    }
)


def parse(body: bytes, *, elements: int = MOST_ELEMENTS) -> Tree:
    """The resource that the document is; an empty tree where its root is none.

    Raises:
        Unreadable: it is not well-formed, declares entities of its own, or is beyond the bounds.
    """
    reader = XmlReader(elements)
    reader.read(body, is_end=True)
    return reader.tree


class XmlReader:
    """Takes a document in pieces. One element without a value is an object, or text for people, which is left out.

    An element that stands twice where R4 has one is an array: whoever reads one finds none.
    """

    def __init__(self, elements: int) -> None:
        self._stack: list[dict[str, Any]] = [{}]
        self._left = elements
        #: of the first element; None before it
        self.namespace: str | None = None
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        guard(self._parser)

    @property
    def tree(self) -> Tree:
        """What was read so far."""
        return child(self._stack[0], "resource")

    def read(self, chunk: bytes, *, is_end: bool) -> None:
        """Raises: Unreadable: it is not well-formed, declares entities of its own, or is beyond the bounds."""
        try:
            self._parser.Parse(chunk, is_end)
        except (expat.ExpatError, LookupError, ValueError):
            raise Unreadable("not XML as FHIR writes it") from None

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._left -= 1
        if not self._left or len(self._stack) > _DEPTH:
            raise Unreadable("more XML than is read")
        namespace, _, name = tag.rpartition(" ")
        self.namespace = namespace if self.namespace is None else self.namespace
        node: dict[str, Any] = {}
        around = self._stack[-1]
        said = attributes.get("value", node)
        if name[:1].isupper():
            node = around.setdefault("resource", {}) if len(self._stack) == 1 else around
            node["resourceType"] = name
        elif name in _REPEATING or (name in _ONCE_IN and around.get("resourceType") not in _ONCE_IN[name]):
            around.setdefault(name, []).append(said)
        elif name in around:
            before = around[name]
            around[name] = [*before, said] if isinstance(before, list) else [before, said]
        else:
            around[name] = said
        self._stack.append(node)

    def _end(self, _tag: str) -> None:
        self._stack.pop()
