"""What stands inside a document's content, whatever type it is said to be: security labels, and its word on itself.

Read are C-CDA, and FHIR resources in JSON.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from transfer.adapters.cda import ClinicalDocumentReader
from transfer.adapters.fhir.labels import ResourceReader
from transfer.adapters.own_words import OwnWord, of_clinical_document, of_resource
from transfer.errors import Unreadable
from transfer.institutions import Institution
from transfer.security_labels import UNREAD

#: bytes by which one kind of content is told from another
_BEGINNING: Final = 4096
#: what may stand before the first character: marks of an encoding, blanks
_BEFORE: Final = b"\xef\xbb\xbf\xff\xfe \t\r\n"


class ReadWithin:
    """The high-water mark of one document's labels, and what it says of itself, read while its bytes go by.

    One that cannot be read to its end has an `UNREAD` label: nobody knows what stands behind.
    """

    def __init__(self, institution: Institution) -> None:
        """`institution` gave it: its labels and its numbers are in its own words."""
        self._institution = institution
        self._beginning = b""
        self._reader: ClinicalDocumentReader | ResourceReader | None = None
        self._is_over = False
        self.labels: frozenset[str] = frozenset()

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same bytes. `labels` and `own_word` are complete once they are at their end."""
        for chunk in chunks:
            self._look(chunk)
            yield chunk
        self._look(b"", is_end=True)

    @property
    def own_word(self) -> OwnWord:
        """What it says of its number, of its state and of other documents."""
        match self._reader:
            case ClinicalDocumentReader() as read:
                return of_clinical_document(read.own_id, read.related, self._institution)
            case ResourceReader() as read:
                return of_resource(read.tree, self._institution)
        return OwnWord()

    def _look(self, chunk: bytes, *, is_end: bool = False) -> None:
        if self._is_over:
            return
        if self._reader is None:
            self._beginning += chunk
            if len(self._beginning) < _BEGINNING and not is_end:
                return
            self._reader, chunk = _reader(self._beginning, self._institution.labels), self._beginning
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


def _reader(beginning: bytes, table: Mapping[str, str]) -> ClinicalDocumentReader | ResourceReader | None:
    """In any of the encodings that have ASCII's letters."""
    first = beginning[:_BEGINNING].replace(b"\0", b"").lstrip(_BEFORE)[:1]
    if first == b"<":
        return ClinicalDocumentReader(table)
    return ResourceReader(table) if first == b"{" else None
