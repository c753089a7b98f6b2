"""What a message says against a release, by its CON segments (v2.9 ch. 9.9.1) and by what its documents are called."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from transfer.adapters.hl7v2.batch import batch
from transfer.adapters.hl7v2.consent_fields import is_about_release, says_none, says_unknown_level, state
from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.statuses import fields_late
from transfer.adapters.hl7v2.values import demographics, document_number
from transfer.errors import TooLarge, TransferError
from transfer.institutions import Institution
from transfer.objections import Objection, ObjectionKind, is_no
from transfer.patients import Demographics, IssuedIdentifier

#: a CON segment begins; it brings the field separator, which is anything but a letter, a digit or a blank
_CONSENT: Final = re.compile(rb"CON[^\w\s]")
#: what is in every title that says no (`transfer.objections.is_no`)
_NO: Final = re.compile(rb"REVOKE|REVOCATION|RESCIND|WITHDR[AE]W|OPT(S|ED|ING)?[- ]?OUT|REFUS")
#: one of them is in each of those words. Looking for them alone takes a tenth of the time
_OF_NO: Final = (b"REVO", b"RESCIND", b"WITHDR", b"OPT", b"REFUS")
#: before CON, and before the blanks that it may be indented by. Sought with them, the search takes five times as long
_LINE_ENDS: Final = (b"\r", b"\n")
#: one of these stands before any word of a message; the middle of a document in base64 has none
_BETWEEN: Final = (b"\r", b"\n", b" ", b"|", b"^", b"&", b"~", b"#", b"\\")
_INDENTED: Final = 8
_LOOKED_AT: Final = 5 + _INDENTED
#: of one payload; whoever has more sends them apart
MOST_OBJECTIONS: Final = 256
#: CON-11 (table 0498): rescinded, refused, limited. Any state that the table does not have cannot be read
_KINDS: Final = {"X": ObjectionKind.REVOKED, "R": ObjectionKind.REFUSED, "L": ObjectionKind.REPLACES}
_ACTIVE: Final = "A"
#: pending, bypassed
_NONE: Final = frozenset({"P", "B"})
#: CON-10 (table 0497): telephone, verbal
_BY_WORD: Final = frozenset({"T", "V"})
#: fields that say what a document is: TXA-2 (type) and TXA-25 (title), OBR-4, OBX-3
_TITLES: Final = {"TXA": (2, 25), "OBR": (4,), "OBX": (3,)}
_TYPE: Final = 4
_UNREADABLE: Final = Objection(kind=ObjectionKind.UNREADABLE, patients=(), references=())


def says_consent(chunks: Iterable[bytes]) -> bool:
    """Whether a CON segment stands in a payload, in whatever letters. Costs one look at its bytes."""
    return any(map(_has_consent, _pieces(chunks)))


def may_object(chunks: Iterable[bytes]) -> bool:
    """Whether a payload may object to a release: a CON segment or a word of a "no" stands in it. Costs one look."""
    return any(_has_consent(piece) or _has_no(piece) for piece in _pieces(chunks))


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """In capitals, which is faster than to search without them; each with the end of the one before. What can hold no
    word is left out.
    """
    before = b""
    for chunk in chunks:
        piece = before + chunk
        if any(each in piece for each in _BETWEEN):
            yield piece.upper()
        before = piece[-_LOOKED_AT:]


def _has_consent(piece: bytes) -> bool:
    return any(_begins_line(piece, found.start()) for found in _CONSENT.finditer(piece))


def _has_no(piece: bytes) -> bool:
    return any(word in piece for word in _OF_NO) and _NO.search(piece) is not None


def _begins_line(piece: bytes, at: int) -> bool:
    return piece[max(0, at - 1 - _INDENTED) : at].rstrip(b"\t ").endswith(_LINE_ENDS)


def objections(payload: bytes, institution: Institution) -> tuple[Objection, ...]:
    """What a message, or each message of a batch, objects to, each once. What cannot be read objects unreadably.

    Raises:
        TooLarge: it objects to more than is settled in one transaction.
    """
    try:
        messages = batch(payload).messages
    except TransferError:
        return (_UNREADABLE,)
    found: dict[Objection, None] = {}
    for each in messages:
        try:
            found |= dict.fromkeys(_of_message(Message(each), institution))
        except TransferError:  # the others of its batch say theirs
            found[_UNREADABLE] = None
        if len(found) > MOST_OBJECTIONS:
            raise TooLarge(f"more than {MOST_OBJECTIONS} objections at once")
    return tuple(found)


def _of_message(message: Message, institution: Institution) -> Iterator[Objection]:
    pid = message.first("PID")
    for segment in message.segments("PID", "CON", *_TITLES):
        if segment.name == "PID":
            pid = segment
        elif segment.name in _TITLES:
            if any(map(is_no, _titles(segment))):
                who = demographics(pid, institution)
                yield replace(_UNREADABLE, patients=(who,) if who != Demographics() else ())
        elif is_about_release(segment) and (kind := _kind(segment)):
            who = demographics(pid, institution)
            yield Objection(
                kind=kind,
                patients=(who,) if who != Demographics() else (),
                references=tuple(_references(segment, institution)),
                is_written=(segment.text(10) or "").upper() not in _BY_WORD,
            )


def _titles(segment: Segment) -> Iterator[str]:
    """What a document or a result is called, in words (CWE.2, 5 and 9)."""
    fields = [field + (fields_late(segment) if field > _TYPE else 0) for field in _TITLES[segment.name]]
    parts = [part for field in fields for part in segment.repetitions(field)]
    yield from filter(None, (part.text(at) for part in parts for at in (1, 2, 5, 9)))


def _kind(consent: Segment) -> ObjectionKind | None:
    """None: it objects to nothing. A consent that is active and discloses nothing refuses."""
    said = state(consent) or ""
    if said == _ACTIVE:
        if says_none(consent):
            return ObjectionKind.REFUSED
        return ObjectionKind.UNREADABLE if says_unknown_level(consent) else None
    if said in _NONE:
        return None
    return _KINDS.get(said, ObjectionKind.UNREADABLE)


def _references(consent: Segment, institution: Institution) -> Iterator[IssuedIdentifier]:
    """CON-4, the form's number."""
    for part in consent.repetitions(4):
        if number := document_number(part, institution, "consent"):
            yield number
