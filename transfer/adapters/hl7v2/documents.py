"""Reports and documents pushed at us: ORU^R01 and MDM^T01-T11, each document with its parts.

The message as received is the record. What is read of it here says whose it is, what it is and which earlier document
it changes; a part is a PDF inside it, or its narrative made readable.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from transfer.adapters.hl7v2 import narrative, statuses
from transfer.adapters.hl7v2.codes import kind_and_code
from transfer.adapters.hl7v2.content import EmbeddedContent, Pointer, encapsulated
from transfer.adapters.hl7v2.labels import common_labels, labels, notices
from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.values import accession_number, demographics, document_number, moment
from transfer.institutions import Institution
from transfer.patients import IssuedIdentifier
from transfer.records import Document, DocumentStatus

#: what the record itself is
HL7_V2 = "x-application/hl7-v2+er7"


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDocument:
    """One document of a message. Without parts it is a notification: T01, T03, T11, or results without any text."""

    document: Document
    parts: tuple[EmbeddedContent, ...] = ()
    pointers: tuple[Pointer, ...] = ()
    #: what the sender's own segments (Z…) say, to be carried along: a Part 2 notice (42 CFR 2.32) stands there
    notices: tuple[str, ...] = ()
    #: the message is not in the character set it declares; its text was read by guess
    charset_disagrees: bool = False


@dataclass(frozen=True, slots=True)
class _Report:
    """The segments that speak of one document."""

    patient: Segment | None
    #: OBR, OBX, NTE, SPM, ORC, TXA in order
    segments: tuple[Segment, ...]

    def named(self, *names: str) -> list[Segment]:
        return [segment for segment in self.segments if segment.name in names]


def documents(payload: bytes, institution: Institution) -> list[MessageDocument]:
    """The documents of a message; messages of other types carry none.

    Reading twice gives the same. Nothing is fetched. Broken content is flagged on its part and keeps nothing else back.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    return list(_of_message(Message(payload), institution))


def _of_message(message: Message, institution: Institution) -> Iterator[MessageDocument]:
    kind = message.header.message_type
    common = tuple(notices(message))
    if kind == "ORU":
        labelled = common_labels(message, common, institution.labels)
        sent = [_report(report, institution, labelled) for report in _reports(message)]
    elif kind == "MDM" and message.first("TXA") is not None:
        sent = [_document(message, institution, common_labels(message, common, institution.labels))]
    else:
        return
    disagrees = message.charset_disagrees
    for one in _own_numbers(sent):
        yield replace(one, notices=common, charset_disagrees=disagrees)


def _reports(message: Message) -> list[_Report]:
    """ORU_R01 grouped: a report is an OBR and what follows it; OBRs of one filler number are one report."""
    patient: Segment | None = None
    groups: list[tuple[Segment | None, list[Segment]]] = []
    before: list[Segment] = []  # ORC stands before its OBR
    for segment in message.segments_in_order:
        if segment.name == "PID":
            patient, before = segment, []
        elif segment.name == "ORC":
            before = [segment]
        elif segment.name == "OBR" or (segment.name == "OBX" and not (groups and groups[-1][0] is patient)):
            groups.append((patient, [*before, segment]))
            before = []
        elif groups and groups[-1][0] is patient:
            groups[-1][1].append(segment)
    return _joined(groups)


def _joined(groups: list[tuple[Segment | None, list[Segment]]]) -> list[_Report]:
    joined: dict[tuple[object, object], tuple[Segment | None, list[Segment]]] = {}
    for number, (patient, segments) in enumerate(groups):
        order = next((segment for segment in segments if segment.name == "OBR"), None)
        key = (id(patient), (order.raw(3) or number) if order else number)
        joined.setdefault(key, (patient, []))[1].extend(segments)
    return [_Report(patient, tuple(segments)) for patient, segments in joined.values()]


def _report(report: _Report, institution: Institution, common: frozenset[str]) -> MessageDocument:
    orders, results = report.named("OBR"), report.named("OBX")
    order = orders[0] if orders else None
    kind, code = kind_and_code(
        [segment.part(4) for segment in orders] + [segment.part(3) for segment in results], institution
    )
    status = _status_of(orders, results)
    filler = document_number(order.part(3), institution, "filler") if order else None
    relation = statuses.report_relation(status)
    document = Document(
        patient=demographics(report.patient, institution),
        kind=kind,
        code=code,
        title=(order.text(4, 2) or order.text(4, 5)) if order else None,
        status=status,
        at=_report_time(order, institution),
        identifiers=tuple(_report_numbers(report, institution)),
        parent=filler if relation else None,
        relation=relation,
        content_type=HL7_V2,
        labels=labels(report.segments, common, institution.labels),
    )
    return _with_content(document, report)


def _status_of(orders: list[Segment], results: list[Segment]) -> DocumentStatus:
    said = [segment.text(11) for segment in results]
    each = [statuses.of_report(order.text(25), said) for order in orders] or [statuses.of_report(None, said)]
    return max(each, key=list(_WORST_LAST).index)


_WORST_LAST = (
    DocumentStatus.FINAL,
    DocumentStatus.APPENDED,
    DocumentStatus.AMENDED,
    DocumentStatus.CORRECTED,
    DocumentStatus.UNKNOWN,
    DocumentStatus.PRELIMINARY,
    DocumentStatus.WITHDRAWN,
)


def _report_time(order: Segment | None, institution: Institution) -> datetime | None:
    """When the specimen was taken or the study made (OBR-7), else when it was reported (OBR-22)."""
    if order is None:
        return None
    return moment(order.text(7), institution.zone) or moment(order.text(22), institution.zone)


def _report_numbers(report: _Report, institution: Institution) -> Iterator[IssuedIdentifier]:
    """Filler and placer numbers (OBR-3, OBR-2), accessions (SPM-30), each once."""
    said = [document_number(order.part(3), institution, "filler") for order in report.named("OBR")]
    said += [document_number(order.part(2), institution, "placer") for order in report.named("OBR")]
    said += [accession_number(specimen.part(30), institution) for specimen in report.named("SPM")]
    yield from dict.fromkeys(number for number in said if number is not None)


def _document(message: Message, institution: Institution, common: frozenset[str]) -> MessageDocument:
    at = next(n for n, segment in enumerate(message.segments_in_order) if segment.name == "TXA")
    txa, report = message.segments_in_order[at], _Report(message.first("PID"), message.segments_in_order[at:])
    trigger, late = message.header.trigger, statuses.fields_late(txa)
    kind, code = kind_and_code([one.part(3) for one in report.named("OBX")], institution, document_type=txa.part(2))
    own = document_number(txa.part(12 + late), institution, "document")
    parent = document_number(txa.part(13 + late), institution, "document")
    completion, availability = txa.text(17 + late), txa.text(19 + late)
    relation = statuses.document_relation(trigger, availability)
    times = (moment(txa.text(field), institution.zone) for field in (6, 4, 7))
    document = Document(
        patient=demographics(report.patient, institution),
        kind=kind,
        code=code,
        title=txa.text(25 + late) or txa.text(2, 2),
        status=statuses.of_document(trigger, completion, availability),
        at=next((time for time in times if time), None),
        identifiers=(own,) if own else (),
        parent=parent or (own if relation else None),
        relation=relation,
        content_type=HL7_V2,
        labels=labels(message.segments_in_order, common, institution.labels),
    )
    return _with_content(document, report)


def _with_content(document: Document, report: _Report) -> MessageDocument:
    results = report.named("OBX")
    text = narrative.part(report.segments)
    embedded = [part for result in results if result.text(2) == "ED" for part in _embedded(result)]
    pointers = [_pointer(result) for result in results if result.text(2) == "RP"]
    return MessageDocument(
        document=document,
        parts=(*embedded, *([text] if text else [])),
        pointers=tuple(pointer for pointer in pointers if pointer),
    )


def _embedded(result: Segment) -> Iterator[EmbeddedContent]:
    """OBX-5 as ED: source^type^subtype^encoding^data, repeating."""
    for said in result.repetitions(5):
        yield encapsulated(said.view(5, to_end=True), said.text(4), said.text(2), said.text(3))


def _pointer(result: Segment) -> Pointer | None:
    """OBX-5 as RP: pointer^application^type^subtype."""
    address = result.text(5)
    said = [word for word in (result.text(5, 3), result.text(5, 4)) if word]
    return Pointer(address=address, content_type="/".join(said).lower() or None) if address else None


def _own_numbers(sent: list[MessageDocument]) -> list[MessageDocument]:
    """Two reports of one message that share a number (one order, one accession) are no copies of one another: neither
    keeps the shared number where it has another.
    """
    uses = Counter(number for one in sent for number in one.document.identifiers)
    return [_without_shared(one, uses) for one in sent]


def _without_shared(one: MessageDocument, uses: Counter[IssuedIdentifier]) -> MessageDocument:
    own = tuple(number for number in one.document.identifiers if uses[number] == 1)
    return replace(one, document=replace(one.document, identifiers=own)) if own else one
