"""What is written in a record or a message, for people to read at the desk: each look is a fact.

Nothing of others' is rendered: what is text is given as text, and everything else as a file to keep.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

from transfer.flow import reading
from transfer.flow.desk.looking import show_content
from transfer.flow.desk.shown import FileView, PartView
from transfer.flow.desk.verbs import at_desk, demand, known_case, unknown
from transfer.flow.services import Services
from transfer.identifiers import ArrivalId, CaseId, PacketId, PatientId, RecordId
from transfer.ledger import Tx, arrivals, packets, records
from transfer.ledger.records import RecordPart, StoredRecord
from transfer.looks import LookPlace
from transfer.media_types import KNOWN, UNKNOWN
from transfer.packet import Plan, tar_stream
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right

#: a longer text is given as a file
LONGEST_TEXT: Final = 512 << 10
#: how many parts of one record are listed
_PARTS: Final = 200
_TEXTS: Final = frozenset({"txt", "csv", "md", "xml", "json", "html", "hl7"})
#: the images of a series lie in one
_TAR: Final = "application/x-tar"
_PURGED: Final = Reason(RefusalCode.SUBJECT_IS_PURGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Something to read. `name` says nothing of the patient; `text` is set where it is one and not too long, and is to
    be shown as it stands; `pieces` gives all of its bytes.
    """

    name: str
    content_type: str
    size: int
    text: str | None
    pieces: Callable[[], Iterator[bytes]]


def list_parts(services: Services, case: CaseId, record: RecordId, *, actor: Actor) -> tuple[PartView, ...]:
    """The files of a record of this case, in their order: their types and sizes. No content.

    Raises:
        Unknown: the case has no such record, or it is destroyed.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        parts = records.parts(tx, _record(tx, case, record))
    return tuple(
        PartView(number=number, content_type=part.content_type, role=part.role, size=part.location.length)
        for number, part in enumerate(parts[:_PARTS])
    )


def open_record(services: Services, case: CaseId, record: RecordId, part: int, *, actor: Actor) -> Content:
    """One file of a record of this case. That it was opened is a fact, written before a byte of it is given.

    Raises:
        Unknown: the case has no such record or file, or it is destroyed.
        NotAllowed: the actor may see no content.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        parts: list[RecordPart] = records.parts(tx, _record(tx, case, record))
        if not 0 <= part < len(parts):
            raise unknown(_PURGED)
        show_content(tx, actor, case, record, LookPlace.RECORD)
    found = parts[part]
    pieces = partial(services.vault.read, found.location)
    kind = _TAR if found.series is not None else found.content_type
    return _content(f"{record}-{part}", kind, found.location.length, pieces)


def open_message(services: Services, name: ArrivalId, *, actor: Actor) -> Content:
    """A message as it was received: a referral, a form, a report. That it was opened is a fact.

    Raises:
        Unknown: there is no such message, or it is destroyed.
        NotAllowed: the actor may see no content.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        arrival = arrivals.get(tx, name)
        if arrival is None or (arrival.sealed is None and arrival.location is None):
            raise unknown(_PURGED)
        body = reading.payload(tx, services, arrival)
        subject = arrival.subject or ""
        case = CaseId(subject) if CaseId.pattern.fullmatch(subject) else None
        show_content(tx, actor, case, name, LookPlace.RECORD)
    return _content(name, arrival.content_type, len(body), lambda: iter([body]))


def list_packet(services: Services, case: CaseId, packet: PacketId, *, actor: Actor) -> tuple[FileView, ...]:
    """The files of a packet of this case as its center has them, in their order: paths and sizes. No content.

    Raises:
        Unknown: the case has no such packet, it is not put together yet, or it is destroyed.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        plan = _plan(tx, case, packet)
    return tuple(
        FileView(number=number, path=entry.path, size=entry.location.length)
        for number, entry in enumerate(plan.entries)
    )


def open_packet(services: Services, case: CaseId, packet: PacketId, *, actor: Actor) -> Content:
    """A whole packet as its center downloads it, a tar: its `index.html` leads on. That it was opened is a fact.

    Raises as `open_packet_file`.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        plan = _plan(tx, case, packet)
        show_content(tx, actor, case, packet, LookPlace.PACKET)
    return Content(
        name=f"{packet}.tar",
        content_type=_TAR,
        size=plan.tar_length,
        text=None,
        pieces=partial(tar_stream, plan, services.vault),
    )


def open_packet_file(services: Services, case: CaseId, packet: PacketId, number: int, *, actor: Actor) -> Content:
    """One file of a packet: its page `index.html`, `records.pdf`, or a document. That it was opened is a fact.

    Raises:
        Unknown: the case has no such packet or file, or it is destroyed.
        NotAllowed: the actor may see no content.
    """
    demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        entries = _plan(tx, case, packet).entries
        if not 0 <= number < len(entries):
            raise unknown(_PURGED)
        show_content(tx, actor, case, packet, LookPlace.PACKET)
    found = entries[number]
    _, dot, ending = found.path.rpartition(".")
    kind = next((kind for kind, known in KNOWN.items() if dot and known == ending), UNKNOWN)
    return _content(f"{packet}-{number}", kind, found.location.length, partial(services.vault.read, found.location))


def _plan(tx: Tx, case: CaseId, packet: PacketId) -> Plan:
    found = known_case(tx, case)
    sent = found.packets.get(packet)
    if sent is None or sent.assembled is None or sent.purged or found.opened is None:
        raise unknown(_PURGED, Remedy(RemedyCode.SHOW_CASE, case=case))
    return packets.plan_of(tx, packet, PatientId(found.opened.patient))


def _record(tx: Tx, case: CaseId, record: RecordId) -> StoredRecord:
    found = records.get(tx, record) if record in known_case(tx, case).records else None
    if found is None:
        raise unknown(_PURGED, Remedy(RemedyCode.SHOW_CASE, case=case))
    return found


def _content(name: str, content_type: str, size: int, pieces: Callable[[], Iterator[bytes]]) -> Content:
    ending = "tar" if content_type == _TAR else KNOWN.get(content_type, KNOWN[UNKNOWN])
    is_text = ending in _TEXTS and size <= LONGEST_TEXT
    return Content(
        name=f"{name}.{ending}",
        content_type=content_type,
        size=size,
        text=_text(b"".join(pieces())) if is_text else None,
        pieces=pieces,
    )


def _text(body: bytes) -> str:
    """As text: each line of HL7 v2 ends with a carriage return; what is no UTF-8 is read as Latin-1."""
    try:
        said = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        said = body.decode("latin-1")
    return "\n".join(said.splitlines())
