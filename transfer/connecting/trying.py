"""What a message of an institution would do, and nothing of it is kept.

It is read, matched and ruled on by the rules that a real one goes through. All questions to the ledger are one
transaction that is rolled back. The vault is not touched.
"""

import io
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, TypeVar

from transfer.adapters.dicom import header as dicom
from transfer.adapters.hl7v2 import HL7_V2
from transfer.arrivals import ArrivalKind, ArrivalOutcome, ArrivalState, Door, Receipt, Referral, ReferralUpdate
from transfer.body_parts import BodyPart, body_parts_in
from transfer.case import OpenedCase
from transfer.completeness import line_suggested
from transfer.completeness.fitting import lines_answered
from transfer.connecting.answers import DoorAnswer, at_fhir, at_mllp
from transfer.errors import NeedsReview, Refused, Unavailable
from transfer.flaws import Flaw
from transfer.flow import reading
from transfer.flow.basis import may_collect
from transfer.flow.identity import match_message, match_patient
from transfer.flow.labels import UnclearLabel, check_labels
from transfer.flow.reading import OtherMessage, ReceivedDocument, ReceivedDocuments, SeveralMessages
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import ArrivalId, CaseId, InstitutionId
from transfer.institutions import Institution
from transfer.ledger import Tx, cases
from transfer.ledger.arrivals import Arrival
from transfer.matching import MatchRule, MatchVerdict
from transfer.media_types import FHIR_JSON
from transfer.partial_dates import day_said
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions import Authorization, Finding, UnclearForm
from transfer.records import Document, DocumentStatus, RecordKind
from transfer.sealing import SITE
from transfer.source_answers import AnswerToRequest

T = TypeVar("T")

_SPACE: Final = b"\xef\xbb\xbf \t\r\n\x0b"
_LEAST: Final = 132
#: a message that begins later than its file, as below a mail's words or a segment of somebody's own
_LATE_MSH: Final = re.compile(rb"[\r\n]MSH[^\w\s]")
#: bytes in which it is looked for
_LATEST: Final = 64 << 10
_NO_PREAMBLE: Final = "it may be DICOM without the 128 bytes and DICM that a file begins with (PS3.10, 7.1)"
_PICTURE: Final = "it is a picture or a text of an office: our doors take one within a message, as a PDF"
#: resources one below the other, each on a line of its own (https://github.com/ndjson/ndjson-spec)
_LINES: Final = re.compile(rb"\{[^\r\n]*\}[ \t]*\r?\n[ \t]*\{")
_NDJSON: Final = "it holds a resource on each line (NDJSON): our doors take one resource or a Bundle, so try one line"
#: the first attribute of a data set in JSON (PS3.18, F.2.2)
_TAG: Final = re.compile(rb'\[?\s*\{\s*"[0-9A-F]{8}"\s*:')
_DICOM_JSON: Final = "it is DICOM as JSON, in which archives list what they have: try a file of an image"
#: how files begin that are none of what our doors take, and what they are
_OTHERS: Final = (
    (b"<", "it is XML: our doors take FHIR as JSON, and CDA within a message, in OBX-5 or as an attachment"),
    (b"%PDF", "it is a PDF: our doors take one within a message, in OBX-5 or as an attachment"),
    (b"PK\x03\x04", "it is a ZIP file: unpack it"),
    (b"\x1f\x8b", "it is packed by gzip: unpack it"),
    (b"\xff\xfe", "it is UTF-16: save it in the bytes that they send"),
    (b"\xfe\xff", "it is UTF-16: save it in the bytes that they send"),
    *((begins, _NO_PREAMBLE) for begins in (b"DICM", b"\x02\x00\x00\x00", b"\x08\x00")),
    *((begins, _PICTURE) for begins in (b"\xff\xd8\xff", b"\x89PNG", b"II*\x00", b"MM\x00*", b"{\\rtf")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedCase:
    """An open case of the patient. `line`: of its checklist, as the center has it."""

    case: CaseId
    checklist: str
    line: str | None
    #: by itself; else a person has to say so
    answers: bool
    #: why it would not be collected; none: a basis is in force
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedDocument:
    """One document of the message, whom it names, and whose it would be."""

    patient: Demographics
    kind: RecordKind
    #: `system|code` as it came; None: it has none
    code: str | None
    status: DocumentStatus
    labels: tuple[str, ...]
    #: what keeps it from being read
    flaws: tuple[str, ...]
    verdict: MatchVerdict
    match_rule: MatchRule
    cases: tuple[TriedCase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What became of it, had it come. `because`: codes of outcomes, questions and rules of matching."""

    answer: DoorAnswer
    #: None: nothing would be stored
    state: ArrivalState | None = None
    because: tuple[str, ...] = ()
    #: what it is, in a word
    says: str | None = None
    documents: tuple[TriedDocument, ...] = ()
    #: of several messages that came as one
    parts: tuple["Trial", ...] = ()


#: why an image would be held whose header cannot be read
_NO_HEADER: Final = "no-header"


class _Undone(Exception):
    """Ends a transaction without its writing anything."""


def try_message(services: Services, institution: Institution, body: bytes, now: datetime) -> Trial:
    """What an HL7 v2 message, a FHIR resource or Bundle, or a DICOM file from this institution would do. `now` is UTC.

    A DICOM file stands for a study that was asked for: no door takes images.

    Raises:
        OutOfOrder: the ledger does not answer.
    """
    if body[128:_LEAST] == b"DICM":
        return _image(services, institution, body)
    if (text := body.lstrip(_SPACE))[:3] in (b"MSH", b"FHS", b"BHS"):
        return _in_frames(services, institution, text, now)
    if text[:1] != b"{" and _LATE_MSH.search(text, 0, _LATEST):
        answer = at_mllp(services, institution, text, now)
        why = "something stands before MSH, with which a message begins (HL7 v2.9, 2.14.9): take it away"
        return Trial(answer=replace(answer, why=why) if answer.code else answer)
    answer = at_fhir(services, institution, body)
    kind = next((what for begins, what in _OTHERS if text.startswith(begins)), None if text else "the file is empty")
    kind = kind or (_NDJSON if _LINES.match(text) else _DICOM_JSON if _TAG.match(text) else None)
    if kind and not answer.is_stored:
        answer = replace(answer, why=kind)
    return _read(services, institution, body, answer, Door.FHIR, now)


def _in_frames(services: Services, institution: Institution, text: bytes, now: datetime) -> Trial:
    """As it would come out of its frame, if it was saved with one; several each by itself."""
    messages = [found for one in text.split(b"\x1c\r") if (found := one.lstrip(_SPACE))]
    if messages[-1].rstrip(_SPACE).endswith(b"\x1c"):
        why = "its frame does not end with FS CR: our port does not take it (HL7 v2.9, appendix C.2)"
        return Trial(answer=DoorAnswer(code=None, is_stored=False, text="", why=why))
    if len(messages) == 1:
        answer = at_mllp(services, institution, messages[0], now)
        return _read(services, institution, messages[0], answer, Door.MLLP, now)
    parts = tuple(_in_frames(services, institution, one, now) for one in messages)
    several = DoorAnswer(code=None, is_stored=True, text="", why=f"the file holds {len(parts)} frames")
    return Trial(answer=several, state=_of_all(parts, refused=None), parts=parts)


def _of_all(parts: Sequence[Trial], *, refused: ArrivalState | None) -> ArrivalState | None:
    """What becomes of the part that fares worst."""
    states = {one.state for one in parts}
    if None in states:
        return refused
    # a batch may be empty: then nothing is left of it
    return next((one for one in (ArrivalState.HELD, ArrivalState.SEALED) if one in states), ArrivalState.FILED)


def _read(
    services: Services, institution: Institution, body: bytes, answer: DoorAnswer, door: Door, now: datetime
) -> Trial:
    if not answer.is_stored or answer.kind is None:
        return Trial(answer=answer)
    arrival = _arrival(institution, body, answer.kind, answer.subject, door, now)
    try:
        said = reading.read(services, arrival, body)
    except UnclearForm as error:
        return Trial(answer=answer, state=ArrivalState.HELD, because=(HoldCode.FORM_UNCLEAR, *error.findings))
    except (NeedsReview, Refused):
        return Trial(answer=answer, state=ArrivalState.HELD, because=(HoldCode.ARRIVAL_UNREADABLE,))
    if isinstance(said, SeveralMessages):
        parts = tuple(try_message(services, institution, one, now) for one in said.messages)
        held = (HoldCode.BATCH_MISCOUNTED,) if said.miscounts else ()
        state = ArrivalState.HELD if held else _of_all(parts, refused=ArrivalState.HELD)
        return Trial(answer=answer, state=state, because=(*held, ArrivalOutcome.DIVIDED), says="batch", parts=parts)
    return _asked(services, lambda tx: _of_what_it_says(tx, services, arrival, body, said, answer))


def _asked(services: Services, ask: Callable[[Tx], T]) -> T:
    """What a transaction finds that ends without writing."""
    found: list[T] = []
    with suppress(_Undone), services.ledger.transaction() as tx:
        found.append(ask(tx))
        raise _Undone
    return found[0]


def _arrival(
    institution: Institution, body: bytes, kind: ArrivalKind, subject: str | None, door: Door, now: datetime
) -> Arrival:
    """As if it had come now, and nobody had looked at it yet."""
    return Arrival(
        id=ArrivalId.draw(),
        institution=InstitutionId(institution.id),
        door=door,
        kind=kind,
        content_type=HL7_V2 if door is Door.MLLP else FHIR_JSON,
        size=len(body),
        key=SITE,
        state=ArrivalState.STORED,
        subject=subject,
        patient=None,
        conflicts=False,
        received_at=now,
        claim=0,
        lost=0,
        location=None,
        sealed=None,
    )


def _of_what_it_says(
    tx: Tx, services: Services, arrival: Arrival, body: bytes, said: reading.Reading, answer: DoorAnswer
) -> Trial:
    match said:
        case ReceivedDocuments():
            return _documents(tx, services, arrival, body, said, answer)
        case Referral():
            chosen = services.checklists.for_diagnoses(said.diagnoses)
            because = (f"checklist {chosen.checklist.id}",) if chosen else ("no checklist is for its diagnoses",)
            return Trial(answer=answer, state=ArrivalState.FILED, says="referral", because=because)
        case Authorization():
            return _person(tx, said.patient, answer, "release form")
        case AnswerToRequest():
            return Trial(
                answer=answer, state=ArrivalState.FILED, says="answer", because=(ArrivalOutcome.REQUEST_ANSWER,)
            )
        case Receipt():
            return Trial(answer=answer, state=ArrivalState.FILED, says="receipt", because=(ArrivalOutcome.RECEIPT,))
        case ReferralUpdate():
            return _person(tx, said.patient, answer, "change of a referral")
        case OtherMessage():
            return Trial(answer=answer, state=ArrivalState.SEALED, says="notice", because=(ArrivalOutcome.NOTICE,))
    return Trial(answer=answer, state=ArrivalState.FILED, says="notice", because=(ArrivalOutcome.NOTICE,))


def _person(tx: Tx, patient: Demographics, answer: DoorAnswer, says: str) -> Trial:
    match = match_patient(tx, patient)
    states = {MatchVerdict.OURS: ArrivalState.FILED, MatchVerdict.DOUBTFUL: ArrivalState.HELD}
    state = states.get(match.verdict, ArrivalState.SEALED)
    return Trial(answer=answer, state=state, says=says, because=(match.match_rule,))


def _documents(
    tx: Tx, services: Services, arrival: Arrival, body: bytes, said: ReceivedDocuments, answer: DoorAnswer
) -> Trial:
    found = tuple(_document(tx, services, arrival, body, one) for one in said.documents)
    state, because = _fate(found)
    if said.unusable:
        because = (*because, HoldCode.ENTRIES_UNUSABLE)
    return Trial(answer=answer, state=state, because=because, says="records", documents=found)


def _fate(found: tuple[TriedDocument, ...]) -> tuple[ArrivalState, tuple[str, ...]]:
    """What becomes of the whole, as `transfer.flow.answers` has it."""
    if not found:
        return ArrivalState.HELD, (HoldCode.ARRIVAL_UNREADABLE,)
    if all(one.verdict is MatchVerdict.NOT_OURS for one in found):
        return ArrivalState.SEALED, (ArrivalOutcome.UNMATCHED,)
    if any(one.verdict is not MatchVerdict.OURS for one in found):
        return ArrivalState.HELD, (HoldCode.WHOSE_RECORD, *sorted({one.match_rule for one in found}))
    try:
        check_labels(*(frozenset(one.labels) for one in found))
    except UnclearLabel:
        return ArrivalState.HELD, (HoldCode.ARRIVAL_LABEL_UNREAD,)
    if not any(one.cases for one in found):
        return ArrivalState.SEALED, (ArrivalOutcome.NO_OPEN_CASE,)
    if any(not case.findings for one in found for case in one.cases):
        unreadable = (HoldCode.DOCUMENT_UNREADABLE,) if any(one.flaws for one in found) else ()
        return ArrivalState.FILED, (*sorted({one.match_rule for one in found}), *unreadable)
    return ArrivalState.SEALED, (ArrivalOutcome.WAITS_FOR_PERMISSION,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of a record, as lines of a checklist hint at it (`transfer.completeness.fitting.Traits`)."""

    kind: RecordKind
    code: str | None
    modalities: frozenset[str]
    body: frozenset[BodyPart]
    answers: frozenset[str] = frozenset()


def _document(tx: Tx, services: Services, arrival: Arrival, body: bytes, received: ReceivedDocument) -> TriedDocument:
    document = received.document
    known = _Known(
        kind=document.kind,
        code=document.code.loinc if document.code else None,
        modalities=frozenset(),
        body=body_parts_in(document.title),
    )
    flaws = document.flaws | _opened(services, arrival, body, received)
    return _ruled(tx, services, services.institutions[arrival.institution], document, known, flaws)


def _ruled(
    tx: Tx,
    services: Services,
    institution: Institution,
    document: Document,
    known: _Known,
    flaws: frozenset[Flaw],
) -> TriedDocument:
    """Whose it would be, and in which cases it would stand on which line."""
    match = match_message(tx, InstitutionId(institution.id), document.patient, document.identifiers)
    ours = match.patients if match.verdict is MatchVerdict.OURS else ()
    open_cases = [OpenedCase.of(tx.case(case)) for case in cases.open_of(tx, ours)]
    return TriedDocument(
        patient=document.patient,
        kind=document.kind,
        code=f"{document.code.system}|{document.code.code}" if document.code else None,
        status=document.status,
        labels=tuple(sorted(document.labels)),
        flaws=tuple(sorted(flaws)),
        verdict=match.verdict,
        match_rule=match.match_rule,
        cases=tuple(_case(tx, services, one, institution, document, known, flaws) for one in open_cases),
    )


def _opened(services: Services, arrival: Arrival, body: bytes, received: ReceivedDocument) -> frozenset[Flaw]:
    """What is found when its parts are opened; nothing where they cannot be opened now."""
    parts = [(piece.content_type, b"".join(piece.open())) for piece in received.pieces]
    if received.is_message:
        parts.append((arrival.content_type, received.alone or body))
    found = set[Flaw]()
    try:
        for content_type, content in parts:
            source = services.institutions[arrival.institution]
            found |= services.opener.document(content_type, len(content), iter([content]), source).flaws
    except Unavailable:
        return frozenset()
    return frozenset(found)


def _case(
    tx: Tx,
    services: Services,
    opened: OpenedCase,
    source: Institution,
    document: Document,
    known: _Known,
    flaws: frozenset[Flaw],
) -> TriedCase:
    lines = services.checklist_of(opened.checklist, opened.receiver).lines
    line = line_suggested(lines, known)
    ruling = may_collect(
        tx, services.institutions, opened, InstitutionId(source.id), document.kind, document.labels, dated=document.day
    )
    by_itself = lines_answered(lines, known, {one.key for one in lines if one.is_required})
    return TriedCase(
        case=opened.id,
        checklist=opened.checklist,
        line=line,
        answers=line in by_itself and document.status.is_settled and not flaws,
        findings=ruling.findings,
    )


def _image(services: Services, institution: Institution, body: bytes) -> Trial:
    """One image of a study that we asked for."""
    nobody = DoorAnswer(code=None, is_stored=False, text="", why="no door takes images: they are fetched")
    try:
        header = dicom.read_header(body[: dicom.MOST_HEADER], is_all=len(body) <= dicom.MOST_HEADER)
    except NeedsReview:
        header = None
    if header is None:
        return Trial(answer=nobody, state=ArrivalState.HELD, says="image", because=(_NO_HEADER,))
    described = _described(body)
    uid = header.study_instance_uid
    document = Document(
        patient=dicom.demographics(header.patient, institution),
        kind=RecordKind.IMAGES,
        code=None,
        title=described.get("StudyDescription"),
        status=DocumentStatus.FINAL,
        at=None,
        day=day_said(described.get("StudyDate")),
        identifiers=(IssuedIdentifier("urn:dicom:uid", f"urn:oid:{uid}"),) if uid else (),
        labels=dicom.labels(header, institution.labels),
        flaws=services.opener.image(len(body), iter([body])),
    )
    known = _Known(
        kind=RecordKind.IMAGES,
        code=None,
        modalities=frozenset(filter(None, [described.get("Modality")])),
        body=body_parts_in(document.title),
    )
    found = _asked(services, lambda tx: _ruled(tx, services, institution, document, known, document.flaws))
    state, because = _fate((found,))
    return Trial(answer=nobody, state=state, because=because, says="image", documents=(found,))


def _described(body: bytes) -> dict[str, str]:
    """What else the file says of its study; nothing of what cannot be read."""
    import pydicom

    wanted = ["Modality", "StudyDescription", "StudyDate"]
    try:
        read = pydicom.dcmread(io.BytesIO(body), stop_before_pixels=True, specific_tags=wanted)
        return {name: str(read[name].value) for name in wanted if read.get(name)}
    except Exception:  # noqa: BLE001  the library raises whatever a broken file makes it stumble over
        return {}
