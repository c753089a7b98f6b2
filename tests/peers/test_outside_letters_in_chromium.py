"""The pages by the code of a letter in a browser: nothing wrong by axe-core, and nothing wider than a telephone."""

from dataclasses import replace
from typing import Any

import pytest

from tests.kit import builders as b
from tests.kit.open_streams import Giving
from tests.kit.outside_client import OutsideBrowser, a_served_outside
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.for_everybody import barriers
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.institutions import Institutions
from transfer.letter_codes import CodeHolder
from transfer.outside_sessions import Outsider
from transfer.sentences.own_pages import OWN

pytestmark = pytest.mark.servers
PDF = ("scan.pdf", b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF", "application/pdf")


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


def born(chart: Any) -> dict[str, str]:
    year, month, day = chart["patient"]["birth_date"].split("-")
    return {"born-year": year, "born-month": month, "born-day": day}


def whole_name(chart: Any) -> str:
    return " ".join((*chart["patient"]["given"], chart["patient"]["family"]))


def a_letter(giving: Giving, chart: Any) -> tuple[str, str]:
    """The request to the laboratory, and the code of its letter."""
    case = b.a_case(giving.services, chart)
    request = b.request_to(giving.services, case, b.PRAIRIE).id
    return request, str(desk.give_reply_code(giving.services, request, actor=ANN).fields["code"])


def of_source(giving: Giving) -> dict[str, str]:
    browser, chart = OutsideBrowser(giving.services, giving.outgoing), b.a_chart()
    browser.kind = Outsider.SOURCE
    request, code = a_letter(giving, chart)
    path = f"/r/requests/{request}"
    pages = {
        "door": browser.get(f"/r/code/{code}").text,
        "wrong": browser.post("/r/open", {"code": code, **born(chart), "born-year": "1901"}).text,
    }
    browser.post("/r/open", {"code": code, **born(chart)})
    said = {"person": "Ms. Okonkwo", "key": "k", "amount": "12.50", "note": "By check, please."}
    pages |= {
        "list": browser.get("/r/").text,
        "request": browser.get(path).text,
        "records": browser.get(f"{path}/answer/records").text,
        "already-sent": browser.get(f"{path}/answer/already-sent").text,
        "not-accepted": browser.upload(f"{path}/answer/not-accepted", {"key": "k"}).text,
        "check": browser.upload(f"{path}/answer/fee", said).text,
    }
    browser.upload(f"{path}/answer/records", {"person": "Ms. Okonkwo", "key": "k"}, [("files", PDF)])
    return pages | {"sent": browser.get(f"{path}/sent").text, "receipt": browser.get(f"{path}/receipt").text}


def all_take_electronic_signatures(giving: Giving) -> None:
    taking = [
        one.model_copy(update={"takes_electronic_signatures": True}) for one in giving.services.institutions.values()
    ]
    giving.services = replace(giving.services, institutions=Institutions(taking))


def of_patient(giving: Giving) -> dict[str, str]:
    all_take_electronic_signatures(giving)
    browser, chart = OutsideBrowser(giving.services, giving.outgoing), b.a_chart()
    browser.kind = Outsider.OWN
    packet = giving.a_packet(chart)
    giving.give(packet)
    code = desk.give_own_code(giving.services, packet.case, CodeHolder.PATIENT, actor=ANN).fields["code"]
    pages = {"own-door": browser.get("/own/open").text}
    browser.post("/own/open", {"code": str(code), **born(chart)})
    pin = str(desk.give_own_pin(giving.services, packet.case, CodeHolder.PATIENT, actor=ANN).fields["pin"])
    pages |= {
        "own-pin": browser.get("/own/send").text,
        "own-pin-wrong": browser.post("/own/pin", {"pin": "1", "to": "send"}).text,
    }
    browser.post("/own/pin", {"pin": pin, "to": "send"})
    pages |= {
        "own": browser.get("/own/").text,
        "own-sign": browser.get("/own/sign").text,
        "own-sign-wrong": browser.post("/own/sign").text,
        "own-signed": browser.post("/own/sign", {"signed": whole_name(chart), "sure": "yes"}).text,
        "own-send": browser.get("/own/send").text,
        "own-send-nothing": browser.upload("/own/send", {"key": "k"}).text,
        "own-thanks": browser.upload("/own/send", {"key": "k"}, [("files", PDF)]).text,
        "own-take-back": browser.get("/own/take-back").text,
        "own-take-back-wrong": browser.post("/own/take-back", {"key": "k"}).text,
    }
    with giving.watched():
        browser.post("/own/stop")
    return pages | {"own-stopped": browser.get("/own/").text}


@pytest.mark.parametrize("made", [of_source, of_patient])
def test_the_pages_are_for_everybody(giving: Giving, window: Window, made):
    assert barriers(window, made(giving)) == []


def test_a_patient_signs_by_the_keyboard_and_without_script(giving: Giving, window: Window):
    all_take_electronic_signatures(giving)
    chart = b.a_chart()
    case = b.a_case(giving.services, chart, form=False)
    code = str(desk.give_own_code(giving.services, case, CodeHolder.PATIENT, actor=ANN).fields["code"])
    pin = str(desk.give_own_pin(giving.services, case, CodeHolder.PATIENT, actor=ANN).fields["pin"])
    year, month, day = chart["patient"]["birth_date"].split("-")
    with a_served_outside(giving.services, giving.outgoing) as address:
        window.without_script()
        window.type_address(f"{address.origin}/own/open")
        window.tab_to(OWN["code"])
        window.type_keys(f"{code}\t{month}\t{day}\t{year}\n")
        window.until_says(OWN["form_sign"])
        window.tab_to(OWN["form_sign"])
        window.go("\n")
        window.tab_to(OWN["pin"])
        window.type_keys(f"{pin}\n")
        window.until_says(OWN["form_kind"])
        window.tab_to(OWN["sign"])
        window.type_keys(whole_name(chart))
        window.tick(OWN["form_tick"])
        window.tab_to(OWN["form_sign_now"])
        window.go("\n")
        window.until_says(OWN["form_signed"])
    assert len(desk.list_permissions(giving.services, case, actor=ANN)) == 1
