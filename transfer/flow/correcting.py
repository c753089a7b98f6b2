"""Corrections that may be only what changed: read by what the institution's file declares, else by what a person says.

Until a person has said it, the correction stands as one that is cut: it replaces the earlier report, answers nothing. A
further one upon it is asked about as well: nobody knows yet what the whole is that it corrects.
"""

from dataclasses import replace
from typing import Final

from transfer.adapters import hl7v2
from transfer.adapters.hl7v2 import HL7_V2
from transfer.errors import Unexpected
from transfer.flaws import Flaw
from transfer.flow import reading
from transfer.flow.identity import is_request_number
from transfer.flow.reading import Piece, ReceivedDocument, ReceivedDocuments
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import PatientId
from transfer.institutions import Corrections
from transfer.ledger import holds, numbered_records
from transfer.ledger.arrivals import Arrival
from transfer.ledger.records import StoredRecord
from transfer.records import Document, DocumentStatus, Relation

_SAID: Final = {HoldAnswer.WHOLE: Corrections.SNAPSHOT, HoldAnswer.PART: Corrections.ACTION}


def with_what_they_correct(
    services: Services, arrival: Arrival, answer: ReceivedDocuments, patient: PatientId
) -> ReceivedDocuments:
    """The documents of a message. A correction that holds only what changed brings the whole report with it. A report
    that is sent as final once more replaces the one before.
    """
    found = []
    for received in answer.documents:
        if received.is_message and received.document.relation is Relation.REPLACES:
            received = _whole(services, arrival, received, patient)
        elif received.is_message and received.document.status is DocumentStatus.FINAL:
            received = _final_again(services, arrival, received, patient)
        found.append(received)
    return replace(answer, documents=tuple(found))


def _final_again(
    services: Services, arrival: Arrival, received: ReceivedDocument, patient: PatientId
) -> ReceivedDocument:
    """A laboratory that corrects a report sends it as final once more, with a later time and no other word. What lacks
    results of the earlier one may be another part of the report, and replaces nothing. The earlier one that comes late
    is replaced already. Where reports of one date do not both say when (OBR-22, EVN-2), their messages do (MSH-7). Two
    stated at the same moment may be two parts.
    """
    document = received.document
    with services.ledger.transaction() as tx:
        body = received.alone or reading.payload(tx, services, arrival)
        earlier = numbered_records.corrected_by(tx, patient, arrival, document.identifiers)
    if earlier is None or document.relation is not None or not _is_the_same_report(document, earlier.kept):
        return received
    kept = b"".join(services.vault.read(earlier.location))
    is_later = is_stated_later = _is_stated_later(document, earlier.kept)
    is_untold = None in (document.stated_at, earlier.kept.about.stated_at)
    if is_later is None and is_untold and document.at == earlier.kept.about.at:
        is_later = hl7v2.is_sent_later(body, kept, services.institutions[arrival.institution].zone)
    if is_later is None or hl7v2.lacks_results(*((kept, body) if is_later else (body, kept)), by_type=True):
        return received
    if not is_later:  # by the number, and no later time, it would end the one that stands
        numbers = () if is_stated_later is None else document.identifiers
        past = replace(document, status=DocumentStatus.SUPERSEDED, identifiers=numbers)
        return replace(received, document=past)
    parent = min({*document.identifiers} & {*earlier.kept.about.identifiers}, key=lambda one: (one.issuer, one.value))
    return replace(received, document=replace(document, relation=Relation.REPLACES, parent=parent))


def _is_stated_later(document: Document, kept: StoredRecord) -> bool | None:
    """None: they do not say it."""
    now, then = document.stated_at, kept.about.stated_at
    return None if now is None or then is None or now == then else now > then


def _is_the_same_report(document: Document, kept: StoredRecord) -> bool:
    """Final both times, of one kind and code, under the same numbers."""
    codes = [one.bare if one else None for one in (document.code, kept.about.code)]
    numbers = {one for one in document.identifiers if not is_request_number(one)}
    said = (DocumentStatus.FINAL, document.kind, codes[0], numbers)
    return said == (kept.status, kept.kind, codes[1], {*kept.about.identifiers})


def is_to_be_asked(answer: ReceivedDocuments) -> bool:
    """Whether a correction is among the documents of which nobody has said what it is."""
    return any(one.is_doubtful_correction for one in answer.documents)


def _whole(services: Services, arrival: Arrival, received: ReceivedDocument, patient: PatientId) -> ReceivedDocument:
    with services.ledger.transaction() as tx:
        said = holds.last_answer(tx, arrival.id, HoldCode.CORRECTION_IN_PART)
        body = received.alone or reading.payload(tx, services, arrival)
        earlier = numbered_records.corrected_by(tx, patient, arrival, received.document.identifiers)
        is_in_doubt = earlier is not None and holds.is_asked(tx, earlier.arrival, HoldCode.CORRECTION_IN_PART)
    decided = _SAID.get(said) if isinstance(said, HoldAnswer) else None
    mode = decided or services.institutions[arrival.institution].corrections
    if earlier is None or mode is Corrections.SNAPSHOT:
        return replace(received, origin=f"{received.origin}@{decided}") if decided else received
    before = b"".join(services.vault.read(earlier.location))
    if not is_in_doubt and not hl7v2.lacks_results(before, body):
        return received
    if mode is None or is_in_doubt:
        return _in_doubt(received)
    try:
        whole = hl7v2.with_corrections(before, body)
    except Unexpected:  # the two cannot be put together: a person says whether this one is the whole
        return _in_doubt(received)
    piece = Piece(content_type=HL7_V2, open=lambda: iter([whole]), is_put_together=True)
    origin = f"{received.origin}@{decided}" if decided else received.origin
    return replace(received, origin=origin, pieces=(piece, *received.pieces))


def _in_doubt(received: ReceivedDocument) -> ReceivedDocument:
    """It takes the earlier report's place, so nothing outdated stands, and answers nothing until a person says."""
    document = replace(received.document, flaws=received.document.flaws | {Flaw.CUT})
    return replace(received, document=document, is_doubtful_correction=True)
