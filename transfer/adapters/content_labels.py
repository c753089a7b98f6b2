"""Security labels inside a document's content, whatever type it is said to be: C-CDA, and FHIR resources in JSON."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

from transfer.adapters.cda import ClinicalDocumentReader
from transfer.adapters.fhir.labels import ResourceReader
from transfer.errors import Unreadable
from transfer.security_labels import UNREAD

#: bytes by which one kind of content is told from another
_BEGINNING: Final = 4096
#: what may stand before the first character: marks of an encoding, blanks
_BEFORE: Final = b"\xef\xbb\xbf\xff\xfe \t\r\n"


class LabelsWithin:
    """The high-water mark of one document, read while its bytes go by.

    One that cannot be read to its end has an `UNREAD` label: nobody knows what stands behind.
    """

    def __init__(self, table: Mapping[str, str]) -> None:
        """`table` is the institution's own: its labels, and what they mean."""
        self._table = table
        self._beginning = b""
        self._reader: _Reader | None = None
        self._is_over = False
        self.labels: frozenset[str] = frozenset()

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same bytes. `labels` are complete once they are at their end."""
        for chunk in chunks:
            self._look(chunk)
            yield chunk
        self._look(b"", is_end=True)

    def _look(self, chunk: bytes, *, is_end: bool = False) -> None:
        if self._is_over:
            return
        if self._reader is None:
            self._beginning += chunk
            if len(self._beginning) < _BEGINNING and not is_end:
                return
            self._reader, chunk = _reader(self._beginning, self._table), self._beginning
            self._beginning = b""
        if self._reader is None or self._reader.is_other:
            self._is_over = True
            return
        try:
            self._reader.read(chunk, is_end=is_end)
        except Unreadable:
            self._is_over = True
            self.labels |= {UNREAD}
        self.labels |= self._reader.labels


class _Reader(Protocol):
    labels: set[str]

    @property
    def is_other(self) -> bool:
        """It is not what this reads: nothing more of it need be given."""

    def read(self, chunk: bytes, *, is_end: bool) -> None:
        """Raises: Unreadable: it is, and cannot be read."""


def _reader(beginning: bytes, table: Mapping[str, str]) -> _Reader | None:
    """In any of the encodings that have ASCII's letters."""
    first = beginning[:_BEGINNING].replace(b"\0", b"").lstrip(_BEFORE)[:1]
    if first == b"<":
        return ClinicalDocumentReader(table)
    return ResourceReader(table) if first == b"{" else None
