"""What staff print, as Chromium prints it: what is to be read stands there, and nothing of the page around it."""

import os
import re
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from tests.kit import builders as b
from tests.kit.desk_client import Desk, a_person
from tests.kit.peers.browser import Window, a_window
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.materials import CheckIn, LabelCheck, MaterialKind
from transfer.pages.templating import STYLE
from transfer.parcels import Carrier
from transfer.rights import Role

pytestmark = pytest.mark.servers

#: of the page around what is read: the way to other pages, and what a hand presses
AROUND = ("Sign out", "Outside slides\n", "Skip to the page", "Log a call", "Settle")


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


@pytest.fixture
def services(ledger):
    return b.new_services(ledger)


def pages(services) -> dict[str, tuple[str, str]]:
    """Each page that is printed, with what must stand there."""
    desk, chart = Desk(services), b.a_chart()
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
        "tray": (desk.get(f"{here}/tray").text, number),
        "receipt": (desk.get(f"{here}/receipt").text, "6"),
    }
    desk.sign_in(Role.AUDITOR, person=a_person("dee", "Dee Example"))
    return shown | {"audit": (desk.get(f"/audit/cases/{case}").text, case)}


def test_what_is_printed_says_what_it_is_for_and_nothing_of_the_page_around_it(services, window: Window):
    for name, (page, said) in pages(services).items():
        window.show(page, STYLE.decode())

        printed = window.printed()

        if folder := os.environ.get("PICTURES"):
            (Path(folder) / f"{name}.pdf").write_bytes(printed)
        sheets = [sheet.extract_text() for sheet in PdfReader(BytesIO(printed)).pages]
        text = re.sub(r"[ \xa0]+", " ", "\n".join(sheets))
        assert said in text, name
        assert [word for word in AROUND if word in text] == [], name
        assert all(sheet.strip() for sheet in sheets), f"{name}: an empty sheet"
