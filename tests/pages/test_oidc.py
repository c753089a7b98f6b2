"""Whom the desk believes that they are: every way in which a provider's answer may not hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from tests.kit.providers import CLIENT_SECRET, PASSWORDS, StandIn, a_provider, path_of, typed
from transfer.pages import oidc
from transfer.pages.oidc import CALLBACK, NotSignedIn, OidcClient, Provider, ProviderAway
from transfer.settings import BadSetting, Settings

pytestmark = pytest.mark.servers

DESK = "http://127.0.0.1:8000"


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with a_provider(tmp_path_factory.mktemp("provider"), DESK) as stand_in:
        yield stand_in


@pytest.fixture(autouse=True)
def _as_it_should(provider: StandIn) -> Iterator[None]:
    yield
    provider.behave_well()


def settings(provider: StandIn, tmp_path: Path, **more: str) -> Settings:
    names = {
        "TRANSFER_DESK_URL": DESK,
        "TRANSFER_OIDC_ISSUER": provider.issuer,
        "TRANSFER_OIDC_CLIENT_ID": "desk",
        "TRANSFER_OIDC_CLIENT_SECRET": CLIENT_SECRET,
    }
    return Settings.load({**names, **more}, tmp_path)


def browser(provider: StandIn, tmp_path: Path, **more: str) -> TestClient:
    """Somebody's browser before an application that only signs in, and says what came of it."""
    ours = Provider(OidcClient.of_desk(settings(provider, tmp_path, **more)), lambda: b"a secret of ours")

    async def begin(request: Request) -> Response:
        return await ours.begin(request, request.query_params["to"])

    async def finish(request: Request) -> Response:
        try:
            found = await ours.finish(request)
            answer = JSONResponse({"name": found.person.name, "subject": found.person.subject, "to": found.to})
        except NotSignedIn as error:
            answer = JSONResponse({"flaw": error.flaw, "detail": error.detail}, status_code=403)
        ours.forget(answer)
        return answer

    async def away(_request: Request, error: Exception) -> Response:
        return JSONResponse({"away": str(error)}, status_code=503)

    routes = [Route("/begin", begin), Route(CALLBACK, finish)]
    app = Starlette(routes=routes, exception_handlers={ProviderAway: away})
    return TestClient(app, base_url=DESK, follow_redirects=False)


def begun(client: TestClient) -> str:
    answer = client.get("/begin?to=/desk/cases/c1")
    assert answer.status_code == 302
    return answer.headers["location"]


def came_back(client: TestClient, account: str = "clerk") -> Any:
    return client.get(path_of(typed(begun(client), account, PASSWORDS[account]))).json()


def test_whoever_the_provider_lets_in_is_known_by_its_subject_and_led_to_the_page_they_wanted(provider, tmp_path):
    client = browser(provider, tmp_path)

    first, again, other = came_back(client), came_back(client), came_back(client, "officer")

    assert (first["name"], first["to"]) == ("Casey Clark", "/desk/cases/c1")
    assert first == again
    assert first["subject"] != other["subject"]
    assert "clerk" not in first["subject"]


def test_the_stand_in_writes_down_neither_passwords_nor_codes(provider, tmp_path):
    came_back(browser(provider, tmp_path))

    log = provider.access_log()

    assert {"/authorize", "/token"} <= {line["path"] for line in log}
    assert {len(line["query"]) + len(line["parameters"]) for line in log} == {0}


def test_the_way_there_carries_state_nonce_and_a_challenge_and_the_secret_stays_here(provider, tmp_path):
    query = parse_qs(urlsplit(begun(browser(provider, tmp_path))).query)

    assert query["response_type"] == ["code"] and query["code_challenge_method"] == ["S256"]
    assert len(query["state"][0]) > 20 and len(query["nonce"][0]) >= 20 and len(query["code_challenge"][0]) == 43
    assert query["redirect_uri"] == [DESK + CALLBACK]
    assert "client_secret" not in query and "code_verifier" not in query


def test_a_clock_that_differs_by_two_minutes_is_borne(provider, tmp_path):
    provider.behave(instead={"iat": 100, "nbf": 100, "exp": -100})

    assert came_back(browser(provider, tmp_path))["name"] == "Casey Clark"


@pytest.mark.parametrize(
    ("knobs", "detail"),
    [
        ({"instead": {"iss": "https://another.example.org"}}, "iss"),
        ({"instead": {"iss": None}}, "iss"),
        ({"instead": {"aud": "another"}}, "aud"),
        ({"instead": {"aud": ["another", "third"], "azp": "desk"}}, "aud"),
        ({"instead": {"aud": ["desk", "another"], "azp": "another"}}, "azp"),
        ({"instead": {"exp": -200}}, "exp"),
        ({"instead": {"exp": None}}, "exp"),
        ({"instead": {"iat": 3600}}, "iat"),
        ({"instead": {"nonce": "another"}}, "nonce"),
        ({"instead": {"nonce": None}}, "nonce"),
        ({"instead": {"sub": None}}, "sub"),
        ({"instead": {"sub": ""}}, "sub"),
        ({"instead": {"sub": "s" * 256}}, "sub"),
        ({"instead": {"sub": 7}}, "sub"),
        ({"signature": "unsigned"}, "signature"),
        ({"signature": "another-key"}, "signature"),
        ({"signature": "by-secret"}, "signature"),
        ({"signature": "none-at-all"}, "id_token"),
        ({"signature": "garbage"}, "signature"),
    ],
)
def test_what_does_not_hold_signs_nobody_in(provider, tmp_path, knobs, detail):
    provider.behave(**knobs)

    assert came_back(browser(provider, tmp_path)) == {"flaw": "not-believed", "detail": detail}


def test_what_was_begun_in_another_browser_is_not_ended_in_this_one(provider, tmp_path):
    mine, theirs = browser(provider, tmp_path), browser(provider, tmp_path)
    lure = path_of(typed(begun(theirs), "clerk", PASSWORDS["clerk"]))

    assert mine.get(lure).json()["flaw"] == "not-begun-here"
    begun(mine)
    assert mine.get(lure).json()["flaw"] == "not-begun-here", "another state than its own"


def test_a_sign_in_can_be_ended_once_and_not_too_late(provider, tmp_path, monkeypatch):
    client = browser(provider, tmp_path)
    back = path_of(typed(begun(client), "clerk", PASSWORDS["clerk"]))
    kept = dict(client.cookies)

    assert client.get(back).json()["name"] == "Casey Clark"
    assert client.get(back).json()["flaw"] == "not-begun-here"
    client.cookies.update(kept)
    assert client.get(back).json() == {"flaw": "provider-refuses", "detail": "invalid_grant"}, "a code is used once"
    late = path_of(typed(begun(client), "clerk", PASSWORDS["clerk"]))
    monkeypatch.setattr(oidc, "ATTEMPT_SECONDS", -1)
    assert client.get(late).json()["flaw"] == "not-begun-here"


def test_a_cookie_that_was_changed_is_none(provider, tmp_path):
    client = browser(provider, tmp_path)
    back = path_of(typed(begun(client), "clerk", PASSWORDS["clerk"]))
    (name, value), *_ = client.cookies.items()
    client.cookies.clear()

    answer = client.get(back, headers={"Cookie": f"{name}=x{value[1:]}"})

    assert answer.json()["flaw"] == "not-begun-here"


def test_an_answer_that_another_provider_could_have_sent_is_not_believed(provider, tmp_path):
    client = browser(provider, tmp_path)
    back = path_of(typed(begun(client), "clerk", PASSWORDS["clerk"]))

    assert client.get(back.replace("iss=http", "iss=https")).json() == {"flaw": "not-believed", "detail": "iss"}


def test_whom_the_provider_refuses_is_told_so_and_what_it_says_is_not_repeated(provider, tmp_path):
    client = browser(provider, tmp_path)
    begun(client)

    said = client.get(f"{CALLBACK}?error=access_denied&error_description=Somebody").json()
    assert said == {"flaw": "provider-refuses", "detail": "access_denied"}
    begun(client)
    assert client.get(f"{CALLBACK}?error=Somebody+there").json() == {"flaw": "provider-refuses", "detail": ""}


def test_a_wrong_secret_of_ours_is_told_as_the_standard_calls_it(provider, tmp_path):
    client = browser(provider, tmp_path, TRANSFER_OIDC_CLIENT_SECRET="another")

    assert came_back(client) == {"flaw": "provider-refuses", "detail": "invalid_client"}


@pytest.mark.parametrize("knobs", [{"answer": "error-503"}, {"answer": "garbage"}, {"issuer": "https://another"}])
def test_a_provider_that_does_not_answer_as_one_is_away_and_back_when_it_does(provider, tmp_path, knobs):
    client = browser(provider, tmp_path)
    provider.behave(**knobs)

    assert client.get("/begin?to=/desk/").status_code == 503
    provider.behave(answer="normal", issuer=None)
    assert came_back(client)["name"] == "Casey Clark"


def test_a_provider_that_goes_away_in_the_middle_is_away(provider, tmp_path):
    client = browser(provider, tmp_path)
    back = path_of(typed(begun(client), "clerk", PASSWORDS["clerk"]))
    provider.behave(answer="error-503")

    assert client.get(back).status_code == 503


def test_an_answer_beyond_its_bound_is_none(provider, tmp_path, monkeypatch):
    monkeypatch.setattr(oidc, "MAX_ANSWER_BYTES", 100)

    assert browser(provider, tmp_path).get("/begin?to=/desk/").status_code == 503


@pytest.mark.parametrize(
    "more",
    [
        {"TRANSFER_OIDC_ISSUER": "http://login.example.org"},
        {"TRANSFER_OIDC_ISSUER": "https://login.example.org?tenant=1"},
        {"TRANSFER_OIDC_ISSUER": "https://user@login.example.org"},
        {"TRANSFER_DESK_URL": "http://desk.example.org"},
        {"TRANSFER_OIDC_SCOPE": "profile"},
        {"TRANSFER_OIDC_AUTHORITY": "/nowhere.pem"},
        {"TRANSFER_OIDC_CLIENT_SECRET": ""},
    ],
)
def test_a_setting_by_which_nobody_could_sign_in_safely_is_named(provider, tmp_path, more):
    with pytest.raises(BadSetting, match=next(iter(more))):
        OidcClient.of_desk(settings(provider, tmp_path, **more))
