"""What stands inside a document's content, whatever type it is said to be: security labels, and its word on itself.

Read are C-CDA, and FHIR resources in JSON and XML. In any text 42 CFR Part 2 is its label where it is named,
and not as of a case that may be.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from transfer.adapters.cda import ClinicalDocumentReader
from transfer.adapters.fhir.labels import ResourceReader, XmlResourceReader
from transfer.adapters.own_words import OwnWord, of_clinical_document, of_resource
from transfer.errors import Unreadable
from transfer.institutions import Institution
from transfer.security_labels import UNREAD, LawInText, without_markup

#: bytes by which one kind of content is told from another
_BEGINNING: Final = 4096
#: what may stand before the first character: marks of an encoding, blanks
_BEFORE: Final = b"\xef\xbb\xbf\xff\xfe \t\r\n"
#: what no text for people has, but in UTF-16
_BINARY: Final = re.compile(rb"[\x01-\x08\x0e-\x1a]|^(%PDF|PK|\x89PNG|\xff\xd8)|^.{128}DICM", re.DOTALL)
#: the longest tag that is left out of a text
_TAG: Final = 402


_Reader = ClinicalDocumentReader | ResourceReader | XmlResourceReader


class ReadWithin:
    """The high-water mark of one document's labels, and what it says of itself, read while its bytes go by.

    One that cannot be read to its end has an `UNREAD` label: nobody knows what stands behind.
    """

    def __init__(self, institution: Institution) -> None:
        """`institution` gave it: its labels and its numbers are in its own words."""
        self._institution = institution
        self._beginning = b""
        #: those that may still find that it is in their language; None before its beginning
        self._readers: list[_Reader] | None = None
        self._is_unread = self._is_binary = False
        self._tag = b""
        self._law = LawInText()
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
        for read in self._readers or ():
            match read:
                case _ if read.is_other:
                    continue
                case ClinicalDocumentReader():
                    return of_clinical_document(read, self._institution)
                case ResourceReader() | XmlResourceReader():
                    return of_resource(read.tree, self._institution)
        return OwnWord()

    def _look(self, chunk: bytes, *, is_end: bool = False) -> None:
        if self._readers is None:
            self._beginning += chunk
            if len(self._beginning) < _BEGINNING and not is_end:
                return
            self._readers, chunk = _readers(self._beginning, self._institution.labels), self._beginning
            self._is_binary = _BINARY.search(self._beginning) is not None
            self._beginning = b""
        if not self._is_binary:
            self._look_for_law(chunk, is_end=is_end)
        self._readers = [read for read in self._readers if not read.is_other]
        for read in self._readers:
            if not self._is_unread:
                self._give(read, chunk, is_end=is_end)

    def _look_for_law(self, chunk: bytes, *, is_end: bool) -> None:
        """A tag that goes on in the next piece is looked at with that."""
        piece = self._tag + chunk.replace(b"\0", b"")
        begun = len(piece) if is_end else max(piece.rfind(mark, -_TAG) for mark in (b"<", b"&"))
        begun = len(piece) if begun < 0 or b">" in piece[begun:] else begun
        self._tag = piece[begun:]
        self._law.read(without_markup(piece[:begun].decode(errors="replace")), is_end=is_end)
        self.labels |= self._law.labels

    def _give(self, read: _Reader, chunk: bytes, *, is_end: bool) -> None:
        try:
            read.read(chunk, is_end=is_end)
        except Unreadable:
            self._is_unread = True
            self.labels |= {UNREAD}
        self.labels |= read.labels


def _readers(beginning: bytes, table: Mapping[str, str]) -> list[_Reader]:
    """In any of the encodings that have ASCII's letters."""
    first = beginning[:_BEGINNING].replace(b"\0", b"").lstrip(_BEFORE)[:1]
    if first == b"<":
        return [ClinicalDocumentReader(table), XmlResourceReader(table)]
    return [ResourceReader(table)] if first == b"{" else []
