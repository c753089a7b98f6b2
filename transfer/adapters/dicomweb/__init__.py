"""An image archive asked by DICOMweb (PS3.18): QIDO-RS finds, WADO-RS fetches; a series is one request, one object."""

from transfer.adapters.dicomweb.client import DicomwebClient
from transfer.adapters.dicomweb.http import Limits, Timeouts

__all__ = ["DicomwebClient", "Limits", "Timeouts"]
