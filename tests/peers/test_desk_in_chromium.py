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


def test_somebody_signs_in_at_the_page_they_wanted_and_out(house: House, window: Window):
    wanted = f"{house.settings.desk_url}/desk/decisions"
    window.type_address(wanted)
    sign_in(house, window, "clerk")

    window.until_says("Casey Clark")
    assert window.url == wanted
    kept = {one["name"]: one for one in window.cookies()}
    assert (kept["desk"]["httpOnly"], kept["desk"]["sameSite"]) == (True, "Strict")
    assert "desk-sign-in" not in kept, "what was begun is over"
    window.follow("Sign out")
    window.until_says("You have signed out")
    window.follow("sign out there, too")
    window.until(lambda: window.url == f"{house.settings.desk_url}/desk/signed-out")
    window.type_address(wanted)
    window.until_says("You have not signed in")


def test_a_wrong_password_signs_nobody_in(house: House, window: Window):
    window.type_address(f"{house.settings.desk_url}/desk/signed-out")
    window.follow("Sign in with your hospital account")
    window.fill("Account", "clerk")
    window.fill("Password", "guessed")
    window.follow("Sign in")

    window.until_says("Account or password is wrong")
    assert "desk" not in {one["name"] for one in window.cookies()}
