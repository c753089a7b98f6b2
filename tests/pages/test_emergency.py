"""The emergency account: who types its password signs in as one person, and it is written down."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.kit.builders import new_services
from tests.kit.desk_client import Desk, text_of
from tests.kit.staff import ANN, somebody
from transfer.errors import NotAllowed
from transfer.flow import desk as verbs
from transfer.flow.desk.local_account import FREE_TRIES, MOST_CHARACTERS, may_try
from transfer.pages.emergency import PATH
from transfer.rights import Right
from transfer.sessions import LOCAL_ISSUER, Person

pytestmark = pytest.mark.servers

PASSWORD = "cellar trumpet oyster ladder"


@pytest.fixture
def desk(ledger) -> Desk:
    return Desk(new_services(ledger))


def typed(desk: Desk, password: str, **headers: str):
    return desk.client.post(PATH, data={"password": password}, headers=headers)


def test_who_types_its_password_is_signed_in_and_it_is_a_fact(desk: Desk):
    verbs.set_local_account(desk.services, PASSWORD, actor=ANN)

    page = typed(desk, PASSWORD)

    assert page.status_code == 200
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Host-desk=")
    assert {"HttpOnly", "Secure", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert desk.get("/desk/cases/c00000000000/reason").status_code == 200
    (look,) = verbs.list_looks(desk.services, actor=ANN, days=1)
    assert (look.kind, look.name, look.is_local, look.is_claimed) == ("signed-in", "Emergency account", True, False)


def test_the_password_it_has_changes_nothing(desk: Desk):
    said = [
        verbs.set_local_account(desk.services, password, actor=ANN).changed
        for password in (PASSWORD, PASSWORD, f"{PASSWORD} anew")
    ]

    assert said == [True, False, True]
    assert not verbs.sign_in_locally(desk.services, PASSWORD)


def test_two_who_type_it_are_one_person(desk: Desk):
    verbs.set_local_account(desk.services, PASSWORD, actor=ANN)
    first, second = (verbs.sign_in_locally(desk.services, PASSWORD) or "" for _ in range(2))

    one, other = (verbs.session_of(desk.services, secret) for secret in (first, second))

    assert first != second
    assert one and other
    assert one.actor.counts_as == other.actor.counts_as


@pytest.mark.parametrize("password", ["", PASSWORD.upper(), PASSWORD + " ", "x" * 60_000])
def test_who_types_another_is_not(desk: Desk, password: str):
    verbs.set_local_account(desk.services, PASSWORD, actor=ANN)

    page = typed(desk, password)

    assert page.status_code == 422
    assert "set-cookie" not in page.headers
    assert "not the password" in text_of(page.text)
    assert password not in page.text or not password


def test_without_an_account_no_password_is_right(desk: Desk):
    assert typed(desk, PASSWORD).status_code == 422
    verbs.set_local_account(desk.services, PASSWORD, actor=ANN)
    assert verbs.remove_local_account(desk.services, actor=ANN).changed
    assert typed(desk, PASSWORD).status_code == 422
    assert not verbs.remove_local_account(desk.services, actor=ANN).changed


def test_who_guesses_waits(desk: Desk, hours_pass):
    verbs.set_local_account(desk.services, PASSWORD, actor=ANN)
    for _ in range(FREE_TRIES):
        assert typed(desk, "something else").status_code == 422

    assert typed(desk, PASSWORD).status_code == 403  # the right one, too: it is not looked at
    hours_pass(timedelta(minutes=1))
    assert typed(desk, "something else").status_code == 422
    assert typed(desk, PASSWORD).status_code == 403
    hours_pass(timedelta(minutes=1))
    assert typed(desk, PASSWORD).status_code == 200
    assert typed(desk, "something else").status_code == 422  # counted from nothing again


def test_how_often_a_password_is_looked_at():
    now = datetime(2026, 1, 5, tzinfo=UTC)

    assert may_try(4, now, now)
    assert not may_try(5, now - timedelta(seconds=59), now)
    assert may_try(500, now - timedelta(seconds=60), now)


def test_a_form_of_another_site_signs_nobody_in(desk: Desk):
    verbs.set_local_account(desk.services, PASSWORD, actor=ANN)

    assert typed(desk, PASSWORD, **{"sec-fetch-site": "cross-site"}).status_code == 403
    assert typed(desk, PASSWORD, origin="https://evil.example").status_code == 403


@pytest.mark.parametrize("password", ["x" * 14, "x" * (MOST_CHARACTERS + 1)])
def test_a_password_has_a_length(desk: Desk, password: str):
    with pytest.raises(NotAllowed, match="15 to 128"):
        verbs.set_local_account(desk.services, password, actor=ANN)


def test_letters_count_however_a_keyboard_composes_them(desk: Desk):
    verbs.set_local_account(desk.services, "caf\N{LATIN SMALL LETTER E WITH ACUTE} trumpet oyster", actor=ANN)

    assert typed(desk, "cafe\N{COMBINING ACUTE ACCENT} trumpet oyster").status_code == 200


def test_who_may_not_say_how_people_sign_in_sets_none(desk: Desk):
    with pytest.raises(NotAllowed):
        verbs.set_local_account(desk.services, PASSWORD, actor=somebody("x", without=frozenset({Right.MANAGE_SIGN_IN})))


def test_nobody_else_signs_in_as_it(desk: Desk):
    with pytest.raises(ValueError, match="password"):
        verbs.sign_in(desk.services, Person(issuer=LOCAL_ISSUER, subject="emergency", name="x"), [])


def test_the_password_is_kept_as_argon2id(desk: Desk):
    verbs.set_local_account(desk.services, PASSWORD, actor=ANN)

    with desk.services.ledger.transaction() as tx:
        kept = tx.value("SELECT kept FROM local_account")
    assert kept.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PASSWORD not in kept


def test_by_http_on_loopback_the_cookie_says_so(ledger):
    from transfer.pages.address import Address

    desk = Desk(new_services(ledger), address=Address("http://127.0.0.1:8123"))
    verbs.set_local_account(desk.services, PASSWORD, actor=ANN)

    cookie = typed(desk, PASSWORD).headers["set-cookie"]

    assert cookie.startswith("desk=")
    assert "Secure" not in cookie and "HttpOnly" in cookie
    assert "not encrypted" in desk.get(PATH).text


@pytest.mark.parametrize("origin", ["http://desk.example", "https://desk.example/", "ftp://x", "https://a@b", "desk"])
def test_any_other_address_is_none(origin: str):
    from transfer.pages.address import Address

    with pytest.raises(ValueError, match="https"):
        Address(origin)
