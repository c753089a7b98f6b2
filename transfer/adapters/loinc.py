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
    # reports and panels, then single tests: tumour markers, blood, protein
    RecordKind.LABORATORY: (
        "11502-2 57021-8 58410-2 24323-8 24325-3 "
        "2857-1 19195-7 35741-8 83112-3 10334-1 24108-3 2039-6 6875-9 30169-7 21198-7 1834-1 2986-8 "
        "2532-0 14804-9 1952-1 5909-7 24351-9 33358-3 48378-4"
    ),
    # reports, then receptors and single genes
    RecordKind.MOLECULAR: (
        "51969-4 51968-6 55228-1 55232-3 81247-9 69548-6 21636-6 "
        "85337-4 16112-5 85339-0 16113-3 85319-2 48676-1 85318-4 96893-3 83052-1 85147-7"
    ),
    RecordKind.TREATMENT_SUMMARY: "68602-2 11486-8 74156-1",
}
LOINC_KINDS: Final = MappingProxyType({code: kind for kind, many in _OF_KIND.items() for code in many.split()})
