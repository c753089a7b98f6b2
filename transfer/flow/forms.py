"""A release form that came in: filed under its patient, sealed away, or shown to a person."""

from collections.abc import Sequence

from transfer.arrivals import ArrivalOutcome, ArrivalState
from transfer.flow.identity import DecideAgain, lookup_terms, match_patient, unless_of_another
from transfer.flow.objections import ReceivedObjections, object_to_release
from transfer.flow.services import Services
from transfer.flow.stopping import ENDS, dispute_as_entered, file_authorization, live
from transfer.flow.unmatched import seal_unmatched
from transfer.holds import HoldAnswer, HoldCode, SystemAnswer
from transfer.identifiers import CaseId, InstitutionId
from transfer.institutions import Institutions
from transfer.ledger import Tx, arrivals, cases, holds, patients, permissions
from transfer.ledger.arrivals import Arrival
from transfer.matching import MatchVerdict
from transfer.objections import Objection
from transfer.patients import Demographics
from transfer.permissions import Authorization, Dispute, doubts_on


def file_form(
    services: Services,
    arrival: Arrival,
    form: Authorization,
    objections: tuple[Objection, ...] = (),
    *,
    disputes: frozenset[Dispute] = frozenset(),
    but: CaseId | None = None,
) -> None:
    """Let the form take effect for its patient, in a new epoch: what it objects to first, as its door did.

    `disputes` came with the form; they stand from the moment it is filed. `but` is the case whose own round this is.

    Raises:
        DecideAgain: a patient became known or was forgotten meanwhile.
        NeedsReview: it names a form that another institution filed.
    """
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        match = match_patient(tx, form.patient)
        # People may have said before whose it is. They are not asked twice.
        patient = arrival.patient or match.patient
        received = ReceivedObjections(
            objections=objections, form=form, arrival=arrival.id, sender=arrival.institution, but=but
        )
        object_to_release(tx, services.institutions, received, patient=patient)
        if patient is not None:
            patients.hold_epoch_exclusive(tx, patient)
            unless_of_another(tx, arrival)
            if arrival.patient is None and match_patient(tx, form.patient).patient != patient:
                raise DecideAgain  # two patients became one meanwhile, or two again
            if not (form.denies or form.status in ENDS):
                file_authorization(tx, services.institutions, patient, form, arrival.id, arrival.institution, but=but)
                ask_about_doubts(tx, services.institutions, arrival, form)
            dispute_as_entered(tx, patient, form, disputes)
            arrivals.join_patient(tx, arrival, patient)
            arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.AUTHORIZATION)
        elif match.verdict is MatchVerdict.NOT_OURS:
            seal_unmatched(tx, arrival, [form.patient], ArrivalOutcome.UNMATCHED)
        else:
            holds.withdraw(tx, arrival.id, HoldCode.OBJECTION_UNMATCHED, SystemAnswer.ANSWERED)
            holds.place(tx, arrival.id, HoldCode.WHOSE_FORM)
            arrivals.index_terms(tx, arrival.id, lookup_terms(tx, [form.patient]))
            arrivals.settle(tx, arrival, ArrivalState.HELD, match.match_rule)


def ask_for_form(tx: Tx, institutions: Institutions, sender: InstitutionId, permitting: Sequence[Demographics]) -> None:
    """Ask a person for the form itself, on each open case of whom a message could mean that permits a release.

    Such a segment files no form: it names no recipient and none of the statements of 45 CFR 164.508(c)(2). Nobody is
    asked where a form of the sender's records stands, nor twice about one sender on one case.
    """
    meant = sorted({patient for who in permitting for patient in match_patient(tx, who).patients})
    for patient in meant:
        patients.hold_epoch_shared(tx, patient)
        standing = live(tx, institutions, permissions.filed(tx, patient))
        if any(sender in one.permission.form.disclosers or not one.permission.form.disclosers for one in standing):
            continue
        for case in cases.open_of(tx, [patient]):
            if holds.last_answer(tx, case, HoldCode.CONSENT_WITHOUT_FORM, about=sender) != HoldAnswer.SEEN:
                holds.place(tx, case, HoldCode.CONSENT_WITHOUT_FORM, sender)


def ask_about_doubts(tx: Tx, institutions: Institutions, arrival: Arrival, form: Authorization) -> None:
    """Ask about the form that came in `arrival` and is filed, where only a person can tell what it releases."""
    if doubts := doubts_on(form, zone=institutions[arrival.institution].zone, now=tx.now()):
        holds.place(tx, arrival.id, HoldCode.FORM_DOUBTED, " ".join(doubts))
