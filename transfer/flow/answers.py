"""What an institution sent of its own accord, or in answer to us: records, or what it says to a request.

The bytes go into the vault without a lock. Whether they may be collected is asked before, and again under the lock that
collects them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

from transfer import codec
from transfer.arrivals import ArrivalOutcome, ArrivalState
from transfer.case import OpenedCase
from transfer.errors import NeedsReview
from transfer.flow import reading
from transfer.flow.assess import settle_needs
from transfer.flow.basis import may_collect
from transfer.flow.collecting import answered, files_of_one, join, taken_back
from transfer.flow.correcting import is_to_be_asked, with_what_they_correct
from transfer.flow.disc_studies import ask_about_study, keep_study, study_record
from transfer.flow.fetched_files import keep_in_hand
from transfer.flow.hearing import Hearing, hear
from transfer.flow.heeding import heed
from transfer.flow.identity import (
    DecideAgain,
    hold_patient_of,
    is_request_number,
    lookup_terms,
    match_held,
    match_message,
    unless_forgotten,
)
from transfer.flow.labels import UnclearLabel, check_labels
from transfer.flow.objections import opened_objects
from transfer.flow.opening_records import OpenedParts, open_parts
from transfer.flow.reading import Piece, ReceivedDocument, ReceivedDocuments
from transfer.flow.services import Services
from transfer.flow.unmatched import LOOK_WITHIN, seal_away
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import (
    Tx,
    arrivals,
    cases,
    compared,
    holds,
    numbered_records,
    patients,
    records,
    requests,
    rounds,
    unmatched,
    vault_objects,
)
from transfer.ledger.arrivals import Arrival
from transfer.ledger.records import About, NewRecord, RecordPart
from transfer.matching import Match, MatchRule, MatchVerdict
from transfer.patients import Demographics, IssuedIdentifier
from transfer.records import Document, DocumentStatus
from transfer.requests import RequestState
from transfer.rounds import Dag
from transfer.source_answers import AnswerToRequest
from transfer.staging import Location


@dataclass(frozen=True, slots=True, kw_only=True)
class _Share:
    """What of an arrival a case's permissions cover."""

    case: OpenedCase
    documents: tuple[ReceivedDocument, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Whose:
    """Whose an arrival is, and in which epoch of that patient it was matched. A merge or a split begins another one."""

    patient: PatientId
    epoch: int
    match_rule: MatchRule

    def hold(self, tx: Tx, arrival: Arrival) -> None:
        """Hold the patient for what is written of the arrival.

        Raises:
            DecideAgain: it may be another's since it was matched.
        """
        arrivals.still_ours(tx, arrival)
        if patients.hold_epoch_shared(tx, self.patient) != self.epoch:
            raise DecideAgain
        unless_forgotten(tx, self.patient)


def file_documents(services: Services, arrival: Arrival, answer: ReceivedDocuments) -> None:
    """Collect what was sent for each open case of its patient whose permission covers all of it.

    Without such a case it waits sealed under the patient's key. What is unmatched is sealed away, what is doubtful is
    shown to a person.

    Raises:
        DecideAgain: a patient became known or was forgotten meanwhile, or a permission came.
        NeedsReview: not one entry can be used.
    """
    if not answer.documents:
        raise NeedsReview("not one entry can be used")
    said = list(dict.fromkeys(received.document.patient for received in answer.documents))
    if whose := _settled_whose(services, arrival, answer, said):
        _collect(services, arrival, answer, whose)


def _settled_whose(
    services: Services, arrival: Arrival, answer: ReceivedDocuments, said: list[Demographics]
) -> _Whose | None:
    """Whose all of it is. None: it is unmatched and sealed away, or people are asked, in the same transaction.

    The result need not outlast a crash: the arrival does, and is processed again.
    """
    with services.ledger.transaction() as tx:
        tx.run("SET LOCAL synchronous_commit = off")
        arrivals.still_ours(tx, arrival)
        if answer.is_indexed and arrival.patient is not None:  # a person said whose its pages are
            epoch = patients.hold_epoch_shared(tx, arrival.patient)
            return _Whose(patient=arrival.patient, epoch=epoch, match_rule=MatchRule.DECIDED)
        matches = match_held(tx, arrival, lambda: _matches(tx, arrival, answer), said)
        before, found = arrival.patient, {match.patient for match in matches}
        if before is None and all(match.verdict is MatchVerdict.NOT_OURS for match in matches):
            seal_away(tx, arrival, said, ArrivalOutcome.UNMATCHED)
            return None
        now = matches[0].patient if len(found) == 1 else None
        if now is not None and before in (None, now):
            return _Whose(patient=now, epoch=tx.epochs[now], match_rule=matches[0].match_rule)
        if before is not None and _is_decided(tx, arrival):
            return _Whose(patient=before, epoch=tx.epochs[before], match_rule=MatchRule.DECIDED)
        # Also where a rule matched one patient before, and matches another or several today.
        _ask_whose(tx, arrival, said, matches)
        return None


def _matches(tx: Tx, arrival: Arrival, answer: ReceivedDocuments) -> list[Match]:
    return [
        match_message(tx, arrival.institution, one.document.patient, one.document.identifiers)
        for one in answer.documents
    ]


def _ask_whose(tx: Tx, arrival: Arrival, said: list[Demographics], matches: list[Match]) -> None:
    """Ask people, once for all that one institution says of one patient in the same words."""
    meant = sorted({patient for match in matches for patient in match.patients})
    words = b"|".join(sorted(codec.dump(Demographics, one) for one in said))
    terms = lookup_terms(tx, said)
    # Of two that say nobody's name one answer says nothing: they may be of two.
    if len(meant) != 1 or not terms or not compared.wait_for_answer(tx, arrival, meant[0], words):
        holds.place(tx, arrival.id, HoldCode.WHOSE_RECORD)
    arrivals.index_terms(tx, arrival.id, terms)
    arrivals.settle(tx, arrival, ArrivalState.HELD, frozenset(match.match_rule for match in matches))


def _is_decided(tx: Tx, arrival: Arrival) -> bool:
    """Whether people said whose it is. They are not asked twice."""
    return holds.last_answer(tx, arrival.id, HoldCode.WHOSE_RECORD) == HoldAnswer.OURS


def _collect(services: Services, arrival: Arrival, answer: ReceivedDocuments, whose: _Whose) -> None:
    patient, match_rule = whose.patient, whose.match_rule
    answer = with_what_they_correct(services, arrival, _with_kinds(services, arrival, answer, patient), patient)
    if _waits_for_labels(services, arrival, answer, whose):
        return
    with services.ledger.transaction() as tx:
        whose.hold(tx, arrival)
        shares = _shares(tx, services, arrival, answer, _cases(tx, patient))
    _heed(services, arrival, answer, whose, shares)
    if not shares:
        _seal_until_permitted(services, arrival, answer, whose)
        return
    # The bytes go into the vault without a lock; whether they may be collected is asked again under it.
    covered = [one for one in answer.documents if any(one in share.documents for share in shares)]
    with vault_objects.writing_for(patient):
        in_hand = dict[str, bytes]()
        new = {one.origin: _new_record(services, arrival, one, patient, in_hand) for one in covered}
        opened = {one: _opened(services, record, in_hand) for one, record in new.items()}
    with _all_taken_back(services, arrival, new.values()):
        if any(one is not None and one.objects for one in opened.values()):
            with services.ledger.transaction() as tx:
                arrivals.still_ours(tx, arrival)
                opened_objects(tx, services.institutions, arrival.id, arrival.institution, whose.patient)
        with services.ledger.transaction() as tx:
            whose.hold(tx, arrival)
            is_sent_again = all(records.known(tx, patient, one.origin) for one in new.values())
            _lock_cases(tx, shares)
            for share in shares:
                came = [(new[one.origin], opened[one.origin], one.document.patient) for one in share.documents]
                _join_all(tx, services, share.case, arrival, came, match_rule)
            first = shares[0].case.id
            _ask_about(tx, arrival, answer, first, is_sent_again=is_sent_again)
            if arrival.patient is None and arrival.state is ArrivalState.SEALED:
                unmatched.count_matched(tx, arrival)
            arrivals.join_patient(tx, arrival, patient)
            _settle(tx, arrival, [one.document for one in answer.documents if one not in covered], shares, match_rule)
            if match_rule is not MatchRule.DECIDED and _learned_of_others(tx, patient, answer):
                rounds.owe(tx, Dag.OPEN_CASE, first)


def _settle(
    tx: Tx, arrival: Arrival, uncovered: Sequence[Document], shares: Sequence[_Share], match_rule: MatchRule
) -> None:
    """Filed, or sealed until a form covers the rest: the desk is told of it, but not of what is void."""
    for share in shares:
        if not uncovered:
            holds.withdraw(tx, share.case.id, HoldCode.RECORDS_NOT_COVERED, SystemAnswer.PERMITTED, about=arrival.id)
    if not all(one.status.is_void for one in uncovered):
        holds.place(tx, shares[0].case.id, HoldCode.RECORDS_NOT_COVERED, arrival.id)
    if uncovered:
        arrivals.settle(tx, arrival, ArrivalState.SEALED, ArrivalOutcome.WAITS_FOR_PERMISSION)
    else:
        arrivals.settle(tx, arrival, ArrivalState.FILED, match_rule)


def _ask_about(tx: Tx, arrival: Arrival, answer: ReceivedDocuments, case: CaseId, *, is_sent_again: bool) -> None:
    if arrival.conflicts and not is_sent_again:
        holds.place(tx, case, HoldCode.CONTROL_ID_CONFLICT, arrival.id)
    if is_to_be_asked(answer):
        holds.place(tx, arrival.id, HoldCode.CORRECTION_IN_PART, due=LOOK_WITHIN)
    if answer.unusable:
        holds.place(tx, case, HoldCode.ENTRIES_UNUSABLE, arrival.id)


def _seal_until_permitted(services: Services, arrival: Arrival, answer: ReceivedDocuments, whose: _Whose) -> None:
    """Nothing of it may be collected now. Where its sender is asked under a form all the same, the desk is told.

    Raises:
        DecideAgain: a permission came meanwhile.
    """
    patient = whose.patient
    with services.ledger.transaction() as tx:
        whose.hold(tx, arrival)
        open_cases = _cases(tx, patient)
        if _shares(tx, services, arrival, answer, open_cases):
            raise DecideAgain
        arrivals.join_patient(tx, arrival, patient)
        why = ArrivalOutcome.WAITS_FOR_PERMISSION if open_cases else ArrivalOutcome.NO_OPEN_CASE
        arrivals.settle(tx, arrival, ArrivalState.SEALED, why)
        asked = [case for case in open_cases if _is_asked(tx, case, arrival)]
        if asked and not all(one.document.status.is_void for one in answer.documents):
            holds.place(tx, asked[0].id, HoldCode.RECORDS_NOT_COVERED, arrival.id)


def _is_asked(tx: Tx, case: OpenedCase, arrival: Arrival) -> bool:
    """Whether a form covers something of the sender's: then what it does not cover is seen by nobody."""
    states = [one.state for one in requests.of_case(tx, case.id) if one.institution == arrival.institution]
    return any(state is not RequestState.NOT_PERMITTED for state in states)


def _with_kinds(
    services: Services, arrival: Arrival, answer: ReceivedDocuments, patient: PatientId
) -> ReceivedDocuments:
    """A withdrawal may be blanked of all but a number. It is of the kind of what it withdraws, and permitted alike."""
    found = []
    with services.ledger.transaction() as tx:
        for received in answer.documents:
            document, kept = received.document, None
            if document.status.is_void:
                numbers = (*document.entries, *document.identifiers)
                kept = numbered_records.latest(tx, patient, arrival.institution, numbers)
            found.append(replace(received, document=replace(document, kind=kept.kind)) if kept else received)
    return replace(answer, documents=tuple(found))


def _learned_of_others(tx: Tx, patient: PatientId, answer: ReceivedDocuments) -> bool:
    """Remember what this institution calls the patient. True: other messages are found by it that wait."""
    found = False
    for said in dict.fromkeys(received.document.patient for received in answer.documents):
        if patients.learn(tx, patient, said):
            terms = patients.terms(tx, said)
            found = found or bool(arrivals.sealed_for(tx, terms) or compared.held_for(tx, terms))
    return found


def _waits_for_labels(services: Services, arrival: Arrival, answer: ReceivedDocuments, whose: _Whose) -> bool:
    """Where a document has a label that is not known here: a person is asked, and all of the message waits sealed."""
    try:
        check_labels(*(received.document.labels for received in answer.documents))
    except UnclearLabel as error:
        _heed(services, arrival, answer, whose, ())
        with services.ledger.transaction() as tx:
            whose.hold(tx, arrival)
            arrivals.join_patient(tx, arrival, whose.patient)
            holds.place(tx, arrival.id, HoldCode.ARRIVAL_LABEL_UNREAD)
            arrivals.settle(tx, arrival, ArrivalState.HELD, error)
        return True
    return False


@contextmanager
def _all_taken_back(services: Services, arrival: Arrival, new: Iterable[NewRecord]) -> Iterator[None]:
    """As `taken_back`, for what was written of an arrival."""
    own = arrival.location and arrival.location.key  # what lies in the arrival itself stays
    keys = {part.location.key for one in new for part in one.parts} - {own}
    with ExitStack() as written:
        for key in keys:
            written.enter_context(taken_back(services, key))
        yield


def _opened(services: Services, new: NewRecord, in_hand: Mapping[str, bytes]) -> OpenedParts | None:
    """What is found in it. A study of a disc is opened in its case's next round: that takes as long as it takes."""
    if new.about.study_instance_uid:
        return None
    return open_parts(services, new.patient, new.institution, new.parts, in_hand)


def _cases(tx: Tx, patient: PatientId) -> list[OpenedCase]:
    return [OpenedCase.of(tx.case(case)) for case in cases.open_of(tx, [patient])]


def _heed(
    services: Services, arrival: Arrival, answer: ReceivedDocuments, whose: _Whose, shares: Sequence[_Share]
) -> None:
    """What each document says of earlier ones counts also in the cases that do not collect it."""
    told: dict[tuple[CaseId, ...], list[Document]] = {}
    for received in answer.documents:
        joining = tuple(share.case.id for share in shares if received in share.documents)
        told.setdefault(joining, []).append(received.document)
    for joining, documents in told.items():
        heed(services, whose.patient, arrival.institution, documents, joining, epoch=whose.epoch)


def _shares(
    tx: Tx, services: Services, arrival: Arrival, answer: ReceivedDocuments, open_cases: Sequence[OpenedCase]
) -> list[_Share]:
    """Of each case that may collect any of it. A message that is not taken apart is collected as a whole or not."""
    found = []
    for case in open_cases:
        covered = tuple(
            one
            for one in answer.documents
            if may_collect(
                tx,
                services.institutions,
                case,
                arrival.institution,
                one.document.kind,
                one.document.labels,
                dated=one.document.day,
            ).is_permitted
        )
        is_whole = len(covered) == len(answer.documents)
        if covered and (is_whole or not any(one.is_message and one.alone is None for one in answer.documents)):
            found.append(_Share(case=case, documents=covered))
    return found


def _lock_cases(tx: Tx, shares: Sequence[_Share]) -> None:
    """In one order, before anything is locked that comes after cases."""
    for name in sorted(share.case.id for share in shares):
        tx.lock_case(name)


def _join_all(
    tx: Tx,
    services: Services,
    case: OpenedCase,
    arrival: Arrival,
    new: Sequence[tuple[NewRecord, OpenedParts | None, Demographics]],
    match_rule: MatchRule,
) -> None:
    for one, found, envelope in new:
        ruling = may_collect(
            tx, services.institutions, case, one.institution, one.kind, one.about.labels, dated=one.about.day
        )
        if not ruling.is_permitted:
            raise DecideAgain
        is_study = one.about.study_instance_uid is not None
        kept = keep_study(tx, one) if is_study else records.keep(tx, one)
        join(tx, services, case, kept, ruling, match_rule, found=found, envelope=envelope)
        if is_study:
            ask_about_study(tx, case, kept, arrival)
        if not (one.status.is_void or one.status is DocumentStatus.PRELIMINARY):  # the final one is still awaited
            answered(tx, services, case.id, arrival.institution, one.kind)
    settle_needs(tx, services, case.id)


def _new_record(
    services: Services, arrival: Arrival, received: ReceivedDocument, patient: PatientId, in_hand: dict[str, bytes]
) -> NewRecord:
    if received.study is not None:
        return study_record(services, arrival, received.study, received.document, patient)
    parts = []
    if received.is_message:
        place = _message_place(services, arrival, received, in_hand)
        parts.append(RecordPart(role="received", content_type=arrival.content_type, location=place))
    for piece in received.pieces:
        role = _role(piece, received)
        place = keep_in_hand(services, piece.open(), in_hand)
        parts.append(RecordPart(role=role, content_type=piece.content_type, location=place))
    document, files = received.document, tuple(parts)
    about = About.of(replace(document, identifiers=_own_numbers(document)))
    if not received.is_message:
        files, titles = files_of_one(parts, [piece.title for piece in received.pieces])
        about = replace(about, titles=titles)
    return NewRecord(
        patient=patient,
        institution=arrival.institution,
        kind=document.kind,
        status=document.status,
        origin=f"message/{arrival.institution}/{received.origin}"
        if received.is_message
        else f"arrival/{arrival.id}/{received.origin}",
        about=about,
        parts=files,
        arrival=arrival.id,
        flaws=document.flaws,
    )


def _role(piece: Piece, received: ReceivedDocument) -> str:
    if piece.is_put_together:
        return "whole"
    if piece.is_beside:
        return "beside"
    return "extracted" if received.is_message else "received"


def _message_place(
    services: Services, arrival: Arrival, received: ReceivedDocument, in_hand: dict[str, bytes]
) -> Location:
    if received.alone is not None:
        return keep_in_hand(services, iter([received.alone]), in_hand)
    with services.ledger.transaction() as tx:
        body = reading.payload(tx, services, arrival)
    return arrival.location or keep_in_hand(services, iter([body]), in_hand)


def _own_numbers(document: Document) -> tuple[IssuedIdentifier, ...]:
    """The number of our request is no document's: two answers to one request are no copies of each other."""
    return tuple(number for number in document.identifiers if not is_request_number(number))


def file_request_answer(services: Services, arrival: Arrival, answer: AnswerToRequest) -> None:
    """The institution said something to a request of ours. The request moves as it says, and its case is judged. The
    same message again changes nothing.

    Raises:
        NeedsReview: it answers no request of ours to them.
    """
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        request = requests.get(tx, answer.request)
        if request is None or request.institution != arrival.institution:
            raise NeedsReview("no request of ours to them")
        hold_patient_of(tx, request.case)
        patient = OpenedCase.of(tx.case(request.case)).patient
        tx.lock_case(request.case)
        request = requests.get(tx, request.id) or request
        if patients.identity(tx, patient):
            # A clock that is ahead must not outdo what is said later.
            said_at = min(answer.said_at or arrival.received_at, arrival.received_at)
            to = hear(tx, services, request, Hearing(said=answer.said, said_at=said_at, arrival=arrival.id))
            settle_needs(tx, services, request.case)
            if to is RequestState.DUE:
                rounds.owe(tx, Dag.OPEN_CASE, request.case)
            arrivals.join_patient(tx, arrival, patient)
        arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.REQUEST_ANSWER)
