"""What a document is called may say less of it than its status."""

import pytest

from transfer.flaws import Flaw
from transfer.patients import Demographics
from transfer.records import Document, DocumentStatus, RecordKind
from transfer.titles import as_called

VOID = (
    *("VOID", "VOID - wrong patient", "**VOID** Pathology report", "Progress note [entered in error]"),
    *("Wrong patient: CT abdomen", "Op note (DO NOT USE)", "Scanned to wrong chart", "ERRONEOUS - discharge summary"),
    *("VOIDED", "Voided: urine culture", "Urine culture - VOID", "Operative note - voided"),
)
DRAFT = (
    *("DRAFT", "Draft: operative note", "Operative note (draft)", "Unsigned transcription", "Preliminary report"),
    *("PRELIMINARY PATHOLOGY REPORT", "Surgical pathology - preliminary", "Consult note - NOT SIGNED"),
)
PLAIN = (
    *(
        "Voiding cystourethrogram",
        "Void trial note",
        "Operative note",
        "Error analysis of glucometry",
        "Draftsman",
    ),
    *("Preliminary chemotherapy plan discussion", "Deletion 17p by FISH", "Report - final", "Draft lottery exam"),
    *("Cytology, urine (voided)", "URINE CYTOLOGY - VOIDED", "Urine, voided", "Non-gyn cytology: voided"),
)


def called(title: str | None, status: DocumentStatus = DocumentStatus.FINAL) -> Document:
    one = Document(patient=Demographics(), kind=RecordKind.NOTE, code=None, title=title, status=status, at=None)
    return as_called(one, title)


@pytest.mark.parametrize("title", VOID)
def test_what_is_called_void_is_looked_at_first(title: str):
    assert (called(title).status, called(title).flaws) == (DocumentStatus.FINAL, {Flaw.UNEXPECTED})


@pytest.mark.parametrize("title", DRAFT)
def test_what_is_called_a_draft_answers_nothing(title: str):
    assert (called(title).status, called(title).flaws) == (DocumentStatus.PRELIMINARY, set())


@pytest.mark.parametrize("title", [*PLAIN, None])
def test_other_titles_say_nothing(title: str | None):
    assert (called(title).status, called(title).flaws) == (DocumentStatus.FINAL, set())


def test_of_what_is_void_a_title_says_nothing_more():
    assert called("DRAFT", DocumentStatus.WITHDRAWN).status is DocumentStatus.WITHDRAWN
    assert called("VOID", DocumentStatus.WITHDRAWN).flaws == set()
