"""What the verbs work with: the ledger and the outside, connected once by `transfer.wiring`."""

from collections.abc import Callable
from dataclasses import dataclass

from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.fhir.receiver import ReceiverClient
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.checklist import Checklists
from transfer.institutions import DicomwebSource, FhirSource, Institutions, Receiving
from transfer.ledger import Ledger
from transfer.packet import Signer
from transfer.staging import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """Everything a verb may touch."""

    ledger: Ledger
    vault: Vault
    institutions: Institutions
    checklists: Checklists
    signer: Signer
    #: what the links we hand out begin with
    public_url: str
    #: who we are as a source of documents, a URI (MHD sourceId)
    source_id: str
    ask_fhir: Callable[[FhirSource], FhirSourceClient]
    ask_archive: Callable[[DicomwebSource], DicomwebClient]
    hand_to: Callable[[Receiving], ReceiverClient]
