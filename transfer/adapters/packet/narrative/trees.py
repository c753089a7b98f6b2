"""Trees of elements, from XML or HTML that came from outside.

XML is read without trust: no entity is ever defined (`type_declarations`). Depth and number of elements are bounded.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

from transfer.adapters.packet.narrative.blocks import unmarked
from transfer.adapters.packet.narrative.characters import declared_in_xml, decoded, known
from transfer.adapters.type_declarations import guard
from transfer.errors import Unreadable

_DEPTH: Final = 100
_ELEMENTS: Final = 400_000
#: what expat reads by itself (its manual, section "Encodings")
_OF_EXPAT: Final = frozenset({None, "utf-8", "utf-16", "cp1252"})
_DECLARATION: Final = re.compile(r"^\s*<\?xml[^>]*\?>")


@dataclass(slots=True)
class Element:
    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    #: text and elements in the order in which they stand
    children: "list[Element | str]" = field(default_factory=list)

    def all(self, tag: str) -> "Iterator[Element]":
        return (child for child in self.elements() if child.tag == tag)

    def elements(self) -> "Iterator[Element]":
        return (child for child in self.children if isinstance(child, Element))

    def at(self, *path: str) -> "Element | None":
        here: Element | None = self
        for tag in path:
            here = next(here.all(tag), None) if here else None
        return here

    def within(self) -> "Iterator[Element]":
        """Itself and all below it, as they stand."""
        waiting = [self]
        while waiting:
            here = waiting.pop()
            yield here
            waiting += reversed([*here.elements()])

    @property
    def text(self) -> str:
        """Its words in one line."""
        return " ".join(self.raw.split())

    @property
    def raw(self) -> str:
        """Its text as it stands, a `br` as the end of a line."""
        return "".join(self._pieces())

    def _pieces(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag == "br":
                yield "\n"
            else:
                yield from child._pieces()


class _Builder:
    """A tree of local names, within its bounds. What is deeper is refused, or flattened into what holds it."""

    def __init__(self, *, flattens: bool = False) -> None:
        self.root = Element("")
        self._flattens = flattens
        self._open = [self.root]
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        is_deep = len(self._open) > _DEPTH
        if self._count > _ELEMENTS or (is_deep and not self._flattens):
            raise Unreadable("a document beyond all measure")
        element = self._open[-1] if is_deep else Element(tag, attributes)
        if not is_deep:
            self._open[-1].children.append(element)
        self._open.append(element)

    def end(self) -> None:
        self._open.pop()

    def data(self, text: str) -> None:
        self._open[-1].children.append(unmarked(text))


class _Counter(_Builder):
    """The same bounds without the tree."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:  # noqa: ARG002
        self._count, self._depth = self._count + 1, self._depth + 1
        if self._count > _ELEMENTS or self._depth > _DEPTH:
            raise Unreadable("a document beyond all measure")

    def end(self) -> None:
        self._depth -= 1

    def data(self, text: str) -> None:
        pass


def xml(data: bytes) -> Element:
    """The root element of an XML document, by local names.

    Raises:
        Unreadable: it is not well-formed, declares entities of its own, or is deeper or longer than is read.
    """
    return next(_read(data, _Builder).root.elements())


def check(data: bytes) -> None:
    """Whether `xml` reads it; no tree is made.

    Raises:
        Unreadable: it does not.
    """
    _read(data, _Counter)


def trimmed(data: bytes) -> bytes:
    """Without what senders put around a document. In UTF-16 these bytes are halves of letters."""
    return data if data[:2] in (b"\xff\xfe", b"\xfe\xff") else data.strip(b"\0 \t\r\n")


def _read(data: bytes, builder: type[_Builder]) -> _Builder:
    data = trimmed(data)
    encoding = known(declared_in_xml(data))
    if encoding in _OF_EXPAT:
        try:
            return _parsed(data, builder())
        except UnicodeError:
            # other letters than it declares: they are read as those of a text without declaration
            encoding = None
    text = _DECLARATION.sub("", decoded(data, encoding), count=1)
    return _parsed(text.encode("utf-8", "replace"), builder())


def _parsed(data: bytes, builder: _Builder) -> _Builder:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = lambda tag, attributes: builder.start(tag.rpartition(" ")[2], _local(attributes))
    parser.EndElementHandler = lambda _: builder.end()
    parser.CharacterDataHandler = builder.data
    guard(parser)
    try:
        parser.Parse(data, True)  # noqa: FBT003  # expat takes it by position: this is all there is
    except expat.ExpatError as error:
        if error.code == expat.errors.codes[expat.errors.XML_ERROR_INVALID_TOKEN] and not _is_utf8(data):
            raise UnicodeError from None
        raise Unreadable("not well-formed XML") from None
    except (LookupError, ValueError):
        raise Unreadable("not well-formed XML") from None
    return builder


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _local(attributes: dict[str, str]) -> dict[str, str]:
    return {name.rpartition(" ")[2]: value for name, value in attributes.items()}


def html(text: str) -> Element:
    """A page as browsers read it: nothing is malformed, and what is left open is closed where HTML says so.

    Raises:
        Unreadable: there is no element in it, or it is longer than is read.
    """
    from lxml import html as lxml_html
    from lxml.etree import LxmlError

    parser = lxml_html.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    cleaned = "".join(c for c in text if c not in "\0\ufeff")
    try:
        root = lxml_html.document_fromstring(cleaned.encode("utf-8", "replace"), parser=parser)
    except (LxmlError, ValueError, AssertionError):
        raise Unreadable("no text in the page") from None
    builder = _Builder(flattens=True)
    _taken(root, builder)
    return next(builder.root.elements())


def _taken(root: Any, builder: _Builder) -> None:
    """An lxml tree as ours, without recursion."""
    waiting: list[Any] = [root]
    while waiting:
        here = waiting.pop()
        if isinstance(here, str):
            builder.data(here)
        elif here is None:
            builder.end()
        elif isinstance(here.tag, str):
            builder.start(here.tag.rpartition(":")[2].lower(), {str(k).lower(): str(v) for k, v in here.items()})
            if here.text:
                builder.data(here.text)
            waiting.append(None)
            for child in reversed(here):
                if child.tail:
                    waiting.append(child.tail)
                waiting.append(child)
