"""Which kind of record a code means. What is in none of these tables is OTHER: kept and listed, never dropped."""

from collections.abc import Iterable

from transfer.adapters.hl7v2.message import FieldPart
from transfer.adapters.hl7v2.values import coding, local_key
from transfer.adapters.loinc import LOINC, LOINC_KINDS
from transfer.institutions import Institution
from transfer.records import Coding, RecordKind

#: TXA-2, table 0270
_BY_DOCUMENT_TYPE = {
    "OP": RecordKind.OPERATIVE_NOTE,
    "PN": RecordKind.PROCEDURE_REPORT,
    "SP": RecordKind.PATHOLOGY_REPORT,
    "DI": RecordKind.IMAGING_REPORT,
    **dict.fromkeys(("CN", "DS", "ED", "HP", "PC", "PH", "PR", "TS"), RecordKind.NOTE),
}
_DOCUMENT_TYPES = "http://terminology.hl7.org/CodeSystem/v2-0270"


def kind_and_code(
    parts: Iterable[FieldPart], institution: Institution, *, document_type: FieldPart | None = None
) -> tuple[RecordKind, Coding | None]:
    """The kind by the first code that means one, and that code; without any, OTHER and the first code there is.

    The institution's own table comes first, then LOINC, then the document type (TXA-2), which is the coarsest.
    """
    # the lines of one report mostly carry the same few codes: each is read once
    candidates = {part.raw(): part for part in [*([document_type] if document_type else []), *parts]}
    said = [(part, n, found) for part in candidates.values() for n in (1, 4) if (found := coding(part, n, institution))]
    for part, component, found in said:
        by_uri = institution.codes.get(f"{found.system}|{found.code}")
        if kind := institution.codes.get(local_key(part, component), by_uri):
            return kind, found
    for _, _, found in said:
        if found.system == LOINC and found.code in LOINC_KINDS:
            return LOINC_KINDS[found.code], found
    if document_type and (kind := _BY_DOCUMENT_TYPE.get((document_type.text(1) or "").upper())):
        return kind, Coding(_DOCUMENT_TYPES, (document_type.text(1) or "").upper(), document_type.text(2))
    return RecordKind.OTHER, said[0][2] if said else None
