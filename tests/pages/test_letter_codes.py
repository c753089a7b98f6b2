"""Staff give a code on a page, and end what went astray."""

import re

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk, text_of
from transfer.flow.services import Services
from transfer.ledger import letter_codes
from transfer.letter_codes import CodeHolder
from transfer.requests import RequestState

pytestmark = pytest.mark.servers
CODE = r"\b[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}\b"


def found(services: Services, code: str):
    with services.ledger.transaction() as tx:
        return letter_codes.find(tx, code)


def test_a_code_is_shown_with_its_address_and_is_ended(browser: Desk, services: Services):
    case = b.a_case(services)
    path = f"/desk/cases/{case}/code"
    assert path in browser.get(f"/desk/cases/{case}").text

    patients = browser.post(path, {"whom": "patient"})
    request = b.request_to(services, case, b.PRAIRIE)
    facilitys = browser.post(path, {"whom": request.id})

    (code,), (other,) = (re.findall(CODE, text_of(one.text)) for one in (patients, facilitys))
    assert "https://transfer.example/own/" in patients.text
    assert "https://transfer.example/r/" in facilitys.text
    assert found(services, code).holder is CodeHolder.PATIENT
    assert found(services, other).request == request.id
    ended = browser.post(f"{path}/end", {"holder": "patient"})
    assert "1 code ended" in text_of(ended.text)
    assert found(services, code) is None
    assert found(services, other)


def test_nobody_gets_one_for_what_is_not_awaited(browser: Desk, services: Services):
    case = b.a_case(services)
    request = b.request_to(services, case, b.PRAIRIE)
    b.put(services, request, RequestState.NO_RECORDS)
    path = f"/desk/cases/{case}/code"

    assert request.id not in browser.get(path).text
    for fields in ({"whom": request.id}, {"whom": "source"}, {}):
        assert browser.post(path, fields).status_code == 422
    assert browser.post(f"{path}/end", {}).status_code == 422


def test_a_pin_is_shown_once_to_whoever_tells_it(browser: Desk, services: Services):
    case = b.a_case(services)
    path = f"/desk/cases/{case}/code"

    shown = text_of(browser.post(f"{path}/pin", {"told": "patient"}).text)

    assert re.search(r"\b\d{4} \d{4}\b", shown)
    assert not re.search(r"\b\d{4} \d{4}\b", text_of(browser.get(path).text))
    for fields in ({"told": "source"}, {}):
        assert browser.post(f"{path}/pin", fields).status_code == 422
