"""Messages about nobody we have a case for: sealed, shown to nobody, found again if a case opens in time."""

from collections.abc import Sequence

from transfer.flow.identity import lookup_terms, match_patient, unless_known
from transfer.flow.reading import Notice
from transfer.flow.services import Services
from transfer.ledger import Tx, arrivals, holds
from transfer.ledger.arrivals import UNMATCHED_RETENTION, Arrival
from transfer.patients import Demographics


def seal_unmatched(tx: Tx, arrival: Arrival, said: Sequence[Demographics], outcome: str) -> None:
    """Seal an unmatched message away.

    Raises:
        DecideAgain: a patient became known meanwhile to whom it may belong.
    """
    unless_known(tx, said)
    seal_away(tx, arrival, said, outcome)


def seal_away(tx: Tx, arrival: Arrival, said: Sequence[Demographics], outcome: str) -> None:
    """Keep it sealed, for `UNMATCHED_RETENTION` from now. Then it is purged and counted, unless a case has claimed it.

    One that was sealed before keeps its time. The caller has made sure that it is unmatched.
    """
    arrivals.index_terms(tx, arrival.id, lookup_terms(tx, said))
    if arrival.state == "stored":
        arrivals.count_unmatched(tx, arrival, "received")
        arrivals.settle(tx, arrival, "sealed", outcome, purge_after=UNMATCHED_RETENTION)
    else:
        arrivals.release_claim(tx, arrival)


def file_notice(services: Services, arrival: Arrival, notice: Notice) -> None:
    """A notice of a merge or a new name changes no patient by itself: a person looks at one that concerns ours."""
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        matches = [match_patient(tx, said) for said in notice.patients]
        if concerned := [match for match in matches if match.patients]:
            holds.place(tx, arrival.id, "identity-changed")
            arrivals.settle(tx, arrival, "held", ",".join(sorted({match.match_rule for match in concerned})))
        else:
            seal_unmatched(tx, arrival, notice.patients, "notice")
