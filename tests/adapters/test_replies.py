"""What is said on the reply page comes back as it was said, by the reader that reads what interfaces send."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.kit import builders as b
from transfer.adapters.fhir import inbound, replies
from transfer.adapters.fhir.replies import ReplyFile
from transfer.identifiers import RequestId
from transfer.institutions import Institutions
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.records import DocumentStatus, RecordKind
from transfer.requests import DONE, RequestAnswer
from transfer.source_answers import DATED, REASONS, Fee, SaidBy, SourceAnswer

REQUEST = RequestId("q0123456789abcde")
AT = datetime(2026, 12, 1, 15, 4, 5, 123000, tzinfo=UTC)
BY = SaidBy(person="Ms. Okonkwo", reference="R-77", words="It is in the basement.\nAsk for the key.")
A = RequestAnswer
PDF = ReplyFile(content_type="application/pdf", content=b"%PDF-1.7 ...", kind=RecordKind.NOTE, title="Notes")

#: all that the page can say
SAID = [
    *(SourceAnswer(answer=answer, by=BY) for answer in A if answer not in DONE),
    *(SourceAnswer(answer=answer, day=date(2026, 12, 4)) for answer in sorted(DATED - DONE)),
    *(SourceAnswer(answer=answer, reason=one) for answer, reasons in REASONS.items() for one in sorted(reasons)),
    SourceAnswer(answer=A.NOT_FOUND, by=SaidBy(person="Ms. Okonkwo")),
    SourceAnswer(answer=A.FEE_REQUIRED, fee=Fee(amount=Decimal("12.50"), currency="USD"), by=BY),
]


@pytest.fixture
def institutions() -> Institutions:
    return b._institutions()


@pytest.mark.parametrize("said", SAID, ids=lambda one: f"{one.answer}-{one.reason or one.day or ''}")
def test_an_answer_comes_back_as_it_was_said(institutions, said):
    body = replies.task_of(REQUEST, said, AT)

    assert inbound.sort(body).form is inbound.Form.REQUEST_ANSWER
    heard = inbound.request_answer(body, institutions[b.PRAIRIE], institutions)
    assert (heard.request, heard.said_at) == (REQUEST, AT)
    assert heard.said.by == said.by
    bare = "no-records" if said.answer is A.NO_RECORDS else None  # the one answer whose code is a reason, too
    assert (heard.said.answer, heard.said.fee, heard.said.day) == (said.answer, said.fee, said.day)
    assert heard.said.reason == (said.reason or bare)


@pytest.mark.parametrize("kind", [one for one in RecordKind if one not in (RecordKind.IMAGES, RecordKind.MATERIAL)])
def test_files_are_documents_of_the_patient_whose_state_nobody_knows(institutions, kind):
    who = Demographics(
        names=(PersonName("Nguyen", ("Anna", "Linh")),),
        birth_date=date(1957, 4, 30),
        sex="female",
        identifiers=(IssuedIdentifier("urn:oid:1.2.3", "P1"),),
    )
    file = ReplyFile(content_type="application/pdf", content=b"%PDF-1.7 x", kind=kind, title="A report")

    body = replies.report_of(REQUEST, who, [file, PDF], "Ms. Okonkwo")

    assert inbound.sort(body).form is inbound.Form.DOCUMENTS
    first, second = inbound.pushed_documents(body, institutions[b.PRAIRIE])
    assert first.document.kind is kind
    assert first.document.status is DocumentStatus.UNKNOWN
    assert first.document.patient == who
    assert {one.value for one in first.document.identifiers} == {REQUEST}
    assert [(one.content, one.title) for one in first.files] == [(b"%PDF-1.7 x", "A report")]
    assert second.files[0].content == PDF.content
    assert json.loads(body)["entry"][1]["resource"]["status"] == "unknown"
