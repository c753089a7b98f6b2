"""The desk in Chromium: cookies and forms as a browser really sends them."""

from collections.abc import Iterator

import pytest

from tests.kit import builders as b
from tests.kit.peers.browser import Window, a_window
from tests.kit.served_desk import a_served_desk
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.looks import PatientFlag
from transfer.pages.address import Address

pytestmark = pytest.mark.servers

PASSWORD = "cellar trumpet oyster ladder"
FIELD = "Password of the emergency account"


@pytest.fixture
def address(services: Services) -> Iterator[Address]:
    with a_served_desk(services) as address:
        yield address


@pytest.fixture
def window() -> Iterator[Window]:
    with a_window() as opened:
        yield opened


def test_forms_and_cookies_are_taken_as_a_browser_sends_them(services: Services, address: Address, window: Window):
    """Our policy has the browser say `Origin: null` of a form; the form is taken by what else it says."""
    chart = b.a_chart()
    case = b.a_case(services, chart)
    desk.flag_patient(services, case, PatientFlag.VIP, actor=ANN)
    desk.set_local_account(services, PASSWORD, actor=ANN)

    window.type_address(f"{address.origin}/desk/cases/{case}")
    window.until_says("You have not signed in")
    window.follow("Use the emergency account")
    window.fill(FIELD, "another password")
    window.follow("Sign in")
    window.until_says("There is a problem")
    window.run("document.querySelector('main').style.width = '20rem'")
    assert window.run("document.querySelector('input[type=password]').offsetWidth") <= 320
    window.run("document.querySelector('main').style.width = ''")
    assert "another password" not in window.run("document.documentElement.outerHTML")
    window.fill(FIELD, PASSWORD)
    window.follow("Sign in")
    window.until(lambda: window.url == f"{address.origin}/desk/")

    window.type_address(f"{address.origin}/desk/cases/{case}")
    assert chart["patient"]["family"] not in window.text
    window.follow("say why you look")
    window.run("document.querySelector('input[value=TREAT]').click()")
    window.follow("Show who it is")
    window.until_says(chart["patient"]["family"])
    assert chart["patient"]["family"] not in window.title

    window.follow("Sign out")
    window.until_says("You have signed out")
    assert window.cookies() == []
    window.type_address(f"{address.origin}/desk/cases/{case}")
    window.until_says("You have not signed in")
    assert chart["patient"]["family"] not in window.text
