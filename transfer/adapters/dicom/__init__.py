"""What DICOM says by whatever way it came, DICOMweb or DIMSE: studies found, series gathered, headers read."""

from transfer.adapters.dicom.found import SeriesFound, StudyFound
from transfer.adapters.dicom.limits import Limits
from transfer.adapters.dicom.series import Ending, IndexEntry, SeriesObject

__all__ = ["Ending", "IndexEntry", "Limits", "SeriesFound", "SeriesObject", "StudyFound"]
