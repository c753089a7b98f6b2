"""What the desk shows of a case: why it waits and on whom, and everything beneath."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from transfer import facts, links
from transfer.case import Case, OpenedCase
from transfer.disclosures import DisclosureOutcome
from transfer.errors import Refused, Unreadable
from transfer.facts import Chain
from transfer.facts import LedgerLine as Written
from transfer.flow.assess import Assessment, look
from transfer.flow.desk.calling import logged
from transfer.flow.desk.charting import filed as filed_in
from transfer.flow.desk.looking import demand_identity, show_all_identities, show_content
from transfer.flow.desk.misdirecting import told
from transfer.flow.desk.questions import heard_view, hold_view, unasked
from transfer.flow.desk.queues import wait_of
from transfer.flow.desk.readiness import CALL_FIRST, readiness
from transfer.flow.desk.shown import (
    CaseSummary,
    Dossier,
    MaterialView,
    NeedView,
    NoteView,
    OwnFormView,
    PacketView,
    PermissionView,
    RecordView,
    RequestView,
    RunView,
)
from transfer.flow.desk.verbs import at_desk, demand, known_case
from transfer.flow.hearing import may_be_said
from transfer.flow.owing_letters import gets_letters, waits_for_call
from transfer.flow.packet_content import ruled
from transfer.flow.services import Services
from transfer.flow.stopping import permits_nothing
from transfer.flow.telling import tell_what_changed
from transfer.flow.waiting import case_wait, in_words
from transfer.flow.waiting import zones as zones_of
from transfer.identifiers import CaseId, InstitutionId, PacketId, PatientId
from transfer.institutions import Institutions
from transfer.ledger import Tx, case_lists, disputes, holds, materials, notes, patients, permissions, requests, rounds
from transfer.ledger.case_lists import Chosen
from transfer.ledger.permissions import FiledPermission
from transfer.looks import LookPlace
from transfer.own_forms import OwnForm
from transfer.permissions import Dispute, Finding, expires_at, findings_on
from transfer.records import DOCUMENTS
from transfer.requests import STANDINGS, Owner
from transfer.rights import Actor, Right
from transfer.sentences import SENTENCES, sentence
from transfer.sentences.answers import ANSWERS


def list_cases(services: Services, *, actor: Actor, closed: bool = False, limit: int = 50) -> list[CaseSummary]:
    """The open cases, or all, those needed first at the top."""
    demand(actor, Right.SEE_CASES)
    tell_what_changed(services)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        return [
            CaseSummary(
                case=one.id,
                stage=one.stage,
                receiver=one.receiver,
                needed_by=one.needed_by,
                opened_at=one.opened_at,
                why=in_words(one.wait.why, services.institutions),
                owner=one.wait.owner,
                owner_since=one.owner_since,
                assigned_to=one.assigned_to,
            )
            for one in case_lists.listed(tx, Chosen(closed=closed), limit=limit)
        ]


def _assessed(tx: Tx, services: Services, case: CaseId) -> tuple[Case, Assessment | None]:
    found = known_case(tx, case)
    return found, look(tx, services, case) if found.opened else None


def dossier(services: Services, case: CaseId, *, actor: Actor, identity: bool = False, notes: bool = False) -> Dossier:
    """Everything about a case that staff may see. Who the patient is, and what people wrote, only on demand.

    Raises:
        Unknown: there is no such case.
        NotAllowed: identity or notes are asked for by somebody who may not see them.
    """
    if identity:
        demand_identity(actor)
    if notes:
        demand(actor, Right.SEE_CONTENT)
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        found, assessed = _assessed(tx, services, case)
        wait = case_wait(tx, services.institutions, found, assessed)
        lines = tx.lines(Chain.case(case))
        opened = found.opened
        patient = PatientId(opened.patient) if opened else None
        who = patients.identity(tx, patient) if patient and identity else None
        filed = _permissions(tx, services.institutions, patient) if patient else ()
        ready = readiness(tx, services, assessed) if assessed else None
        found_out = Dossier(
            case=case,
            stage=found.stage,
            why=in_words(wait.why, services.institutions),
            owner=wait.owner,
            assigned_to=found.assigned_to,
            opened_at=found.opened_at,
            changed_at=found.changed_at,
            ending=found.closed.ending if found.closed else None,
            patient=patient,
            receiver=opened.receiver if opened else None,
            referring=opened.referring if opened else None,
            referral=opened.referral if opened else None,
            checklist=f"{opened.checklist} {opened.checklist_version}" if opened else None,
            checklist_confirmed_by=services.checklists[opened.checklist].confirmed_by if opened else None,
            other_checklists=opened.other_checklists if opened else (),
            after_first_contact=opened is not None and services.center_needs(opened.receiver).after_first_contact,
            priority=opened.priority if opened else None,
            needed_by=opened.needed_by if opened else None,
            needed_until=_until(services, opened) if opened else None,
            appointment_at=opened.appointment_at if opened else None,
            appointments=tuple(sorted(found.appointments.values(), key=lambda one: str(one.first_day))),
            ready=ready,
            is_schedulable=assessed is not None and assessed.completeness.is_schedulable,
            has_all_electronic=assessed is not None and assessed.completeness.has_all_electronic,
            has_all_material=assessed is not None and assessed.completeness.has_all_material,
            milestones=tuple((key, one.outcome or "") for key, one in found.milestones.items()),
            needs=_needs(tx, assessed, with_words=notes) if assessed else (),
            requests=_requests(tx, services, found, filed, _made_at(lines), identity=identity, notes=notes),
            calls=tuple(logged(tx, lines, identity=identity, notes_too=notes)),
            filed=filed_in(tx, lines),
            misdirections=tuple(told(tx, reversed(lines), with_words=notes)),
            records=_records(found),
            materials=_materials(tx, case, patient) if patient else (),
            permissions=filed,
            packets=tuple(_packets(tx, services, found, is_stopped=ready is not None and bool(ready.stopped))),
            holds=tuple(hold_view(tx, one) for one in holds.open_holds(tx, case)),
            unasked=tuple(unasked(tx, services, assessed)) if assessed and found.is_open else (),
            runs=_runs(tx, case, lines),
            legal_hold_since=patients.legal_hold_since(tx, patient) if patient else None,
            identity=who.current if who else None,
            notes=_notes(tx, lines) if notes else (),
        )
        _write_looks(tx, actor, case, identity=who is not None, notes=notes)
        return found_out


def _write_looks(tx: Tx, actor: Actor, case: CaseId, *, identity: bool, notes: bool) -> None:
    if identity:
        show_all_identities(tx, actor, [case], LookPlace.CASE)
    if notes:
        show_content(tx, actor, case, case, LookPlace.CASE)


def _needs(tx: Tx, assessed: Assessment, *, with_words: bool) -> tuple[NeedView, ...]:
    return tuple(
        NeedView(
            line=need.line.key,
            label=need.line.asks,
            necessity=need.line.necessity,
            is_required=need.is_required,
            state=need.state,
            says=SENTENCES[need.state].staff,
            records=tuple(need.records),
            documents=() if added else tuple(sorted(need.line.kinds & DOCUMENTS)),
            institution=added.institution if added else None,
            day=added.day if added else None,
            words=notes.read(tx, added.note) if added and added.note and with_words else None,
        )
        for need in assessed.completeness.needs
        for added in [_added(assessed.case, need.line.key)]
    )


def _added(case: Case, line: str) -> facts.NeedAdded | None:
    return case.added[line].added if line in case.added else None


def _until(services: Services, opened: facts.CaseOpened) -> time | None:
    day = date.fromisoformat(opened.needed_by) if opened.needed_by else None
    return services.center_needs(opened.receiver).until(day) if day else None


def _made_at(lines: Iterable[Written]) -> dict[str, datetime]:
    return {line.fact.request: line.at for line in lines if isinstance(line.fact, facts.RequestMade)}


def _requests(
    tx: Tx,
    services: Services,
    found: Case,
    filed: Sequence[PermissionView],
    made_at: Mapping[str, datetime],
    *,
    identity: bool,
    notes: bool,
) -> tuple[RequestView, ...]:
    moved = {key: asked.moved for key, asked in found.requests.items()}
    return tuple(
        RequestView(
            request=one.id,
            institution=one.institution,
            department=one.department,
            state=one.state,
            says=CALL_FIRST if waits_for_call(services, one) else SENTENCES[one.state].staff,
            lines=one.lines,
            how=services.institutions[one.institution].department(one.department).asked.by,
            made_at=made_at.get(one.id),
            attempts=one.attempts,
            findings=last.findings if (last := moved.get(one.id)) else (),
            turn=sentence(wait) if (wait := wait_of(tx, services, one)) else None,
            owner=Owner.DESK if waits_for_call(services, one) else STANDINGS[one.state].owner,
            clock_runs=STANDINGS[one.state].clock_runs,
            due_at=one.due_at,
            next_action_on=one.next_action_on,
            steps=STANDINGS[one.state].steps,
            answers=tuple(answer for answer in ANSWERS if may_be_said(services, one, answer)),
            gets_letters=gets_letters(services, one),
            heard=heard_view(tx, found.requests[one.id].answered, identity=identity, notes=notes),
            left_aside=heard_view(tx, found.requests[one.id].left_aside, identity=identity, notes=notes),
            own_forms=tuple(
                _own_form(own, one.institution, filed) for own in services.institutions[one.institution].own_forms
            ),
        )
        for one in requests.of_case(tx, found.id)
    )


def _own_form(own: OwnForm, institution: InstitutionId, filed: Iterable[PermissionView]) -> OwnFormView:
    """How it stands: one in force, if there is one, else the one that was filed last."""
    theirs = [one.state for one in filed if institution in one.disclosers and not own.names.isdisjoint(one.names)]
    return OwnFormView(
        title=own.title,
        names=tuple(sorted(own.names)),
        labels=tuple(sorted(own.labels)),
        source=own.source,
        state="in-force" if "in-force" in theirs else theirs[-1] if theirs else "not-filed",
    )


def _records(found: Case) -> tuple[RecordView, ...]:
    return tuple(
        RecordView(
            record=key,
            institution=one.institution,
            kind=one.document,
            status=one.status if key in found.whole else f"{one.status}, parts missing",
            line=one.line,
            copy_of=one.copy_of,
            is_superseded=key in found.superseded,
        )
        for key, one in found.records.items()
    )


def _materials(tx: Tx, case: CaseId, patient: PatientId) -> tuple[MaterialView, ...]:
    return tuple(
        MaterialView(
            material=kept.material.id,
            institution=kept.institution,
            line=kept.line,
            pieces=kept.material.kind,
            received=kept.material.received,
            expected=kept.material.expected,
            state=kept.material.state,
        )
        for kept in materials.of_case(tx, case, patient)
    )


def _permissions(tx: Tx, institutions: Institutions, patient: PatientId) -> tuple[PermissionView, ...]:
    now, disputed = tx.now(), disputes.of_patient(tx, patient)
    return tuple(
        _permission(institutions, filed, now, disputed.get(filed.permission.id, frozenset()))
        for filed in permissions.filed(tx, patient)
    )


def _permission(
    institutions: Institutions, filed: FiledPermission, now: datetime, disputed: frozenset[Finding]
) -> PermissionView:
    form, ended = filed.permission.form, filed.permission.ended
    zones = zones_of(institutions, filed)
    # A refusal lacks nothing; a form that names no discloser lacks that, whatever the zone.
    zone = zones[0] if zones else ZoneInfo("UTC")
    found = () if ended or form.denies else findings_on(form, zone=zone, now=now)
    findings = (*found, *sorted(disputed))
    state = ended or ("refuses" if form.denies else "not-valid" if findings else "in-force")
    return PermissionView(
        permission=filed.permission.id,
        arrival=filed.arrival,
        is_stop=permits_nothing(form),
        state=state,
        names=tuple(sorted(form.names)),
        disclosers=tuple(sorted(form.disclosers)),
        recipients=tuple(sorted(form.recipients)),
        expires_at=expires_at(form, zones[0]) if zones else None,
        ended_at=filed.ended_at,
        stop_completed_at=filed.stop_completed_at,
        purged_at=filed.purged_at,
        findings=tuple(dict.fromkeys(findings)),
        disputes=tuple(one for one in Dispute if one.finding in disputed),
    )


def _may_leave(tx: Tx, services: Services, found: Case, packet: PacketId) -> bool:
    """As a gateway asks at each look: a form that is stopped may be another than the one that the packet rests on."""
    try:
        return not ruled(tx, services.institutions, packet, OpenedCase.of(found)).why_not
    except (Refused, Unreadable):
        return False


def _packets(tx: Tx, services: Services, found: Case, *, is_stopped: bool) -> Iterable[PacketView]:
    now = tx.now()
    for key, sent in found.packets.items():
        receiver = services.institutions[sent.begun.recipient] if sent.begun else None
        days = receiver.receives.link_days if receiver and receiver.receives else 0
        end = links.ended(found, PacketId(key), days, now) if sent.begun else None
        if sent.begun and end is None and is_stopped and not _may_leave(tx, services, found, PacketId(key)):
            end = links.LinkEnd.STOPPED
        yield PacketView(
            packet=key,
            is_partial=sent.planned.is_partial,
            is_assembled=sent.assembled is not None,
            size=sent.assembled.size if sent.assembled else None,
            lacking=sent.assembled.lacking if sent.assembled else (),
            disclosure=sent.begun.disclosure if sent.begun else None,
            outcome=sent.outcome or (DisclosureOutcome.BEGUN if sent.begun else None),
            receipt=sent.receipt.status if sent.receipt else None,
            reasons=sent.receipt.reasons if sent.receipt else (),
            is_purged=sent.purged is not None,
            is_recalled=sent.recalled is not None,
            links_until=links.lapse_at(found, PacketId(key), days),
            links_ended=SENTENCES[end].staff if end else None,
        )


def _runs(tx: Tx, case: CaseId, lines: Iterable[Written]) -> tuple[RunView, ...]:
    """Runs by the facts they wrote, and the rounds that are owed or wrote nothing."""
    wrote: dict[tuple[str, str], int] = {}
    for line in lines:
        if line.by.dag and line.by.run:
            wrote[line.by.dag, line.by.run] = wrote.get((line.by.dag, line.by.run), 0) + 1
    known: dict[tuple[str, str], tuple[str, str | None]] = dict.fromkeys(wrote, ("unknown", None))
    known |= {(one.dag, one.run_id): (one.state, says) for one, says in rounds.of_case(tx, case)}
    return tuple(
        RunView(dag=dag, run=run, state=state, lines=wrote.get((dag, run), 0), says=says)
        for (dag, run), (state, says) in known.items()
    )


def _notes(tx: Tx, lines: Iterable[Written]) -> tuple[NoteView, ...]:
    return tuple(
        NoteView(
            at=line.at,
            by=line.by.person or line.fact.about,
            is_claimed=line.by.is_claimed,
            text=notes.read(tx, line.fact.note),
        )
        for line in lines
        if isinstance(line.fact, facts.NoteAdded)
    )
