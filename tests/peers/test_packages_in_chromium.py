"""Twelve slides and two blocks received by keyboard alone, the keys counted; the pages, looked at by axe-core."""

import re

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.for_everybody import barriers
from tests.kit.served_desk import a_served_desk
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.materials import CheckIn, LabelCheck, MaterialKind
from transfer.parcels import Carrier
from transfer.rights import Role

pytestmark = pytest.mark.servers

PASSWORD = "cellar trumpet oyster ladder"
NUMBER = "1Z999AA10123456784"


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


@pytest.fixture
def services(ledger):
    return b.new_services(ledger)


def test_twelve_slides_and_two_blocks_are_received_by_keyboard_alone(services, window: Window):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    b.report_comes(services, chart)
    accession = chart["pathology"]["accession"]["value"]
    verbs.set_local_account(services, PASSWORD, actor=ANN)
    with a_served_desk(services) as address:
        window.type_address(f"{address.origin}/desk/packages")
        window.follow("Use the emergency account")
        window.fill("Password of the emergency account", PASSWORD)
        window.follow("Sign in")
        window.until(lambda: window.url == f"{address.origin}/desk/")
        window.type_address(f"{address.origin}/desk/packages")
        window.until_says("the code of a sheet of ours")

        window.type_keys(f"]C1{NUMBER}\n")  # the reader
        window.until_says("A parcel is here")
        keys = window.type_keys("\n")
        window.until_says("Nothing is logged in yet")
        window.type_keys(f"]C1{accession}\n")  # the reader
        window.until_says(chart["patient"]["family"])
        assert not any(one.received for one in verbs.dossier(services, case, actor=ANN).materials)
        keys += window.type_keys("12\t2\n")
        window.until_says("Logged in")

    found = verbs.dossier(services, case, actor=ANN).materials
    assert sorted((one.pieces, one.received) for one in found) == [("block", 2), ("slide", 12)]
    assert keys == 6


def pages(desk: Desk, services) -> dict[str, str]:
    """Each page, in each state."""
    charts = [b.a_chart(), b.a_chart()]
    cases = [b.a_case(services, chart) for chart in charts]
    for chart in charts:
        b.report_comes(services, chart)
    number = charts[0]["pathology"]["accession"]["value"]
    verbs.receive_parcel(services, carrier=Carrier.OTHER, number="77-1", shelf="B3", actor=ANN)
    took = verbs.receive_parcel(services, carrier=Carrier.BY_HAND, shelf="A12", actor=ANN)
    parcel = took.fields["parcel"]
    here = f"/desk/packages/{parcel}"
    shown = {
        "empty": desk.get(here).text,
        "whose": desk.post(here, {"accession": number}).text,
        "nobody": desk.post(here, {"accession": "S99-1"}).text,
        "problem": desk.post(
            here, {"accession": number, "whose": f"{cases[0]} {b.PRAIRIE}", "count-slide": "many"}
        ).text,
    }
    for case, chart, labels in zip(cases, charts, (LabelCheck.AGREE, LabelCheck.DIFFER), strict=True):
        seen = CheckIn(
            parcel=parcel,
            accession=chart["pathology"]["accession"]["value"],
            counts={MaterialKind.SLIDE: 10, MaterialKind.BLOCK: 2},
            announced={MaterialKind.SLIDE: 11},
            labels=labels,
        )
        verbs.log_in(services, case, seen, actor=ANN)
    loans = desk.get("/desk/loans").text
    pieces = re.findall(r"/desk/pieces/[a-z0-9]+/[a-z0-9]+", loans)[-1]
    return shown | {
        "packages": desk.get("/desk/packages").text,
        "new": desk.post("/desk/packages", {"scan": NUMBER}).text,
        "parcel": desk.get(here).text,
        "tray": desk.get(f"{here}/tray").text,
        "receipt": desk.get(f"{here}/receipt").text,
        "loans": loans,
        "pieces": desk.get(pieces).text,
        "label": desk.get(f"{pieces}/label").text,
        "to-do": desk.get("/desk/decisions").text,
    }


def test_the_pages_of_slides_are_for_everybody(services, window: Window):
    desk = Desk(services)
    desk.sign_in(Role.OFFICER)
    assert barriers(window, pages(desk, services)) == []
