"""A round of a case begins: who it is about, what is needed, whom to ask now.

The first round opens the case from its referral; every further one looks again at what has changed: a form that came, a
source that answered "later".
"""

from datetime import timedelta
from itertools import dropwhile

from transfer import facts
from transfer.arrivals import ArrivalKind, ArrivalOutcome, ArrivalState, Referral, ReferralUpdate
from transfer.case import OpenedCase
from transfer.checklist import COMMON, ChosenList
from transfer.errors import NeedsReview, Refused
from transfer.facts import Chain
from transfer.flow import reading
from transfer.flow.assess import settle_needs
from transfer.flow.basis import may_ask
from transfer.flow.changing import make_requests
from transfer.flow.collecting import join_held
from transfer.flow.ending import end_case
from transfer.flow.identity import hold_patient_of, match_message, match_patient
from transfer.flow.letters import send_letters
from transfer.flow.listed_procedures import take_procedures
from transfer.flow.milestones import tell_center
from transfer.flow.opening_records import open_waiting
from transfer.flow.receive import process
from transfer.flow.referrals import ReferralMessage, known_case, packet_needed_by, refer_again, take_in
from transfer.flow.services import Services
from transfer.flow.turns import call_for
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId, PatientId, RequestId
from transfer.ledger import (
    Tx,
    arrivals,
    cases,
    compared,
    holds,
    notes,
    patients,
    referrals,
    requests,
    rounds,
    turns,
)
from transfer.ledger.arrivals import Arrival
from transfer.ledger.rounds import Taken
from transfer.matching import MatchVerdict
from transfer.permissions import Ruling
from transfer.requests import (
    NOT_COVERED,
    OVERDUE,
    SAID,
    TIMED,
    UNREACHABLE,
    Request,
    RequestState,
    first_state,
    silent_from,
    when_overdue,
)
from transfer.rounds import Dag
from transfer.sealing import KeyGone


def open_case(services: Services, taken: Taken) -> list[RequestId]:
    """Open the case if it is not yet, take in what is sealed for it, and say which requests this round makes.

    The round's lines are those requests whose turn it is (`transfer.turns`); with none, the round is done here.
    """
    case = CaseId(taken.subject)
    if not _is_opened(services, case) and not _open(services, case):
        with services.ledger.transaction() as tx:
            rounds.done(tx, taken, "not opened: see its decision")
        return []
    # Forms first; then what they permit; then the rest, which finds its requests awaited.
    _take_in_sealed(services, case, forms=True)
    with services.ledger.transaction() as tx:
        _permit(tx, services, case)
        _join_held(tx, services, case)
        _note_overdue(tx, services, case)
    _take_in_sealed(services, case, forms=False)
    open_waiting(services, case)
    tell_center(services, case)
    send_letters(services, case)
    with services.ledger.transaction() as tx:
        to_ask = requests.due(tx, case) if tx.case(case).is_active else []
    call_for(services, case, to_ask)
    return _hand_out(services, taken, case)


def _hand_out(services: Services, taken: Taken, case: CaseId) -> list[RequestId]:
    """The requests whose turn it is become the round's lines. The others wait, and are called."""
    with services.ledger.transaction() as tx:
        tx.lock_case(case)
        if not rounds.is_ours(tx, taken):
            return []
        is_active = tx.case(case).is_active
        if is_active:
            _note_silence(tx, case)
        due = [request.id for request in requests.due(tx, case)] if is_active else []
        found = settle_needs(tx, services, case)
        mine = turns.hand_out(tx, due)
        given = [request for request in due if request in mine]
        _release_again(tx, case)
        if is_active and (later := requests.next_due(tx, case, but=given)):
            rounds.owe(tx, Dag.OPEN_CASE, case, after=max(later - tx.now(), timedelta(0)))
        if given:
            rounds.open_lines(tx, taken, given)
            rounds.leave_sentence(tx, taken, found.sentence)
        else:
            rounds.done(tx, taken, found.sentence)
    return given


def _release_again(tx: Tx, case: CaseId) -> None:
    """A packet that could not leave for want of a permission is tried again: a form may have come."""
    found = tx.case(case)
    for hold in found.holds.values():
        if hold.code == HoldCode.RELEASE_NOT_PERMITTED and hold.about and found.is_active:
            rounds.owe(tx, Dag.RELEASE_PACKET, hold.about)


def _note_silence(tx: Tx, case: CaseId) -> None:
    """What has waited for a day for a department that answers nobody counts as unanswered, and a person is asked."""
    silent = turns.unanswered(tx, case)
    for request in requests.due(tx, case):
        if request.id in silent:
            requests.move(tx, request, RequestState.SILENT, findings=(UNREACHABLE,))
            holds.place(tx, case, HoldCode.SOURCE_DOES_NOT_ANSWER, request.id)


def _note_overdue(tx: Tx, services: Services, case: CaseId) -> None:
    """What a source promised for a day that is over is asked for again. What is only awaited counts as unanswered, and
    a person is asked.
    """
    is_active, now = tx.case(case).is_active, tx.now()
    for request in requests.overdue(tx, case):
        department = services.institutions[request.institution].department(request.department)
        if not is_active:  # it is nobody's fault that nothing comes
            requests.give_time(tx, request, silent_from(now, department.usual_days))
            continue
        to = when_overdue(request.state, is_fetched=department.is_fetched)
        requests.move(tx, request, to, findings=(OVERDUE,))
        if to is RequestState.SILENT:
            holds.place(tx, case, HoldCode.SOURCE_DOES_NOT_ANSWER, request.id)


def _is_opened(services: Services, case: CaseId) -> bool:
    with services.ledger.transaction() as tx:
        return tx.case(case).as_opened is not None


# --- opening ----------------------------------------------------------------------------------------------------------


def _open(services: Services, case: CaseId) -> bool:
    """Open the case from its referral. False: a person must decide first, has closed it, or what came is about another
    case, on which it took effect.
    """
    with services.ledger.transaction() as tx:
        named = arrivals.of_subject(tx, case, ArrivalKind.REFERRAL) if tx.case(case).is_open else []
        arrival = arrivals.claim(tx, named[0]) if named else None
        if named and arrival is None:
            _look_again(tx, case, named[0])
        body = reading.payload(tx, services, arrival) if arrival else b""
    if arrival is None:
        return False
    try:
        said = reading.read(services, arrival, body)
        if not isinstance(said, Referral | ReferralUpdate):
            raise NeedsReview("no referral")
        if isinstance(said, Referral):
            services.institutions[said.receiver]
    except (NeedsReview, Refused):
        with services.ledger.transaction() as tx:
            holds.place(tx, case, HoldCode.REFERRAL_UNREADABLE, arrival.id)
            arrivals.settle(tx, arrival, ArrivalState.HELD, ArrivalOutcome.REFERRAL_UNREADABLE)
        return False
    with services.ledger.transaction() as tx:
        if known := known_case(tx, case, arrival, said):
            take_in(tx, services, ReferralMessage(arrival=arrival, drawn=case, known=known, said=said))
            return False
        if isinstance(said, ReferralUpdate):
            return _opens_none(tx, case, arrival, said)
        return _open_for(tx, services, case, arrival, said)


def _opens_none(tx: Tx, case: CaseId, arrival: Arrival, said: ReferralUpdate) -> bool:
    """It asks for nothing now, and is about no referral that we know. It is looked at again when that comes."""
    numbers = referrals.numbers(tx, arrival.institution, said.references)
    patients.hold_terms(tx, numbers, exclusive=True)
    referrals.remember(tx, arrival, numbers)
    if known_case(tx, case, arrival, said):  # it was opened meanwhile
        arrivals.release_claim(tx, arrival)
        rounds.owe(tx, Dag.OPEN_CASE, case)
        return False
    holds.place(tx, case, HoldCode.REFERRAL_NOT_ACTIVE, said.status)
    arrivals.settle(tx, arrival, ArrivalState.HELD, ArrivalOutcome.REFERRAL_NOT_ACTIVE)
    return False


def _open_for(tx: Tx, services: Services, case: CaseId, arrival: Arrival, referral: Referral) -> bool:
    # First lock whoever it seems to be. After a purge of that patient, it is somebody new.
    if known := arrival.patient or match_patient(tx, referral.patient).patient:
        patients.hold_epoch_shared(tx, known)
    # Two referrals of one unknown person at once must not make two patients, nor one referral two cases.
    numbers = referrals.numbers(tx, arrival.institution, referral.references)
    patients.hold_terms(tx, [*patients.terms(tx, referral.patient), *numbers], exclusive=True)
    match = match_patient(tx, referral.patient)
    if match.verdict is MatchVerdict.DOUBTFUL and arrival.patient is None:
        holds.place(tx, case, HoldCode.WHOSE_REFERRAL, arrival.id)
        arrivals.settle(tx, arrival, ArrivalState.HELD, match.match_rule)
        return False
    if known_case(tx, case, arrival, referral):  # it was opened meanwhile
        arrivals.release_claim(tx, arrival)
        rounds.owe(tx, Dag.OPEN_CASE, case)
        return False
    # What people said of who it is goes before the rule.
    patient = arrival.patient or match.patient or patients.meet(tx, referral.patient, arrival.id)
    patients.learn(tx, patient, referral.patient)
    other = cases.duplicated(tx, case, patient, referral.receiver)
    for one in sorted(filter(None, (case, other))):
        tx.lock_case(one)
    if tx.case(case).opened:
        return True
    arrivals.join_patient(tx, arrival, patient)
    arrivals.settle(tx, arrival, ArrivalState.FILED, match.match_rule)
    referrals.remember(tx, arrival, numbers)
    # Without a diagnosis that a list is for it is the common one, and a person is told.
    chosen = services.checklists.for_diagnoses(referral.diagnoses)
    found = chosen or ChosenList(checklist=services.checklists[COMMON])
    tx.append(Chain.case(case), _opening(services, arrival, referral, found, patient))
    checklist = services.checklist_of(found.checklist.id, referral.receiver)
    for about, words in referral.words.items():
        notes.add_to_case(tx, case, patient, words, about=about)
    _look_at_others(tx, numbers, arrival)
    if other and tx.case(other).is_open:
        _is_duplicate(tx, services, case, other, arrival, referral)
        return True
    if not chosen:
        holds.place(tx, case, HoldCode.DIAGNOSIS_UNKNOWN)
    for source in sorted({*referral.sources, referral.referring}):
        make_requests(tx, case, services.institutions[source], checklist)
    take_procedures(tx, services, case, referral)
    return True


def _is_duplicate(
    tx: Tx, services: Services, case: CaseId, other: CaseId, arrival: Arrival, referral: Referral
) -> None:
    """Another open case of the patient goes to the same center. Whoever referred that one may say more by this."""
    end_case(tx, case, "duplicate", other=other)
    if OpenedCase.of(tx.case(other)).referring == referral.referring:
        refer_again(tx, services, other, arrival, referral)


def _look_at_others(tx: Tx, numbers: list[bytes], arrival: Arrival) -> None:
    """What came before about this referral, and opened no case, is about this one."""
    for drawn in referrals.waiting(tx, numbers, but=arrival):
        holds.withdraw(tx, drawn, HoldCode.REFERRAL_NOT_ACTIVE, SystemAnswer.ANSWERED)
        rounds.owe(tx, Dag.OPEN_CASE, drawn)


def _opening(
    services: Services, arrival: Arrival, referral: Referral, chosen: ChosenList, patient: PatientId
) -> facts.CaseOpened:
    checklist = services.checklist_of(chosen.checklist.id, referral.receiver)
    needed_by = packet_needed_by(services, referral)
    return facts.CaseOpened(
        patient=patient,
        referral=arrival.id,
        receiver=referral.receiver,
        referring=referral.referring,
        checklist=checklist.id,
        checklist_version=checklist.version,
        other_checklists=chosen.others,
        priority=checklist.at_least(referral.priority, referral.diagnoses),
        sources=tuple(sorted(referral.sources)),
        needed_by=needed_by.isoformat() if needed_by else None,
        appointment_at=referral.appointment_at.isoformat() if referral.appointment_at else None,
    )


# --- every round ------------------------------------------------------------------------------------------------------


def _take_in_sealed(services: Services, case: CaseId, *, forms: bool) -> None:
    """Process again what waits sealed for this patient, in order of receipt: release forms, or all but those.

    The rest is looked for only when the forms are filed. What was sealed for want of a form is then seen, and what
    comes later finds the form filed.
    """
    with services.ledger.transaction() as tx:
        patient = OpenedCase.of(tx.case(case)).patient
        who = patients.identity(tx, patient)
        terms = patients.terms(tx, who.current, *who.former) if who else []
        held = compared.held_for(tx, terms)
    for name in held:
        _let_go_if_known(services, name, patient)
    with services.ledger.transaction() as tx:
        waiting = [*arrivals.sealed_for(tx, terms), *arrivals.waiting_of_patient(tx, patient)]
    for name in waiting:
        with services.ledger.transaction() as tx:
            arrival = arrivals.claim_sealed(tx, name, forms=forms)
            if arrival is None:
                _look_again(tx, case, name)
        if arrival:
            process(services, arrival, case=case)


def _let_go_if_known(services: Services, name: str, patient: PatientId) -> None:
    """What people were asked about, and is surely the patient's by what was learned since, waits sealed instead."""
    try:
        with services.ledger.transaction() as tx:
            arrival = arrivals.get(tx, name)
            if arrival is None or arrival.state is not ArrivalState.HELD:
                return
            said = reading.whom_it_names(reading.read(services, arrival, reading.payload(tx, services, arrival)))
            matches = [match_message(tx, arrival.institution, who, numbers) for who, numbers in said]
            if not matches or any(match.patient != patient for match in matches):
                return
            claimed = arrivals.claim(tx, name)
            if claimed is None:
                return
            for code in (HoldCode.WHOSE_RECORD, HoldCode.WHOSE_FORM):
                holds.withdraw(tx, name, code, SystemAnswer.ANSWERED)
            compared.wait_no_longer(tx, claimed)
            # Those that waited for the answer about it are matched anew, and asked about where they must be.
            for one in (claimed, *compared.claim_waiting_for(tx, claimed)):
                arrivals.settle(tx, one, ArrivalState.SEALED, matches[0].match_rule)
    except (KeyGone, NeedsReview, Refused):
        return


def _look_again(tx: Tx, case: CaseId, arrival: str) -> None:
    """Whoever has it may be dead: when its lease has lapsed, a round looks again."""
    if (later := arrivals.lapses_in(tx, arrival)) is not None:
        rounds.owe(tx, Dag.OPEN_CASE, case, after=later)


def _permit(tx: Tx, services: Services, case: CaseId) -> None:
    """Compare every open request with today's permissions. What lacks a basis is not asked for."""
    hold_patient_of(tx, case)
    opened = OpenedCase.of(tx.case(case))
    tx.lock_case(case)
    if not tx.case(case).is_open:
        return
    for request in requests.of_case(tx, case):
        ruling = may_ask(tx, services.institutions, opened, request)
        department = services.institutions[request.institution].department(request.department)
        if request.state is RequestState.NOT_PERMITTED and ruling.is_permitted:
            requests.move(tx, request, first_state(is_fetched=department.is_fetched), ruling=ruling)
        elif ruling.is_permitted and department.is_fetched and _may_cover_more(tx, opened, request):
            requests.move(tx, request, RequestState.DUE, ruling=ruling)
        elif ruling.is_permitted and _has_better_form(tx, opened, request):
            requests.move(tx, request, first_state(is_fetched=department.is_fetched), ruling=ruling)
        elif not ruling.is_permitted and _is_to_be_written(tx, case, request, ruling):
            requests.move(tx, request, RequestState.NOT_PERMITTED, ruling=ruling)


def _join_held(tx: Tx, services: Services, case: CaseId) -> None:
    """What is held for another case of the patient joins this one, so that a source is asked only for what is new."""
    if tx.case(case).is_active and join_held(tx, services, case):
        settle_needs(tx, services, case)


def _may_cover_more(tx: Tx, opened: OpenedCase, request: Request) -> bool:
    """Whether a permission has begun since something was left with the source for want of one, or purged here."""
    last = tx.case(opened.id).requests[request.id].moved
    if last is None or not (request.state is RequestState.ANSWERED or NOT_COVERED in last.findings):
        return False
    answered_at = max(line.at for line in tx.lines(Chain.case(opened.id)) if line.fact == last)
    since = [line.fact for line in tx.lines(Chain.patient(opened.patient)) if line.at > answered_at]
    if NOT_COVERED not in last.findings:
        since = list(dropwhile(lambda fact: not _removed_records(fact), since))
    return any(isinstance(fact, _PERMISSION_BEGAN) for fact in since)


def _has_better_form(tx: Tx, opened: OpenedCase, request: Request) -> bool:
    """Whether a form came since the source did not accept the one that it had."""
    if request.state is not RequestState.AUTHORIZATION_NOT_ACCEPTED:
        return False
    moved = tx.case(opened.id).requests[request.id].moved
    said_at = max(line.at for line in tx.lines(Chain.case(opened.id)) if line.fact == moved)
    since = (line.fact for line in tx.lines(Chain.patient(opened.patient)) if line.at > said_at)
    return any(isinstance(fact, facts.PermissionFiled) for fact in since)


def _removed_records(fact: object) -> bool:
    return isinstance(fact, facts.RecordsPurged) and bool(fact.records)


_PERMISSION_BEGAN = (facts.PermissionFiled, facts.PermissionResumed, facts.EmergencyDeclared)


def _is_to_be_written(tx: Tx, case: CaseId, request: Request, ruling: Ruling) -> bool:
    """It is to be asked or awaited until now, or the reason why not is another one than was last written."""
    if request.state is RequestState.DUE or request.state in TIMED | SAID:
        return True
    last = tx.case(case).requests[request.id].moved
    return request.state is RequestState.NOT_PERMITTED and last is not None and last.findings != ruling.findings
