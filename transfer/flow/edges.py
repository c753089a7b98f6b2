"""What the verbs work with: the ledger and the outside, connected once by `transfer.wiring`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from transfer.adapters.dicom import SeriesFound, SeriesObject, StudyFound
from transfer.adapters.fhir.receiver import ReceiverClient
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.checklist import Checklists
from transfer.institutions import DicomwebSource, DimseSource, FhirSource, Institution, Institutions, Receiving
from transfer.ledger import Ledger
from transfer.packet import Signer
from transfer.patients import Demographics
from transfer.staging import Vault


class ImageArchive(Protocol):
    """An archive of images, in whichever language it is asked. All raise the errors of `transfer.errors`."""

    def studies(self, who: Demographics, institution: Institution) -> list[StudyFound]:
        """The patient's studies by the numbers it would know, and if that finds none by name and birth date."""

    def series(self, study: str) -> list[SeriesFound]:
        """The study's series; none if the archive does not know the study (any more)."""

    def instances(self, study: str, series: str) -> frozenset[str]:
        """The SOP Instance UIDs of a series; none if the archive does not know it (any more)."""

    def fetch_series(
        self,
        study: str,
        series: str,
        *,
        expected: frozenset[str],
        wanted: frozenset[str] | None = None,
        institution: Institution,
        vault: Vault,
        keep_going: Callable[[], None],
    ) -> SeriesObject | None:
        """Fetch a series, or the `wanted` rest of it, into one new object: whole, or as far as it came. None: all was
        answered and nothing came. Asking twice makes two objects; what `keep_going` raises leaves none.
        """


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
    ask_archive: Callable[[DicomwebSource | DimseSource], ImageArchive]
    hand_to: Callable[[Receiving], ReceiverClient]
