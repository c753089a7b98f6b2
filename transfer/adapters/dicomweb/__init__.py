"""An image archive asked by DICOMweb (PS3.18): QIDO-RS finds, WADO-RS fetches; a series is one request, one object."""

from transfer.adapters.dicomweb.client import DICOMWEB_HTTP, DicomwebClient

__all__ = ["DICOMWEB_HTTP", "DicomwebClient"]
