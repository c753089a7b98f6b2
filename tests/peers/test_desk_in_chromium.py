"""Signing in at the desk as people do it: in a browser, over the provider's own page, and out again."""

import json

import pytest

from tests.kit.house import House, a_house
from tests.kit.peers.browser import Window, a_window

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory):
    with a_house(tmp_path_factory.mktemp("desk") / "var", desk=True) as made:
        yield made


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


def sign_in(house: House, window: Window, account: str) -> None:
    passwords = json.loads((house.var / "sandbox" / "passwords.json").read_text())
    window.follow("Sign in with your hospital account")
    window.until_says("The stand-in identity provider")
    window.fill("Account", account)
    window.fill("Password", passwords[account])
    window.follow("Sign in")


def test_somebody_signs_in_over_the_provider_s_page_and_comes_back_with_a_session(house: House, window: Window):
    window.type_address(f"{house.settings.desk_url}/desk/signed-out")

    sign_in(house, window, "clerk")

    window.until(lambda: window.url == f"{house.settings.desk_url}/desk/")
    kept = {one["name"]: one for one in window.cookies()}
    assert (kept["desk"]["httpOnly"], kept["desk"]["sameSite"]) == (True, "Strict")
    assert "desk-sign-in" not in kept, "what was begun is over"


def test_who_signed_out_here_can_end_their_session_with_the_provider_too(house: House, window: Window):
    window.type_address(f"{house.settings.desk_url}/desk/signed-out")
    window.follow("sign out there, too")

    window.until(lambda: window.url == f"{house.settings.desk_url}/desk/signed-out")


def test_a_wrong_password_signs_nobody_in(house: House, window: Window):
    window.type_address(f"{house.settings.desk_url}/desk/signed-out")
    window.follow("Sign in with your hospital account")
    window.fill("Account", "clerk")
    window.fill("Password", "guessed")
    window.follow("Sign in")

    window.until_says("Account or password is wrong")
    assert "desk" not in {one["name"] for one in window.cookies()}
