"""What a C-CDA document says of itself: security labels; in its header its id, its state, and what it relates to.
What it carries packed is unpacked here, too.

Bytes from outside, read without trust: no entity is ever defined (`type_declarations`); depth and number of elements
are bounded. Nothing else is taken.
"""

import re
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from xml.parsers import expat

from transfer.adapters.type_declarations import guard
from transfer.errors import Unreadable
from transfer.objections import refuses_in_words
from transfer.security_labels import UNREAD, read_label

_DEPTH: Final = 200
_ELEMENTS: Final = 2_000_000
#: how deep in its header a document names others, and how many are taken
_OF_HEADER: Final = 4
_RELATED: Final = 20
#: of ED.compression, as zlib names the formats; bytes that one unpacks to
_WINDOWS: Final = MappingProxyType({"DF": -15, "GZ": 31, "ZL": 15})
_UNPACKED: Final = 256 << 20
_ROOT: Final = "ClinicalDocument"
#: LOINC: consent document, acknowledgement of a privacy policy, consent to a release of information; and the template
#: of a consent's service event (IHE BPPC, 3:5.1.2.4)
_CONSENTS: Final = frozenset({"59284-0", "57016-8", "64292-6", "1.3.6.1.4.1.19376.1.5.3.1.2.6"})
_OPT_OUT: Final = re.compile(r"opt[-_ ]?out", re.IGNORECASE)
#: of what a consent is called in its own document: that it is none
_REFUSES: Final = re.compile(
    r"\b(declin|deny|denies|denied|denial|dissent|refus|revo(k|c)|withdr|rescind|not\b|never\b|no consent)",
    re.IGNORECASE,
)
#: ActStatus of a consent that does not stand
_ENDED: Final = frozenset({"aborted", "cancelled", "nullified", "suspended", "obsolete"})
#: of a consent's own words, what is read: characters
_MOST_WORDS: Final = 64 << 10
#: elements that part no sentence
_INLINE: Final = frozenset({"content", "linkHtml", "sub", "sup", "b", "i", "u", "span", "em", "strong"})
_TRUE: Final = ("true", "1")
#: nullFlavor: nothing is known or applies; any other one stands for a label that is kept from us
_NOTHING_SAID: Final = frozenset({"NI", "NA", "UNK", "NASK", "ASKU"})
#: v3-ActCode of security observations (HL7 DS4P release 1, section 3): their value is a label
_SECURITY_OBSERVATIONS: Final = frozenset({"SECCLASSOBS", "SECCATOBS", "SECCONOBS", "SECSENSOBS"})


def unpacked(data: bytes, compression: str | None) -> bytes:
    """What is carried in it as ED.compression says (CDA R2 datatypes): DF, GZ or ZL; anything else as it is.

    Raises:
        zlib.error: it is not packed so, is cut, or is more than is read.
    """
    window = _WINDOWS.get(compression or "")
    if window is None:
        return data
    opened = zlib.decompressobj(window)
    whole = opened.decompress(data, _UNPACKED)
    if not opened.eof:
        raise zlib.error("cut, or more than is read")
    return whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentDocument:
    """What a clinical document says of consent: `called` is its title and what its header's codes are called, with
    those of a consent that it names (ClinicalDocument/authorization).
    """

    called: tuple[str, ...]
    #: by its code (LOINC), or because it documents that a privacy policy was acknowledged (IHE BPPC, 3:5.1.2)
    is_consent: bool
    #: an act that is not to be done, an opt-out by its code, a consent that does not stand, a rule that denies (IHE
    #: APPC); of a consent document also what it is called, and a sentence of its text
    refuses: bool
    #: the base64 that it carries for a body
    enclosed: str | None = None
    #: how that is packed, as ED.compression says it
    compression: str | None = None


def consent_document(content: bytes) -> ConsentDocument | None:
    """As far as it can be read; None: it is no clinical document."""
    reader = _ConsentReader()
    with suppress(expat.ExpatError, LookupError, ValueError, Unreadable):
        reader.parser.Parse(content)
    return reader.found()


class _ConsentReader:
    """Takes the header's words, and what an act anywhere refuses."""

    def __init__(self) -> None:
        self._root: str | None = None
        self._path: list[str] = []
        self._called: list[str] = []
        self._codes: set[str] = set()
        self._refuses = self._is_packed = False
        self._compression: str | None = None
        self._text: list[str] = []
        self._title: list[str] = []
        self._consents: list[str] = []
        self._words: list[str] = []
        self._word_count = 0
        self._elements = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._take
        guard(self.parser)

    def found(self) -> ConsentDocument | None:
        if self._root != _ROOT:
            return None
        called = (*self._called, *self._consents, "".join(self._title))
        enclosed = "".join(self._text) if self._is_packed else None
        is_consent = bool(self._codes & _CONSENTS)
        return ConsentDocument(
            called=called,
            is_consent=is_consent,
            refuses=self._refuses or (is_consent and self._is_refused(called)),
            enclosed=enclosed,
            compression=self._compression,
        )

    def _is_refused(self, called: Iterable[str]) -> bool:
        return any(map(_REFUSES.search, called)) or refuses_in_words("".join(self._words))

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        name = tag.rpartition(" ")[2]
        self._root = self._root or name
        self._path.append(name)
        if len(self._path) > _DEPTH or self._elements > _ELEMENTS or self._root != _ROOT:
            raise Unreadable("no clinical document, or more XML than is read")
        code = attributes.get("code", "")
        is_not = attributes.get("negationInd") in _TRUE or attributes.get("inversionInd") in _TRUE
        self._refuses |= is_not or attributes.get("Effect") == "Deny" or _OPT_OUT.search(code) is not None
        if name not in _INLINE and self._word_count < _MOST_WORDS:
            self._word_count += 1
            self._words.append("\n")
        match self._path[1:]:
            case ["code", *_] | ["documentationOf", "serviceEvent", "code", *_]:
                self._called += filter(None, [attributes.get("displayName")])
                self._codes.add(code)
            case ["authorization", "consent", "code"]:
                self._consents += filter(None, [attributes.get("displayName")])
            case ["authorization", "consent", "statusCode"] | ["documentationOf", "serviceEvent", "statusCode"]:
                self._refuses |= code in _ENDED
            case ["documentationOf", "serviceEvent", "templateId"]:
                self._codes.add(attributes.get("root", ""))
            case ["component", "nonXMLBody", "text"]:
                self._is_packed = attributes.get("representation") == "B64"
                self._compression = attributes.get("compression")

    def _end(self, _tag: str) -> None:
        self._path.pop()

    def _take(self, said: str) -> None:
        match self._path[1:]:
            case ["title"]:
                self._title.append(said)
            case ["component", "nonXMLBody", "text"]:
                self._text.append(said)
            case ["component", "structuredBody", *_] if self._word_count < _MOST_WORDS:
                self._word_count += len(said)
                self._words.append(said)


#: where ClinicalDocument.title stands, and characters of it
_OF_TITLE, _TITLE = 2, 300


class ClinicalDocumentReader:
    """Takes a document in pieces. `labels` are those met so far."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = table
        self.labels: set[str] = set()
        #: root and extension of its own id, and of each document that it relates to, with the type of the relation
        self.own_id = ("", "")
        self.related: list[tuple[str, tuple[str, str]]] = []
        #: the same by the set that it is a version of: root and extension, and the number of the version
        self.own_version = ("", "", "")
        self.related_versions: list[tuple[str, tuple[str, str, str]]] = []
        self._set = ("", "")
        #: ClinicalDocument.statusCode, as profiles add it (sdtc:statusCode, an ActStatus); None: it does not say
        self.status: str | None = None
        #: its beginning
        self.title = ""
        self._relation = ""
        self._path: list[str] = []
        self._is_clinical: bool | None = None
        self._names_itself = False
        self._depth, self._elements = 0, 0
        #: depth of the label we are in, 0 in none, and whether a code stands in it
        self._label_at, self._has_code = 0, False
        #: depth of the security observation we are in
        self._observing: list[int] = []
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        guard(self._parser)

    @property
    def is_other(self) -> bool:
        """It is no clinical document: by its first element, wherever that stands."""
        return self._is_clinical is False

    def read(self, chunk: bytes, *, is_end: bool) -> None:
        """Raises: Unreadable: it is a clinical document, and no XML or more of it than we read."""
        if self._is_clinical is None:
            self._names_itself |= _ROOT.encode() in chunk.replace(b"\0", b"")
        try:
            self._parser.Parse(chunk, is_end)
        except (expat.ExpatError, LookupError, ValueError, Unreadable):
            if self._is_clinical or (self._is_clinical is None and self._names_itself):
                raise Unreadable("not XML that is read") from None
            self._is_clinical = False

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth, self._elements = self._depth + 1, self._elements + 1
        if self._depth > _DEPTH or self._elements > _ELEMENTS:
            raise Unreadable("more XML than is read")
        name = tag.rpartition(" ")[2]
        if self._is_clinical is None:
            self._is_clinical = name == _ROOT
        if not self._is_clinical:
            return
        if self._depth <= _OF_HEADER:
            self._path[self._depth - 1 :] = [name]
            self._note_related(attributes)
        if name == "confidentialityCode" or (name == "value" and self._observing):
            self._take(attributes)
            self._label_at, self._has_code = self._depth, "code" in attributes
        elif self._label_at and name == "translation":
            self._take(attributes)
        elif self._label_at and name == "originalText" and not self._has_code:
            self.labels.add(UNREAD)
        elif name in ("code", "translation") and attributes.get("code") in _SECURITY_OBSERVATIONS:
            self._observing.append(self._depth - (1 if name == "code" else 2))

    def _note_related(self, attributes: dict[str, str]) -> None:
        """CDA R2, 4.2.1.2 and 4.2.3.1."""
        said = attributes.get("root", ""), attributes.get("extension", "")
        match self._path[1:]:
            case ["id"]:
                self.own_id = self.own_id if any(self.own_id) else said
            case ["statusCode"]:
                self.status = attributes.get("code")
            case ["relatedDocument"]:
                self._relation, self._set = attributes.get("typeCode", "").upper(), ("", "")
            case ["relatedDocument", "parentDocument", "id"] if len(self.related) < _RELATED:
                self.related.append((self._relation, said))
            case ["setId"] | ["relatedDocument", "parentDocument", "setId"]:
                self._set = said
            case ["versionNumber"]:
                self.own_version = (*self._set, attributes.get("value", ""))
            case ["relatedDocument", "parentDocument", "versionNumber"] if len(self.related_versions) < _RELATED:
                self.related_versions.append((self._relation, (*self._set, attributes.get("value", ""))))

    def _characters(self, said: str) -> None:
        if self._is_clinical and self._depth == _OF_TITLE and self._path[1:] == ["title"]:
            self.title = (self.title + said)[:_TITLE]

    def _end(self, _tag: str) -> None:
        if self._observing and self._observing[-1] >= self._depth:
            self._observing.pop()
        if self._label_at >= self._depth:
            self._label_at = 0
        self._depth -= 1

    def _take(self, attributes: dict[str, str]) -> None:
        code, text = attributes.get("code"), attributes.get("displayName")
        if code is None and text is None and attributes.get("nullFlavor") in _NOTHING_SAID:
            return
        self.labels |= read_label(attributes.get("codeSystem"), code, text, self._table)
