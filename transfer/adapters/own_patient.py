"""What a document says of its own patient: C-CDA, HL7 v2, FHIR and DICOM, whatever message or list it came by.

It runs in the process that opens documents. What says nothing of a patient names nobody here, and neither does what is
broken: whoever opens it says so.
"""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final
from xml.parsers import expat

from transfer.adapters.dicom import header as dicom_header
from transfer.adapters.fhir import identities, trees, xml_trees
from transfer.adapters.hl7v2.message import Message
from transfer.adapters.hl7v2.values import demographics
from transfer.errors import NeedsReview, Refused, Unreadable
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.written_patients import read_name

#: elements before the body of a C-CDA document, and their depth
_MOST_ELEMENTS: Final = 200_000
_DEPTH: Final = 100
_CHUNK: Final = 64 << 10
#: in one name or number
_MOST_CHARACTERS: Final = 500
#: where the patient's name stands in a clinical document
_NAME: Final = ["recordTarget", "patientRole", "patient", "name"]
#: patients that are compared; a document is about one, or about a mother and her child
MOST: Final = 20
_WITH_HYPHENS: Final = re.compile(r"\d{4}-\d\d-\d\d")
_SEXES: Final = {"M": "male", "F": "female", "UN": "other"}
_HL7_MARKS: Final = (b"MSH", b"FHS", b"BHS")
#: what may stand before the first character
_BEFORE: Final = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n\x0b"


class PatientHidden(Unreadable):
    """It is in a language in which a document names its patient, and what it says there cannot be read."""


def patients_named(data: bytes, institution: Institution) -> tuple[Demographics, ...]:
    """Each patient that the document names as its own, in the words and with the numbers of this institution.

    Raises:
        PatientHidden: whom it names cannot be read.
    """
    beginning = data.lstrip(_BEFORE)[:4096].replace(b"\0", b"")
    try:
        if beginning[:1] == b"<":
            found = _of_xml(data, institution)
        elif beginning[:1] == b"{":
            found = _of_resource(data, institution)
        elif beginning[:3] in _HL7_MARKS:
            found = _of_message(data, institution)
        elif data[128:132] == b"DICM":
            found = _of_image(data, institution)
        else:
            return ()
        said = tuple(one for one in dict.fromkeys(found) if one.names or one.birth_date or one.identifiers)
    except PatientHidden:
        raise
    except (NeedsReview, Refused):
        return ()
    return said[:MOST]


def _of_message(data: bytes, institution: Institution) -> Iterator[Demographics]:
    for pid in Message(data.lstrip(_BEFORE)).segments("PID"):
        yield demographics(pid, institution)


def _of_image(data: bytes, institution: Institution) -> Iterator[Demographics]:
    head = dicom_header.read_header(data[: dicom_header.MOST_HEADER], is_all=len(data) <= dicom_header.MOST_HEADER)
    if head:
        yield dicom_header.demographics(head.patient, institution)


def _of_resource(data: bytes, institution: Institution) -> Iterator[Demographics]:
    try:
        tree = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_once)
    except _SaidTwice:
        raise PatientHidden("a key twice") from None
    except (ValueError, RecursionError):
        return
    yield from _of_tree(tree, institution)


def _of_tree(tree: trees.Tree, institution: Institution) -> Iterator[Demographics]:
    """The patient of a resource, or of the first entry of a document (Bundle.type *document*, R4 3.3.1)."""
    entries = trees.children(tree, "entry")
    resource = trees.child(entries[0], "resource") if trees.type_of(tree) == "Bundle" and entries else tree
    if trees.type_of(resource) == "Patient":
        yield identities.demographics(resource, institution)
        return
    for field in ("subject", "patient"):
        if reference := trees.child(resource, field):
            yield identities.person(reference, identities.Resources.around(resource, entries), institution)


class _SaidTwice(Exception):
    """One key twice in one object: programs differ in which of the two they take."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise _SaidTwice
    return tree


# --- C-CDA ------------------------------------------------------------------------------------------------------------


def _of_xml(data: bytes, institution: Institution) -> Iterator[Demographics]:
    """ClinicalDocument.recordTarget (CDA R2, 4.2.2.4), or a FHIR resource in XML."""
    reader, data = _Header(), data.lstrip()
    for at in range(0, len(data), _CHUNK):
        if reader.read(data[at : at + _CHUNK], is_end=at + _CHUNK >= len(data)):
            break
    if reader.is_hidden:
        raise PatientHidden("a header that is not read")
    if reader.is_resource:
        try:
            tree = xml_trees.parse(data)
        except Unreadable:
            raise PatientHidden("a resource that is not read") from None
        yield from _of_tree(tree, institution)
    for one in reader.patients:
        numbers = (_number(root, value, institution) for root, value in one.numbers)
        said = Demographics(
            names=tuple(one.names),
            birth_date=_day(one.born),
            sex=_SEXES.get(one.sex.upper()),
            identifiers=tuple(dict.fromkeys(number for number in numbers if number)),
        )
        yield institution.placeholders.left_out_of(said)


def _number(root: str, value: str, institution: Institution) -> IssuedIdentifier | None:
    """A number by an issuer that the institution's file names: others' are of policies and citizens as well."""
    known = {institution.issuer(name) for name in (root, f"urn:oid:{root}")} & {*institution.issuers.values()}
    return IssuedIdentifier(min(filter(None, known)), value) if known and value.strip() else None


def _day(value: str) -> date | None:
    """Of a TS value to the day or finer (CDA R2 datatypes), also written as `1950-03-04`; None of less than a day."""
    value = value.replace("-", "") if _WITH_HYPHENS.match(value) else value
    try:
        return datetime.strptime(value[:8], "%Y%m%d").date() if len(value) >= 8 else None  # noqa: DTZ007 - a date
    except ValueError:
        return None


class _Patient:
    """What one recordTarget says."""

    def __init__(self) -> None:
        self.numbers: list[tuple[str, str]] = []
        self.names: list[PersonName] = []
        self.born, self.sex = "", ""


class _Header:
    """Takes a C-CDA document in pieces, as far as its body. `patients` are those met so far.

    `is_hidden`: it is beyond the bounds, or declares a document type with entities, which could stand for anything.
    `is_resource`: it is a FHIR resource.
    """

    def __init__(self) -> None:
        self.is_hidden, self.is_resource, self._has_type = False, False, False
        self.patients: list[_Patient] = []
        self._path: list[str] = []
        self._elements, self._is_over = 0, False
        self._family, self._born_as, self._given_names = "", "", list[str]()
        self._text = self._loose = ""
        self._is_of_birth = False
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._begin
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._take
        self._parser.StartDoctypeDeclHandler = self._note_type
        self._parser.SkippedEntityHandler = self._hide

    def read(self, chunk: bytes, *, is_end: bool) -> bool:
        """Whether nothing more of it is needed."""
        try:
            self._parser.Parse(chunk, is_end)
        except (expat.ExpatError, LookupError, ValueError, Unreadable):
            self._is_over = True
        return self._is_over

    def _note_type(self, _name: str, _system: str | None, _public: str | None, has_own: bool | int) -> None:
        self._has_type = bool(has_own)

    def _hide(self, *_: object) -> None:
        self.is_hidden = self.is_resource or self._path[:1] == ["ClinicalDocument"]
        raise Unreadable("an entity that is defined elsewhere")

    def _begin(self, tag: str, attributes: dict[str, str]) -> None:
        self._path.append(tag.rpartition(" ")[2])
        self._elements += 1
        self.is_resource = self.is_resource or tag.startswith(f"{xml_trees.NAMESPACE} ")
        is_document = self._path[0] == "ClinicalDocument"
        is_beyond = len(self._path) > _DEPTH or self._elements > _MOST_ELEMENTS
        self.is_hidden = (is_document or self.is_resource) and (self._has_type or is_beyond)
        if self.is_hidden or not is_document or self._path[1:] == ["component"]:
            raise Unreadable("its header is over")
        self._text = ""
        if self._path[1:] == ["recordTarget", "patientRole"]:
            self.patients.append(_Patient())
        if not self.patients:
            return
        match self._path[2:]:
            case ["patientRole", "id"]:
                self.patients[-1].numbers.append(
                    (attributes.get("root", ""), attributes.get("extension", "")[:_MOST_CHARACTERS])
                )
            case ["patientRole", "patient", "name"]:
                self._family, self._born_as, self._given_names, self._loose = "", "", [], ""
            case ["patientRole", "patient", "name", "family"]:
                self._is_of_birth = "BR" in attributes.get("qualifier", "").split()
            case ["patientRole", "patient", "birthTime"]:
                self.patients[-1].born = attributes.get("value", "")
            case ["patientRole", "patient", "administrativeGenderCode"]:
                self.patients[-1].sex = attributes.get("code", "")

    def _take(self, text: str) -> None:
        if len(self._text) < _MOST_CHARACTERS:
            self._text += text
        if self._path[1:] == _NAME and len(self._loose) < _MOST_CHARACTERS:
            self._loose += text

    def _end(self, _tag: str) -> None:
        match self._path[1:]:
            case [*name, "family"] if name == _NAME and self._is_of_birth:
                self._born_as = self._text.strip()[:_MOST_CHARACTERS]
            case ["recordTarget", "patientRole", "patient", "name", "family"]:
                self._family = self._family or self._text.strip()[:_MOST_CHARACTERS]
            case ["recordTarget", "patientRole", "patient", "name", "given"] if self._text.strip():
                self._given_names.append(self._text.strip()[:_MOST_CHARACTERS])
            case name if name == _NAME:
                self.patients[-1].names += self._names()
        self._path.pop()
        self._text = ""

    def _names(self) -> list[PersonName]:
        """Of a name: in parts, in one piece, or some of it as words between its parts (CDA R2 datatypes, 2.9), with the
        one of birth (qualifier BR).
        """
        loose = " ".join(self._loose.replace(",", " ").split())[:_MOST_CHARACTERS]
        if not (self._family or self._born_as or self._given_names):
            whole = self._loose.strip()[:_MOST_CHARACTERS]
            return [read_name(whole) or PersonName(whole, ())] if whole else []
        family = self._family or (loose if self._given_names else "") or self._born_as
        given = tuple(self._given_names or (loose.split() if self._family or self._born_as else ()))
        return [PersonName(one, given) for one in dict.fromkeys((family, self._born_as)) if one]
