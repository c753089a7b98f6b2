"""A release form on paper, entered from its fields with its scan; and what a person finds wrong with a form.

It becomes an arrival like any other: stored, sealed, and read again by later versions. Its permission is filed in the
same transaction.
"""

import hashlib
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace

from transfer import facts
from transfer.actions import ActionCode, ActionResult
from transfer.adapters import paper
from transfer.adapters.paper import PaperForm
from transfer.arrivals import ArrivalKind, ArrivalOutcome, ArrivalState, Door, Grant
from transfer.errors import NotAllowed, TooLarge, Unreadable
from transfer.facts import Chain
from transfer.flow import stopping
from transfer.flow.desk.pages_of import PagesOf, document_of, index_as
from transfer.flow.desk.permissions import await_stop_complete, permission_state, silently
from transfer.flow.desk.verbs import at_desk, demand, not_allowed, opened_case, refused, still_open, unknown
from transfer.flow.forms import ask_about_doubts
from transfer.flow.identity import DecideAgain, lookup_terms, match_patient
from transfer.flow.objections import ReceivedObjections, object_to_release
from transfer.flow.reading import objection_on_paper
from transfer.flow.services import Services, WithLedger
from transfer.holds import HoldCode, SystemAnswer
from transfer.identifiers import CaseId, InstitutionId, PatientId
from transfer.incoming import PagesBecame
from transfer.institutions import Institution
from transfer.ledger import Tx, arrivals, arriving, disputes, holds, notes, patients, permissions
from transfer.ledger.arrivals import Arrival, NewArrival
from transfer.ledger.permissions import FiledPermission, PermissionState
from transfer.matching import Match, MatchRule, MatchVerdict
from transfer.permissions import Authorization, Dispute, Finding, UnclearForm, findings_on
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right
from transfer.staging import CHUNK


def file_paper_form(
    services: Services,
    case: CaseId,
    institution: InstitutionId,
    fields: bytes,
    scan: bytes | PagesOf,
    *,
    actor: Actor,
) -> ActionResult:
    """Enter a form that this institution brought on paper for the patient of a case. The same fields and scan again are
    the same form. `scan`: a PDF, or pages of a paper in Incoming, which leave it with this.

    Name and birth date on the form are compared with the patient's. Where several patients could be meant, or something
    contradicts, people are asked as about any form. What no rule can carry is held for a person.

    Raises:
        Unknown: no such case or institution.
        NotAllowed: the institution may not file forms, the fields or the scan are none, the form names somebody else,
            the pages are indexed otherwise, or the case is closed.
        TooLarge: nothing was stored.
        ChangedMeanwhile: the case became another patient's meanwhile; the same again decides anew.
    """
    demand(actor, Right.RELEASE)  # before what the form says is read
    if (came_on := scan if isinstance(scan, PagesOf) else None) is not None:
        demand(actor, Right.DECIDE_WHOSE)  # what is to become of what came
        scan = document_of(services, came_on, actor=actor, as_pdf=True)
    assert isinstance(scan, bytes)  # the lines above
    with services.ledger.transaction():  # from now on facilities are known that were added meanwhile
        sender = services.institutions[institution]
    begin = lambda: at_desk(services, actor, Right.RELEASE)  # noqa: E731
    return file_form(services, case, sender, fields, scan, door=Door.DESK, begin=begin, came_on=came_on)


def file_form(
    services: Services,
    case: CaseId,
    sender: Institution,
    fields: bytes,
    scan: bytes,
    *,
    door: Door,
    begin: Callable[[], AbstractContextManager[Tx]],
    came_on: PagesOf | None = None,
    once: str | None = None,
) -> ActionResult:
    """The same of whoever may: `begin` begins a transaction of theirs. The caller has made sure that they may.

    `came_on`: the pages of *Incoming* that the scan is; they leave it. `once`: by what the same form of the patient is
    known when it comes again; None: by its bytes.
    """
    found = _understood(services, sender, fields, scan)
    body = paper.bundled(fields, scan)
    in_row = len(body) <= arrivals.IN_ROW
    place = None if in_row else services.vault.keep(body[at : at + CHUNK] for at in range(0, len(body), CHUNK))
    with begin() as tx:
        patient = _patient_of(tx, case)
        match = match_patient(tx, found.form.patient)  # as for any form, before a lock is held
        if patient not in match.patients:
            raise not_allowed(
                Reason(RefusalCode.FORM_OF_ANOTHER, case=case), Remedy(RemedyCode.COMPARE_NAMES, case=case)
            )
        incoming = NewArrival(
            institution=InstitutionId(sender.id),
            door=door,
            kind=ArrivalKind.AUTHORIZATION,
            business=f"{patient}|{once or hashlib.sha256(body).hexdigest()}",
            control=None,
            content_type=paper.PAPER_FORM,
            payload=body if in_row else None,
            location=place,
            content_sha256=hashlib.sha256(body).digest(),
        )
        (stored,) = arriving.store(tx, [incoming])
        arrival = None if stored.is_duplicate else arrivals.claim(tx, stored.arrival)
        if arrival is not None:
            if _is_of(match, patient):
                did = _let_take_effect(tx, services, case, patient, arrival, found)
            else:
                did = _ask_whose(tx, services, match, arrival, found)
            if came_on is not None:
                index_as(tx, came_on, PagesBecame.FORM, case, stored.arrival, InstitutionId(sender.id))
            return did
    if place is not None:
        services.vault.remove(place.key)
    return ActionResult(ActionCode.PAPER_FORM_ENTERED_BEFORE, arrival=stored.arrival)


def findings_on_paper(
    services: Services, institution: InstitutionId, fields: bytes, *, actor: Actor
) -> tuple[Finding, ...]:
    """What is wrong with a form that this institution brought, by its fields alone; nothing is stored.

    Raises:
        NotAllowed: the institution may not file forms, or the fields are none.
    """
    demand(actor, Right.RELEASE)
    with at_desk(services, actor, Right.RELEASE) as tx:
        sender = services.institutions[institution]
        found = _read(services, sender, fields)
        defects = () if found.form.denies else findings_on(found.form, zone=sender.zone, now=tx.now())
    disputed = [one.finding for one in sorted(found.disputes)]
    return tuple(dict.fromkeys([*found.doubts, *defects, *disputed]))


def _understood(services: Services, sender: Institution, fields: bytes, scan: bytes) -> PaperForm:
    if len(scan) > paper.LARGEST_SCAN or len(fields) > paper.LARGEST_FIELDS:
        raise refused(TooLarge, Reason(RefusalCode.PAPER_FORM_TOO_LARGE, mebibytes=paper.LARGEST_SCAN >> 20))
    if not paper.is_scan(scan):
        raise not_allowed(Reason(RefusalCode.NO_SCAN), Remedy(RemedyCode.GIVE_SCAN))
    return _read(services, sender, fields)


def _read(services: Services, sender: Institution, fields: bytes) -> PaperForm:
    if Grant.AUTHORIZATIONS not in sender.grants:
        raise not_allowed(
            Reason(RefusalCode.MAY_NOT_FILE_FORMS, institution=sender.id),
            Remedy(RemedyCode.GRANT_IN_FILE, institution=sender.id),
        )
    try:
        return paper.read(fields, sender, services.institutions)
    except Unreadable as error:
        why = Reason(RefusalCode.FIELDS_NOT_UNDERSTOOD, mistake=str(error))
        raise refused(NotAllowed, why, Remedy(RemedyCode.TAKE_TEMPLATE)) from None


def _patient_of(tx: Tx, case: CaseId) -> PatientId:
    """Whom an open case is about. No lock is held."""
    found = tx.case(case)
    if found.opened is None:
        raise unknown(Reason(RefusalCode.NO_OPENED_CASE, case=case), Remedy(RemedyCode.LIST_CASES))
    still_open(found)
    return PatientId(found.opened.patient)


def _note_entered(tx: Tx, patient: PatientId, arrival: Arrival, found: PaperForm) -> None:
    signature = found.signature
    entered = facts.PaperFormEntered(
        arrival=arrival.id,
        institution=arrival.institution,
        signature=signature.kind if signature else "missing",
        looked_at_by=signature.looked_at_by if signature else None,
        looked_at_on=signature.looked_at_on.isoformat() if signature else None,
    )
    tx.append(Chain.patient(patient), entered)


def _ask_whose(tx: Tx, services: Services, match: Match, arrival: Arrival, found: PaperForm) -> ActionResult:
    """People compare. What it may refuse, or take the place of, is stopped meanwhile, as at any door."""
    received = ReceivedObjections(
        objections=(objection_on_paper(found.form),), form=found.form, arrival=arrival.id, sender=arrival.institution
    )
    object_to_release(tx, services.institutions, received)
    holds.withdraw(tx, arrival.id, HoldCode.OBJECTION_UNMATCHED, SystemAnswer.ANSWERED)
    holds.place(tx, arrival.id, HoldCode.WHOSE_FORM)
    arrivals.index_terms(tx, arrival.id, lookup_terms(tx, [found.form.patient]))
    arrivals.settle(tx, arrival, ArrivalState.HELD, match.match_rule)
    return ActionResult(ActionCode.PAPER_FORM_DOUBTFUL, arrival=arrival.id)


def _let_take_effect(
    tx: Tx, services: Services, case: CaseId, patient: PatientId, arrival: Arrival, found: PaperForm
) -> ActionResult:
    patients.hold_epoch_exclusive(tx, patient)
    known, _, now = opened_case(tx, case)
    if now != patient:
        raise DecideAgain
    still_open(known)
    _note_entered(tx, patient, arrival, found)
    arrivals.join_patient(tx, arrival, patient)
    if found.doubts:
        holds.place(tx, arrival.id, HoldCode.FORM_UNCLEAR, " ".join(found.doubts))
        arrivals.settle(tx, arrival, ArrivalState.HELD, UnclearForm(found.doubts))
        return ActionResult(ActionCode.PAPER_FORM_UNCLEAR, arrival=arrival.id, findings=found.doubts)
    form = _numbered(found.form, arrival.institution, permissions.filed(tx, patient))
    stopping.file_authorization(tx, services.institutions, patient, form, arrival.id, arrival.institution)
    arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.AUTHORIZATION)
    filed = [one for one in permissions.filed(tx, patient) if one.permission.form == form][-1]
    stopping.dispute_as_entered(tx, patient, form, found.disputes)
    if filed.arrival != arrival.id:  # the same form came before, under its own number; it may have ended since
        return ActionResult(ActionCode.PAPER_FORM_ENTERED_BEFORE, arrival=filed.arrival)
    ask_about_doubts(tx, services.institutions, arrival, form)
    findings = _found_on(services.institutions[arrival.institution], filed, found, tx)
    return ActionResult(ActionCode.PAPER_FORM_FILED, permission=filed.permission.id, findings=findings)


def _numbered(form: Authorization, sender: InstitutionId, known: Iterable[FiledPermission]) -> Authorization:
    """The form with the numbers that it names as its sender gave them by other ways: paper names no issuer."""
    given = {
        one.permission.form.reference.value: one.permission.form.reference
        for one in known
        if one.filed_by == sender and one.permission.form.reference
    }
    reference, replaces = form.reference, form.replaces
    return replace(
        form,
        reference=given.get(reference.value, reference) if reference else None,
        replaces=given.get(replaces.value, replaces) if replaces else None,
    )


def _is_of(match: Match, patient: PatientId) -> bool:
    """Whoever entered it said whose it is. Name and birth date that agree with this patient's alone bear that out."""
    return match.patients == (patient,) and (
        match.verdict is MatchVerdict.OURS or match.match_rule is MatchRule.NAME_AND_BIRTH_DATE
    )


def _found_on(sender: Institution, filed: FiledPermission, found: PaperForm, tx: Tx) -> tuple[Finding, ...]:
    form = filed.permission.form
    defects = () if form.denies else findings_on(form, zone=sender.zone, now=tx.now())
    return tuple(dict.fromkeys([*defects, *(one.finding for one in sorted(found.disputes))]))


# --- disputes ---------------------------------------------------------------------------------------------------------


def dispute(
    services: WithLedger,
    permission: str,
    what: Dispute,
    *,
    actor: Actor,
    note: str | None = None,
    waiting: Callable[[int], None] = silently,
) -> ActionResult:
    """Say what is wrong with a form: nothing may leave under it while that stands. Nothing is purged. Twice is once.

    `waiting` is told how many streams are still open.

    Raises:
        Unknown: no such permission.
        Unavailable: the release is stopped, but a sender does not answer; the same again goes on waiting.
    """
    with at_desk(services, actor, Right.STOP) as tx:
        state = permission_state(tx, permission)
        is_new = what not in disputes.standing(tx, state.id)
        if is_new:
            stopping.dispute(tx, state, what, _noted(tx, state, note))
    await_stop_complete(services, state.patient, permission, what, waiting)
    code = ActionCode.DISPUTED if is_new else ActionCode.DISPUTED_BEFORE
    return ActionResult(code, permission=permission, dispute=what)


def withdraw_dispute(
    services: WithLedger, permission: str, what: Dispute, *, actor: Actor, note: str | None = None
) -> ActionResult:
    """What was said to be wrong with a form is not. Its cases look again. Twice is once.

    Raises:
        Unknown: no such permission.
    """
    with at_desk(services, actor, Right.RELEASE) as tx:
        state = permission_state(tx, permission)
        is_over = what in disputes.standing(tx, state.id)
        if is_over:
            stopping.withdraw_dispute(tx, state, what, _noted(tx, state, note))
    code = ActionCode.DISPUTE_WITHDRAWN if is_over else ActionCode.NOT_DISPUTED
    return ActionResult(code, permission=permission, dispute=what)


def _noted(tx: Tx, state: PermissionState, note: str | None) -> str | None:
    """The note, kept with a case of the patient: an open one, if there is one."""
    if not note or not note.strip():
        return None
    (case,) = stopping.case_to_ask(tx, state.patient)
    tx.lock_case(case)
    return notes.add_to_case(tx, case, state.patient, note, about=state.id)
