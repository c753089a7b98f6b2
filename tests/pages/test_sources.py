"""Facilities with how they answer, and what one owes as one list."""

from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from tests.kit.staff import ANN
from transfer.contacts import Contact
from transfer.doors import FrameEnding
from transfer.facilities import AddedFacility
from transfer.flow import desk as verbs
from transfer.identifiers import InstitutionId
from transfer.ledger import frames
from transfer.records import RecordKind
from transfer.requests import RequestAnswer, RequestState
from transfer.rights import Role

pytestmark = pytest.mark.servers


def test_a_department_says_how_long_its_answers_took_and_what_it_owes(browser: Desk, hours_pass):
    services = browser.services
    answered, owing = b.a_case(services), b.a_case(services)
    hours_pass(timedelta(days=9))
    b.put(services, b.request_to(services, answered, b.PRAIRIE), RequestState.ANSWERED)

    facilities = {one.institution: one for one in verbs.list_scorecards(services, actor=ANN)}

    scores = [one for one in facilities[b.PRAIRIE].departments if one.days.count]
    assert [(one.days.median, one.is_slow) for one in scores] == [(10, True)]
    assert facilities[b.PRAIRIE].open_asks >= 1
    assert owing in {one.case for one in verbs.list_owed(services, b.PRAIRIE, actor=ANN).asks}
    browser.sign_in(Role.OFFICER)
    assert "slower than usual" in text_of(browser.get("/desk/sources").text)


def test_one_call_has_the_patients_of_one_facility_by_name(browser: Desk):
    chart = b.a_chart()
    case = b.a_case(browser.services, chart)

    page = browser.get(f"/desk/sources/{b.PRAIRIE}").text

    assert chart["patient"]["family"] in page
    assert f"/desk/cases/{case}/answer/" in page
    assert [one.place for one in verbs.list_looks(browser.services, actor=ANN, days=1, case=case)] == ["list"]


def test_whose_messages_do_not_come_is_told_until_one_comes(browser: Desk):
    chart = b.a_chart()
    b.a_case(browser.services, chart)
    browser.sign_in(Role.OFFICER)
    with browser.services.ledger.transaction() as tx:
        for _ in range(2):
            frames.note(tx, b.PRAIRIE, FrameEnding.FS_ALONE)

    name = browser.services.institutions[b.PRAIRIE].name
    said = text_of(browser.get("/desk/sources").text)
    assert f"{name}: 2 messages by HL7 v2 ended with FS alone instead of FS CR" in said

    b.report_comes(browser.services, chart)

    assert "instead of FS CR" not in text_of(browser.get("/desk/sources").text)
    assert verbs.list_frames_not_taken(browser.services, actor=ANN) == []


def test_a_call_list_says_how_the_facility_is_reached(browser: Desk):
    added = AddedFacility(
        id=InstitutionId("cedar-clinic-minot"),
        name="Cedar Clinic",
        city="Minot",
        time_zone="America/Chicago",
        holds=frozenset({RecordKind.NOTE}),
        contact=Contact(telephone="701 555 0142", fax="701 555 0143", address="1 Cedar Street"),
    )
    verbs.add_facility(browser.services, added, actor=ANN)

    said = text_of(browser.get(f"/desk/sources/{added.id}").text)

    assert "+1 701 555 0142 nobody called back yet" in said
    assert "+1 701 555 0143" in said
    assert "1 Cedar Street" in said


def test_an_auditor_reads_the_list_without_names(browser: Desk):
    chart = b.a_chart()
    b.a_case(browser.services, chart)
    browser.sign_in(Role.AUDITOR)

    page = browser.get(f"/desk/sources/{b.PRAIRIE}")

    assert page.status_code == 200
    assert chart["patient"]["family"] not in page.text
    assert "/answer/" not in page.text


@pytest.mark.parametrize("facility", ["nobody-here", "X", "a b"])
def test_a_facility_that_there_is_not_is_not_found(browser: Desk, facility: str):
    assert browser.get(f"/desk/sources/{facility}").status_code == 404


def test_a_department_says_how_often_it_refused_and_when_it_was_heard_last(browser: Desk, hours_pass):
    services = browser.services
    refusing, unknown = b.a_case(services), b.a_case(services)
    hours_pass(timedelta(days=3))
    verbs.answer_request(services, b.request_to(services, refusing, b.PRAIRIE).id, RequestAnswer.REFUSED, actor=ANN)
    b.put(services, b.request_to(services, unknown, b.MERCY), RequestState.ASKING)
    b.put(services, b.request_to(services, unknown, b.MERCY), RequestState.NOT_FOUND)

    facilities = {one.institution: one.departments for one in verbs.list_scorecards(services, actor=ANN)}

    prairie, mercy = (
        next(one for one in facilities[name] if one.refused + one.not_found) for name in (b.PRAIRIE, b.MERCY)
    )
    assert (prairie.refused, prairie.not_found, prairie.miscounted) == (1, 0, 0)
    assert (mercy.refused, mercy.not_found, mercy.last_contact) == (0, 1, None)
    with services.ledger.transaction() as tx:
        assert prairie.last_contact is not None
        assert timedelta(0) <= tx.now() - prairie.last_contact < timedelta(hours=1)
    hours_pass(timedelta(days=181))
    facilities = {one.institution: one.departments for one in verbs.list_scorecards(services, actor=ANN)}
    assert {(one.refused, one.last_contact) for one in facilities[b.PRAIRIE]} == {(0, None)}, "of half a year"
