"""Messages about nobody we have a case for: sealed, shown to nobody, found again if a case opens in time."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from transfer.arrivals import ArrivalOutcome, ArrivalState
from transfer.flow.identity import DecideAgain, lookup_terms, match_held, match_message, match_patient, unless_known
from transfer.flow.reading import Notice, OtherMessage
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import PatientId
from transfer.ledger import Tx, arrivals, cases, holds, patients, unmatched
from transfer.ledger.arrivals import UNMATCHED_RETENTION, Arrival
from transfer.matching import Match
from transfer.patients import Demographics

#: what a person is to look at that a source announced of a patient
LOOK_WITHIN: Final = timedelta(hours=24)


def seal_unmatched(tx: Tx, arrival: Arrival, said: Sequence[Demographics], outcome: ArrivalOutcome) -> None:
    """Seal an unmatched message away.

    Raises:
        DecideAgain: a patient became known meanwhile to whom it may belong.
    """
    unless_known(tx, said)
    seal_away(tx, arrival, said, outcome)


def seal_away(tx: Tx, arrival: Arrival, said: Sequence[Demographics], outcome: ArrivalOutcome) -> None:
    """Keep it sealed, for `UNMATCHED_RETENTION` from now. Then it is purged and counted, unless a case has claimed it.

    One that was sealed before keeps its time. An objection is kept until a person has answered. The caller has made
    sure that it is unmatched.
    """
    arrivals.index_terms(tx, arrival.id, lookup_terms(tx, said))
    if arrival.state is ArrivalState.STORED:
        unmatched.count_received(tx, arrival)
        is_asked = holds.is_asked(tx, arrival.id, HoldCode.OBJECTION_UNMATCHED)
        retention = None if is_asked else UNMATCHED_RETENTION
        arrivals.settle(tx, arrival, ArrivalState.SEALED, outcome, purge_after=retention)
    else:
        arrivals.release_claim(tx, arrival)


def file_notice(services: Services, arrival: Arrival, notice: Notice) -> None:
    """A notice of a merge, a new name or a death changes no patient by itself: a person looks at one about ours.

    Where it names two patients of ours, people are asked whether they are one.
    """
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        said = [*notice.patients, *notice.died]
        matches = match_held(tx, arrival, lambda: [match_patient(tx, who) for who in said])[: len(notice.patients)]
        has_asked = ask_about_deaths(tx, notice.died)
        if concerned := [match for match in matches if match.patients]:
            holds.place(tx, arrival.id, HoldCode.IDENTITY_CHANGED, due=LOOK_WITHIN)
            if not notice.is_split:
                _ask_if_one(tx, concerned)
            arrivals.settle(tx, arrival, ArrivalState.HELD, frozenset(match.match_rule for match in concerned))
        elif has_asked:
            unless_known(tx, [who for who in notice.died if not match_patient(tx, who).patients])
            seal_away(tx, arrival, said, ArrivalOutcome.NOTICE)
        else:
            seal_unmatched(tx, arrival, said, ArrivalOutcome.NOTICE)


def file_other_message(services: Services, arrival: Arrival, other: OtherMessage) -> None:
    """A message that nothing here takes: a person looks at one about a patient of an open case, by name or by number.

    It is not purged before somebody has seen it. Nobody's is sealed away.
    """
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        people = other.patients or (Demographics(),)
        matches = match_held(
            tx,
            arrival,
            lambda: [match_message(tx, arrival.institution, who, other.numbers) for who in people],
            other.patients,
        )
        if cases.open_of(tx, {patient for match in matches for patient in match.patients}):
            arrivals.index_terms(tx, arrival.id, lookup_terms(tx, other.patients))
            holds.place(tx, arrival.id, HoldCode.MESSAGE_NOT_TAKEN, due=LOOK_WITHIN)
            arrivals.settle(tx, arrival, ArrivalState.HELD, frozenset(match.match_rule for match in matches))
        else:
            seal_away(tx, arrival, other.patients, ArrivalOutcome.NOTICE)


def _ask_if_one(tx: Tx, concerned: Sequence[Match]) -> None:
    """The one that survives at the institution first."""
    meant = list(dict.fromkeys(match.patients for match in concerned))
    if len(meant) == 2 and all(len(patients) == 1 for patients in meant):
        case, other = (cases.newest_first(tx, patients[0])[0] for patients in meant)
        holds.place(tx, case, HoldCode.SAME_PATIENT, other)


def ask_about_deaths(tx: Tx, died: Sequence[Demographics]) -> bool:
    """Ask a person on each open case of whom it could be. Says whether it could be anybody.

    Raises:
        DecideAgain: it could be others meanwhile: two patients became one, or one became known.
    """
    meant = _meant(tx, died)
    ask_whether_died(tx, meant)
    if _meant(tx, died) != meant:
        raise DecideAgain
    return bool(meant)


def ask_whether_died(tx: Tx, meant: Collection[PatientId]) -> None:
    """Ask a person on each open case of these, of one case once. A form does not end by a death: that is for state law,
    and for who represents the patient then (45 CFR 164.502(g)(4)).
    """
    for patient in sorted(meant):
        patients.hold_epoch_shared(tx, patient)
    for case in cases.open_of(tx, sorted(meant)):
        if holds.last_answer(tx, case, HoldCode.PATIENT_DIED) is None:
            holds.place(tx, case, HoldCode.PATIENT_DIED, due=LOOK_WITHIN)


def _meant(tx: Tx, died: Sequence[Demographics]) -> set[PatientId]:
    return {patient for who in died for patient in match_patient(tx, who).patients}
