"""Outside slides at a receiving center: the same check-in, for its own parcels and patients alone."""

import re

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import text_of
from tests.kit.open_streams import Giving
from tests.kit.outside_client import OutsideBrowser
from tests.kit.staff import ANN
from transfer import facts
from transfer.facts import Chain
from transfer.flow import desk

pytestmark = pytest.mark.servers

NUMBER = "1Z999AA10123456784"


@pytest.fixture
def services(giving: Giving):
    return giving.services


@pytest.fixture
def chart():
    return b.a_chart()


@pytest.fixture
def case(services, chart):
    made = b.a_case(services, chart)
    b.report_comes(services, chart)
    return made


@pytest.fixture
def browser(giving: Giving, case) -> OutsideBrowser:
    opened = OutsideBrowser(giving.services, giving.outgoing)
    opened.sign_in()
    return opened


def accession_of(chart) -> str:
    return chart["pathology"]["accession"]["value"]


def a_parcel(browser: OutsideBrowser) -> str:
    assert 'value="ups" checked' in browser.post("/c/slides", {"scan": NUMBER}).text
    return browser.post("/c/slides/new", {"number": NUMBER, "carrier": "ups", "condition": "good"}).headers["location"]


def logged_in(browser: OutsideBrowser, parcel: str, case, chart, **other: str):
    sent = {
        "accession": accession_of(chart),
        "whose": f"{case} {b.PRAIRIE}",
        "count-slide": "12",
        "count-block": "2",
        "list-slide": "12",
        "list-block": "2",
        "labels": "agree",
    }
    return browser.post(parcel, {**sent, **other})


def counts(services, case) -> list[tuple[str, int]]:
    return sorted((one.pieces, one.received) for one in desk.dossier(services, case, actor=ANN).materials)


def test_a_center_logs_its_own_parcel_in(browser, services, case, chart):
    parcel = a_parcel(browser)
    whose = browser.post(parcel, {"accession": f"]C1{accession_of(chart)}"})
    assert chart["patient"]["family"] in text_of(whose.text)
    assert f'value="{case} {b.PRAIRIE}" checked' in whose.text
    assert counts(services, case) == [("slide", 0)]

    done = logged_in(browser, parcel, case, chart)

    assert done.headers["location"] == parcel
    assert counts(services, case) == [("block", 2), ("slide", 12)]
    assert "12 of 12" in text_of(browser.get(parcel).text)
    assert "<svg" in browser.get(f"{parcel}/tray").text
    assert browser.post("/c/slides", {"scan": NUMBER}).headers["location"] == parcel
    assert desk.list_parcels(services, actor=ANN).lately == ()
    with services.ledger.transaction() as tx:
        came = [one for one in tx.lines(Chain.case(case)) if isinstance(one.fact, facts.MaterialReceived)]
    assert {one.by.person for one in came} == {"s0000"}


def test_its_pathologist_settles_the_line_and_the_laboratory_is_asked_for_the_rest(browser, services, case, chart):
    logged_in(browser, a_parcel(browser), case, chart, **{"list-slide": "13"})
    link = next(
        one.group()
        for one in re.finditer(r"/c/pieces/[a-z0-9]+/[a-z0-9]+", browser.get("/c/loans").text)
        if "stained" in browser.get(one.group()).text.partition("</h1>")[0]
    )

    assert browser.post(f"{link}/judge", {}).status_code == 422
    said = browser.post(f"{link}/judge", {"said": "need-unstained", "number-needed": "10", "note": "for MSI"})

    assert said.headers["location"] == link
    assert ("unstained", 0) in counts(services, case)
    (says,) = [one.says for one in desk.undecided_cases(services, actor=ANN)]
    assert says.startswith("More unstained slides are needed")


def test_it_gives_back_what_came_to_it_and_nothing_else(browser, services, case, chart):
    logged_in(browser, a_parcel(browser), case, chart)
    links = sorted(set(re.findall(r"/c/pieces/[a-z0-9]+/[a-z0-9]+", browser.get("/c/loans").text)))
    other = b.a_chart()
    elsewhere = b.a_case(services, other)
    desk.receive_material(services, elsewhere, pieces=6, announced=6, accession="S25-1", actor=ANN)
    (kept,) = desk.dossier(services, elsewhere, actor=ANN).materials

    until = {"until-year": "2030", "until-month": "1", "until-day": "31"}
    assert browser.post(f"{links[0]}/keep", {}).status_code == 422
    assert browser.post(f"{links[0]}/keep", until).headers["location"] == links[0]
    assert "31 Jan 2030" in text_of(browser.get(links[0]).text)
    sooner = browser.post(f"{links[0]}/keep", until | {"until-year": "2029"})
    assert sooner.status_code == 409
    assert browser.post(f"/c/pieces/{elsewhere}/{kept.material}/keep", until).status_code == 404
    assert browser.post(f"{links[0]}/return", {}).status_code == 422
    assert browser.post(f"{links[0]}/return", {"carrier": "ups", "number": NUMBER}).headers["location"] == links[0]
    assert NUMBER in browser.get(links[0]).text
    assert "<svg" in browser.get(f"{links[1]}/label").text
    assert browser.get(f"/c/pieces/{elsewhere}/{kept.material}").status_code == 200
    assert browser.post(f"/c/pieces/{elsewhere}/{kept.material}/return", {"carrier": "ups"}).status_code == 404


def test_what_may_not_be_released_now_is_not_here(browser, services, case, chart):
    parcel = a_parcel(browser)
    logged_in(browser, parcel, case, chart)
    link = re.findall(r"/c/pieces/[a-z0-9]+/[a-z0-9]+", browser.get("/c/loans").text)[0]
    (form,) = desk.list_permissions(services, case, actor=ANN)

    desk.pause(services, form.permission, actor=ANN)

    assert case not in browser.get(parcel).text
    assert case not in browser.get("/c/loans").text
    assert browser.get(link).status_code == 404
    assert browser.post(f"{link}/judge", {"said": "sufficient"}).status_code == 404
    assert logged_in(browser, parcel, case, chart).status_code == 404
    found = browser.post(parcel, {"accession": accession_of(chart)}).text
    nobody = browser.post(parcel, {"accession": "S99-1"}).text
    assert found.replace(accession_of(chart), "S99-1") == nobody


def test_nothing_of_another_center_is_here(giving, browser, services, case, chart):
    parcel = a_parcel(browser)
    logged_in(browser, parcel, case, chart)
    link = re.findall(r"/c/pieces/[a-z0-9]+/[a-z0-9]+", browser.get("/c/loans").text)[0]
    other = OutsideBrowser(giving.services, giving.outgoing)
    other.sign_in(institution=b.MERCY, account="s0001")

    assert other.get(parcel).status_code == 404
    assert other.get(link).status_code == 404
    assert other.post(f"{link}/return", {"carrier": "ups"}).status_code == 404
    assert logged_in(other, parcel, case, chart).status_code == 404
    assert case not in other.get("/c/slides").text + other.get("/c/loans").text
    assert other.post("/c/slides", {"scan": NUMBER}).status_code == 200


def test_of_two_patients_of_a_parcel_one_is_stopped_and_the_other_goes_on(browser, services, case, chart):
    """The parcel is as one that never had the other's slides, on every page."""
    other = b.a_chart()
    beside = b.a_case(services, other)
    b.report_comes(services, other)
    parcel = a_parcel(browser)
    logged_in(browser, parcel, case, chart)
    alone = {path: browser.get(path).text for path in (parcel, f"{parcel}/tray", f"{parcel}/receipt", "/c/loans")}
    lists = browser.get("/c/slides").text
    logged_in(browser, parcel, beside, other)
    assert other["patient"]["family"] in browser.get(f"{parcel}/tray").text
    (form,) = desk.list_permissions(services, beside, actor=ANN)

    desk.pause(services, form.permission, actor=ANN)

    assert {path: browser.get(path).text for path in alone} == alone
    assert browser.get("/c/slides").text == lists
    assert logged_in(browser, parcel, beside, other).status_code == 404
    link = re.findall(r"/c/pieces/[a-z0-9]+/[a-z0-9]+", browser.get("/c/loans").text)[0]
    assert browser.post(f"{link}/judge", {"said": "sufficient"}).status_code == 303
    assert browser.post(f"{link}/return", {"carrier": "ups", "number": NUMBER}).status_code == 303
