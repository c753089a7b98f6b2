"""Security labels inside a C-CDA document: its header, its sections, and the privacy annotations of DS4P.

Bytes from outside, read without trust: a document type declaration is refused, so no entity is ever defined; depth and
number of elements are bounded. Nothing but labels is taken.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from xml.parsers import expat

from transfer.errors import Unreadable
from transfer.security_labels import UNREAD, read_label

_DEPTH: Final = 200
_ELEMENTS: Final = 2_000_000
#: bytes by which markup is told from other content
_BEGINNING: Final = 4096
_ROOT: Final = "ClinicalDocument"
#: nullFlavor: nothing is known or applies; any other one stands for a label that is kept from us
_NOTHING_SAID: Final = frozenset({"NI", "NA", "UNK", "NASK", "ASKU"})
#: v3-ActCode of security observations (HL7 DS4P release 1, section 3): their value is a label
_SECURITY_OBSERVATIONS: Final = frozenset({"SECCLASSOBS", "SECCATOBS", "SECCONOBS", "SECSENSOBS"})


class LabelsWithin:
    """The high-water mark of one document, read while its bytes go by; nothing where it is no C-CDA.

    One that cannot be read to its end has an `UNREAD` label: nobody knows what stands behind.
    """

    def __init__(self, table: Mapping[str, str]) -> None:
        """`table` is the institution's own: its labels, and what they mean."""
        self._table = table
        self._beginning = b""
        self._reader: _Reader | None = None
        self._is_other = False
        self.labels: frozenset[str] = frozenset()

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same bytes. `labels` are complete once they are at their end."""
        for chunk in chunks:
            self._look(chunk)
            yield chunk
        self._look(b"", is_end=True)

    def _look(self, chunk: bytes, *, is_end: bool = False) -> None:
        if self._is_other:
            return
        if self._reader is None:
            self._beginning += chunk
            if len(self._beginning) < _BEGINNING and not is_end:
                return
            if not _is_markup(self._beginning[:_BEGINNING]):
                self._is_other = True
                return
            self._reader, chunk = _Reader(self._table), self._beginning
        reader = self._reader
        try:
            reader.read(chunk, is_end=is_end)
        except Unreadable:
            self._is_other = True
            if reader.is_clinical or (reader.is_clinical is None and _names_itself(self._beginning)):
                reader.labels.add(UNREAD)
        self._is_other |= reader.is_clinical is False
        self.labels = frozenset(reader.labels)


def _is_markup(beginning: bytes) -> bool:
    """In any of the encodings that XML has of ASCII's letters."""
    return beginning.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def _names_itself(beginning: bytes) -> bool:
    return _ROOT.encode() in beginning.replace(b"\0", b"")


class _Reader:
    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table
        self.labels: set[str] = set()
        #: by its first element, wherever that stands; None before it
        self.is_clinical: bool | None = None
        self._depth, self._elements = 0, 0
        #: depth of the security observation we are in
        self._observing: list[int] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._refuse

    def read(self, chunk: bytes, *, is_end: bool) -> None:
        """Raises: Unreadable: no XML, or more of it than we read."""
        try:
            self._parser.Parse(chunk, is_end)
        except (expat.ExpatError, LookupError, ValueError):
            raise Unreadable("not XML") from None

    def _refuse(self, *_: object) -> None:
        raise Unreadable("a document type declaration")

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth, self._elements = self._depth + 1, self._elements + 1
        if self._depth > _DEPTH or self._elements > _ELEMENTS:
            raise Unreadable("more XML than is read")
        name = tag.rpartition(" ")[2]
        if self.is_clinical is None:
            self.is_clinical = name == _ROOT
        if not self.is_clinical:
            return
        if name == "confidentialityCode" or (name == "value" and self._observing):
            self._take(attributes)
        elif name == "code" and attributes.get("code") in _SECURITY_OBSERVATIONS:
            self._observing.append(self._depth - 1)

    def _end(self, _tag: str) -> None:
        if self._observing and self._observing[-1] >= self._depth:
            self._observing.pop()
        self._depth -= 1

    def _take(self, attributes: dict[str, str]) -> None:
        code = attributes.get("code")
        if code is None and attributes.get("nullFlavor") in _NOTHING_SAID:
            return
        text = attributes.get("displayName")
        self.labels |= read_label(attributes.get("codeSystem"), code, text, self._table)
