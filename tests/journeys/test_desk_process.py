"""The desk as the process that people reach: it starts with the rest, signs people in, and ends when it is asked to."""

import json
import os
import re
import signal
from pathlib import Path

import pytest

from tests.kit.house import House, a_house
from tests.kit.papers import a_pdf
from tests.kit.providers import asked, typed
from tests.kit.staff import ANN
from transfer.cli.installation import how_to_sign_in
from transfer.flow import desk
from transfer.flow.page_texts import texts_of
from transfer.identifiers import IncomingId
from transfer.pages.app import EVERYTHING
from transfer.pages.routes import Page

pytestmark = pytest.mark.servers

#: in every name and text of a patient
MARK = "ZEBRA7"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("desk")
    with a_house(folder / "var", desk=True, TRANSFER_TESSERACT=str(a_reader(folder))) as made:
        yield made


def a_reader(folder: Path) -> Path:
    """A program in the place of tesseract, which reads the marked word on every page."""
    made = folder / "tesseract"
    made.write_text(f"#!/bin/sh\ncat >/dev/null\nprintf '5\\t1\\t1\\t1\\t1\\t1\\t0\\t0\\t9\\t9\\t96.5\\t{MARK}\\n'\n")
    made.chmod(0o700)
    return made


def signed_in(house: House, account: str) -> str:
    """Somebody signs in as the printed line says. The cookie of their session."""
    passwords = json.loads((house.var / "sandbox" / "passwords.json").read_text())
    assert account in how_to_sign_in(house.settings)
    begun = asked("GET", f"{house.settings.desk_url}/desk/sign-in?to=/desk/")
    attempt = begun.headers["Set-Cookie"].partition(";")[0]
    back = asked("GET", typed(begun.headers["Location"], account, passwords[account]), Cookie=attempt)
    assert back.status == 200, back.data
    return next(one.partition(";")[0] for one in back.headers.getlist("Set-Cookie") if one.startswith("desk="))


@pytest.mark.parametrize("account", ["clerk", "officer", "privacy", "auditor", "operator"])
def test_each_person_of_the_stand_in_signs_in_with_the_password_that_was_printed(house: House, account: str):
    assert signed_in(house, account)
    with house.services.ledger.transaction() as tx:
        roles = [row.roles for row in tx.rows("SELECT roles FROM sessions")]
    assert [account] in roles


def test_the_log_of_the_desk_holds_nothing_of_who_signed_in(house: House):
    cookie = signed_in(house, "clerk")
    asked("GET", f"{house.settings.desk_url}/desk/sign-in/callback?code=c0de&state=st4te&error=Casey+Clark")

    log = (house.var / "log" / "desk.log").read_text()

    assert "not signed in" in log
    for word in ("Casey", "c0de", "st4te", cookie.partition("=")[2], house.settings.oidc_client[1]):
        assert word not in log, word


def test_what_pages_show_of_a_patient_is_in_no_title_no_link_and_no_log(house: House):
    chart = house.a_patient(marked=MARK)
    house.release_form(chart)
    case = house.referral(chart)
    house.process_until(lambda: house.request_states(case))
    cookies, seen = [signed_in(house, who) for who in ("officer", "privacy", "operator")], 0

    for page in (one for one in EVERYTHING if isinstance(one, Page)):
        path = page.path.replace("{case}", case)
        if "{" in path:
            continue
        # each page is somebody's: an officer's, the privacy officer's, or the operator's
        tried = [asked("GET", house.settings.desk_url + path, Cookie=cookie) for cookie in cookies]
        shown = next((one for one in tried if one.status == 200), tried[0])
        text = shown.data.decode()
        assert shown.status == 200, (path, text)
        seen += MARK in text
        led = re.findall(r'(?:href|action|src)="([^"]*)"|<title>([^<]*)</title>', text)
        assert led or not shown.headers["Content-Type"].startswith("text/html"), path
        assert MARK not in str(led), path
    asked("GET", f"{house.settings.desk_url}/desk/cases/{MARK}?name={MARK}", Cookie=cookies[0])

    assert seen, "no page shows whom it is about, so nothing was tried"
    assert MARK not in (house.var / "log" / "desk.log").read_text()


def test_pages_that_wait_are_read_beside_its_work_and_their_words_are_in_no_log(house: House, eventually):
    came = desk.upload_paper(house.services, a_pdf(2), actor=ANN)
    paper = IncomingId(str(came.fields["incoming"]))

    def read() -> dict[int, str]:
        with house.services.ledger.transaction() as tx:
            return dict(texts_of(tx, paper, [1, 2]))

    eventually(lambda: len(read()) == 2, 90.0)
    assert read() == {1: MARK, 2: MARK}
    assert MARK not in (house.var / "log" / "desk.log").read_text()


def test_without_the_provider_it_is_ready_and_says_what_is_away(house: House):
    house.order("openid", "behaviour", {"answer": "error-503"})
    health = house.settings.names["TRANSFER_DESK_HEALTH_PORT"]
    try:
        assert asked("GET", f"{house.settings.desk_url}/desk/sign-in").status in (302, 503)
        assert asked("GET", f"http://127.0.0.1:{health}/ready").status == 200
    finally:
        house.order("openid", "behaviour", {"answer": "normal"})


def test_it_is_started_again_when_it_ends_and_a_session_outlives_that(house: House, eventually):
    first = house.system.pid("desk")
    cookie = signed_in(house, "officer")
    os.kill(first, signal.SIGKILL)

    eventually(lambda: _is_up(house, other_than=first), 60.0)

    page = asked("GET", f"{house.settings.desk_url}/desk/", Cookie=cookie)
    assert page.status != 401


def _is_up(house: House, *, other_than: int) -> bool:
    return any(each.name == "desk" and each.state == "up" and each.pid != other_than for each in house.system.status())
