"""The signed form behind a Consent (Consent.source[x]), and what it says in words."""

import re
from typing import Final

from transfer.adapters.fhir.attachments import announced
from transfer.adapters.fhir.consent_codes import Doubts, is_of_another, names_said, narrated, narrative_narrows
from transfer.adapters.fhir.identities import Resources
from transfer.adapters.fhir.trees import Tree, child, children, text, type_of
from transfer.adapters.fhir.wrappers import decode
from transfer.bytes_seen import BytesSeen
from transfer.errors import Unreadable
from transfer.flaws import Flaw
from transfer.media_types import CDA, DOCX, FHIR_JSON, FHIR_XML, JSON, RTF, XML, Judged
from transfer.objections import ends, is_no
from transfer.permissions import Finding
from transfer.permissions.descriptions import adds_nothing

#: DocumentReference.docStatus of a form that is whole
_DONE: Final = ("final", "amended", None)
#: besides `text/…`: what has words that no code of the Consent says; a scan has none that we read
_OF_WORDS: Final = frozenset({CDA, DOCX, FHIR_JSON, FHIR_XML, JSON, RTF, XML})
#: bytes of a form in words that are looked at for a no
_MOST_WORDS: Final = 1 << 20
#: formats of a policy (IHE BPPC, APPC): https://profiles.ihe.net/fhir/ihe.formatcode.fhir
_POLICY: Final = re.compile(r":(bppc|appc):")


def has_source(consent: Tree) -> bool:
    """Whether a form stands behind it: its bytes, an address, or a reference. A name alone is none
    (https://hl7.org/fhir/R4/datatypes.html#Attachment).
    """
    attached, reference = child(consent, "sourceAttachment"), child(consent, "sourceReference")
    said = [text(attached, "data"), text(attached, "url"), text(reference, "reference")]
    return any(said) or text(reference, "identifier", "value") is not None


def note_source(consent: Tree, resources: Resources, doubts: Doubts) -> None:
    """Noted: words of the form that no code says, and a form that does not stand. Nothing is fetched."""
    reference = child(consent, "sourceReference")
    source = resources.follow(reference)
    is_document = type_of(source) == "DocumentReference"
    names = names_said(resources.follow(child(consent, "patient")))
    note_bytes(child(consent, "sourceAttachment"), doubts)
    said = [text(consent, "sourceAttachment", "title"), text(reference, "display")]
    if is_document:
        titles = [text(each, "attachment", "title") for each in children(source, "content")]
        said += [text(source, "description"), *titles]
        _note_document(source, names, doubts)
        if text(source, "status") != "current" or text(source, "docStatus") not in _DONE:
            doubts.note(Finding.SIGNATURE_DOUBTED)
    # a Contract and the answers of a questionnaire are words
    if not all(adds_nothing(one, names) for one in said) or (source and not is_document):
        doubts.note(Finding.WORDS_SAY_MORE)
    if ends(file_name(child(consent, "sourceAttachment"))):
        doubts.note(Finding.MEANING_MODIFIED)
    if not source and (text(reference, "reference") or "").startswith("#"):
        doubts.note(Finding.FORM_UNREADABLE)


def file_name(attachment: Tree) -> str:
    """What a file that lies elsewhere is called there; empty where nothing is said."""
    return (text(attachment, "url") or "").partition("?")[0].rpartition("/")[2]


def _note_document(source: Tree, patient: list[str], doubts: Doubts) -> None:
    """Noted: words in it, of it or about it, and that it is another patient's."""
    if is_of_another(child(source, "subject"), patient):
        doubts.note(Finding.FORM_UNREADABLE)
    concepts = [child(source, "type"), *children(source, "category")]
    codings = [coding for concept in concepts for coding in children(concept, "coding")]
    called = [text(one, name) for one in (*concepts, *codings) for name in ("text", "display")]
    formats = [text(content, "format", "code") or "" for content in children(source, "content")]
    if any(is_no(one) or ends(one) for one in called if one) or any(map(_POLICY.search, formats)):
        doubts.note(Finding.MEANING_MODIFIED)
    if narrative_narrows(text(source, "text", "div") or ""):
        doubts.note(Finding.WORDS_SAY_MORE)
    for content in children(source, "content"):
        note_bytes(child(content, "attachment"), doubts)


def note_bytes(attachment: Tree, doubts: Doubts) -> None:
    """Noted: a form in words, and one whose bytes are others than were announced. Of what lies elsewhere nothing is."""
    try:
        found, _ = _bytes_of(attachment)
    except Unreadable:
        doubts.note(Finding.FORM_UNREADABLE)
        return
    if found and found.flaws & {Flaw.HASH_DIFFERS, Flaw.SIZE_DIFFERS}:
        doubts.note(Finding.SIGNATURE_DOUBTED)
    if found and _is_of_words(found):
        doubts.note(Finding.WORDS_SAY_MORE)


def words_in(attachment: Tree) -> str:
    """What a form in words says, markup left out; of one that lies elsewhere or cannot be read, nothing."""
    try:
        found, content = _bytes_of(attachment)
    except Unreadable:
        return ""
    return narrated(content.decode(errors="replace")) if found and _is_of_words(found) else ""


def _is_of_words(found: Judged) -> bool:
    return found.content_type.startswith("text/") or found.content_type in _OF_WORDS


def _bytes_of(attachment: Tree) -> tuple[Judged | None, bytes]:
    """What the bytes of an attachment are, where they come with it, and the first of them.

    Raises:
        Unreadable: not base64.
    """
    data = text(attachment, "data")
    if data is None:
        return None, b""
    seen, kept = BytesSeen(announced(attachment)), bytearray()
    for chunk in seen.passing(decode(data, lambda: None)):
        kept += chunk[: max(0, _MOST_WORDS - len(kept))]
    return seen.judged(), bytes(kept)
