"""Two patients who are one person, and taking them apart again, within a transaction of the desk."""

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.facts import Chain
from transfer.flow.desk.answering import ask_again_if_fetched
from transfer.flow.desk.referral_questions import referral_of
from transfer.flow.desk.verbs import known_case, not_allowed, unknown
from transfer.flow.identity import match_patient
from transfer.flow.services import Services
from transfer.flow.unmatched import LOOK_WITHIN
from transfer.holds import HoldCode
from transfer.identifiers import CaseId, PatientId
from transfer.ledger import Tx, holds, merging, opened_records, patients, requests, rounds
from transfer.ledger.holds import Hold
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rounds import Dag


def merge_in(tx: Tx, services: Services, hold: Hold, kept: PatientId) -> ActionResult:
    """Two people said that the patient of the case that the question is about is the patient of its case.

    The caller holds `merging.lock`.

    Raises:
        NotAllowed: something of them is leaving or being stopped.
    """
    case, other = CaseId(hold.subject), CaseId(hold.about or "")
    absorbed = patient_of(tx, other)
    _at_rest(tx, (absorbed, kept))
    for one in merging.merge(tx, absorbed, kept, hold.id):
        _begin_anew(tx, services, one)
    return ActionResult(ActionCode.MERGED, case=case, other=other)


def split_in(tx: Tx, services: Services, case: CaseId) -> ActionResult:
    """Take the patient of this case out of the one they were merged into.

    Raises:
        Unknown: the patient is purged.
        NotAllowed: the case's patient was not merged, another was merged later, or something of them is leaving or
            being stopped.
    """
    patient, found = patient_of(tx, case), merging.of_case(tx, case)
    if found is None:
        if any(isinstance(line.fact, facts.PatientsSplit) for line in tx.lines(Chain.patient(patient))):
            return ActionResult(ActionCode.SPLIT_BEFORE, case=case)
        raise not_allowed(Reason(RefusalCode.NOT_MERGED, case=case), Remedy(RemedyCode.SHOW_CASE, case=case))
    absorbed, kept = found
    merging.lock(tx, found)
    if merging.of_case(tx, case) != found or patients.identity(tx, kept) is None:
        raise unknown(Reason(RefusalCode.PATIENT_IS_PURGED), Remedy(RemedyCode.VERIFY_TRAIL))
    if merging.absorbed_into(tx, kept)[-1] != absorbed:
        # What a later one brought along would be taken for what came since.
        last = merging.last_case_into(tx, kept)
        raise not_allowed(Reason(RefusalCode.MERGED_SINCE), Remedy(RemedyCode.SPLIT_FIRST, case=last))
    _at_rest(tx, found)
    both, doubtful = merging.split(tx, absorbed, kept, lambda one: _whose(tx, services, one, found))
    for one in both:
        _begin_anew(tx, services, one)
        if one in doubtful and tx.case(one).is_open:
            holds.place(tx, one, HoldCode.WHOSE_CASE, due=LOOK_WITHIN)
    return ActionResult(ActionCode.SPLIT, case=case)


def _whose(tx: Tx, services: Services, case: CaseId, among: tuple[PatientId, PatientId]) -> PatientId | None:
    """Whose a case is that was opened while the two were one, by whom its referral names. None: no rule can tell."""
    said = referral_of(tx, services, case)
    patient = match_patient(tx, said.patient).patient if said else None
    return patient if patient in among else None


def _at_rest(tx: Tx, among: tuple[PatientId, PatientId]) -> None:
    """Raise `NotAllowed` where bytes of one of them are leaving, or a stop or a purge is not complete."""
    if merging.is_under_way(tx, among):
        raise not_allowed(Reason(RefusalCode.PATIENT_UNDER_WAY), Remedy(RemedyCode.DO_AGAIN))


def patient_of(tx: Tx, case: CaseId) -> PatientId:
    found = known_case(tx, case)
    if found.opened is None:
        raise not_allowed(Reason(RefusalCode.NOT_OPENED, case=case), Remedy(RemedyCode.SETTLE_REFERRAL, case=case))
    return PatientId(found.opened.patient)


def _begin_anew(tx: Tx, services: Services, case: CaseId) -> None:
    """What was asked for about somebody else is asked for again. Whose its documents are, is found anew: what people
    said or were asked was about somebody else.
    """
    opened_records.compare_again(tx, patient_of(tx, case), None)
    if not tx.case(case).is_open:
        return
    for request in requests.of_case(tx, case):
        ask_again_if_fetched(tx, services, request, answered=True)
    rounds.owe(tx, Dag.OPEN_CASE, case)
