"""A request in a browser without script, led by keyboard alone; its pages, looked at by axe-core."""

from datetime import timedelta

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.for_everybody import barriers
from tests.kit.processing import process_all
from tests.kit.served_desk import a_served_desk
from tests.kit.staff import ANN
from transfer import facts
from transfer.facts import Chain
from transfer.flow import desk as verbs
from transfer.pages.desk.case_acts import ACTS
from transfer.permissions import End
from transfer.rights import Role

pytestmark = pytest.mark.servers

PASSWORD = "cellar trumpet oyster ladder"


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


@pytest.fixture
def services(ledger):
    return b.new_services(ledger)


def kinds(services, case) -> list[type]:
    with services.ledger.transaction() as tx:
        return [type(line.fact) for line in tx.lines(Chain.case(case)) if line.by.person]


def test_a_request_is_worked_on_by_keyboard_alone_and_without_script(services, window: Window):
    case = b.a_case_without_slides(services)
    verbs.set_local_account(services, PASSWORD, actor=ANN)
    hold = b.the_hold(services, "approve-partial").id
    with a_served_desk(services) as address:
        window.type_address(f"{address.origin}/desk/cases/{case}")
        window.without_script()
        window.tab_to("Use the emergency account")
        window.go("\n")
        window.tab_to("Password of the emergency account")
        window.type_keys(PASSWORD)
        window.go("\n")
        here = f"{address.origin}/desk/cases/{case}"

        window.type_address(f"{address.origin}/desk/decisions/{hold}")  # answers a question
        window.choose("Approve")
        window.tab_to("I have read what follows from my answer")
        window.press(" ")
        window.tab_to("Answer")
        window.go("\n")
        window.until_says("Answered")

        window.type_address(here)  # logs a call
        window.tab_to("Log a call")
        window.go("\n")
        window.choose("Patient")
        window.choose("No answer")
        window.tab_to("Log it")
        window.go("\n")
        window.until_says("What happened")

        window.tab_to("Add an appointment")  # adds an appointment
        window.go("\n")
        window.tab_to("Month")
        window.type_keys("12\t19\t2099\t9:30")
        window.tab_to("Add it")
        window.go("\n")
        window.until_says("19 Dec 2099, 09:30")

        window.tab_to("The patient says stop")  # and stops
        window.go("\n")
        window.choose("By telephone: stop for now. Nothing is destroyed, and it can be resumed")
        window.tab_to("Stop now")
        window.go("\n")
        window.until_says("No. It is stopped.")

    done = kinds(services, case)
    assert facts.HoldResolved in done
    assert facts.CallLogged in done
    assert facts.AppointmentSet in done


def test_what_was_typed_is_there_after_signing_in_again_in_another_tab(services, window: Window, hours_pass):
    case = b.a_case_without_slides(services)
    verbs.set_local_account(services, PASSWORD, actor=ANN)

    def sign_in(tab: Window) -> None:
        tab.fill("Password of the emergency account", PASSWORD)
        tab.follow("Sign in")
        tab.until(lambda: "/sign-in" not in tab.url)

    with a_served_desk(services) as address:
        window.type_address(f"{address.origin}/desk/cases/{case}/note")
        window.follow("Use the emergency account")
        sign_in(window)
        window.type_address(f"{address.origin}/desk/cases/{case}/note")
        window.fill("Note", "Ask for the block: «S26-1» <b>")
        hours_pass(timedelta(minutes=31))
        window.follow("Keep it")

        window.until_says("Nothing of your form was done")
        window.tab_to("Use the emergency account")
        window.type_keys("\n")
        with window.other_tab() as other:
            other.until_says("Password of the emergency account")
            sign_in(other)
        window.follow("Fill it in again")
        window.until_says("Nothing of this was done yet")
        window.follow("Keep it")
        window.until_says("What happened")
        window.follow("Show what people wrote and what the referral asks")
        window.until_says("Ask for the block: «S26-1» <b>")

    assert kinds(services, case).count(facts.NoteAdded) == 1


def pages(desk: Desk, services) -> dict[str, str]:
    """Each page, in each state."""
    case, other = b.a_case_without_slides(services), b.a_case_without_slides(services)
    with services.ledger.transaction() as tx:
        found = tx.case(case)
        record, request = next(iter(found.records)), next(iter(found.requests))
    verbs.approve(services, case, actor=ANN, without=["slides"])
    process_all(services)
    here = f"/desk/cases/{case}"
    desk.post(f"{here}/answer/{request}", {"answer": "fee-required", "amount": "12.50", "person": "Ms. Okonkwo"})
    desk.post(f"{here}/need", {"kind": "molecular", "facility": "lakeside-oncology", "day-year": "2026"})
    desk.post(f"{here}/chart/{record}")
    noticed = {"noticed-month": "1", "noticed-day": "5", "noticed-year": "2026"}
    desk.post(f"{here}/misdirected", {"what": "fax", "note": "Another clinic", "done": ["returned"], **noticed})
    when = {"appointment-month": "12", "appointment-day": "19", "appointment-year": "2099", "at": "9:30"}
    desk.post(f"{here}/appointment", when)
    verbs.stop_everything(services, other, End.PAUSED, actor=ANN)
    named = {"line": "added-1", "permission": b.form_of(services, case), "request": request, "about": record}
    acts = {
        act.path.split("/")[0] + f"-{n}": desk.get(f"{here}/{act.path.format(**named, appointment='referral')}").text
        for n, act in enumerate(ACTS)
    }
    shown = {
        "case": desk.get(f"{here}?notes=1").text,
        "stopped": desk.get(f"/desk/cases/{other}").text,
        "packet": desk.get(f"{here}/packets/{case}-p1").text,
        "record": desk.get(f"{here}/records/{record}").text,
        "problems": desk.post(f"{here}/answer/{request}", {"answer": "ready-on"}).text,
        "reassign": desk.get("/desk/reassign").text,
        "refused": desk.post(f"/desk/cases/{other}/approve", {"note": "As agreed", "sure": "yes"}).text,
        "again": desk.post(f"{here}/note", {"text": "Typed before", "token": "of another sign-in"}).text,
        **acts,
    }
    desk.client.cookies.clear()
    over = desk.post(f"{here}/note", {"text": "Typed before"}).text
    desk.sign_in(Role.PRIVACY)
    return shown | {"over": over, "misdirected": desk.get("/desk/misdirected").text}


def test_the_pages_of_a_request_are_for_everybody(services, window: Window):
    desk = Desk(services)
    desk.sign_in(Role.OFFICER)
    assert barriers(window, pages(desk, services)) == []
