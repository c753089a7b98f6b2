"""What of slides and blocks a person settles: pieces that are not those announced, and pieces nobody asked for yet."""

from collections.abc import Collection
from typing import Final

from transfer.case import OpenedCase
from transfer.completeness import Wait, WaitCode
from transfer.contacts import as_said
from transfer.flow.desk.shown import WaitView
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.institutions import Institutions
from transfer.ledger import Tx, materials
from transfer.ledger.materials import StoredMaterial
from transfer.materials import MaterialKind, MaterialState, discrepancy
from transfer.records import RecordKind
from transfer.remedies import Remedy, RemedyCode
from transfer.sentences import SENTENCES

#: waits that are told for each material apart, with whom to call
OF_PIECES: Final = frozenset({WaitCode.MATERIAL_UNANNOUNCED, WaitCode.MATERIAL_DISCREPANCY, WaitCode.MATERIAL_TO_ASK})


def waits_for_pieces(tx: Tx, services: Services, case: CaseId, wait: Wait, lacking: Collection[str]) -> list[WaitView]:
    """For each material that this is so of: how many came of how many, what is wrong, and whom to call. `lacking` are
    the lines that are not settled.
    """
    found = tx.case(case)
    is_to_ask = wait.code is WaitCode.MATERIAL_TO_ASK
    leads_on = RemedyCode.ASK_SLIDE_FILE if is_to_ask else RemedyCode.CALL_SLIDE_FILE
    return [
        WaitView(
            case=case,
            code=wait.code,
            says=_says(services.institutions, kept, wait.code, is_added=kept.line in found.added),
            institution=kept.institution,
            remedy=Remedy(leads_on, case=case, material=kept.material.id),
        )
        for kept in materials.of_case(tx, case, OpenedCase.of(found).patient)
        if kept.line in lacking and wait.institution in (None, kept.institution) and _is_so(kept, wait.code)
    ]


def _is_so(kept: StoredMaterial, code: WaitCode) -> bool:
    one = kept.material
    if code is WaitCode.MATERIAL_TO_ASK:
        return one.state is MaterialState.WANTED
    if not one.is_here or one.is_complete:
        return False
    return bool(one.expected) is (code is WaitCode.MATERIAL_DISCREPANCY)


def _says(institutions: Institutions, kept: StoredMaterial, code: WaitCode, *, is_added: bool) -> str:
    one = kept.material
    pieces = _called(one.kind)
    whom = call_whom(institutions, kept.institution)
    if code is WaitCode.MATERIAL_TO_ASK:
        what = f"More {pieces}" if is_added else pieces.capitalize()
        return f"{what} are needed, and nobody asked for them yet. Call {whom}."
    if code is WaitCode.MATERIAL_UNANNOUNCED:
        came = f"{one.received} {pieces} were received, and nobody said how many were sent."
        return f"{came} Look at the list, or call {whom}."
    wrong = discrepancy(one)
    why = SENTENCES[wrong].staff.partition(". ")[0] if wrong else "The receiver asks to count them again"
    return f"{one.received} of {one.expected} {pieces} were received. {why}. Call {whom}."


def call_whom(institutions: Institutions, institution: str) -> str:
    """Who answers for glass there: the department that holds it, with its telephone where the file gives one."""
    if institution not in institutions:
        return institution
    source = institutions[institution]
    holding = next((one for one in source.departments if RecordKind.MATERIAL in one.holds), None)
    where = f"{source.name}, {holding.name}" if holding else source.name
    if source.contact is None or not source.contact.is_confirmed:
        return where
    return f"{where} ({as_said(source.contact.telephone)})"


def _called(kind: MaterialKind) -> str:
    return "unstained slides" if kind is MaterialKind.UNSTAINED else f"{kind}s"
