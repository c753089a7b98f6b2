"""Reports and documents pushed at us: ORU^R01 and MDM^T01-T11, each document with its parts.

The message as received is the record. What is read of it here says whose it is, what it is and which earlier document
it changes; a part is a PDF inside it, or its narrative made readable.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from transfer import media_types
from transfer.adapters.hl7v2 import statuses
from transfer.adapters.hl7v2.attachments import Attachment, attachments, is_address, text_of
from transfer.adapters.hl7v2.codes import kind_and_code
from transfer.adapters.hl7v2.content import EmbeddedContent
from transfer.adapters.hl7v2.extracts import extracts
from transfer.adapters.hl7v2.labels import common_labels, labels, notices
from transfer.adapters.hl7v2.message import Message, Segment
from transfer.adapters.hl7v2.reports import RESULTS, Report, reports, written
from transfer.adapters.hl7v2.values import accession_number, demographics, document_number, moment
from transfer.flaws import Flaw
from transfer.institutions import Institution
from transfer.partial_dates import day_said
from transfer.patients import IssuedIdentifier
from transfer.records import Document, DocumentStatus, Relation, least
from transfer.security_labels import read_text

#: what the record itself is
HL7_V2 = "x-application/hl7-v2+er7"


_STUDY_UID_CODES = frozenset({"113014", "110180"})
#: PS3.5 section 9
_UID = re.compile(r"[0-9]+(\.[0-9]+)+")
#: of a part of which no byte can be had
_NOT_THERE = frozenset({Flaw.EMPTY, Flaw.UNDECODABLE})


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDocument:
    """One document of a message, and the files that stand inside it. Text that stands inside is no file: it is on the
    sheet (`result_sheets`).
    """

    document: Document
    parts: tuple[EmbeddedContent, ...] = ()
    #: of a message with several documents, the segments of this one as a message
    alone: bytes | None = None


def documents(payload: bytes, institution: Institution) -> list[MessageDocument]:
    """The documents of a message; messages of other types carry none.

    Reading twice gives the same. Nothing is fetched. What is wrong with content is said by `Document.flaws` and keeps
    nothing else back.

    Raises:
        Unreadable: not an HL7 v2 message, or a batch of them.
        TooLarge: beyond the bounds of `message`.
    """
    return list(_of_message(Message(payload), institution))


def _of_message(message: Message, institution: Institution) -> Iterator[MessageDocument]:
    kind = message.header.message_type
    if kind != "MDM" and kind not in RESULTS:
        return
    labelled = common_labels(message, tuple(notices(message)), institution.labels)
    if kind == "MDM":
        found = written(message)
        sent = [_document(message, report, institution, labelled) for report in found]
    else:
        found = reports(message)
        sent = [_report(report, institution, labelled) for report in found]
    if len(found) > 1 and not message.is_recoded:
        alone = extracts(message, found)
        sent = [replace(one, alone=segments) for one, segments in zip(sent, alone, strict=True)]
    yield from _own_numbers(sent)


def _report(report: Report, institution: Institution, common: frozenset[str]) -> MessageDocument:
    orders, results = report.named("OBR"), report.named("OBX")
    order = orders[0] if orders else None
    kind, code = kind_and_code(
        [segment.part(4) for segment in orders] + [segment.part(3) for segment in results], institution
    )
    status = _status_of(orders, results, report.named("ORC"))
    filler = document_number(order.part(3), institution, "filler") if order else None
    relation = statuses.report_relation(status, [one.text(25) for one in orders])
    found = Document(
        patient=demographics(report.patient, institution),
        kind=kind,
        code=code,
        title=(order.text(4, 2) or order.text(4, 5)) if order else None,
        status=status,
        at=moment(_report_time(order, institution), institution.zone),
        day=day_said(_report_time(order, institution)),
        stated_at=moment(order.text(22), institution.zone) if order else None,
        identifiers=tuple(_report_numbers(report, institution)),
        parent=filler if relation else None,
        relation=relation,
        content_type=HL7_V2,
        labels=labels(report.segments, common, institution.labels),
        studies=tuple(dict.fromkeys(_studies(report))),
    )
    return _with_content(found, report)


def _studies(report: Report) -> Iterator[str]:
    """Study Instance UIDs of a radiology report: results by DICOM's codes for one (PS3.16 annex D: 113014, 110180),
    IPC-3, ZDS-1 (IHE Radiology, RAD-4).
    """
    said = [one.text(5) for one in report.standing if one.text(3) in _STUDY_UID_CODES]
    said += [one.text(3) for one in report.named("IPC")] + [one.text(1) for one in report.named("ZDS")]
    yield from (uid for uid in said if uid and _UID.fullmatch(uid))


def _status_of(orders: list[Segment], results: list[Segment], controls: list[Segment]) -> DocumentStatus:
    said = [segment.text(11) for segment in results]
    each = [statuses.of_report(order.text(25), said) for order in orders] or [statuses.of_report(None, said)]
    reports = [status for status in each if status is not DocumentStatus.CANCELLED] or each
    said_of_orders = [statuses.of_order(one.text(1), one.text(5)) for one in controls]
    # of several tests, one that is cancelled takes no result of the others back
    cancelled = {status for status in said_of_orders if status} if all(said_of_orders) else set()
    return least([*reports, *cancelled])


def _report_time(order: Segment | None, institution: Institution) -> str | None:
    """When the specimen was taken or the study made (OBR-7), else when it was reported (OBR-22), as it is written."""
    return _time(order, (7, 22), institution) if order else None


def _time(segment: Segment, fields: tuple[int, ...], institution: Institution) -> str | None:
    """The first of these that is a day, or else its month or year."""
    said = [text for field in fields if (text := segment.text(field)) and day_said(text)]
    return next((text for text in said if moment(text, institution.zone)), next(iter(said), None))


def _report_numbers(report: Report, institution: Institution) -> Iterator[IssuedIdentifier]:
    """Filler and placer numbers (OBR-3, OBR-2), accessions (SPM-30), each once."""
    said = [document_number(order.part(3), institution, "filler") for order in report.named("OBR")]
    said += [document_number(order.part(2), institution, "placer") for order in report.named("OBR")]
    said += [accession_number(specimen.part(30), institution) for specimen in report.named("SPM")]
    yield from dict.fromkeys(number for number in said if number is not None)


def _document(message: Message, report: Report, institution: Institution, common: frozenset[str]) -> MessageDocument:
    txa = report.segments[0]
    event = message.first("EVN")
    trigger = statuses.trigger(message.header.trigger, event.text(1) if event else None)
    late = statuses.fields_late(txa)
    kind, code = kind_and_code([one.part(3) for one in report.named("OBX")], institution, document_type=txa.part(2))
    own = document_number(txa.part(12 + late), institution, "document")
    parent = document_number(txa.part(13 + late), institution, "document")
    if own and parent and not any(txa.part(13 + late).text(at) for at in (2, 3, 4)):
        parent = IssuedIdentifier(own.issuer, parent.value)  # a bare number is one of the same numbering
    results = [one.text(11) for one in report.named("OBX")]
    status = statuses.of_document(trigger, txa.text(17 + late), txa.text(19 + late), results)
    relation = statuses.document_relation(trigger, status)
    time = _time(txa, (6, 4, 7), institution)
    found = Document(
        patient=demographics(report.patient, institution),
        kind=kind,
        code=code,
        title=txa.text(25 + late) or txa.text(2, 2),
        status=status,
        at=moment(time, institution.zone),
        day=day_said(time),
        stated_at=moment(event.text(2), institution.zone) if event else None,
        identifiers=(own,) if own else (),
        parent=own if relation is Relation.WITHDRAWS and own else parent or (own if relation else None),
        relation=relation,
        content_type=HL7_V2,
        labels=labels(message.segments_in_order, common, institution.labels),
    )
    return _with_content(found, report)


def _with_content(found: Document, report: Report) -> MessageDocument:
    """Its files, and what keeps it from being read."""
    inside = attachments(report.standing)
    files = [one.content for one in inside if isinstance(one.content, EmbeddedContent)]
    flaws = frozenset({Flaw.CUT} if report.segments[0].message.is_fragment else ()).union(*(one.flaws for one in files))
    if found.relation is Relation.WITHDRAWS:
        flaws = frozenset()
    elif found.status.is_settled and not files and not _has_text(report, inside):
        is_elsewhere = any(part.whole() for result in report.standing for part in result.repetitions(5))
        flaws |= {Flaw.POINTER if is_elsewhere else Flaw.EMPTY}
    texts = [text_of(one, report.segments[0].message) for one in files if one.content_type == media_types.PLAIN]
    return MessageDocument(
        document=replace(found, flaws=flaws, labels=found.labels | read_text(*texts)),
        parts=tuple(one for one in files if one.content_type != media_types.PLAIN and not one.flaws & _NOT_THERE),
    )


def _has_text(report: Report, inside: Sequence[Attachment]) -> bool:
    """Whether anything is to be read in it but what is attached to it: a value, or a note."""
    carrying = {result for one in inside for result in one.results}
    notes = [note for note in report.named("NTE") if note.raw(3)]
    return bool(notes) or any(_says_something(one) for one in report.standing if one not in carrying)


def _says_something(result: Segment) -> bool:
    """An address that stands there as text is a pointer as well."""
    said = (part.whole() for part in result.repetitions(5))
    return any(text and not is_address(text) for text in said)


def _own_numbers(sent: list[MessageDocument]) -> list[MessageDocument]:
    """Two reports of one message that share a number (one order, one accession) are no copies of one another: neither
    keeps the shared number where it has another.
    """
    uses = Counter(number for one in sent for number in one.document.identifiers)
    return [_without_shared(one, uses) for one in sent]


def _without_shared(one: MessageDocument, uses: Counter[IssuedIdentifier]) -> MessageDocument:
    own = tuple(number for number in one.document.identifiers if uses[number] == 1)
    return replace(one, document=replace(one.document, identifiers=own)) if own else one
