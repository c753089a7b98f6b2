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
from transfer.permissions import End
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
    while the patient has paused anything.
    """
    asked = [one.moved for one in case.requests.values() if one.made.institution == institution and one.moved]
    is_paused = any(one.ended is End.PAUSED for one in permissions.states(tx, patient))
    if is_paused or any(one.state == RequestState.NOT_PERMITTED for one in asked):
        return False
    if institutions[institution].requires is not Basis.AUTHORIZATION:
        return True
    standing = live(tx, institutions, permissions.filed(tx, patient))
    return any(one.permission.ended is None and institution in one.permission.form.disclosers for one in standing)
