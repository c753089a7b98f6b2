"""A patient and a facility whose names are longer than a telephone is wide, on each page that says them."""

import re
from dataclasses import replace

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk
from tests.kit.letter_posts import CEDAR
from tests.kit.papers import a_scan
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.for_everybody import barriers
from tests.kit.staff import ANN
from transfer.flow import desk as verbs
from transfer.rights import Role

pytestmark = pytest.mark.servers

FAMILY = "Wolfeschlegelsteinhausenbergerdorffwelchevoraltern"


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


def pages(desk: Desk) -> dict[str, str]:
    chart = b.a_chart()
    chart["patient"] |= {"family": FAMILY}
    long = replace(CEDAR, name=f"St. Bartholomew's {'Regional Medical Center of ' * 2}Minot")
    verbs.add_facility(desk.services, long, actor=ANN)
    case = b.a_case_without_slides(desk.services, chart)
    twin = b.a_twin(chart)
    b.report_comes(desk.services, twin)
    desk.send("/desk/incoming/upload", file=a_scan([FAMILY]))
    paper = re.findall(r'href="(/desk/incoming/f[^"/]+)"', desk.get("/desk/incoming").text)[-1]
    desk.post(f"{paper}/take")
    questions = re.findall(r'href="(/desk/decisions/[^"]+)"', desk.get("/desk/decisions").text)
    return {
        "today": desk.get("/desk/").text,
        "found": desk.post("/desk/find", {"name": FAMILY[:9], "born": "", "number": ""}).text,
        "case": desk.get(f"/desk/cases/{case}").text,
        "stop": desk.get(f"/desk/cases/{case}/stop").text,
        "paper": desk.post(f"{paper}/find", {"name": FAMILY, "born": "", "number": ""}).text,
        "index": desk.get(f"{paper}/cases/{case}").text,
        "form": desk.get(f"{paper}/cases/{case}/form").text,
        **{f"question-{number}": desk.get(path).text for number, path in enumerate(questions)},
    }


def test_a_long_name_keeps_nobody_from_a_page(ledger, window: Window):
    desk = Desk(b.new_services(ledger))
    desk.sign_in(Role.OFFICER)
    shown = pages(desk)

    assert sum(FAMILY in page for page in shown.values()) >= 6
    assert barriers(window, shown, fetch=lambda path: desk.get(path).content) == []
