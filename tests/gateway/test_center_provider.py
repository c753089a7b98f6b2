"""A center's own identity provider signs its people in at our pages: no other token does, and for no other center."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from tests.kit.builders import a_chart, new_services
from tests.kit.center_by_pages import by_provider
from tests.kit.desk_client import text_of
from tests.kit.open_streams import Giving
from tests.kit.outside_client import ADDRESS, SUMMIT, OutsideBrowser
from tests.kit.providers import CLIENT_SECRET, PASSWORDS, StandIn, a_provider, path_of, typed
from tests.kit.staff import ANN
from transfer.center_accounts import CenterSignIn
from transfer.flow import desk
from transfer.flow.center_pages import mails_of
from transfer.gateway.outside.center.by_provider import _FLAWS
from transfer.ledger import Ledger
from transfer.pages.oidc import SignInFlaw

pytestmark = pytest.mark.servers

MERCY = "mercy-imaging"
COOKIE = "__Host-center"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with a_provider(tmp_path_factory.mktemp("provider"), ADDRESS.origin) as stand_in:
        yield stand_in


@pytest.fixture(autouse=True)
def _as_it_should(provider: StandIn) -> Iterator[None]:
    yield
    provider.behave_well()


def signing_in(provider: StandIn, **other: Any) -> CenterSignIn:
    said = {
        "issuer": provider.issuer,
        "client_id": "desk",
        "client_secret": CLIENT_SECRET,
        "people": ["records-clerks", "records-officers"],
        "tells": ["records@summit.example"],
    }
    return CenterSignIn.model_validate({**said, **other})


@pytest.fixture
def giving(ledger: Ledger, migrated: Any, provider: StandIn) -> Iterator[Giving]:
    said = {SUMMIT: signing_in(provider), MERCY: signing_in(provider, people=["privacy-office"])}
    giving = Giving(by_provider(new_services(ledger), said), migrated.url("owner"))
    yield giving
    giving.outgoing.shut()


@pytest.fixture
def browser(giving: Giving) -> OutsideBrowser:
    return OutsideBrowser(giving.services, giving.outgoing)


def begun(browser: OutsideBrowser, center: str = SUMMIT) -> str:
    answer = browser.get(f"/c/sign-in/with/{center}")
    assert answer.status_code == 302, answer.text
    return str(answer.headers["location"])


def came_back(browser: OutsideBrowser, account: str, center: str = SUMMIT) -> Any:
    back = path_of(typed(begun(browser, center), account, PASSWORDS[account]))
    return browser.get(back, sec_fetch_site="cross-site")


def test_somebody_of_the_center_signs_in_and_reads_its_packet(giving: Giving, browser: OutsideBrowser):
    chart = a_chart()
    packet = giving.a_packet(chart)
    giving.give(packet)

    assert f'href="/c/sign-in/with/{SUMMIT}">Summit Cancer Center' in browser.get("/c/sign-in").text
    back = came_back(browser, "clerk")

    assert back.status_code == 200
    assert "SameSite=strict" in back.headers["set-cookie"]
    assert chart["patient"]["family"] in browser.get("/c/").text
    looks = desk.list_looks(giving.services, actor=ANN, days=1)
    assert ("identity-viewed", "center", "Casey Clark") in [(one.kind, one.place, one.name) for one in looks]


def test_what_they_wrote_is_read_by_others_of_the_center(giving: Giving, browser: OutsideBrowser):
    packet = giving.a_packet()
    giving.give(packet)
    came_back(browser, "clerk")
    browser.kind = browser.kind.CENTER
    browser.post(f"/c/packets/{packet}/words", {"question": "Which block is it?"})

    came_back(browser, "officer")

    assert "Which block is it?" in browser.get(f"/c/packets/{packet}/words").text


def test_who_is_none_of_the_center_s_people_is_not_let_in(browser: OutsideBrowser, provider: StandIn):
    for account, knobs in (
        ("auditor", {}),
        ("clerk", {"claims": []}),
        ("clerk", {"shape": "elsewhere"}),
        ("clerk", {"groups": {"clerk": ["records-clerk"]}}),
    ):
        provider.behave(**{"claims": ["groups"], "shape": "list", "groups": {}, **knobs})
        back = came_back(browser, account)
        assert back.status_code == 403
        assert "does not say that you may" in text_of(back.text)
        assert COOKIE not in browser.client.cookies


@pytest.mark.parametrize(
    "knobs",
    [
        {"instead": {"iss": "https://another.example.org"}},
        {"instead": {"aud": "another"}},
        {"instead": {"nonce": "another"}},
        {"instead": {"nonce": None}},
        {"instead": {"exp": -200}},
        {"instead": {"exp": None}},
        {"signature": "another-key"},
        {"signature": "unsigned"},
        {"signature": "by-secret"},
    ],
    ids=str,
)
def test_a_token_that_does_not_hold_lets_nobody_in(browser: OutsideBrowser, provider: StandIn, knobs: dict[str, Any]):
    provider.behave(**knobs)

    back = came_back(browser, "clerk")

    assert back.status_code == 403
    assert "does not hold" in text_of(back.text)
    assert COOKIE not in browser.client.cookies
    assert browser.get("/c/").status_code == 401


def test_nobody_of_one_center_sees_what_is_another_s(giving: Giving, browser: OutsideBrowser):
    chart = a_chart()
    packet = giving.a_packet(chart)
    giving.give(packet)

    assert came_back(browser, "privacy", MERCY).status_code == 200

    listed = browser.get("/c/")
    assert listed.status_code == 200
    assert chart["patient"]["family"] not in listed.text
    for path in ("", "/packet.tar", "/packet.zip", "/files/index.html", "/words", "/report", "/more"):
        assert browser.get(f"/c/packets/{packet}{path}").status_code == 404
    assert came_back(browser, "privacy", SUMMIT).status_code == 403
    assert came_back(browser, "clerk", MERCY).status_code == 403


def test_what_was_begun_for_one_center_ends_for_no_other(browser: OutsideBrowser):
    back = path_of(typed(begun(browser, MERCY), "clerk", PASSWORDS["clerk"]))

    moved = browser.get(back.replace(MERCY, SUMMIT), sec_fetch_site="cross-site")

    assert moved.status_code == 403
    assert "Begin again" in text_of(moved.text)
    assert COOKIE not in browser.client.cookies


def test_a_way_back_that_was_not_begun_here_and_a_center_without_a_provider_let_nobody_in(browser: OutsideBrowser):
    assert browser.get(f"/c/sign-in/with/{SUMMIT}/back?code=x&state=y").status_code == 403
    for center in ("prairie-pathology", "nowhere", "x" * 500):
        assert browser.get(f"/c/sign-in/with/{center}").status_code == 404
        assert browser.get(f"/c/sign-in/with/{center}/back?code=x&state=y").status_code == 404


def test_while_the_provider_is_away_the_page_says_so(browser: OutsideBrowser, provider: StandIn):
    provider.behave(answer="error-503")

    assert browser.get(f"/c/sign-in/with/{SUMMIT}").status_code == 503
    provider.behave(answer="normal")
    back = path_of(typed(begun(browser), "clerk", PASSWORDS["clerk"]))
    provider.behave(answer="error-503")
    assert browser.get(back).status_code == 503


def test_whom_the_file_names_is_told_that_a_packet_is_ready(giving: Giving):
    assert "records@summit.example" in mails_of(giving.services, SUMMIT)


def test_a_center_without_a_provider_offers_none(giving: Giving, ledger: Ledger):
    plain = OutsideBrowser(new_services(ledger), giving.outgoing)

    assert "By your center" not in plain.get("/c/sign-in").text


@pytest.mark.parametrize(
    "other",
    [
        {"issuer": "http://login.example.org"},
        {"issuer": "https://login.example.org?tenant=1"},
        {"issuer": "https://user@login.example.org"},
        {"issuer": "login.example.org"},
        {"client_id": ""},
        {"client_secret": ""},
        {"people": []},
        {"people": [""]},
        {"tells": ["nobody"]},
    ],
    ids=str,
)
def test_a_file_by_which_nobody_could_sign_in_safely_is_a_mistake(provider: StandIn, other: dict[str, Any]):
    with pytest.raises(ValidationError):
        signing_in(provider, **other)


def test_every_reason_has_its_sentence():
    assert set(_FLAWS) == set(SignInFlaw)
