"""A referral by fax or telephone: it opens a case like any other, and its pages are kept with it."""

from dataclasses import replace
from datetime import date, datetime

import pytest

from tests.kit import builders as b
from tests.kit.papers import a_pdf
from tests.kit.processing import process_all
from tests.kit.staff import ANN
from transfer.actions import ActionCode
from transfer.errors import NotAllowed
from transfer.flow import desk
from transfer.flow.desk import EnteredReferral, PagesOf
from transfer.flow.services import Services
from transfer.identifiers import CaseId, IncomingId
from transfer.ledger import Ledger
from transfer.refusals import RefusalCode

pytestmark = pytest.mark.servers

SAID = EnteredReferral(
    referring=b.LAKESIDE,
    receiver=b.SUMMIT,
    family="Quillfeather",
    given=("Odalys", "Jane"),
    birth_date=date(1961, 2, 3),
    diagnosis="Cancer of the sigmoid colon",
    sex="female",
    number="L-4711",
    referrer="Dr. Okafor, 555 0100",
    checklist="colorectal",
    question="Is surgery first?",
    sources=(b.PRAIRIE,),
    appointment_at=datetime(2035, 12, 19, 9, 30),  # noqa: DTZ001  the center's own time
)


@pytest.fixture
def services(ledger: Ledger) -> Services:
    return b.new_services(ledger)


def entered(services: Services, said: EnteredReferral = SAID, **more: object) -> CaseId:
    did = desk.enter_referral(services, said, actor=ANN, **more)  # type: ignore[arg-type]
    process_all(services)
    return CaseId(str(did.fields["case"]))


def test_a_case_is_opened_with_what_was_said(services):
    case = entered(services)

    found = desk.dossier(services, case, actor=ANN, identity=True, notes=True)
    assert found.checklist.startswith("colorectal")
    assert (found.referring, found.receiver) == (b.LAKESIDE, b.SUMMIT)
    assert str(found.identity.names[0]) == "Quillfeather, Odalys Jane"
    assert found.identity.birth_date == date(1961, 2, 3)
    assert b.PRAIRIE in {one.institution for one in found.requests}
    assert "2035-12-19" in str(found.appointment_at)
    assert "Is surgery first?" in str(found.notes)


def test_where_nobody_says_by_when_it_is_needed_on_the_day_of_the_appointment(services):
    """Else the request would stand last among those that are needed soonest."""
    case = entered(services)

    assert services.center_needs(b.SUMMIT).cut_off is None
    assert desk.dossier(services, case, actor=ANN).needed_by == "2035-12-19"


def test_the_same_again_is_the_same_case(services):
    case = entered(services)

    did = desk.enter_referral(services, SAID, actor=ANN)

    assert (did.code, did.fields["case"]) == (ActionCode.REFERRAL_STORED_BEFORE, case)


def test_a_disease_that_is_not_known_yet_opens_a_case_with_the_common_list(services):
    case = entered(services, replace(SAID, checklist=None))

    assert desk.dossier(services, case, actor=ANN).checklist.startswith("common")


def test_a_second_referral_of_the_patient_is_joined_to_them(services):
    first = entered(services)
    second = entered(services, replace(SAID, reference="R-2", question="Another"))

    assert first != second
    assert b.patient_of(services, first) == b.patient_of(services, second)


def test_its_pages_are_indexed_and_a_page_of_another_case_is_not(services):
    paper = IncomingId(str(desk.upload_paper(services, a_pdf(3), actor=ANN).fields["incoming"]))
    case = entered(services, came_on=PagesOf(paper, "1-2"))

    (listed,) = desk.list_incoming(services, actor=ANN).papers
    assert [(part.pages, part.became, part.case) for part in listed.parts] == [("1-2", "referral", case)]
    with pytest.raises(NotAllowed, match="pages 2 are indexed otherwise"):
        desk.enter_referral(services, replace(SAID, family="Another"), actor=ANN, came_on=PagesOf(paper, "2-3"))
    assert len(desk.list_cases(services, actor=ANN)) == 1


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"referring": b.PRAIRIE}, RefusalCode.MAY_NOT_REFER),
        ({"receiver": b.PRAIRIE}, RefusalCode.RECEIVES_NOTHING),
    ],
)
def test_who_may_not_refer_or_receives_nothing_is_refused(services, other, code):
    with pytest.raises(NotAllowed) as refused:
        desk.enter_referral(services, replace(SAID, **other), actor=ANN)

    assert refused.value.refusal.code is code


@pytest.mark.parametrize("wrong", [{"family": ""}, {"given": ()}, {"diagnosis": ""}, {"sex": "F"}])
def test_a_referral_cannot_be_built_without_what_it_needs(wrong):
    with pytest.raises(ValueError, match=r"names its patient|gender"):
        replace(SAID, **wrong)
