"""From a page that somebody wants, over the provider, to that page; and who gets no session."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit.builders import new_services
from tests.kit.desk_client import Desk, text_of
from tests.kit.providers import CLIENT_SECRET, PASSWORDS, StandIn, a_provider, path_of, typed
from tests.kit.staff import ANN
from transfer import staff_groups
from transfer.flow import desk as verbs
from transfer.pages.address import Address
from transfer.pages.app import EVERYTHING
from transfer.pages.oidc import OidcClient, Provider, SignInFlaw
from transfer.pages.routes import Answer, Asked, Page
from transfer.pages.sign_in_by_provider import _FLAWS, _NO_ROLES, by_provider
from transfer.rights import Right
from transfer.settings import Settings
from transfer.staff_groups import NoRole

pytestmark = pytest.mark.servers

ADDRESS = Address("http://127.0.0.1:8000")
DESK_YAML = Path(__file__).parents[2] / "desk.yaml"


def _show(asked: Asked) -> Answer:
    return Answer(template="refused.html", title="A case", context={"says": f"for {asked.session.name}"})


CASE = Page(path="/desk/a-page/{case}", right=Right.SEE_IDENTITY, show=_show)


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with a_provider(tmp_path_factory.mktemp("provider"), ADDRESS.origin) as stand_in:
        yield stand_in


@pytest.fixture
def desk(ledger, provider: StandIn, tmp_path: Path) -> Iterator[Desk]:
    names = {
        "TRANSFER_DESK_URL": ADDRESS.origin,
        "TRANSFER_OIDC_ISSUER": provider.issuer,
        "TRANSFER_OIDC_CLIENT_ID": "desk",
        "TRANSFER_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }
    services = new_services(ledger)
    theirs = Provider(OidcClient.of_desk(Settings.load(names, tmp_path)), lambda: b"a secret of ours")
    way = by_provider(services, ADDRESS, theirs, staff_groups.load(DESK_YAML))
    yield Desk(services, declared=(*EVERYTHING, CASE), ways=(way,), address=ADDRESS)
    provider.behave(answer="normal", claims=["groups"], shape="list", groups={})


def link(page: str, words: str) -> str:
    """Where a link of the page leads."""
    found = re.search(rf'href="([^"]+)">{words}', page)
    assert found, page
    return found[1].replace("&amp;", "&")


def came_back(desk: Desk, account: str, way: str = "/desk/sign-in"):  # type: ignore[no-untyped-def]
    """Somebody follows the link and types their password. What answers them when they come back from the other site."""
    begun = desk.get(way)
    assert begun.status_code == 302, begun.text
    back = path_of(typed(begun.headers["location"], account, PASSWORDS[account]))
    return desk.get(back, sec_fetch_site="cross-site")


def test_who_wants_a_page_signs_in_and_gets_that_page(desk: Desk):
    asked = desk.get("/desk/a-page/c1")
    assert asked.status_code == 401

    back = came_back(desk, "clerk", link(asked.text, "Sign in with your hospital account"))

    assert back.status_code == 200, "a redirect would come without the session's cookie"
    assert 'content="0; url=/desk/a-page/c1"' in back.text
    assert "for Casey Clark" in desk.get(link(back.text, "Open the page")).text


def test_rights_are_those_of_the_groups_and_a_session_is_of_the_person(desk: Desk):
    came_back(desk, "auditor")

    assert desk.get("/desk/a-page/c1").status_code == 403


@pytest.mark.parametrize(
    "to",
    [
        "https://evil.example",
        "//evil.example",
        "/desk/\\evil",
        "/desk//evil",
        "/desk/?x",
        "javascript:0",
        "",
        "/desk/" + "x" * 500,
    ],
)
def test_nobody_is_led_anywhere_but_to_the_desk(desk: Desk, to: str):
    back = came_back(desk, "clerk", f"/desk/sign-in?to={to}")

    assert link(back.text, "Open the page") == "/desk/"


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"groups": {"clerk": ["somebody-else"]}}, "none of your groups"),
        ({"groups": {"clerk": []}}, "names no groups"),
        ({"claims": []}, "names no groups"),
        ({"shape": "elsewhere"}, "in more groups than it lists"),
    ],
)
def test_who_has_no_role_gets_no_session_and_is_told_why(desk: Desk, provider: StandIn, knobs, says: str):
    provider.behave(**knobs)

    back = came_back(desk, "clerk")

    assert back.status_code == 403
    assert says in text_of(back.text)
    assert ADDRESS.cookie not in desk.client.cookies
    assert desk.get("/desk/a-page/c1").status_code == 401


def test_while_the_provider_is_away_the_page_says_so_and_leads_back_to_every_way_in(desk: Desk, provider: StandIn):
    provider.behave(answer="error-503")

    away = desk.get("/desk/sign-in")

    assert away.status_code == 503
    assert "does not answer now" in text_of(away.text) and "emergency account" in away.text
    assert link(away.text, "Go to the desk") == "/desk/"


def test_while_the_provider_is_away_the_emergency_account_signs_in(desk: Desk, provider: StandIn):
    verbs.set_local_account(desk.services, "cellar trumpet oyster ladder", actor=ANN)
    provider.behave(answer="error-503")
    assert desk.get("/desk/sign-in").status_code == 503

    way = link(desk.get("/desk/a-page/c1").text, "Use the emergency account").partition("?")[0]
    page = desk.client.post(way, data={"password": "cellar trumpet oyster ladder"})

    assert page.status_code == 200
    assert "for Emergency account" in desk.get("/desk/a-page/c1").text


def test_a_way_back_that_was_not_begun_here_is_refused_in_words(desk: Desk):
    refused = desk.get("/desk/sign-in/callback?code=x&state=y", sec_fetch_site="cross-site")

    assert refused.status_code == 403
    assert "Begin again" in text_of(refused.text)


def test_sign_out_ends_the_session_here_and_leads_to_the_provider_s(desk: Desk, provider: StandIn):
    came_back(desk, "clerk")
    kept = desk.client.cookies[ADDRESS.cookie]

    out = desk.post("/desk/sign-out")
    page = desk.get(out.headers["location"])

    desk.client.cookies.set(ADDRESS.cookie, kept)
    assert desk.get("/desk/a-page/c1").status_code == 401, "what the cookie named is over, whoever kept it"
    there = desk.get(link(page.text, "sign out there, too"))
    assert there.headers["location"].startswith(f"{provider.issuer}/sign-out?client_id=desk&post_logout_redirect_uri=")


def test_where_the_provider_is_away_somebody_is_told_to_close_the_browser(desk: Desk, provider: StandIn):
    provider.behave(answer="error-503")

    assert "Close the browser" in text_of(desk.get("/desk/sign-in/sign-out").text)


def test_every_reason_has_its_sentence():
    assert set(_FLAWS) == set(SignInFlaw)
    assert set(_NO_ROLES) == set(NoRole)
