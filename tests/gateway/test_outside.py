"""Nobody of outside gets a page or does an act without a session of that kind and a page of ours."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.kit.builders import a_chart
from tests.kit.desk_client import text_of
from tests.kit.fakes import KeptMail
from tests.kit.open_streams import Giving
from tests.kit.outside_client import ADDRESS, MAIL, OutsideBrowser, code_in, invited
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.flow.services import LedgerAlone
from transfer.gateway.intake import Intake
from transfer.gateway.outside.app import PARTS, everything, routes
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, OutsidePart, Reached, Shell, Visit
from transfer.outside_sessions import MOST_TRIES, TriedBy
from transfer.pages.forms import MAX_BODY
from transfer.pages.headers import HEADERS
from transfer.pages.routes import Answer, Next

pytestmark = pytest.mark.servers

SECRET = "what only they may read"
ALL = [(part, one) for part in PARTS for one in everything(part)]


@pytest.fixture
def browser(giving: Giving) -> OutsideBrowser:
    return OutsideBrowser(giving.services, giving.outgoing)


@pytest.mark.parametrize(("part", "one"), ALL, ids=lambda one: getattr(one, "path", one and one.kind))
def test_no_route_answers_before_all_holds(giving: Giving, hours_pass, part: OutsidePart, one: Reached):
    """Every route × {nobody, a guessed cookie, another site, a session that is over}: its function is not called."""
    called: list[str] = []

    def show(_visit: Visit) -> Answer:
        called.append("page")
        return Answer(template="refused.html", title="A page", context={"says": SECRET})

    def do(_visit: Visit) -> Next:
        called.append("act")
        return Next(part.home)

    walked = replace(one, show=show) if isinstance(one, OutsidePage) else replace(one, do=do)
    if one.path.endswith("sign-out"):
        walked = replace(walked, path=f"{part.home}walked")
    browser = OutsideBrowser(giving.services, giving.outgoing, parts=[replace(part, declared=[walked])])
    path = re.sub(r"{\w+(?::\w+)?}", "c00000000000", walked.path)
    ask = browser.get if isinstance(one, OutsidePage) else browser.upload if one.takes_files else browser.post

    assert ask(path).status_code == 401
    for cookie in ("x", "a" * 43, "a" * 9000):
        assert ask(path, cookie=f"__Host-{part.kind}={cookie}").status_code == 401
    browser.sign_in(part.kind)
    ask(path, sec_fetch_site="cross-site")
    ask(path, origin="https://evil.example")
    if isinstance(one, OutsideAct):
        ask(path, {"token": "of another session"})
    assert called == []
    ask(path)
    assert len(called) == 1, "the walk does not reach it at all"
    hours_pass(timedelta(minutes=31))
    assert ask(path).status_code == 401
    assert len(called) == 1


def test_every_route_is_declared_or_answers_anybody(giving: Giving):
    """Whatever is added to the application goes through the guard, or stands here."""
    shell = Shell(
        services=giving.services,
        outgoing=giving.outgoing,
        intake=Intake(giving.services.ledger),
        address=ADDRESS,
    )
    declared = {(one.path, "GET" if isinstance(one, OutsidePage) else "POST") for _, one in ALL}

    others = {
        (re.sub(r"-\w+\.css", "", route.path), method)
        for route in routes(shell, PARTS)
        for method in (route.methods or set()) - {"HEAD"}
        if (route.path, method) not in declared
    }
    assert others == {
        *(("/c", "GET"), ("/c/style", "GET")),
        *(("/c/sign-in", "GET"), ("/c/sign-in", "POST"), ("/c/sign-in/code", "POST")),
        *(("/c/sign-in/with/{center}", "GET"), ("/c/sign-in/with/{center}/back", "GET")),
        *(("/r", "GET"), ("/r/open", "GET"), ("/r/open", "POST"), ("/r/code/{code}", "GET")),
        *(("/own", "GET"), ("/own/open", "GET"), ("/own/open", "POST"), ("/own/code/{code}", "GET")),
    }


def test_every_answer_bears_the_headers_and_a_page_that_is_not_there_says_nothing(browser: OutsideBrowser):
    answers = [browser.get("/c/"), browser.get("/c/nowhere"), browser.get("/c/sign-in"), browser.post("/c/")]

    for answer in answers:
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert [answer.status_code for answer in answers] == [401, 404, 200, 404]
    assert browser.get("/packets/x").status_code == 599  # a door's


def test_somebody_who_was_invited_signs_in_by_code_and_pin(browser: OutsideBrowser):
    pin = invited(browser.services)

    browser.post("/c/sign-in", {"mail": " Ann@Summit.example "})
    answer = browser.post("/c/sign-in/code", {"mail": MAIL, "code": code_in(browser.services).lower(), "pin": pin})

    assert "__Host-center=" in answer.headers["set-cookie"]
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert browser.get("/c/").status_code == 200
    looks = desk.list_looks(LedgerAlone(browser.services.ledger), actor=ANN, days=1)
    assert ("outside-signed-in", "center", MAIL) in [(one.kind, one.place, one.name) for one in looks]


def test_a_code_works_once_for_ten_minutes_and_never_without_the_pin(browser: OutsideBrowser, hours_pass):
    pin = invited(browser.services)

    def tried(code: str, pin: str) -> int:
        return int(browser.post("/c/sign-in/code", {"mail": MAIL, "code": code, "pin": pin}).status_code)

    browser.post("/c/sign-in", {"mail": MAIL})
    first = code_in(browser.services)
    assert tried(first, "00000000") == 422
    assert tried(first, pin) == 422  # it is used up
    browser.post("/c/sign-in", {"mail": MAIL})
    second = code_in(browser.services)
    browser.post("/c/sign-in", {"mail": MAIL})
    assert tried(second, pin) == 422  # a newer one went out
    hours_pass(timedelta(minutes=11))
    assert tried(code_in(browser.services), pin) == 422
    browser.post("/c/sign-in", {"mail": MAIL})
    assert tried(code_in(browser.services), pin) == 200


def test_an_address_that_was_not_invited_gets_the_same_answer_and_no_mail(browser: OutsideBrowser):
    invited(browser.services)
    assert isinstance(browser.services.mailer, KeptMail)
    before = len(browser.services.mailer.sent)

    known = browser.post("/c/sign-in", {"mail": MAIL})
    unknown = browser.post("/c/sign-in", {"mail": "eve@summit.example"})
    none = browser.post("/c/sign-in", {"mail": "no address"})

    assert known.text.replace(MAIL, "") == unknown.text.replace("eve@summit.example", "")
    assert none.status_code == known.status_code == 200
    assert len(browser.services.mailer.sent) == before + 1


def test_whoever_guesses_is_not_looked_at_after_some_tries(browser: OutsideBrowser, hours_pass):
    pin = invited(browser.services)
    guess = {"mail": MAIL, "code": "AAAA-AAAA", "pin": "11111111"}
    for _ in range(MOST_TRIES[TriedBy.ACCOUNT]):
        assert browser.post("/c/sign-in/code", guess).status_code == 422

    assert browser.post("/c/sign-in/code", guess).status_code == 409
    assert "too often" in text_of(browser.post("/c/sign-in/code", guess).text)
    other = {**guess, "mail": "ben@summit.example"}
    while browser.post("/c/sign-in/code", other).status_code == 422:
        pass
    for number in range(MOST_TRIES[TriedBy.ADDRESS]):
        browser.post("/c/sign-in/code", {**guess, "mail": f"x{number}@summit.example"})
    third = browser.post("/c/sign-in/code", {**guess, "mail": "new@summit.example"})
    assert third.status_code == 409  # all of one network address
    hours_pass(timedelta(hours=1, minutes=1))
    browser.post("/c/sign-in", {"mail": MAIL})
    entered = browser.post("/c/sign-in/code", {"mail": MAIL, "code": code_in(browser.services), "pin": pin})
    assert entered.status_code == 200


def test_what_is_sent_before_anybody_signed_in_is_bounded(browser: OutsideBrowser):
    form = {"content-type": "application/x-www-form-urlencoded"}

    def sent(body: bytes, headers: dict[str, str]) -> int:
        return int(browser.client.post("/c/sign-in", content=body, headers=headers).status_code)

    assert sent(b"{}", {"content-type": "application/json"}) == 415
    assert sent(b"mail=" + b"x" * MAX_BODY, form) == 413
    assert browser.post("/c/sign-in", {"mail": MAIL}, sec_fetch_site="cross-site").status_code == 403


def test_whose_account_is_ended_is_signed_out_and_signs_in_no_more(browser: OutsideBrowser):
    pin = invited(browser.services)
    browser.post("/c/sign-in", {"mail": MAIL})
    browser.post("/c/sign-in/code", {"mail": MAIL, "code": code_in(browser.services), "pin": pin})

    assert desk.end_center_account(browser.services, MAIL, actor=ANN).changed
    assert not desk.end_center_account(browser.services, MAIL, actor=ANN).changed

    assert browser.get("/c/").status_code == 401
    browser.post("/c/sign-in", {"mail": MAIL})
    entered = browser.post("/c/sign-in/code", {"mail": MAIL, "code": code_in(browser.services), "pin": pin})
    assert entered.status_code == 422


def test_signing_out_ends_the_session(browser: OutsideBrowser):
    secret = browser.sign_in()

    out = browser.post("/c/sign-out")
    browser.client.cookies.set("__Host-center", secret)

    assert out.headers["location"] == "/c/sign-in"
    assert browser.get("/c/").status_code == 401


def test_a_center_reads_and_keeps_its_packet_and_no_other_one_does(giving: Giving, browser: OutsideBrowser):
    chart = a_chart()
    packet = giving.a_packet(chart)
    handed(giving, packet)
    browser.sign_in()

    listed, shown = browser.get("/c/"), browser.get(f"/c/packets/{packet}")
    page = browser.get(f"/c/packets/{packet}/files/index.html")
    pdf = browser.get(f"/c/packets/{packet}/files/records.pdf")
    tar = browser.get(f"/c/packets/{packet}/packet.tar")

    assert chart["patient"]["family"] in text_of(listed.text) + text_of(shown.text)
    assert f"<title>Packet {packet}</title>" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert pdf.headers["content-disposition"] == "inline"
    assert pdf.content.startswith(b"%PDF-")
    assert "attachment" in tar.headers["content-disposition"]
    assert len(tar.content) == int(tar.headers["content-length"])
    browser.sign_in(institution="mercy-imaging")
    for path in ("", "/packet.tar", "/files/index.html", "/files/../index.html", "/files/nothing"):
        assert browser.get(f"/c/packets/{packet}{path}").status_code == 404
    assert chart["patient"]["family"] not in browser.get("/c/").text


def test_what_may_not_be_released_any_more_is_not_there(giving: Giving, browser: OutsideBrowser):
    packet = giving.a_packet()
    handed(giving, packet)
    browser.sign_in()
    assert str(packet) in browser.get("/c/").text

    giving.revoke(packet)

    assert str(packet) not in browser.get("/c/").text
    for path in ("", "/packet.tar", "/files/index.html"):
        gone, never = (browser.get(f"/c/packets/{one}{path}") for one in (packet, "c00000000000-p1"))
        assert gone.status_code == never.status_code == 404
        assert gone.text == never.text


def handed(giving: Giving, packet: Any) -> None:
    """The center was handed the packet."""
    giving.give(packet)
