"""Codes of the standards in our words: LOINC document types, categories, states."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import Final

from transfer.adapters.document_statuses import Vocabulary, meaning
from transfer.adapters.fhir.trees import Tree, codings, text
from transfer.adapters.loinc import LOINC, LOINC_KINDS
from transfer.institutions import Institution
from transfer.records import Coding, DocumentStatus, RecordKind, least

SNOMED: Final = "http://snomed.info/sct"
NPI: Final = "http://hl7.org/fhir/sid/us-npi"
ACT_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
CONFIDENTIALITY: Final = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
PARTICIPATION: Final = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
DIAGNOSTIC_SECTION: Final = "http://terminology.hl7.org/CodeSystem/v2-0074"

PACKET: Final = "urn:records-transfer:packet"
REQUEST: Final = "urn:records-transfer:request"
CASE: Final = "urn:records-transfer:case"
#: how far a case is (`transfer.milestones`)
MILESTONE: Final = "urn:records-transfer:milestone"
#: why something is not done
REASON: Final = "urn:records-transfer:reason"
#: our own words for kinds, where a partner made for us uses them in a release form
KIND: Final = "urn:records-transfer:kind"

#: What a category says where the code is unknown: US Core DiagnosticReport categories and HL7 table 0074.
CATEGORY_KINDS: Final = MappingProxyType(
    {
        (LOINC, "LP29684-5"): RecordKind.IMAGING_REPORT,
        (LOINC, "LP7839-6"): RecordKind.PATHOLOGY_REPORT,
        (LOINC, "LP7787-7"): RecordKind.PATHOLOGY_REPORT,
        (DIAGNOSTIC_SECTION, "LAB"): RecordKind.LABORATORY,
        (DIAGNOSTIC_SECTION, "HM"): RecordKind.LABORATORY,
        (DIAGNOSTIC_SECTION, "CH"): RecordKind.LABORATORY,
        (DIAGNOSTIC_SECTION, "RAD"): RecordKind.IMAGING_REPORT,
        (DIAGNOSTIC_SECTION, "CT"): RecordKind.IMAGING_REPORT,
        (DIAGNOSTIC_SECTION, "SP"): RecordKind.PATHOLOGY_REPORT,
        (DIAGNOSTIC_SECTION, "CP"): RecordKind.PATHOLOGY_REPORT,
        (DIAGNOSTIC_SECTION, "PAT"): RecordKind.PATHOLOGY_REPORT,
        (DIAGNOSTIC_SECTION, "GE"): RecordKind.MOLECULAR,
    }
)


def coding_of(tree: Tree, institution: Institution) -> Coding:
    """A coding as received. One without a system is the institution's own."""
    system = text(tree, "system") or f"urn:x-institution:{institution.id}"
    return Coding(system, text(tree, "code") or "", text(tree, "display"))


def kind_of(tree: Tree, institution: Institution) -> RecordKind | None:
    """What a document's code means: the institution's own table first, then LOINC."""
    coding = coding_of(tree, institution)
    system, code = coding.system, coding.code
    local = (f"{system}|{code}",) if system in (LOINC, SNOMED) else (f"{system}|{code}", f"LOCAL|{code}", code)
    for key in local:
        if key in institution.codes:
            return institution.codes[key]
    return LOINC_KINDS.get(code) if system == LOINC else None


def classify(concepts: Iterable[object], categories: Iterable[object], institution: Institution) -> RecordKind:
    """The kind by code, else by category, else `OTHER`: kept and listed, never dropped."""
    for coding in codings(*concepts):
        if kind := kind_of(coding, institution):
            return kind
    for coding in codings(*categories):
        known = CATEGORY_KINDS.get((text(coding, "system") or "", text(coding, "code") or ""))
        if kind := kind_of(coding, institution) or known:
            return kind
    return RecordKind.OTHER


def best_coding(concept: object, institution: Institution) -> Coding | None:
    """The LOINC coding where there is one, else the first."""
    found = codings(concept)
    chosen = next((coding for coding in found if text(coding, "system") == LOINC), found[0] if found else None)
    return coding_of(chosen, institution) if chosen else None


def report_status(status: str | None) -> DocumentStatus:
    """A DiagnosticReport's state."""
    return meaning(Vocabulary.DIAGNOSTIC_REPORT, (status or "").lower()) or DocumentStatus.UNKNOWN


def reference_status(status: str | None, doc_status: str | None) -> DocumentStatus:
    """A DocumentReference's two states as one; the one that promises less counts.

    `docStatus` is absent in all of IHE MHD and in much of US Core, where `current` means the valid document: it reads
    as final.
    """
    current = meaning(Vocabulary.DOCUMENT_REFERENCE, (status or "").lower())
    written = meaning(Vocabulary.COMPOSITION, doc_status.lower()) if doc_status else DocumentStatus.FINAL
    return least(one for one in (current, written) if one)


#: HL7's own systems by their OIDs (https://terminology.hl7.org/external_terminologies.html, .../codesystems-v3.html)
_BY_OID: Final = {
    "urn:oid:2.16.840.1.113883.5.8": ACT_REASON,
    "urn:oid:2.16.840.1.113883.5.25": CONFIDENTIALITY,
    "urn:oid:2.16.840.1.113883.5.4": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
    "urn:oid:2.16.840.1.113883.5.90": PARTICIPATION,
    "urn:oid:2.16.840.1.113883.4.6": NPI,
}
_STU3: Final = "http://hl7.org/fhir/v3/"


def as_in_r4(system: str | None) -> str | None:
    """A system as R4 spells it, where it is said by its OID or as STU3 spells it; any other as it is."""
    if system and system.startswith(_STU3):
        return f"http://terminology.hl7.org/CodeSystem/v3-{system.removeprefix(_STU3)}"
    return _BY_OID.get(system or "", system)
