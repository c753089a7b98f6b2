"""Messages about nobody we have a case for: sealed, shown to nobody, found again if a case opens in time."""

from collections.abc import Sequence

from transfer.arrivals import ArrivalOutcome, ArrivalState
from transfer.flow.identity import lookup_terms, match_patient, unless_known
from transfer.flow.reading import Notice
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.ledger import Tx, arrivals, cases, holds, unmatched
from transfer.ledger.arrivals import UNMATCHED_RETENTION, Arrival
from transfer.matching import Match
from transfer.patients import Demographics


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
    """A notice of a merge or a new name changes no patient by itself: a person looks at one that concerns ours.

    Where it names two patients of ours, people are asked whether they are one.
    """
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        matches = [match_patient(tx, said) for said in notice.patients]
        if concerned := [match for match in matches if match.patients]:
            holds.place(tx, arrival.id, HoldCode.IDENTITY_CHANGED)
            _ask_if_one(tx, concerned)
            arrivals.settle(tx, arrival, ArrivalState.HELD, frozenset(match.match_rule for match in concerned))
        else:
            seal_unmatched(tx, arrival, notice.patients, ArrivalOutcome.NOTICE)


def _ask_if_one(tx: Tx, concerned: Sequence[Match]) -> None:
    """The one that survives at the institution first."""
    meant = list(dict.fromkeys(match.patients for match in concerned))
    if len(meant) == 2 and all(len(patients) == 1 for patients in meant):
        case, other = (cases.newest_first(tx, patients[0])[0] for patients in meant)
        holds.place(tx, case, HoldCode.SAME_PATIENT, other)
