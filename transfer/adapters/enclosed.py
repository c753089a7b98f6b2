"""What a patient permits or refuses in the bytes of a document, in whatever message the document comes.

Heard are a Consent of FHIR in JSON or XML, alone, in a bundle or among lines; the answers to a form
(QuestionnaireResponse); the consent segments of an HL7 v2 message; and a consent document in CDA, as IHE BPPC has it.
Such a document is no form of its sender's: what refuses in it is read as one whose state cannot be read, and what
permits asks for the form. Text for people is not searched.
"""

import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final

from transfer.adapters import hl7v2
from transfer.adapters.cda import ConsentDocument, consent_document, unpacked
from transfer.adapters.fhir import objections as fhir_objections
from transfer.adapters.fhir import xml_trees
from transfer.adapters.fhir.identities import Resources, demographics, person
from transfer.adapters.fhir.outline import shortened
from transfer.adapters.fhir.questionnaires import refuses, says_release
from transfer.adapters.fhir.trees import Tree, child, children, objects_in, parse, text, type_of
from transfer.adapters.fhir.wrappers import decode, in_strings, unwrapped
from transfer.errors import TooLarge, TransferError, Unreadable
from transfer.institutions import Institution
from transfer.objections import Objection, ObjectionKind, is_no
from transfer.patients import Demographics

#: documents within documents that are looked into; a deeper one may be anything
_DEEPEST: Final = 4
#: people that one document may be about: a real one is about one
_MOST: Final = 32
_BEGINNING: Final = 4096
#: an outline leaves no less of a document than this, in base64 with escapes (`transfer.adapters.fhir.outline`)
_CUT: Final = 600
#: what is shorter stands whole in it
_WHOLE: Final = 32 << 10
#: marks of an encoding, blanks, and the start of an MLLP frame
_BEFORE: Final = b"\xef\xbb\xbf\x0b \t\r\n"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
#: what a declaration says of its encoding is true no more once the text is written in UTF-8
_SAID_ENCODING: Final = re.compile(
    r"\A(\s{0,80}<\?xml[^>]{0,80}?)\s{1,80}encoding\s{0,80}=\s{0,80}[\"'][\w.-]{1,40}[\"']"
)
_MESSAGES: Final = (b"MSH", b"BHS", b"FHS")
#: one of them is in all content in JSON or XML that is heard, or that encloses some; anything else costs one look at
#: its bytes. To look for each alone takes a tenth of the time
_HEARD: Final = (
    b"Consent",
    b"QuestionnaireResponse",
    b"ClinicalDocument",
    b'"data"',
    b'"Binary"',
    b"<Binary",
    b"PolicySet",
)
_HEARD_IN_XML: Final = re.compile(rb"<(?:\w+:)?(?:data|Binary)\b")
#: of what cannot be read, what it would be
_FORM: Final = re.compile(rb'"resourceType"\s*:\s*"Consent"|<(\w+:)?Consent[\s>]')
#: the beginning of a document that may be heard, in base64: `{` but not RTF's, `<`, MSH, BHS, FHS, the marks of UTF-8
#: and UTF-16, blanks and the start of a frame; the same in hex; and as it is. Their first letters by themselves come
#: first, which rules most fields out at half the cost
_PACKED: Final = re.compile(
    rb"[\^|&~](?=[ePTQR7/CDI34{<])(?:(?:e(?!1xy)[w-z0-9+/]|P[A-P]|TVNI|QkhT|RkhT|77u/|//[4-7]|/v8|C[Q-Za-z0-9+/]|D[Q-Za-f]|I[A-P])"
    rb"[A-Za-z0-9+/\s]{12}|(?:7[Bb]|3[Cc]|4[Dd]|42|46)[0-9A-Fa-f]{14}|[{<])"
)
_SEPARATORS: Final = (b"|", b"^", b"&", b"~")
_SLICE: Final = 64 << 10
_SLICE_SEAM: Final = 40
#: how a document begins in which something may be heard, its marks left out: as text (`{\\r` begins RTF), or packed
_MAY_GO_ON: Final = re.compile(rb"\{(?!\\r)|[\"<]|MSH|BHS|FHS|[A-Za-z0-9+/_=\s-]{40}")
#: of a document that goes by, what is held to hear it
_MOST_HELD: Final = 16 << 20
#: a patient's policy of access (OASIS XACML, as IHE APPC has it): who can read one is a person
_ACCESS_POLICY: Final = re.compile(rb"<(\w+:)?PolicySet\b[^>]{0,2000}urn:oasis:names:tc:xacml:")
_PATIENT_PRIVACY: Final = "patient-privacy"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnclosedWord:
    """What the documents of a message say: each "no" once, and of whom a release is permitted without a form."""

    objections: tuple[Objection, ...] = ()
    permitting: tuple[Demographics, ...] = ()


_Said = Objection | Demographics


def in_resources(body: bytes, institution: Institution) -> EnclosedWord:
    """Of the documents inside a posted FHIR body. The bytes of what lies elsewhere are not fetched.

    Raises:
        TooLarge, Unreadable: not JSON within bounds, or it objects to more than is settled in one transaction.
    """
    tree = parse(body)
    everybody = _everybody(tree, institution)
    found = _in_attachments(tree, institution, everybody, 1)
    if any(map(_is_consent, _resources(tree))):  # it is a form itself
        found = (one for one in found if isinstance(one, Objection))
    return _gathered(found)


def in_long_body(
    chunks: Iterable[bytes], outlined: bytes, institution: Institution, *, most: int = 6 << 20
) -> EnclosedWord:
    """Of the documents inside a posted body that is too long to be held: it goes by once. `outlined`: its outline.

    Of each document `most` bytes are held. What says no beyond its beginning is about everybody in the body.

    Raises: as `in_resources`.
    """
    said = in_resources(outlined, institution)
    if not may_go_on(outlined):
        return said
    heard, taken = HeardWithin(institution, most=most), 0
    for begins, piece in chain(in_strings(chunks), [(True, b"")]):
        if begins:
            if taken >= _WHOLE:
                heard.end()
            heard, taken = HeardWithin(institution, most=most, objects=heard.objects), 0
        heard.take(piece)
        taken += len(piece)
    unread = [_unread(_everybody(parse(outlined), institution))] if heard.objects else []
    return _gathered([*said.objections, *said.permitting, *unread])


def may_go_on(outlined: bytes) -> bool:
    """Whether a document whose middle is left out of a posted body may say more than its beginning does.

    Raises:
        TooLarge, Unreadable: not JSON within bounds.
    """
    beginnings = (_decoded(data, most=_BEGINNING) for data in _attached(parse(outlined)) if len(data) >= _CUT)
    return any(_MAY_GO_ON.match(_without_marks(each)) for each in beginnings)


def in_message(payload: bytes, institution: Institution) -> EnclosedWord:
    """Of the documents inside an HL7 v2 message, or inside each message of a batch. What cannot be read says nothing.

    Raises:
        TooLarge: it objects to more than is settled in one transaction.
    """
    return _gathered(_in_message(payload, institution, 1)) if may_enclose([payload]) else EnclosedWord()


def against(payload: bytes, institution: Institution, inside: EnclosedWord | None = None) -> tuple[Objection, ...]:
    """What an HL7 v2 message objects to, in its segments and in its documents. `inside`: what `in_message` says of it,
    where that is known.

    Raises:
        TooLarge: it objects to more than is settled in one transaction.
    """
    own = hl7v2.objections(payload, institution) if hl7v2.may_object([payload]) else ()
    return own + (inside or in_message(payload, institution)).objections


def may_enclose(chunks: Iterable[bytes]) -> bool:
    """Whether a document that is heard may stand in an HL7 v2 message. Costs one look at its bytes."""
    before = b""
    for chunk in chunks:
        for at in range(0, len(chunk), _SLICE):
            piece = before + chunk[at : at + _SLICE]
            # The middle of a long document has none of these, and to find that out costs least.
            if any(each in piece for each in _SEPARATORS) and _PACKED.search(piece):
                return True
            before = piece[-_SLICE_SEAM:]
    return False


def in_content(content: bytes, institution: Institution) -> EnclosedWord:
    """Of a document by its bytes.

    Raises:
        TooLarge: it objects to more than is settled in one transaction.
    """
    return _gathered(_in_content(content, institution, (), 1))


class HeardWithin:
    """What a document says against a release, heard while its bytes go by.

    Of one that is longer than what is held, long runs of base64 are left out but for their beginning. What is too long
    even so says no where it holds a consent.
    """

    def __init__(self, institution: Institution, *, most: int = _MOST_HELD, objects: bool = False) -> None:
        self._institution = institution
        self._most = most
        self._held = bytearray()
        self._is_over = self._is_outlined = False
        #: the end of what went by, once nothing is held any more
        self._seam: bytes | None = None
        self.objects = objects

    def passing(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The same bytes. `objects` is known once they are at their end."""
        for chunk in chunks:
            self.take(chunk)
            yield chunk
        self.end()

    def take(self, chunk: bytes) -> None:
        if not (self._is_over or self.objects):
            self._hold(chunk)

    def end(self) -> None:
        """All of it was taken: `objects` is known."""
        if self._held and not self.objects:
            content = shortened(self._held) if self._is_outlined else bytes(self._held)
            try:
                self.objects = bool(in_content(content, self._institution).objections)
            except TooLarge:
                self.objects = True

    def _hold(self, chunk: bytes) -> None:
        if self._seam is not None:
            return self._look(chunk)
        self._held += chunk
        begins = _without_marks(bytes(self._held[:_BEGINNING]))
        if len(begins) >= _SLICE_SEAM and not _MAY_GO_ON.match(begins):
            self._is_over = True
            self._held.clear()
        elif len(self._held) > self._most:
            self._held[:] = shortened(self._held)
            self._is_outlined = True
            if len(self._held) > self._most // 2:
                self._seam, held = b"", bytes(self._held)
                self._held.clear()
                self._look(held)
        return None

    def _look(self, chunk: bytes) -> None:
        piece = (self._seam or b"") + chunk
        self._seam = piece[-_SLICE_SEAM:]
        self.objects = self.objects or _holds_consent([piece])


def _holds_consent(chunks: Iterable[bytes]) -> bool:
    before = b""
    for chunk in chunks:
        piece = before + chunk.replace(b"\0", b"")  # of UTF-16 as ASCII
        if _FORM.search(piece) or hl7v2.says_consent([piece]):
            return True
        before = piece[-_SLICE_SEAM:]
    return False


def _gathered(found: Iterable[_Said]) -> EnclosedWord:
    objections, permitting = dict[Objection, None](), dict[Demographics, None]()
    for one in found:
        if isinstance(one, Objection):
            objections[replace(one, kind=ObjectionKind.UNREADABLE)] = None
        else:
            permitting[one] = None
        if len(objections) > fhir_objections.MOST_BESIDE or len(permitting) > fhir_objections.MOST_BESIDE:
            raise TooLarge(f"more than {fhir_objections.MOST_BESIDE} objections at once")
    return EnclosedWord(objections=tuple(objections), permitting=tuple(permitting))


def _without_marks(begins: bytes) -> bytes:
    """The beginning of a text without what stands before it, and of UTF-16 as ASCII."""
    return begins.replace(b"\0", b"").lstrip(_BEFORE + b"\xff\xfe")


def _unread(about: Iterable[Demographics]) -> Objection:
    return Objection(kind=ObjectionKind.UNREADABLE, patients=tuple(about), references=())


# --- by its language --------------------------------------------------------------------------------------------------


def _in_content(
    content: bytes, institution: Institution, about: tuple[Demographics, ...], depth: int
) -> Iterator[_Said]:
    if content.startswith(_UTF_16):
        content = _SAID_ENCODING.sub(r"\1", content.decode("utf-16", "replace")).encode()
    if content[:_BEGINNING].lstrip(_BEFORE)[:1] in (b"{", b"<") and not _may_be_heard(content):
        return
    try:
        content = b"".join(unwrapped([content], lambda: None, most=len(content), check=lambda _: None))
    except TransferError:
        if _FORM.search(content):
            yield _unread(about)
        return
    begins = content[:_BEGINNING].lstrip(_BEFORE)
    if begins.startswith(_MESSAGES):
        yield from _in_segments(content.lstrip(_BEFORE), institution, about, depth)
    elif begins[:1] in (b"{", b"<") and _may_be_heard(content):
        if depth > _DEEPEST:
            yield _unread(about)
        else:
            yield from _in_text(content, institution, about, depth)


def _may_be_heard(content: bytes) -> bool:
    return any(word in content for word in _HEARD) or _HEARD_IN_XML.search(content) is not None


def _in_text(content: bytes, institution: Institution, about: tuple[Demographics, ...], depth: int) -> Iterator[_Said]:
    if b"ClinicalDocument" in content and (document := consent_document(content)):
        yield from _of_clinical_document(document, about)
        if document.enclosed:
            with suppress(zlib.error):
                inside = unpacked(_decoded(document.enclosed), document.compression)
                yield from _in_content(inside, institution, about, depth + 1)
        return
    if _ACCESS_POLICY.search(content[:_BEGINNING]):
        yield _unread(about)
        return
    try:
        trees = _trees(content)
    except TransferError:
        if _FORM.search(content):
            yield _unread(about)
        return
    for tree in trees:
        yield from _in_tree(tree, institution, about, depth)


def _trees(content: bytes) -> list[Tree]:
    """One resource, or one on each line (https://hl7.org/fhir/R4/nd-json.html)."""
    if content.lstrip(_BEFORE)[:1] == b"<":
        return [xml_trees.parse(content)]
    lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) > 1 and all(line.lstrip(_BEFORE)[:1] == b"{" and line.rstrip()[-1:] == b"}" for line in lines):
        return [parse(line) for line in lines]
    return [parse(content)]


def _in_segments(
    content: bytes, institution: Institution, about: tuple[Demographics, ...], depth: int
) -> Iterator[_Said]:
    """Of a message in a document. One that names nobody is about whom its envelope names."""
    if hl7v2.may_object(content[at : at + _SLICE] for at in range(0, len(content), _SLICE)):
        yield from (_about(one, about) for one in hl7v2.objections(content, institution))
        with suppress(TransferError):  # then it objects unreadably
            yield from (whom for one in hl7v2.permitting(content, institution) for whom in _whom(one, about))
    if may_enclose([content]):
        yield from _in_message(content, institution, depth + 1)


def _in_message(payload: bytes, institution: Institution, depth: int) -> Iterator[_Said]:
    if depth > _DEEPEST:
        return
    for about, content in hl7v2.attached(payload, institution):
        yield from _in_content(content, institution, about, depth)


def _of_clinical_document(document: ConsentDocument, about: tuple[Demographics, ...]) -> Iterator[_Said]:
    if any(map(is_no, document.called)) or (document.is_consent and document.refuses):
        yield _unread(about)
    elif document.is_consent:
        yield from about


# --- FHIR -------------------------------------------------------------------------------------------------------------


def _in_tree(tree: Tree, institution: Institution, about: tuple[Demographics, ...], depth: int) -> Iterator[_Said]:
    resources = list(_resources(tree))
    entries = [each for each in objects_in(tree) if type_of(child(each, "resource"))]
    around = Resources.around(tree, entries)
    around_it = (*entries, *({"resource": one} for one in resources))
    people = [each for each in around_it if type_of(child(each, "resource")) == "Patient"]
    near = fhir_objections.ConsentsAround.of(people, institution) if any(map(_is_consent, resources)) else None
    yield from (_about(one, about) for one in fhir_objections.read_beside(tree, institution))
    for resource in resources:
        if near and _is_consent(resource):
            yield from _of_consent(resource, near.within(resource), about)
        elif type_of(resource) == "QuestionnaireResponse" and refuses(resource):
            who = person(child(resource, "subject"), around.within(resource), institution)
            yield _about(_unread(() if who == Demographics() else (who,)), about)
        elif type_of(resource) == "QuestionnaireResponse" and says_release(resource):
            yield from _whom(person(child(resource, "subject"), around.within(resource), institution), about)
    yield from _in_attachments(tree, institution, about or _everybody(tree, institution), depth + 1)


def _of_consent(
    consent: Tree, near: fhir_objections.ConsentsAround, about: tuple[Demographics, ...]
) -> Iterator[_Said]:
    said = _about(near.read(consent), about)
    if said.kind is not ObjectionKind.REPLACES:
        yield said
    elif (text(consent, "status") or "").lower() == "active" and _is_of_privacy(consent):
        yield from said.patients


def _is_consent(resource: Tree) -> bool:
    return type_of(resource) == "Consent"


def _is_of_privacy(consent: Tree) -> bool:
    """Whether it may permit a release: by its scope (https://hl7.org/fhir/R4/valueset-consent-scope.html)."""
    codes = {text(coding, "code") for coding in children(consent, "scope", "coding")}
    return _PATIENT_PRIVACY in codes or not codes


def _about(said: Objection, about: tuple[Demographics, ...]) -> Objection:
    """Whom it names, and whom its envelope does: in doubt it is about each."""
    return replace(said, patients=tuple(islice(dict.fromkeys([*said.patients, *about]), _MOST)))


def _whom(said: Demographics, about: tuple[Demographics, ...]) -> Iterable[Demographics]:
    return (*about,) if said == Demographics() else (said, *about)


def _resources(tree: Tree) -> Iterator[Tree]:
    return (each for each in objects_in(tree) if type_of(each))


def _everybody(tree: Tree, institution: Institution) -> tuple[Demographics, ...]:
    """Whom a body is about: the subjects of its resources; where none is named, the patients it brings."""
    resources = list(_resources(tree))
    around = Resources.around(tree, [each for each in objects_in(tree) if type_of(child(each, "resource"))])
    named = (
        person(child(each, name), around.within(each), institution)
        for each in resources
        for name in ("subject", "patient", "for")
    )
    said = [who for who in named if who != Demographics()]
    brought = (demographics(each, institution) for each in resources if type_of(each) == "Patient")
    return tuple(islice(dict.fromkeys(said or brought), _MOST))


def _in_attachments(
    tree: Tree, institution: Institution, about: tuple[Demographics, ...], depth: int
) -> Iterator[_Said]:
    for data in _attached(tree):
        yield from _in_content(_decoded(data), institution, about, depth)


def _attached(tree: Tree) -> Iterator[str]:
    """The base64 of each attachment, and of each Binary."""
    return (data for each in objects_in(tree) if (data := text(each, "data")))


def _decoded(data: str, *, most: int | None = None) -> bytes:
    """What can be read of it."""
    found = bytearray()
    with suppress(Unreadable):
        for piece in decode(data if most is None else data[:most], lambda: None):
            found += piece
    return bytes(found)
