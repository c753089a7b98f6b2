"""How much is taken from one FHIR source, beside what `HttpLimits` bounds in one answer."""

from dataclasses import dataclass
from typing import Final

from transfer.adapters.http import HttpLimits

#: of one FHIR server
FHIR_HTTP: Final = HttpLimits(connect_seconds=5, silence_seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentLimits:
    """Bytes, except `pages` and `documents`."""

    pages: int = 200
    #: of one patient
    documents: int = 5000
    #: a document sent as a Binary resource, which is read but not checked against FHIR's forms
    binary_bytes: int = 32 << 20
    #: attachments sent inside their resource that are held in memory at once
    inline_bytes: int = 32 << 20
