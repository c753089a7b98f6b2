"""A "no" in what a source gives when it is asked: in the bytes of a document, in what it is called, or in what is found
when it is opened.

It is the source's own word, so its own records stop, and a person is asked: once for each case and source, however
often the document is fetched. A permit there is no form, and files none (docs/decisions/0024-objections.md).
"""

from collections.abc import Iterable

from transfer.errors import ChangedMeanwhile
from transfer.flow.identity import hold_patient_of
from transfer.flow.permitted_request import PermittedRequest
from transfer.flow.services import Services
from transfer.flow.stopping import stop_own_records
from transfer.identifiers import ArrivalId, CaseId, InstitutionId
from transfer.ledger import patients, requests
from transfer.objections import is_no


def is_called_a_no(titles: Iterable[str | None]) -> bool:
    return any(is_no(each) for each in titles if each)


def stop_source_of(services: Services, case: CaseId, source: InstitutionId) -> None:
    """The same for what was kept, and was opened later than it came."""
    with services.ledger.transaction() as tx:
        patient = hold_patient_of(tx, case, patients.hold_epoch_exclusive)
        opened = tx.case(case).opened
        if patient is not None and opened is not None:
            stop_own_records(tx, patient, source, ArrivalId(opened.referral))


def stop_source(services: Services, asking: PermittedRequest) -> None:
    """Stop what the source itself would disclose of the patient. Where a person has let it go on, nothing happens.

    Raises:
        ChangedMeanwhile: it stops now, and what was fetched is not kept.
    """
    made = asking.claimed.request
    with services.ledger.transaction() as tx:
        patients.hold_epoch_exclusive(tx, asking.patient)
        requests.still_ours(tx, asking.claimed)
        opened = tx.case(made.case).opened
        assert opened is not None  # it has a request
        is_stopped = stop_own_records(tx, asking.patient, made.institution, ArrivalId(opened.referral))
    if is_stopped:
        raise ChangedMeanwhile("its source says no, and a person is asked")
