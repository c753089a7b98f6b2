"""Which kind of record a LOINC code means, in whatever language it comes (https://loinc.org/document-ontology/).

What is not in the table is told by its category or its document type, else it is OTHER: kept and listed, never dropped.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from transfer.records import RecordKind

LOINC: Final = "http://loinc.org"

_OF_KIND: Mapping[RecordKind, str] = {
    RecordKind.NOTE: (
        "11488-4 11506-3 34117-2 18842-5 57133-1 34111-5 34746-8 34805-2 34806-0 57149-7 34831-8 34832-6 34133-9 "
        "18761-7 60591-5"
    ),
    # surgical pathology, synoptic, consult and their sections; marrow, cytology, flow, immunostain
    RecordKind.PATHOLOGY_REPORT: (
        "11526-1 11529-5 60568-3 60570-9 60571-7 22633-2 22634-0 22635-7 22636-5 22637-3 22638-1 33721-2 48807-2 "
        "33718-8 33719-6 55229-9 47526-9 47527-7"
    ),
    RecordKind.OPERATIVE_NOTE: "11504-8",
    RecordKind.PROCEDURE_REPORT: "28570-0 18746-8 18753-4 18751-8",
    RecordKind.IMAGING_REPORT: "18748-4 44139-4 72139-9 72142-3 24627-2 24558-9 30746-2",
    RecordKind.LABORATORY: ("11502-2 2857-1 2039-6 6875-9 14804-9 57021-8 58410-2 48378-4 24323-8 24325-3"),
    RecordKind.MOLECULAR: "51969-4 51968-6 55228-1 55232-3 81247-9 85337-4 85339-0 85319-2",
    RecordKind.TREATMENT_SUMMARY: "68602-2 11486-8 74156-1",
}
LOINC_KINDS: Final = MappingProxyType({code: kind for kind, many in _OF_KIND.items() for code in many.split()})
