"""An image archive asked by DICOMweb (PS3.18): QIDO-RS finds, WADO-RS fetches; a series is one request, one object."""

from transfer.adapters.dicomweb.client import DicomwebClient
from transfer.adapters.dicomweb.http import Limits, Timeouts
from transfer.adapters.dicomweb.qido import SeriesFound, StudyFound
from transfer.adapters.dicomweb.series import Ending, IndexEntry, SeriesObject, missing

__all__ = [
    "DicomwebClient",
    "Ending",
    "IndexEntry",
    "Limits",
    "SeriesFound",
    "SeriesObject",
    "StudyFound",
    "Timeouts",
    "missing",
]
