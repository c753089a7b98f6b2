"""Rejection notes: an archive takes images back by a Key Object Selection that names them and says why.

IHE Imaging Object Change Management, https://wiki.ihe.net/index.php/Imaging_Object_Change_Management (RAD TF-3, 4.66):
the title of the note is the reason, and the evidence sequence names the images. What is rejected is shown to nobody.
"""

from io import BytesIO
from typing import Any, Final

from transfer.adapters.document_statuses import MEANINGS, Vocabulary
from transfer.errors import Unreadable

#: Key Object Selection Document Storage (PS3.4 B.5)
KEY_OBJECTS: Final = "1.2.840.10008.5.1.4.1.1.88.59"
#: A note is a list of UIDs: some 5000 images fit.
MOST_NOTE: Final = 1 << 20
#: references of one note that are read
MOST_REJECTED: Final = 10_000
#: Deflated Explicit VR Little Endian: pydicom inflates all of it, however much that is
_DEFLATED: Final = b"1.2.840.10008.1.2.1.99"
_TAGS: Final = ["ConceptNameCodeSequence", "CurrentRequestedProcedureEvidenceSequence"]


def rejected(note: bytes, study: str) -> frozenset[str]:
    """The SOP Instance UIDs of a study that a Key Object Selection rejects; none where it selects them for something
    else.

    Raises:
        Unreadable: nobody can say what it rejects.
    """
    import pydicom

    if _DEFLATED in note:
        raise Unreadable("a deflated key object selection")
    try:
        found = pydicom.dcmread(BytesIO(note), stop_before_pixels=True, specific_tags=_TAGS)
        if not any(_is_rejection(title) for title in found.get("ConceptNameCodeSequence") or ()):
            return frozenset()
        return frozenset(_references(found, study))
    except Unreadable:
        raise
    except Exception:  # noqa: BLE001  # pydicom fails on hostile bytes in many ways
        raise Unreadable("a key object selection that cannot be read") from None


def _is_rejection(title: Any) -> bool:
    return (
        title.get("CodingSchemeDesignator") == "DCM" and title.get("CodeValue") in MEANINGS[Vocabulary.REJECTION_NOTE]
    )


def _references(note: Any, study: str) -> list[str]:
    found = [
        str(image.ReferencedSOPInstanceUID)
        for of_study in note.get("CurrentRequestedProcedureEvidenceSequence") or ()
        if of_study.get("StudyInstanceUID") == study
        for series in of_study.get("ReferencedSeriesSequence") or ()
        for image in series.get("ReferencedSOPSequence") or ()
    ]
    if not found or len(found) > MOST_REJECTED:
        raise Unreadable("a rejection note that names no images of its study, or too many")
    return found
