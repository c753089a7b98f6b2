"""Nobody gets a page or does an act without a session, the right, and a page of ours."""

import asyncio
import re
from collections.abc import MutableMapping
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.kit.builders import new_services
from tests.kit.desk_client import Desk, text_of
from transfer.errors import NotAllowed, OutOfOrder, Unknown
from transfer.pages import guard
from transfer.pages.app import EVERYTHING, routes
from transfer.pages.forms import MAX_BODY
from transfer.pages.headers import HEADERS
from transfer.pages.routes import Act, Answer, Asked, Declared, Next, Page
from transfer.rights import RIGHTS, Right, Role

pytestmark = pytest.mark.servers

SECRET = "what only somebody with the right may read"
DONE: list[str] = []


def _show(asked: Asked) -> Answer:
    return Answer(template="refused.html", title="A page", context={"says": f"{SECRET} {asked.path.get('case', '')}"})


def _do(asked: Asked) -> Next:
    DONE.append(asked.actor.person)
    return Next("/desk/case")


def _fails(asked: Asked) -> Answer:
    raise {"unknown": Unknown("no such case"), "not": NotAllowed("it is closed"), "away": OutOfOrder("away")}.get(
        asked.path["how"], RuntimeError(SECRET)
    )


CASE = Page(path="/desk/case", right=Right.RELEASE, show=_show, nav="Case")
FAILING = Page(path="/desk/failing/{how}", right=Right.SEE_CASES, show=_fails)
RELEASE = Act(path="/desk/case", right=Right.RELEASE, do=_do)


@pytest.fixture
def desk(ledger) -> Desk:
    DONE.clear()
    return Desk(new_services(ledger), declared=(*EVERYTHING, CASE, RELEASE, FAILING))


def test_who_has_the_right_gets_the_page_and_does_the_act(desk: Desk):
    desk.sign_in(Role.OFFICER)

    page, done = desk.get("/desk/case"), desk.post("/desk/case")

    assert SECRET in page.text
    assert "Ann Example" in page.text
    assert done.status_code == 303
    assert done.headers["location"] == "/desk/case"
    assert len(DONE) == 1


@pytest.mark.parametrize("role", [role for role in Role if Right.RELEASE not in RIGHTS[role]])
def test_another_role_gets_neither_and_hears_whom_to_ask(desk: Desk, role: Role):
    desk.sign_in(role)

    page, done = desk.get("/desk/case"), desk.post("/desk/case")

    assert (page.status_code, done.status_code) == (403, 403)
    assert SECRET not in page.text
    assert "officer" in text_of(page.text)
    assert 'href="/desk/case"' not in page.text  # no link to what one may not see
    assert DONE == []


def test_nobody_gets_neither(desk: Desk):
    page, done = desk.get("/desk/case"), desk.post("/desk/case")

    assert (page.status_code, done.status_code) == (401, 401)
    assert SECRET not in page.text
    assert DONE == []


@pytest.mark.parametrize("cookie", ["x", "é" * 43, "a" * 43, "a" * 9000])
def test_a_cookie_that_is_none_of_ours_is_nobodys(desk: Desk, cookie: str):
    page = desk.client.get("/desk/case", headers={"cookie": f"__Host-desk={cookie}".encode("latin-1")})

    assert page.status_code == 401


@pytest.mark.parametrize("idle", [timedelta(minutes=30), timedelta(hours=11)])
def test_a_session_that_is_over_is_nobodys(desk: Desk, hours_pass, idle: timedelta):
    desk.sign_in(Role.OFFICER)
    hours_pass(idle)

    assert desk.get("/desk/case").status_code == 401
    assert desk.post("/desk/case").status_code == 401
    assert DONE == []


def test_a_session_in_use_ends_after_ten_hours_at_the_most(desk: Desk, hours_pass):
    desk.sign_in(Role.OFFICER)
    for _ in range(30):
        hours_pass(timedelta(minutes=20) - timedelta(seconds=1))
        if desk.get("/desk/case").status_code != 200:
            pytest.fail("a session in use ended early")
    hours_pass(timedelta(minutes=1))

    assert desk.get("/desk/case").status_code == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "https://desk.example.evil.example"},
        {"origin": "http://desk.example"},
    ],
    ids=str,
)
def test_what_another_site_asks_for_gets_nothing(desk: Desk, headers: dict[str, str]):
    desk.sign_in(Role.OFFICER)

    page, done = desk.get("/desk/case", **headers), desk.post("/desk/case", **headers)

    assert SECRET not in page.text
    assert 'content="0; url=/desk/case"' in page.text  # it leads on by a page of ours
    assert done.status_code == 403
    assert DONE == []


def test_an_act_that_does_not_say_where_it_comes_from_is_not_done(desk: Desk):
    desk.sign_in(Role.OFFICER)
    del desk.client.headers["sec-fetch-site"]

    assert desk.post("/desk/case").status_code == 403
    assert desk.post("/desk/case", origin="null").status_code == 403
    assert desk.post("/desk/case", sec_fetch_site="none").status_code == 403
    assert DONE == []
    assert desk.post("/desk/case", origin="https://desk.example").status_code == 303
    assert desk.post("/desk/case", origin="null", sec_fetch_site="same-origin").status_code == 303


def test_a_form_of_another_session_is_not_done(desk: Desk):
    desk.sign_in(Role.OFFICER)
    other = desk.token
    desk.sign_in(Role.OFFICER)

    for token in (other, "", "é"):
        assert desk.post("/desk/case", {"token": token}).status_code == 403
    assert DONE == []


def test_what_is_no_form_or_too_long_is_not_done(desk: Desk):
    desk.sign_in(Role.OFFICER)
    form = {"content-type": "application/x-www-form-urlencoded"}

    def sent(body: bytes, headers: dict[str, str]) -> int:
        return int(desk.client.post("/desk/case", content=body, headers=headers).status_code)

    assert sent(b"{}", {"content-type": "application/json"}) == 415
    assert sent(b"a=" + b"x" * MAX_BODY, form) == 413
    assert sent(b"&".join(b"a=1" for _ in range(600)), form) == 400
    assert sent(b"a=%ff", form) == 400
    assert sent(b"\xff", form) == 400
    assert DONE == []


@pytest.mark.parametrize("left", [[{"type": "http.disconnect"}], []])
def test_a_form_that_nobody_sends_to_its_end_is_answered_and_no_fault_of_ours(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, left: list[dict[str, object]]
):
    """Also from whoever has not signed in: their form is kept for them, so it is read."""
    monkeypatch.setattr(guard, "FORM_SECONDS", 0.1)
    coming = [{"type": "http.request", "body": b"text=", "more_body": True}, *left]
    sent: list[MutableMapping[str, object]] = []

    async def receive() -> dict[str, object]:
        return coming.pop(0) if coming else await asyncio.Future()

    async def send(message: MutableMapping[str, object]) -> None:
        sent.append(message)

    headers = {"sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded"}
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "https",
        "root_path": "",
        "path": "/desk/case",
        "raw_path": b"/desk/case",
        "query_string": b"",
        "server": ("desk.example", 443),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    asyncio.run(desk.client.app(scope, receive, send))

    assert sent[0]["status"] == 408
    assert DONE == []


@pytest.mark.parametrize(("how", "status"), [("unknown", 404), ("not", 403), ("away", 503), ("otherwise", 500)])
def test_what_goes_wrong_is_a_page_that_carries_nothing(desk: Desk, how: str, status: int, capfd, caplog):
    desk.sign_in(Role.CLERK)

    page = desk.get(f"/desk/failing/{how}")

    assert page.status_code == status
    assert SECRET not in page.text + caplog.text + "".join(capfd.readouterr())


def test_signing_out_ends_the_session(desk: Desk):
    secret = desk.sign_in(Role.OFFICER)

    out = desk.post("/desk/sign-out")
    desk.client.cookies.set("__Host-desk", secret)

    assert out.headers["location"] == "/desk/signed-out"
    assert "Max-Age=0" in out.headers["set-cookie"]
    assert desk.get("/desk/case").status_code == 401
    assert "signed out" in desk.get("/desk/signed-out").text


def test_every_answer_bears_the_headers(desk: Desk):
    desk.sign_in(Role.OFFICER)
    answers = [desk.get("/desk/case"), desk.get("/nowhere"), desk.post("/desk/failing/x"), desk.post("/desk/case")]

    for answer in answers:
        assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert answers[1].status_code == 404
    assert answers[2].status_code == 405


@pytest.mark.parametrize("one", [*EVERYTHING, CASE, RELEASE], ids=lambda one: f"{type(one).__name__} {one.path}")
def test_no_route_answers_before_all_holds(ledger, hours_pass, one: Declared):
    """Every route × {nobody, each wrong role, another site, a session that is over}: its function is not called."""
    called: list[str] = []

    def show(asked: Asked) -> Answer:
        called.append("page")
        return _show(asked)

    def do(asked: Asked) -> Next:
        called.append("act")
        return Next("/desk/case")

    walked = replace(one, show=show) if isinstance(one, Page) else replace(one, do=do)
    desk = Desk(new_services(ledger), declared=[walked])
    path = re.sub(r"{\w+(?::\w+)?}", "c00000000000", one.path)
    ask = desk.get if isinstance(one, Page) else desk.send if one.largest_file else desk.post
    wrong = [role for role in Role if one.right is not None and one.right not in RIGHTS[role]]

    ask(path)
    for role in wrong:
        desk.sign_in(role)
        ask(path)
    desk.sign_in(*Role)
    ask(path, sec_fetch_site="cross-site")
    ask(path, origin="https://evil.example")
    if isinstance(one, Act):
        ask(path, {"token": "of another session"})
    assert called == []
    ask(path)
    assert len(called) == 1, "the walk does not reach it at all"
    hours_pass(timedelta(minutes=31))
    ask(path)
    assert len(called) == 1


def test_every_route_of_the_desk_is_declared_or_answers_anybody(desk: Desk):
    """Whatever is added to the application goes through the guard, or stands here."""
    made = routes(desk.services, desk.address, EVERYTHING, ())

    declared = {(one.path, "GET" if isinstance(one, Page) else "POST") for one in EVERYTHING}
    others = {route.path for route in made} - {path for path, _ in declared}
    assert {path.partition("-")[0] if path.endswith(".css") else path for path in others} == {
        *("/", "/desk/signed-out", "/desk/style")
    }
