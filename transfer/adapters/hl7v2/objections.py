"""What a message says against a release, by its CON segments (v2.9 ch. 9.9.1) and by what its documents are called."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Final

from transfer.adapters.hl7v2.batch import batch
from transfer.adapters.hl7v2.consent_fields import (
    is_about_release,
    is_limited,
    is_of_a_part,
    is_restriction,
    is_restriction_alone,
    says_none,
    says_unknown_level,
    state,
)
from transfer.adapters.hl7v2.labels import fields_of
from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.statuses import fields_late
from transfer.adapters.hl7v2.values import demographics, document_number, moment
from transfer.errors import TooLarge, TransferError
from transfer.institutions import Institution
from transfer.objections import (
    Objection,
    ObjectionKind,
    ends,
    is_no,
    is_refused,
    refuses_in_words,
    says_ending,
    says_refusing,
    tells_only,
)
from transfer.patients import Demographics, IssuedIdentifier

#: a CON segment begins; it brings the field separator, which is anything but a letter, a digit or a blank
_CONSENT: Final = re.compile(rb"CON[^\w\s]")
#: before CON, and before the blanks that it may be indented by. Sought with them, the search takes five times as long
_LINE_ENDS: Final = (b"\r", b"\n")
#: one of these stands before any word of a message; the middle of a document in base64 has none
_BETWEEN: Final = (b"\r", b"\n", b" ", b"|", b"^", b"&", b"~", b"#", b"\\")
_INDENTED: Final = 8
_LOOKED_AT: Final = 1024
#: segments that a text is sent in line by line, and more bytes than a line has
_OF_LINES: Final = (b"OBX", b"NTE")
_LINE: Final = 512
#: bytes that are left out where none of those stands in them
_BLOCK: Final = 16 << 10
#: an access restriction begins (v2.6 and later, ch. 3.4.14)
_RESTRICTION: Final = re.compile(rb"ARV[^\w\s]")
#: of one payload; whoever has more sends them apart
MOST_OBJECTIONS: Final = 256
#: CON-11 (table 0498): rescinded, refused, limited. Any state that the table does not have cannot be read
_KINDS: Final = {"X": ObjectionKind.REVOKED, "R": ObjectionKind.REFUSED, "L": ObjectionKind.REPLACES}
_ACTIVE: Final = "A"
#: pending, bypassed
_NONE: Final = frozenset({"P", "B"})
#: a request to restrict that was refused, was taken back or was not made
_LIFTED: Final = frozenset({"R", "X", "B"})
#: CON-10 (table 0497): telephone, verbal
_BY_WORD: Final = frozenset({"T", "V"})
#: CON-2, 3 and 7 name what it is; CON-5, 6, 8 and 9 are texts
_NAMES: Final = (2, 3, 7)
_TEXTS: Final = (5, 6, 8, 9)
#: ARV-3 (table 0717): all of it, opted out of all registries; ARV-2 (table 0206): taken back
_ALL_RESTRICTED: Final = frozenset({"ALL", "OO"})
_DELETED: Final = "D"
#: OBX-2 of a result in words or in a code
_WORDS: Final = frozenset({"TX", "FT", "ST", "CE", "CWE", "CF", "CNE", "ID", "IS", ""})
#: fields that say what a document is: TXA-2 (type) and TXA-25 (title), OBR-4, OBX-3
_TITLES: Final = {"TXA": (2, 25), "OBR": (4,), "OBX": (3,)}
_TYPE: Final = 4
#: OBX-2 of a text, and where a line of one stands
_LINES_ARE: Final = frozenset({"TX", "FT", "ST", ""})
_LINE_FIELDS: Final = {"OBX": 5, "NTE": 3}
#: segments in which a "no" may stand, beside those of the sender's own
_HEARD: Final = frozenset({"CON", "ARV", "NTE", *_TITLES})
_UNREADABLE: Final = Objection(kind=ObjectionKind.UNREADABLE, patients=(), references=())


def says_consent(chunks: Iterable[bytes]) -> bool:
    """Whether a CON segment stands in a payload, in whatever letters. Costs one look at its bytes."""
    return any(map(_has_consent, _pieces(chunks)))


def may_object(chunks: Iterable[bytes]) -> bool:
    """Whether a payload may object to a release: a CON segment or a word of a "no" stands in it. Costs one look."""
    return any(_has_consent(piece) or _has_no(piece) or _has_restriction(piece) for piece in _pieces(chunks))


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """In capitals, which is faster than to search without them; each with the end of the one before. What can hold no
    word is left out.
    """
    before = b""
    for chunk in chunks:
        piece = before + chunk
        if kept := _without_middles(piece):
            yield kept.upper()
        before = piece[-_LOOKED_AT:]


def _without_middles(piece: bytes) -> bytes:
    """A piece without the middle of its documents. What stood in one segment still does."""
    blocks = [piece[at : at + _BLOCK] for at in range(0, len(piece), _BLOCK)]
    has_words = [any(each in block for each in _BETWEEN) for block in blocks]
    if all(has_words):
        return piece
    kept: list[bytes] = []
    for number, block in enumerate(blocks):
        if has_words[number]:
            kept.append(block)
            continue
        if number and has_words[number - 1]:  # the rest of a word
            kept.append(block[:_LOOKED_AT])
        if any(has_words[number + 1 : number + 2]):
            kept.append(block[-_LOOKED_AT:])
    return b"".join(kept)


def _has_consent(piece: bytes) -> bool:
    return any(_begins_line(piece, found.start()) for found in _CONSENT.finditer(piece))


def _has_no(piece: bytes) -> bool:
    if says_ending(piece):
        return True
    if not says_refusing(piece):
        return False
    # What refuses stands in one segment, or in two lines of a text: a note of a patient who denies pain, beside a
    # consent, is not read for it.
    segments = piece.replace(b"\n", b"\r").split(b"\r")
    lines = ((one, other) for one, other in pairwise(segments) if _are_lines(one, other))
    return any(map(says_refusing, segments)) or any(says_refusing(one + b" " + other) for one, other in lines)


def _are_lines(one: bytes, other: bytes) -> bool:
    return one[:3] == other[:3] and one[:3] in _OF_LINES and max(len(one), len(other)) < _LINE


def _has_restriction(piece: bytes) -> bool:
    return b"ARV" in piece and any(_begins_line(piece, found.start()) for found in _RESTRICTION.finditer(piece))


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
    text: tuple[str, ...] | None = None
    lines: list[str] = []
    for segment in message.segments_in_order:
        if (of := _text_of(segment)) != text:
            if _is_told(lines):
                yield _unreadable(pid, institution)
            text, lines = of, []
        if of:
            lines += _said(segment, _LINE_FIELDS[segment.name])
        if segment.name == "PID":
            pid = segment
        elif found := _in_segment(segment, pid, message, institution):
            yield found
    if _is_told(lines):
        yield _unreadable(pid, institution)


def _in_segment(segment: Segment, pid: Segment | None, message: Message, institution: Institution) -> Objection | None:
    if segment.name.startswith("Z"):
        return _unreadable(pid, institution) if _is_own_no(message, segment) else None
    if segment.name not in _HEARD:
        return None
    if segment.name != "CON":
        return _unreadable(pid, institution) if _says_no(segment, message) else None
    kind = is_about_release(segment) and (_kind(segment) or _ended(segment, message, institution))
    if not kind:
        return None
    who = demographics(pid, institution)
    return Objection(
        kind=kind,
        patients=(who,) if who != Demographics() else (),
        references=tuple(_references(segment, institution)),
        is_written=(segment.text(10) or "").upper() not in _BY_WORD,
    )


def _text_of(segment: Segment) -> tuple[str, ...] | None:
    """What is the same of all lines of one text. None: it is no such line."""
    if segment.name == "NTE":
        return ("NTE",)
    if segment.name == "OBX" and (segment.text(2) or "").upper() in _LINES_ARE:
        return ("OBX", segment.text(3) or "", segment.text(3, 2) or "")
    return None


def _is_told(lines: list[str]) -> bool:
    """Whether lines that follow each other say no together: a sentence goes on from one to the next."""
    return len(lines) > 1 and refuses_in_words("\n".join(lines))


def _unreadable(pid: Segment | None, institution: Institution) -> Objection:
    who = demographics(pid, institution)
    return replace(_UNREADABLE, patients=(who,) if who != Demographics() else ())


def _is_own_no(message: Message, segment: Segment) -> bool:
    """Of a segment of the sender's own: exchanges put an opt-out into one. A name stands in one field, a sentence in
    one or in two that follow each other: `OPT OUT|HIE`.
    """
    fields = fields_of(message, segment)
    said = [*fields, *map(" ".join, pairwise(fields))]
    return any(map(refuses_in_words, said)) or any(is_no(one) and not tells_only(one) for one in fields)


def _titles(segment: Segment) -> Iterator[str]:
    """What a document or a result is called, in words (CWE.2, 5 and 9)."""
    fields = [field + (fields_late(segment) if field > _TYPE else 0) for field in _TITLES[segment.name]]
    parts = [part for field in fields for part in segment.repetitions(field)]
    yield from filter(None, (part.text(at) for part in parts for at in (1, 2, 5, 9)))


def _says_no(segment: Segment, message: Message) -> bool:
    """By what a document or a result is called, by a sentence of a text, by the value of a consent, or by a restriction
    of all access. Documents that come with a restriction are labelled by it; here only a message about a person is.
    """
    match segment.name:
        case "ARV":
            in_words = any(map(refuses_in_words, _said(segment, 4, 5)))
            return in_words or (message.header.message_type == "ADT" and _restricts_all(segment))
        case "NTE":
            return any(map(refuses_in_words, _said(segment, 3)))
        case "OBX" if (segment.text(2) or "").upper() in _WORDS:
            values = [*_said(segment, 5), *_components(segment, 5)]
            called = list(_titles(segment))
            return any(map(is_no, called)) or any(map(refuses_in_words, values)) or is_refused(called, values)
    return any(map(is_no, _titles(segment)))


def _said(segment: Segment, *fields: int) -> Iterator[str]:
    """Each repetition of these fields, whole."""
    return (said for field in fields for part in segment.repetitions(field) if (said := part.whole()))


def _components(segment: Segment, field: int) -> Iterator[str]:
    """Codes and texts of each repetition (CWE.1, 2, 4, 5, 9)."""
    said = (part.text(at) for part in segment.repetitions(field) for at in (1, 2, 4, 5, 9))
    return filter(None, said)


def _restricts_all(restriction: Segment) -> bool:
    parts = restriction.repetitions(3)
    said = {(part.text(at) or "").upper() for part in parts for at in (1, 4)}
    is_all = not said.isdisjoint(_ALL_RESTRICTED) or any(map(ends, _said(restriction, 3)))
    return is_all and (restriction.text(2) or "").upper() != _DELETED


def _ended(consent: Segment, message: Message, institution: Institution) -> ObjectionKind | None:
    """Of one that is active by its state: a "no" by its name or in its words; or less than all, or an end (CON-15) that
    had come when the message was made. Either stops a form whose number it carries.
    """
    if state(consent) in _NONE or is_restriction(consent):
        return None
    if any(map(ends, _said(consent, *_NAMES))) or any(map(refuses_in_words, _said(consent, *_TEXTS))):
        return ObjectionKind.UNREADABLE
    header = message.first("MSH")
    end, made = moment(consent.text(15), institution.zone), moment(header.text(7) if header else None, institution.zone)
    has_ended = end is not None and made is not None and end <= made
    return ObjectionKind.REPLACES if has_ended or is_limited(consent) else None


def _kind(consent: Segment) -> ObjectionKind | None:
    """None: it objects to nothing. A consent that is active and discloses nothing refuses."""
    said = state(consent) or ""
    if is_restriction_alone(consent):
        return None if said in _LIFTED else ObjectionKind.UNREADABLE
    if is_restriction(consent):
        return _KINDS.get(said, ObjectionKind.UNREADABLE)
    if said == _ACTIVE:
        if says_none(consent):
            return ObjectionKind.REFUSED
        return ObjectionKind.UNREADABLE if says_unknown_level(consent) else None
    if said in _NONE:
        return None
    # To a part: what else is permitted, nobody reads.
    return ObjectionKind.UNREADABLE if is_of_a_part(consent) else _KINDS.get(said, ObjectionKind.UNREADABLE)


def _references(consent: Segment, institution: Institution) -> Iterator[IssuedIdentifier]:
    """CON-4, the form's number."""
    for part in consent.repetitions(4):
        if number := document_number(part, institution, "consent"):
            yield number
