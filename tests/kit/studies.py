"""Studies as an archive lists them."""

from transfer.patients import Demographics, IssuedIdentifier
from transfer.sources import StudyFound


def a_study(study: str, patient: Demographics, *identifiers: IssuedIdentifier) -> StudyFound:
    """One series of one CT image."""
    return StudyFound(
        study_instance_uid=study,
        identifiers=identifiers,
        patient=patient,
        at=None,
        date=None,
        modalities=frozenset({"CT"}),
        description=None,
    )
