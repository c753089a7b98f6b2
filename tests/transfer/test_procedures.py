"""What was done to a patient: by codes, by words, and where neither tells."""

import pytest

from transfer.identifiers import InstitutionId
from transfer.partial_dates import PartialDate
from transfer.procedures import MOST_PROCEDURES, ListedProcedure, ProcedureKind, gathered, kinds_by_code, kinds_of

PCS, CPT, SCT = "http://hl7.org/fhir/sid/icd-10-pcs", "http://www.ama-assn.org/go/cpt", "http://snomed.info/sct"


@pytest.mark.parametrize(
    ("system", "code", "kinds"),
    [
        (PCS, "0DTN0ZZ", "operation"),  # resection of sigmoid colon, open
        (PCS, "0DBN8ZX", "biopsy endoscopy"),  # excision through a natural opening, diagnostic
        (PCS, "0DJD8ZZ", "endoscopy"),  # inspection of the lower tract
        (PCS, "0HBT3ZX", "biopsy"),  # excision of the breast, percutaneous, diagnostic
        (PCS, "BW24ZZZ", "scan"),  # CT of chest, abdomen and pelvis
        (PCS, "0JH63WZ", ""),  # insertion of a port: nothing that a second opinion asks for
        (PCS, "3E03305", ""),  # chemotherapy
        (PCS, "0DTN0Z", ""),  # too short for a code
        (CPT, "38222", "biopsy"),
        (CPT, "45378", "endoscopy"),
        (CPT, "74177", "scan"),
        (CPT, "36415", ""),  # venipuncture
        (CPT, "76942", ""),  # guidance of another procedure
        (CPT, "77427", ""),  # radiotherapy
        (SCT, "73761001", "endoscopy"),
        (SCT, "1234567", ""),
        ("urn:x-institution:lakeside-oncology:local", "73761001", ""),
    ],
)
def test_a_code_says_what_was_done_or_nothing(system, code, kinds):
    assert set(kinds_by_code(system, code)) == set(kinds.split())


@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        ("Right hemicolectomy", "operation"),
        ("Lumpectomy with sentinel lymph node biopsy", "biopsy operation"),
        ("Colonoscopy with biopsy", "biopsy endoscopy"),
        ("CT guided core biopsy of the liver", "biopsy"),
        ("MRI brain w/wo contrast", "scan"),
        ("Arthroscopy of the knee", ""),
        ("Chest x-ray", "scan"),
        ("Chemotherapy", ""),
        ("", ""),
    ],
)
def test_where_no_code_tells_the_words_do(words, kinds):
    assert set(kinds_of([("urn:local", "X1")], words)) == set(kinds.split())


def test_a_code_goes_before_words_and_those_before_the_category():
    scan, surgery = (SCT, "363679005"), (SCT, "387713003")

    assert kinds_of([scan], "resection", [surgery]) == (ProcedureKind.SCAN,)
    assert kinds_of([], "colonoscopy", [surgery]) == (ProcedureKind.ENDOSCOPY,)
    assert kinds_of([], "see letter", [surgery]) == (ProcedureKind.OPERATION,)


def listed(nth: int) -> ListedProcedure:
    place = InstitutionId("prairie-pathology")
    return ListedProcedure(kinds=(ProcedureKind.BIOPSY,), institution=place, day=PartialDate(1900 + nth), words="b")


def test_of_more_than_people_read_the_rest_is_said_to_be_there():
    found = gathered([listed(1), "somewhere", None, listed(1), *map(listed, range(2, MOST_PROCEDURES + 5))])

    assert found.listed[:2] == (listed(1), listed(2))
    assert len(found.listed) == MOST_PROCEDURES - 2
    assert found.unclear == ("somewhere", "and 6 more")


def test_a_procedure_of_no_kind_is_none():
    with pytest.raises(ValueError, match="no kind"):
        ListedProcedure(kinds=(), institution=InstitutionId("prairie-pathology"), day=None, words="b")
