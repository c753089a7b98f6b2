"""A letter to look at."""

from dataclasses import replace
from datetime import date

from transfer.contacts import Contact
from transfer.letters import LetterKind, LetterOffice, LetterText
from transfer.records import RecordKind

OFFICE = LetterOffice(
    name="Second opinion records desk",
    contact=Contact(telephone="303 555 0110", fax="303 555 0111", address="1 Summit Way\nDenver CO 80202"),
)
FIRST = LetterText(
    kind=LetterKind.FIRST,
    reference="q0123456789abcde",
    dated=date(2027, 3, 1),
    before=(),
    facility="Cedar Clinic",
    department="records office",
    patient="O'Donnell, Theodora Renée",
    born=date(1958, 12, 22),
    numbers=("P6635266",),
    receiver="Summit Cancer Center",
    referring="Lakeside Oncology",
    wanted=(RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT, RecordKind.IMAGES),
    received=(),
    needed_by=date(2027, 3, 19),
    basis="authorization",
    signed_on=date(2027, 2, 27),
    code="K7Q4-9M2P-4TXW",
    answer_at="https://records.example/r/",
)
SECOND = replace(
    FIRST,
    kind=LetterKind.SECOND,
    dated=date(2027, 3, 8),
    before=(date(2027, 3, 1),),
    wanted=(RecordKind.IMAGES,),
    received=(RecordKind.NOTE, RecordKind.PATHOLOGY_REPORT),
)
FINAL = replace(SECOND, kind=LetterKind.FINAL, dated=date(2027, 3, 15), before=(date(2027, 3, 1), date(2027, 3, 8)))
