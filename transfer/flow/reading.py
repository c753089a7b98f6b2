"""What an arrival says, in our words, whichever language it came in."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Final

from transfer import media_types
from transfer.adapters import disc, enclosed, hl7v2, paper, sent_forms, typed
from transfer.adapters.content_labels import ReadWithin
from transfer.adapters.enclosed import EnclosedWord
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.pushes import PushedDocument, PushedFile
from transfer.adapters.hl7v2.documents import HL7_V2, documents
from transfer.adapters.hl7v2.identity import identity_changes
from transfer.adapters.hl7v2.referral import referral as hl7v2_referral
from transfer.arrivals import Appointment, ArrivalKind, Door, Receipt, Referral, ReferralUpdate
from transfer.errors import NeedsReview, Refused, Unexpected, Unreadable
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.institutions import Institution
from transfer.ledger import Tx, arrivals
from transfer.ledger.arrivals import Arrival
from transfer.objections import Objection, ObjectionKind
from transfer.patients import Demographics, IssuedIdentifier
from transfer.permissions import Authorization, Dispute, ProvisionType, UnclearForm
from transfer.records import Document
from transfer.source_answers import AnswerToRequest
from transfer.sources import Bad
from transfer.staging import Location
from transfer.titles import as_called


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes within an arrival: a document that it carries."""

    content_type: str
    open: Callable[[], Iterator[bytes]]
    title: str | None = None
    #: put together by us of a correction and the report that it corrects
    is_put_together: bool = False
    #: no file of the document, but what its resource says besides
    is_beside: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDocument:
    """One document an institution sent. `origin` tells it from the others of the same arrival.

    `is_message`: the arrival's own bytes are the record, and the pieces are extracted from it. Then a message that is
    sent again has the same `origin`. `alone` is the record instead where the arrival brings other documents as well: a
    form may cover one and not another.
    """

    origin: str
    document: Document
    pieces: tuple[Piece, ...]
    is_message: bool
    alone: bytes | None = None
    #: a correction that has fewer results than what it corrects, and nobody has said yet whether the others stand
    is_doubtful_correction: bool = False
    #: the study of a disc that it is
    study: disc.DiscRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedDocuments:
    """What an institution sent about a patient. `unusable` counts entries that a person must look at."""

    documents: tuple[ReceivedDocument, ...]
    unusable: int = 0
    #: somebody at the desk said whose they are: it is not asked again
    is_indexed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message about people that brings no record: a merge, a new name, a death. It says who they were, too."""

    patients: tuple[Demographics, ...] = ()
    died: tuple[Demographics, ...] = ()
    #: it takes two records apart that were one person's
    is_split: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherMessage:
    """A message of a kind that nothing here takes, such as an order: whom it names, and the numbers in it."""

    patients: tuple[Demographics, ...] = ()
    numbers: tuple[IssuedIdentifier, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SeveralMessages:
    """Messages that came as one: a batch, or frames that ran into each other. Each is an arrival of its own."""

    messages: tuple[bytes, ...]
    miscounts: tuple[hl7v2.Miscount, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What an arrival says of its patients besides what it is for: who has died, and who permits a release in a segment
    that is no form.
    """

    died: tuple[Demographics, ...] = ()
    permitting: tuple[Demographics, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that somebody outside sent about a case of ours, by a page: people look at it."""

    case: CaseId


Reading = (
    SeveralMessages
    | Appointment
    | Referral
    | ReferralUpdate
    | Authorization
    | ReceivedDocuments
    | AnswerToRequest
    | Receipt
    | Notice
    | OtherMessage
    | Upload
)


def whom_it_names(said: Reading) -> list[tuple[Demographics, tuple[IssuedIdentifier, ...]]]:
    """Each person that it brings something about, with the numbers of the document or study. Of a notice, nobody."""
    match said:
        case Referral() | ReferralUpdate() | Authorization() | Appointment():
            return [(said.patient, ())]
        case ReceivedDocuments():
            return [(one.document.patient, one.document.identifiers) for one in said.documents]
    return []


def payload(tx: Tx, services: Services, arrival: Arrival) -> bytes:
    """The arrival's bytes, from its row or the vault. Large ones are within the door's bound. Of a study from a disc it
    is what was said of it: its images stay in the vault.
    """
    if arrival.location and arrival.content_type == disc.DISC_STUDY:
        return _said_of_study(services, arrival.location)
    if arrival.location:
        return b"".join(services.vault.read(arrival.location))
    return arrivals.payload(tx, arrival)


def _said_of_study(services: Services, body: Location) -> bytes:
    said_until = body.length - disc.SIZE_AT_END
    size = disc.size_said(b"".join(services.vault.read_range(body, said_until, body.length)))
    return b"".join(services.vault.read_range(body, said_until - size, said_until))


def read(services: Services, arrival: Arrival, body: bytes) -> Reading:
    """Understand an arrival. Pure but for what the pieces' `open` does later.

    Raises:
        NeedsReview, TooLarge: only a person can make something of it.
    """
    said = _said(services, arrival, body)
    if not isinstance(said, ReceivedDocuments):
        return said
    documents = [replace(one, document=one.document.as_of(arrival.received_at)) for one in said.documents]
    called = (replace(one, document=as_called(one.document, one.document.title)) for one in documents)
    return replace(said, documents=tuple(called))


def _said(services: Services, arrival: Arrival, body: bytes) -> Reading:
    if _is_upload(arrival):
        return Upload(case=CaseId(arrival.subject or ""))
    institution = services.institutions[arrival.institution]
    if arrival.content_type == HL7_V2:
        return _read_hl7v2(services, arrival, body)
    if (entered := _entered(services, arrival, body)) is not None:
        return entered
    match arrival.kind:
        case ArrivalKind.REFERRAL:
            return inbound.referral(body, institution, services.institutions)
        case ArrivalKind.AUTHORIZATION:
            return sent_forms.authorization(body, institution, services.institutions)
        case ArrivalKind.RECEIPT:
            return inbound.receipt(body)
        case ArrivalKind.ANSWER if inbound.sort(body).form is inbound.Form.REQUEST_ANSWER:
            return inbound.request_answer(body, institution, services.institutions)
        case ArrivalKind.ANSWER:
            return _pushed(inbound.pushed_documents(body, institution), institution)
    return OtherMessage()


def _entered(services: Services, arrival: Arrival, body: bytes) -> Reading | None:
    """What a person typed, or entered from paper; None: a system sent it."""
    match arrival.content_type:
        case paper.PAPER_FORM:
            return _read_paper(services, arrival, body)
        case paper.PAPER_RECORD:
            return _read_record(services, arrival, body)
        case disc.DISC_STUDY:
            return _read_study(services, arrival, body)
        case paper.PAPER_REFERRAL:
            return paper.referral_of(body)
        case typed.TYPED_RECEIPT:
            return typed.receipt(body)
    return None


class Inside:
    """What the documents inside an arrival say, read once when it is first asked for.

    Whoever processes the arrival holds it, and it goes with its bytes: nothing of a patient is remembered longer.
    """

    def __init__(self, institution: Institution, body: bytes) -> None:
        self._institution, self._body = institution, body

    @cached_property
    def of_message(self) -> EnclosedWord:
        """Raises: TooLarge."""
        return enclosed.in_message(self._body, self._institution)

    @cached_property
    def of_resources(self) -> EnclosedWord:
        """Raises: TooLarge, Unreadable."""
        return enclosed.in_resources(self._body, self._institution)


def objections(services: Services, arrival: Arrival, body: bytes, inside: Inside) -> tuple[Objection, ...]:
    """What an arrival says against a release; of several messages in one, each says so itself once they are divided.

    It is read leniently, and also where `read` raises.
    """
    institution = services.institutions[arrival.institution]
    if arrival.content_type == HL7_V2:
        return () if hl7v2.is_several([body]) else enclosed.against(body, institution, inside.of_message)
    if arrival.content_type == paper.PAPER_FORM:
        return _on_paper(services, arrival, body)
    is_form = arrival.kind is ArrivalKind.AUTHORIZATION
    if arrival.content_type != media_types.FHIR_JSON:
        return inbound.said_against(body, institution, is_form=True) if is_form else ()
    said = inbound.said_against(body, institution, is_form=is_form)
    return said + inside.of_resources.objections


def aside(services: Services, arrival: Arrival, body: bytes, inside: Inside) -> Aside:
    """What an arrival says aside, also where `read` raises. Of several messages in one, each says so once they are
    divided.

    Raises:
        NeedsReview, TooLarge: `read` raises, too.
    """
    if _is_upload(arrival):
        return Aside()
    institution = services.institutions[arrival.institution]
    is_several = arrival.content_type == HL7_V2 and hl7v2.is_several([body])
    if arrival.content_type in _ENTERED or is_several:
        return Aside()
    if arrival.content_type == HL7_V2:
        permitting = hl7v2.permitting(body, institution) if hl7v2.says_consent([body]) else ()
        permitting = tuple(dict.fromkeys(permitting + inside.of_message.permitting))
        return Aside(died=hl7v2.died(body, institution), permitting=permitting)
    return Aside(died=inbound.died(body, institution), permitting=inside.of_resources.permitting)


#: what a person at the desk entered, or made of what came in Incoming
_ENTERED: Final = frozenset({paper.PAPER_FORM, paper.PAPER_RECORD, paper.PAPER_REFERRAL, disc.DISC_STUDY})


def _is_upload(arrival: Arrival) -> bool:
    """Whether it is a file as it was sent: nothing here reads it."""
    return arrival.door is Door.PAGE and arrival.kind is ArrivalKind.NOTICE


def _on_paper(services: Services, arrival: Arrival, body: bytes) -> tuple[Objection, ...]:
    """The fields were read when a person entered them: none is too unclear to say whether it refuses."""
    with suppress(NeedsReview, Refused):
        return (objection_on_paper(_paper(services, arrival, body).form),)
    return ()


def disputes(services: Services, arrival: Arrival, body: bytes) -> frozenset[Dispute]:
    """What whoever entered a form on paper found wrong with it: it counts whenever the form takes effect.

    Raises:
        NeedsReview, TooLarge: as `read`.
    """
    if arrival.content_type != paper.PAPER_FORM:
        return frozenset()
    return _paper(services, arrival, body).disputes


def objection_on_paper(form: Authorization) -> Objection:
    """What a form on paper objects to: to a release, or to the forms whose numbers it carries."""
    numbers = tuple(one for one in (form.reference, form.replaces) if one)
    refuses = any(node.type is ProvisionType.DENY for node in form.provision.nodes())
    kind = ObjectionKind.REFUSED if refuses else ObjectionKind.REPLACES
    return Objection(kind=kind, patients=(form.patient,), references=numbers)


def _paper(services: Services, arrival: Arrival, body: bytes) -> paper.PaperForm:
    return paper.read(paper.fields_of(body), services.institutions[arrival.institution], services.institutions)


def _read_paper(services: Services, arrival: Arrival, body: bytes) -> Authorization:
    found = _paper(services, arrival, body)
    if found.doubts:
        raise UnclearForm(found.doubts)
    return found.form


def _read_record(services: Services, arrival: Arrival, body: bytes) -> ReceivedDocuments:
    said, pages = paper.record_of(body)
    document = said.document(services.institutions[arrival.institution].zone)
    judged = media_types.judged(None, pages[: media_types.LOOKED_AT], pages[-media_types.LOOKED_AT :], len(pages))
    piece = Piece(content_type=judged.content_type, open=lambda: iter([pages]), title=said.title)
    received = ReceivedDocument(origin="pages", document=document, pieces=(piece,), is_message=False)
    return ReceivedDocuments(documents=(received,), is_indexed=True)


def _read_study(services: Services, arrival: Arrival, body: bytes) -> ReceivedDocuments:
    said = disc.said_of(body)
    document = said.document(services.institutions[arrival.institution])
    received = ReceivedDocument(origin="study", document=document, pieces=(), is_message=False, study=said)
    return ReceivedDocuments(documents=(received,), unusable=said.unreadable, is_indexed=True)


def _read_hl7v2(services: Services, arrival: Arrival, body: bytes) -> Reading:
    institution = services.institutions[arrival.institution]
    found = hl7v2.batch(body)
    # Or one that was left of a batch, and is kept as one.
    if found.messages != (body,) or hl7v2.kind(header := hl7v2.header(body)) is not arrival.kind:
        return SeveralMessages(messages=found.messages, miscounts=found.miscounts)
    match arrival.kind:
        case ArrivalKind.REFERRAL:
            return hl7v2_referral(body, institution, services.institutions)
        case ArrivalKind.ANSWER:
            said = hl7v2.substance(body)
            received = [
                ReceivedDocument(
                    origin=f"{said}#{number}",
                    document=_with_own_word(sent.document, [part.open for part in sent.parts], institution),
                    pieces=tuple(Piece(content_type=part.content_type, open=part.open) for part in sent.parts),
                    is_message=True,
                    alone=sent.alone,
                )
                for number, sent in enumerate(documents(body, institution))
            ]
            if not received:
                raise Unexpected("a message without a document")
            return ReceivedDocuments(documents=tuple(received))
    if header.message_type == "SIU":
        return hl7v2.appointment(body, institution, services.institutions)
    return _notice(body, institution)


def _notice(body: bytes, institution: Institution) -> Notice | OtherMessage:
    changes = identity_changes(body, institution)
    if not changes:
        named = hl7v2.mentioned(body, institution)
        return OtherMessage(patients=named.patients, numbers=named.numbers)
    living = [one for one in changes if one.change is not hl7v2.Change.DIED]
    said = [who for change in living for who in (change.surviving, change.absorbed) if who]
    died = [one.surviving for one in changes if one.change is hl7v2.Change.DIED]
    return Notice(
        patients=tuple(dict.fromkeys(said)),
        died=tuple(dict.fromkeys(died)),
        is_split=any(one.change in (hl7v2.Change.UNLINKED, hl7v2.Change.MOVED) for one in changes),
    )


def _with_own_word(
    document: Document, contents: Iterable[Callable[[], Iterator[bytes]]], institution: Institution
) -> Document:
    """With the labels that stand inside its contents, and what it says of itself there. What cannot be opened says
    nothing, and nobody will read it.
    """
    for content in contents:
        within = ReadWithin(institution)
        with suppress(Unreadable):
            for _ in within.passing(content()):
                pass
        document = within.own_word.added_to(replace(document, labels=document.labels | within.labels))
    return document


def read_within(institution: Institution) -> ReadWithin:
    """What reads a document of this institution while its bytes go by: its labels, and what it says of itself."""
    return ReadWithin(institution)


def hear_within(institution: Institution) -> enclosed.HeardWithin:
    """What hears a "no" in a document of this institution while its bytes go by."""
    return enclosed.HeardWithin(institution)


def _pushed(found: list[PushedDocument | Bad], institution: Institution) -> ReceivedDocuments:
    documents = tuple(
        ReceivedDocument(
            origin=f"pushed#{number}",
            document=_with_own_word(one.document, [partial(_whole, file) for file in one.files], institution),
            pieces=tuple(
                Piece(
                    content_type=file.content_type,
                    open=partial(_whole, file),
                    title=file.title,
                    is_beside=file.is_beside,
                )
                for file in one.files
            ),
            is_message=False,
        )
        for number, one in enumerate(found)
        if not isinstance(one, Bad)
    )
    return ReceivedDocuments(documents=documents, unusable=sum(isinstance(one, Bad) for one in found))


def _whole(file: PushedFile) -> Iterator[bytes]:
    yield file.content
