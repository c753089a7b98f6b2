"""What DICOM says by whatever way it came, DICOMweb or DIMSE: studies found, series gathered, headers read."""

from transfer.adapters.dicom.limits import DicomLimits

__all__ = ["DicomLimits"]
