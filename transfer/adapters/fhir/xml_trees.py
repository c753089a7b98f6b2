"""A FHIR resource in XML as the tree that it is in JSON, as far as patients, references and attachments need it.

https://hl7.org/fhir/R4/xml.html. No entity is ever defined, and all is bounded.
"""

from typing import Any, Final
from xml.parsers import expat

from transfer.adapters.fhir.trees import Tree, child
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
        *("name", "given", "telecom", "address", "line", "coding", "extension", "link"),
    }
)
#: arrays in a resource, and one element in a reference or a bundle
_REPEATING_IN_RESOURCES: Final = frozenset({"identifier"})


def parse(body: bytes, *, elements: int = MOST_ELEMENTS) -> Tree:
    """The resource that the document is; an empty tree where its root is none.

    Raises:
        Unreadable: it is not well-formed, declares a document type, or is beyond the bounds.
    """
    return _Reader(elements).read(body)


class _Reader:
    """Takes elements as they come. One without a value is an object, or text for people, which is left out."""

    def __init__(self, elements: int) -> None:
        self._stack: list[dict[str, Any]] = [{}]
        self._left = elements
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, body: bytes) -> Tree:
        try:
            self._parser.Parse(body, True)  # noqa: FBT003  the library's own
        except (expat.ExpatError, LookupError, ValueError):
            raise Unreadable("not XML as FHIR writes it") from None
        return child(self._stack[0], "resource")

    def _refuse(self, *_: object) -> None:
        raise Unreadable("a document type declaration")

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._left -= 1
        if not self._left or len(self._stack) > _DEPTH:
            raise Unreadable("more XML than is read")
        name = tag.rpartition(" ")[2]
        node: dict[str, Any] = {}
        around = self._stack[-1]
        if name[:1].isupper():
            node = around.setdefault("resource", {}) if len(self._stack) == 1 else around
            node["resourceType"] = name
        elif name in _REPEATING or (name in _REPEATING_IN_RESOURCES and around.get("resourceType") not in _BUNDLES):
            around.setdefault(name, []).append(attributes.get("value", node))
        else:
            around[name] = attributes.get("value", node)
        self._stack.append(node)

    def _end(self, _tag: str) -> None:
        self._stack.pop()


#: where an identifier is one element: in a reference, which is no resource, and in a bundle
_BUNDLES: Final = frozenset({None, "Bundle"})
