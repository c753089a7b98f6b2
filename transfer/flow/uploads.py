"""A file that somebody outside sent by our pages: sealed with the patient, and a person is asked to look at it.

Nothing is read of it, so it changes nothing: a signed form takes effect once somebody has entered it.
"""

from datetime import timedelta
from typing import Final

from transfer.arrivals import ArrivalOutcome, ArrivalState
from transfer.case import OpenedCase
from transfer.errors import NeedsReview
from transfer.flow.identity import unless_forgotten
from transfer.flow.services import Services
from transfer.holds import HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import arrivals, holds, patients
from transfer.ledger.arrivals import Arrival

#: somebody looks at it within
_LOOK_WITHIN: Final = timedelta(hours=24)


def file_upload(services: Services, arrival: Arrival, case: CaseId) -> None:
    """Join it to the patient of the case, and ask.

    Raises:
        NeedsReview: the case is about nobody that we know.
        DecideAgain: the patient was forgotten meanwhile.
    """
    with services.ledger.transaction() as tx:
        arrivals.still_ours(tx, arrival)
        if tx.case(case).opened is None:
            raise NeedsReview("a file for no case of ours")
        patient = OpenedCase.of(tx.case(case)).patient
        patients.hold_epoch_shared(tx, patient)
        unless_forgotten(tx, patient)
        tx.lock_case(case)
        arrivals.join_patient(tx, arrival, patient)
        holds.place(tx, case, HoldCode.UPLOADED, arrival.id, due=_LOOK_WITHIN)
        arrivals.settle(tx, arrival, ArrivalState.FILED, ArrivalOutcome.UPLOADED)
