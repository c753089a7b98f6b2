"""Two patients who are one person, and taking them apart again. People name each by a case.

Two people must say that they are one. One is enough to take them apart: nothing of the one is given to the other then.
"""

from transfer.actions import ActionCode, ActionResult
from transfer.flow.desk.comparing import decide
from transfer.flow.desk.merging import patient_of, split_in
from transfer.flow.desk.verbs import at_desk, not_allowed, unknown
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import holds, merging, patients
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


def merge(services: Services, case: CaseId, other: CaseId, *, actor: Actor) -> ActionResult:
    """Say that the patients of two cases are one person. It takes effect when a second person says the same.

    Saying it again changes nothing; so does saying it of one patient's cases.

    Raises:
        Unknown: no such case, or a patient is purged.
        NotAllowed: a case is not opened, or something of a patient is leaving or being stopped.
    """
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        kept, absorbed = patient_of(tx, case), patient_of(tx, other)
        if patients.is_forgotten(tx, kept) or patients.is_forgotten(tx, absorbed):
            raise unknown(Reason(RefusalCode.PATIENT_IS_PURGED), Remedy(RemedyCode.VERIFY_TRAIL))
        if kept == absorbed:
            return ActionResult(ActionCode.MERGED_BEFORE, case=case, other=other)
        if merging.absorbed_into(tx, absorbed):
            if merging.absorbed_into(tx, kept):
                last = merging.last_case_into(tx, absorbed)
                raise not_allowed(Reason(RefusalCode.BOTH_MERGED), Remedy(RemedyCode.SPLIT_FIRST, case=last))
            case, other = other, case
        tx.lock_case(case)
        holds.place(tx, case, HoldCode.SAME_PATIENT, other)
        asked = next(
            one for one in holds.open_holds(tx, case) if one.code is HoldCode.SAME_PATIENT and one.about == other
        )
    return decide(services, asked, HoldAnswer.OURS, actor=actor, case=None)


def split(services: Services, case: CaseId, *, actor: Actor) -> ActionResult:
    """Take the patient of this case out of the one they were merged into: they are two after all.

    What was theirs before is theirs again. What came since is matched and fetched anew for both. The second time says
    that it was done before.

    Raises:
        Unknown: no such case, or the patient is purged.
        NotAllowed: the case's patient was not merged, another was merged later, or something of them is leaving or
            being stopped.
    """
    with at_desk(services, actor, Right.DECIDE_WHOSE) as tx:
        return split_in(tx, services, case)
