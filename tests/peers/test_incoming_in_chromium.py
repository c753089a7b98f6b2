"""The pages of a CD and of a release form among scanned pages in a browser: nothing wrong by axe-core, nothing wider
than a telephone.
"""

import re

import pytest

from tests.kit import builders as b
from tests.kit.desk_client import Desk
from tests.kit.discs import a_directory, a_zip, an_image, named_as
from tests.kit.papers import a_report_of, a_scan
from tests.kit.peers.browser import Window, a_window
from tests.kit.peers.for_everybody import barriers
from transfer.flow import page_texts
from transfer.rights import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def window():
    with a_window() as opened:
        yield opened


@pytest.fixture
def desk(ledger) -> Desk:
    opened = Desk(b.new_services(ledger))
    opened.sign_in(Role.OFFICER)
    return opened


def taken(desk: Desk, kind: str, file: bytes) -> str:
    """The path of a paper or a CD that was brought in and taken."""
    desk.send(f"/desk/{kind}/upload", file=file)
    listed = re.findall(f'href="(/desk/{kind}/f[^"/]+)"', desk.get("/desk/incoming").text)
    path = str(listed[-1])  # the newest stands last
    desk.post(f"{path}/take")
    return path


def pages(desk: Desk) -> dict[str, str]:
    chart = b.a_chart()
    case, who = b.a_case(desk.services, chart), named_as(chart)
    files = {
        "DICOMDIR": a_directory([("1", 1, 1, "I1"), ("1", 1, 9, "I9")]),
        "I1": an_image("1", 1, **who),
        "I2": an_image("2", 1, series=2, **who),
        "I3": an_image("3", 1, name="Aaronson^Zed", sex="M"),
        "viewer.exe": b"MZ",
        "report.pdf": b"%PDF-1.4",
    }
    texts = [a_report_of(chart), a_report_of(chart, "Operative report", "9/14/2026"), "Thank you for your referral."]
    disc, paper = taken(desk, "discs", a_zip(files).getvalue()), taken(desk, "incoming", a_scan(texts))
    back = taken(desk, "incoming", a_scan(["To: Prairie Pathology, Minot", "Fax from somebody else"]))
    desk.post(f"{back}/leave-out", {"first": "all", "became": "misdirected"})
    while page_texts.read_next(desk.services, lambda _type, _body, page: texts[page - 1]):
        pass
    return {
        "incoming": desk.get("/desk/incoming").text,
        "cd": desk.get(disc).text,
        "cd-found": desk.post(f"{disc}/find", {"name": chart["patient"]["family"]}).text,
        "cd-index": desk.get(f"{disc}/cases/{case}").text,
        "cd-another": desk.post(f"{disc}/cases/{case}", {"studies": ["1", "2", "3"], "institution": str(b.MERCY)}).text,
        "cd-out": desk.post(f"{disc}/leave-out", {}).text,
        "index": desk.get(f"{paper}/cases/{case}").text,
        "misdirected": desk.get(back).text,
        "sent-back": desk.get(f"{back}/sent-back").text,
        "sent-back-problem": desk.post(f"{back}/sent-back", {"on-month": "13"}).text,
        "form": desk.get(f"{paper}/cases/{case}/form").text,
        "form-problem": desk.post(f"{paper}/cases/{case}/form", {}).text,
    }


def test_the_pages_of_incoming_are_for_everybody(desk: Desk, window: Window):
    assert barriers(window, pages(desk), fetch=lambda path: desk.get(path).content) == []
