"""What people print, as Chromium prints it: what is to be read stands there, and nothing of the page around it."""

import os
import re
import unicodedata
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.kit import builders as b
from tests.kit.desk_client import Desk, a_person
from tests.kit.open_streams import Giving
from tests.kit.outside_client import OutsideBrowser
from tests.kit.peers.browser import Window, a_window
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.institutions import Institutions
from transfer.letter_codes import CodeHolder
from transfer.materials import CheckIn, LabelCheck, MaterialKind
from transfer.outside_sessions import Outsider
from transfer.pages.desk import downtime
from transfer.pages.templating import STYLE
from transfer.parcels import Carrier
from transfer.rights import Role

pytestmark = pytest.mark.servers

#: of the page around what is read: the way to other pages, and what a hand presses
AROUND = (
    *("Sign out", "Outside slides\n", "Skip to the page", "Log a call", "Settle"),
    *("Back to your page", "Somebody asked for one", "Keep the request", "Give it", "Take this list along"),
)


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


@pytest.fixture
def services(ledger):
    return b.new_services(ledger)


def pages(services, folder: Path) -> dict[str, tuple[str, str]]:
    """Each page that is printed, with what must stand there."""
    desk, chart = Desk(services), b.a_chart()
    chart["patient"]["family"] = "Featherstonehaugh-Montgomery"  # takes the room of what stands beside it
    desk.sign_in(Role.OFFICER)
    case = b.a_case_without_slides(services, chart)
    b.report_comes(services, chart)
    parcel = verbs.receive_parcel(services, carrier=Carrier.BY_HAND, shelf="A12", actor=ANN).fields["parcel"]
    number = chart["pathology"]["accession"]["value"]
    counted = CheckIn(parcel=parcel, accession=number, counts={MaterialKind.SLIDE: 6}, labels=LabelCheck.AGREE)
    verbs.log_in(services, case, counted, actor=ANN)
    here, family = f"/desk/packages/{parcel}", chart["patient"]["family"]
    shown = {
        "today": (desk.get("/desk/").text, family),
        "request": (desk.get(f"/desk/cases/{case}").text, "Ready to send?"),
        "lines": (desk.get(f"/desk/cases/{case}").text, "Insurance and identity documents"),  # folded on the page
        "tray": (desk.get(f"{here}/tray").text, number),
        "receipt": (desk.get(f"{here}/receipt").text, "6"),
    }
    sheet = downtime.write_if_due(services, folder)
    assert sheet
    shown["downtime"] = (sheet.read_text(), family)
    period = verbs.latest_days(services, 30, actor=ANN)
    asked = verbs.ask_accounting(services, case, period.last, period, actor=ANN).fields["accounting"]
    desk.sign_in(Role.PRIVACY, person=a_person("dee", "Dee Example"))
    return shown | {
        "audit": (desk.get(f"/audit/cases/{case}").text, case),
        "accountings": (desk.get("/audit/accountings").text, str(asked)),
        "report": (desk.get("/audit/report").text, "Disclosures in all"),
    }


def copies(giving: Giving) -> dict[str, tuple[str, str]]:
    """What people of outside print to keep."""
    known = [
        one.model_copy(update={"takes_electronic_signatures": True}) for one in giving.services.institutions.values()
    ]
    giving.services = replace(giving.services, institutions=Institutions(known))
    browser, chart = OutsideBrowser(giving.services, giving.outgoing), b.a_chart()
    case, who = b.a_case(giving.services, chart), chart["patient"]
    name, born = " ".join((*who["given"], who["family"])), who["birth_date"].split("-")
    dates = dict(zip(("born-year", "born-month", "born-day"), born, strict=True))
    browser.kind = Outsider.OWN
    own = str(verbs.give_own_code(giving.services, case, CodeHolder.PATIENT, actor=ANN).fields["code"])
    pin = str(verbs.give_own_pin(giving.services, case, CodeHolder.PATIENT, actor=ANN).fields["pin"])
    browser.post("/own/open", {"code": own, **dates})
    browser.post("/own/pin", {"pin": pin, "to": "sign"})
    signed = browser.post("/own/sign", {"signed": name, "sure": "yes"}).text
    browser.kind = Outsider.SOURCE
    request = b.request_to(giving.services, case, b.PRAIRIE).id
    code = str(verbs.give_reply_code(giving.services, request, actor=ANN).fields["code"])
    browser.post("/r/open", {"code": code, **dates})
    return {"signed": (signed, "Signed by"), "log": (browser.get(f"/r/requests/{request}/receipt").text, who["family"])}


def test_what_staff_print_says_what_it_is_for_and_nothing_of_the_page_around_it(services, window, tmp_path):
    assert spoilt(window, pages(services, tmp_path)) == []


def test_what_people_of_outside_print_says_what_it_is_for_and_nothing_of_the_page_around_it(giving, window):
    assert spoilt(window, copies(giving)) == []


def spoilt(window: Window, shown: dict[str, tuple[str, str]]) -> list[str]:
    """What is wrong with each print, by its name."""
    found = []
    for name, (page, said) in shown.items():
        window.show(page, STYLE.decode())

        printed = window.printed()

        if folder := os.environ.get("PICTURES"):
            (Path(folder) / f"{name}.pdf").write_bytes(printed)
        sheets = [sheet.extract_text() for sheet in PdfReader(BytesIO(printed)).pages]
        text = re.sub(r"[ \xa0]+", " ", unicodedata.normalize("NFKC", "\n".join(sheets)))  # an id may have a drawn "ff"
        if said not in text:
            found.append(f"{name}: says nothing of {said}")
        found += [f"{name}: {word}" for word in AROUND if word in text]
        if not all(sheet.strip() for sheet in sheets):
            found.append(f"{name}: an empty sheet")
    return found
