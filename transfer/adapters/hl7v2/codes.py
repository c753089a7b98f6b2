"""Which kind of record a code means. What is in none of these tables is OTHER: kept and listed, never dropped."""

from collections.abc import Iterable

from transfer.adapters.hl7v2.message import FieldPart
from transfer.adapters.hl7v2.values import coding, local_key
from transfer.institutions import Institution
from transfer.records import Coding, RecordKind

_LOINC = "http://loinc.org"

#: LOINC document and report codes, https://loinc.org/document-ontology/
_LOINC_KINDS = {
    # surgical pathology, synoptic, consult and their sections; marrow, cytology, flow, immunostain
    RecordKind.PATHOLOGY_REPORT: "11526-1 11529-5 60568-3 60570-9 60571-7 22633-2 22634-0 22635-7 22636-5 22637-3 "
    "22638-1 33721-2 48807-2 33718-8 33719-6 55229-9 47526-9 47527-7",
    RecordKind.MOLECULAR: "51969-4 51968-6 81247-9 55228-1 55232-3",
    RecordKind.OPERATIVE_NOTE: "11504-8",
    RecordKind.PROCEDURE_REPORT: "28570-0 18746-8 18753-4 18751-8",
    RecordKind.IMAGING_REPORT: "18748-4 44139-4 72139-9 72142-3 24627-2 24558-9 30746-2",
    RecordKind.LABORATORY: "11502-2 57021-8 58410-2 2039-6 24323-8 24325-3",
    RecordKind.TREATMENT_SUMMARY: "11486-8 68602-2 74156-1",
    RecordKind.NOTE: "11488-4 11506-3 34117-2 18842-5 57133-1 34111-5 34805-2 34806-0 57149-7 34831-8 34832-6 34133-9 "
    "18761-7 60591-5",
}
_BY_LOINC = {code: kind for kind, codes in _LOINC_KINDS.items() for code in codes.split()}
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
        if kind := institution.codes.get(local_key(part, component)):
            return kind, found
    for _, _, found in said:
        if found.system == _LOINC and found.code in _BY_LOINC:
            return _BY_LOINC[found.code], found
    if document_type and (kind := _BY_DOCUMENT_TYPE.get((document_type.text(1) or "").upper())):
        return kind, Coding(_DOCUMENT_TYPES, (document_type.text(1) or "").upper(), document_type.text(2))
    return RecordKind.OTHER, said[0][2] if said else None
