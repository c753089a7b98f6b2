"""What each language's word for the state of a document means in ours: one table for all of them.

The readers of each language say where its words stand, and what several of them mean together. The same state in two
languages is the same state here: what becomes of the document follows from `DocumentStatus` alone.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from transfer.records import DocumentStatus as Status
from transfer.records import Relation


class Vocabulary(StrEnum):
    """A list of words, by where it is defined."""

    #: OBR-25, HL7 table 0123
    RESULT_STATUS = "0123"
    #: OBX-11, HL7 table 0085
    OBSERVATION_STATUS = "0085"
    #: TXA-17, HL7 table 0271
    COMPLETION_STATUS = "0271"
    #: TXA-19, HL7 table 0273
    AVAILABILITY_STATUS = "0273"
    #: https://hl7.org/fhir/R4/valueset-diagnostic-report-status.html
    DIAGNOSTIC_REPORT = "diagnostic-report-status"
    #: https://hl7.org/fhir/R4/valueset-composition-status.html (also DocumentReference.docStatus)
    COMPOSITION = "composition-status"
    #: https://hl7.org/fhir/R4/valueset-document-reference-status.html
    DOCUMENT_REFERENCE = "document-reference-status"
    #: sdtc:statusCode of a clinical document (HL7 CDA R2, extensions), https://terminology.hl7.org/CodeSystem-v3-ActStatus.html
    ACT_STATUS = "v3-ActStatus"
    #: titles of rejection notes: PS3.16 CID 7011, https://wiki.ihe.net/index.php/Imaging_Object_Change_Management
    REJECTION_NOTE = "rejection-note"


#: None: the word says nothing of the whole document
MEANINGS: Final[Mapping[Vocabulary, Mapping[str, Status | None]]] = MappingProxyType(
    {
        Vocabulary.RESULT_STATUS: {
            "F": Status.FINAL,
            "C": Status.CORRECTED,
            "O": Status.PRELIMINARY,  # ordered; S, I, N: not done, not complete, results pending
            "S": Status.PRELIMINARY,
            "I": Status.PRELIMINARY,
            "N": Status.PRELIMINARY,
            "A": Status.PRELIMINARY,  # some results, not all
            "P": Status.PRELIMINARY,
            "R": Status.PRELIMINARY,  # not verified
            "M": Status.PRELIMINARY,  # corrected, not final
            "X": Status.CANCELLED,
            "Y": Status.CANCELLED,  # no such order; Z: no such patient
            "Z": Status.CANCELLED,
        },
        Vocabulary.OBSERVATION_STATUS: {
            "F": Status.FINAL,
            "U": Status.FINAL,
            "V": Status.FINAL,
            "C": Status.CORRECTED,
            "A": Status.AMENDED,
            "B": Status.APPENDED,
            "P": Status.PRELIMINARY,
            "R": Status.PRELIMINARY,
            "S": Status.PRELIMINARY,
            "I": Status.PRELIMINARY,
            "W": Status.WITHDRAWN,  # posted to the wrong patient
            "D": None,  # one result deleted; all of them: withdrawn
            "X": None,  # one that cannot be had; all of them: cancelled
            "O": None,
            "N": None,
        },
        Vocabulary.COMPLETION_STATUS: {
            "AU": Status.FINAL,
            "LA": Status.FINAL,
            **dict.fromkeys(("DI", "DO", "IP", "IN", "PA"), Status.PRELIMINARY),
        },
        Vocabulary.AVAILABILITY_STATUS: {
            "AV": None,
            "CA": Status.WITHDRAWN,
            "OB": Status.OBSOLETE,
            "UN": Status.UNAVAILABLE,
        },
        Vocabulary.DIAGNOSTIC_REPORT: {
            "registered": Status.PRELIMINARY,
            "partial": Status.PRELIMINARY,
            "preliminary": Status.PRELIMINARY,
            "modified": Status.PRELIMINARY,  # R5: changed before it was final
            "final": Status.FINAL,
            "amended": Status.AMENDED,
            "corrected": Status.CORRECTED,
            "appended": Status.APPENDED,
            "cancelled": Status.CANCELLED,
            "entered-in-error": Status.ENTERED_IN_ERROR,
        },
        # R5 names more states than R4, and servers send them in R4: https://hl7.org/fhir/valueset-composition-status.html
        Vocabulary.COMPOSITION: {
            "registered": Status.PRELIMINARY,
            "partial": Status.PRELIMINARY,
            "preliminary": Status.PRELIMINARY,
            "final": Status.FINAL,
            "amended": Status.AMENDED,
            "corrected": Status.CORRECTED,
            "appended": Status.APPENDED,
            "cancelled": Status.CANCELLED,
            "deprecated": Status.OBSOLETE,
            "entered-in-error": Status.ENTERED_IN_ERROR,
        },
        Vocabulary.DOCUMENT_REFERENCE: {
            "current": None,
            "superseded": Status.SUPERSEDED,
            "entered-in-error": Status.ENTERED_IN_ERROR,
        },
        Vocabulary.ACT_STATUS: {
            "completed": None,
            "normal": None,
            **dict.fromkeys(("active", "new", "held", "suspended"), Status.PRELIMINARY),
            "aborted": Status.CANCELLED,
            "cancelled": Status.CANCELLED,
            "obsolete": Status.OBSOLETE,
            "nullified": Status.ENTERED_IN_ERROR,
        },
        Vocabulary.REJECTION_NOTE: {
            "113001": Status.WITHDRAWN,  # for quality
            "113037": Status.WITHDRAWN,  # for the safety of the patient
            "113038": Status.ENTERED_IN_ERROR,  # made under another entry of the worklist
            "113039": Status.UNAVAILABLE,  # no longer kept
        },
    }
)


#: what a document does to another by DocumentReference.relatesTo.code and Composition.relatesTo.code; None: nothing
#: https://hl7.org/fhir/R4/valueset-document-relationship-type.html
RELATES_TO: Final[Mapping[str, Relation | None]] = MappingProxyType(
    {"replaces": Relation.REPLACES, "appends": Relation.APPENDS, "transforms": None, "signs": None}
)
#: and by ClinicalDocument.relatedDocument.typeCode (CDA R2, x_ActRelationshipDocument)
RELATED_DOCUMENT: Final[Mapping[str, Relation | None]] = MappingProxyType(
    {"RPLC": Relation.REPLACES, "APND": Relation.APPENDS, "XFRM": None}
)


def meaning(vocabulary: Vocabulary, word: str) -> Status | None:
    """What one word says of the document; of a word that is not in the table, that nobody knows."""
    return MEANINGS[vocabulary].get(word, Status.UNKNOWN)


def said(vocabulary: Vocabulary, words: Iterable[str]) -> set[Status]:
    """What several words say of it."""
    return {status for word in words if (status := meaning(vocabulary, word))}
