"""Slides and blocks are asked for by a person, by telephone: until somebody did, a case waits for us.

A laboratory is called about once what it holds may be asked for. Before that, the case waits for the release form.
"""

from collections.abc import Collection

from transfer.case import Case, OpenedCase
from transfer.completeness import Completeness, Wait, WaitCode
from transfer.flow.stopping import live
from transfer.identifiers import InstitutionId, PatientId
from transfer.institutions import Basis, ByHand, Institutions
from transfer.ledger import Tx, materials, permissions
from transfer.ledger.materials import StoredMaterial
from transfer.materials import MaterialState
from transfer.permissions import End, FormStatus, Permission
from transfer.records import RecordKind
from transfer.requests import RequestState

#: of pieces that do not come
_NEVER = (MaterialState.REFUSED, MaterialState.CANCELLED)
_AWAITED = Wait(WaitCode.MATERIAL)


def waits_of(
    tx: Tx, institutions: Institutions, case: Case, completeness: Completeness, lacking: Collection[str]
) -> tuple[Wait, ...]:
    """What a judged case waits for: each laboratory that is to be asked for slides or blocks, in place of those.

    `lacking` are the keys of its required lines that are not settled.
    """
    waits = completeness.waits
    if _AWAITED not in waits or case.opened is None:
        return waits
    opened = OpenedCase.of(case)
    kept = [one for one in materials.of_case(tx, case.id, opened.patient) if one.line in lacking]
    to_ask = [one for one in kept if _is_to_ask(tx, institutions, case, opened.patient, one)]
    are_others = any(not (one.material.is_here or one in to_ask or one.material.state in _NEVER) for one in kept)
    still = (one for one in waits if one != _AWAITED or are_others or not to_ask)
    return tuple(dict.fromkeys([*still, *(Wait(WaitCode.MATERIAL_TO_ASK, one.institution) for one in to_ask)]))


def _is_to_ask(tx: Tx, institutions: Institutions, case: Case, patient: PatientId, kept: StoredMaterial) -> bool:
    if kept.material.state is not MaterialState.WANTED or kept.institution not in institutions:
        return False
    source = institutions[kept.institution]
    holding = [one for one in source.departments if RecordKind.MATERIAL in one.holds]
    return any(isinstance(one.asked, ByHand) for one in holding) and _may_be_asked(
        tx, institutions, case, patient, kept.institution
    )


def _may_be_asked(
    tx: Tx, institutions: Institutions, case: Case, patient: PatientId, institution: InstitutionId
) -> bool:
    """As its requests show, which are ruled on, and where it wants a form, as the patient's forms say. Nobody is called
    while the patient has paused anything, or has taken back what reaches it.
    """
    asked = [one.moved for one in case.requests.values() if one.made.institution == institution and one.moved]
    is_paused = any(one.ended is End.PAUSED for one in permissions.states(tx, patient))
    if is_paused or any(one.state == RequestState.NOT_PERMITTED for one in asked):
        return False
    filed = permissions.filed(tx, patient)
    standing = (one.permission for one in live(tx, institutions, filed))
    if any(one.ended is None and institution in one.form.disclosers for one in standing):
        return True
    is_taken_back = any(_is_taken_back(one.permission, institution) for one in filed)
    return institutions[institution].requires is not Basis.AUTHORIZATION and not is_taken_back


def _is_taken_back(one: Permission, institution: InstitutionId) -> bool:
    """Whether the patient took back what reaches this institution: treatment is no basis against that."""
    is_revoked = one.ended is End.REVOKED or one.form.status is FormStatus.REVOKED
    return is_revoked and not one.form.denies and (not one.form.disclosers or institution in one.form.disclosers)
