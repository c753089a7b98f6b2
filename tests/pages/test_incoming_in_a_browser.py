"""Sixty pages for two patients, indexed in Chromium by the keyboard: how many keys that takes, and how it looks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import builders as b
from tests.kit.papers import a_pdf, a_report_of, a_scan
from tests.kit.peers import installed
from tests.kit.peers.browser import Window, a_window
from tests.kit.served_desk import a_served_desk
from tests.kit.staff import ANN
from transfer.flow import desk, page_texts
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.incoming import PagesBecame
from transfer.pages.address import Address
from transfer.sandbox.charts import Chart

pytestmark = pytest.mark.servers

PASSWORD = "cellar trumpet oyster ladder"
#: the last page of each document, its kind as somebody begins to type it, and its date
FIRST = [("12", "Pa", "5/12/2026"), ("20", "No", "5/13/2026"), ("31", "No", "6/1/2026"), ("40", "La", "6/2/2026")]
SECOND = [("46", "No", "4/2/2026"), ("58", "Op", "4/20/2026"), ("60", "Im", "2026")]
#: where there are pictures, the first is drawn
FIRST_IS_SEEN = "!document.images.length || (document.images[0].complete && document.images[0].naturalWidth > 0)"
#: what a page says beside each suggestion
SUGGESTED = "a machine read it"
#: keys in which somebody who types 40 words a minute is at work for three minutes (a word is five keys)
KEYS_OF_THREE_MINUTES = 600


@pytest.fixture
def address(services: Services) -> Iterator[Address]:
    with a_served_desk(services) as address:
        yield address


@pytest.fixture
def window() -> Iterator[Window]:
    with a_window() as opened:
        yield opened


def look(window: Window, name: str) -> None:
    """Nothing is wrong by axe-core, nor wider than a telephone, and the pages are seen."""
    window.until(lambda: window.run(FIRST_IS_SEEN), "the first page")
    axe = installed.installed("axe-core", "node/node_modules/axe-core/axe.min.js").read_text()
    for pixels in (1280, 360):
        window.be_wide(pixels)
        if folder := os.environ.get("PICTURES"):
            (Path(folder) / f"{name}-{pixels}.png").write_bytes(window.picture())
        assert window.violations(axe) == [], f"{name} at {pixels}"
        assert window.run("document.documentElement.scrollWidth") <= pixels, f"{name} at {pixels}"
    window.be_wide(1280)


def focus(window: Window, field: str) -> int:
    """Tab to a field from where the page put the focus. How many keys that took."""
    for keys in range(1, 40):
        window.type_keys("\t")
        if window.run("document.activeElement.name || document.activeElement.textContent") == field:
            return keys
    raise AssertionError(f"the keyboard does not reach {field}")


def indexed(window: Window, last: str, kind: str, day: str, facility: str) -> int:
    """One document: its last page, its kind, its date; the facility once, for it stays. How many keys that took."""
    before = window.text
    keys = window.type_keys(f"{last}\t{kind}\t{facility}\t{day}\n")
    window.until(lambda: window.text != before and "Problem" not in window.text, "the pages are indexed")
    return keys


def taken(services: Services, address: Address, window: Window, paper: bytes) -> str:
    """Somebody signs in and takes a paper. Where its pages are shown."""
    desk.set_local_account(services, PASSWORD, actor=ANN)
    desk.upload_paper(services, paper, actor=ANN)
    window.type_address(f"{address.origin}/desk/incoming")
    window.until_says("You have not signed in")
    window.follow("Use the emergency account")
    window.fill("Password of the emergency account", PASSWORD)
    window.follow("Sign in")
    window.until(lambda: window.url == f"{address.origin}/desk/")
    window.type_address(f"{address.origin}/desk/incoming")
    window.until_says("to index")
    window.run("document.querySelector('tbody a').click()")
    window.until_says("Take it")
    window.follow("Take it")
    window.until_says("Whose pages are they?")
    return window.url


def chosen(window: Window, paper: str, family: str, case: CaseId) -> int:
    """The patient is found and chosen, by the keyboard. How many keys that took."""
    window.type_address(paper)
    window.until_says("Whose pages are they?")
    keys = focus(window, "name") + window.type_keys(f"{family}\n")
    window.until_says("Compare with the pages")
    keys += focus(window, window.run(f"document.querySelector('a[href*=\"/cases/{case}\"]').textContent"))
    keys += window.type_keys("\n")
    window.until_says("To index:")
    return keys


def test_the_pages_of_incoming_are_for_everybody(services: Services, address: Address, window: Window):
    chart = b.a_chart()
    case = b.a_case(services, chart)
    paper = taken(services, address, window, a_pdf(4))

    look(window, "paper")
    chosen(window, paper, chart["patient"]["family"], case)
    look(window, "index")
    indexed(window, "2", "No", "5/12/2026", "Lake")
    look(window, "index-some")
    for name in ("incoming", "new"):
        window.type_address(f"{address.origin}/desk/{name}")
        window.until_says("Incoming")
        look(window, name)
    assert [part.pages for part in desk.list_incoming(services, actor=ANN).papers[0].parts] == ["1-2"]


def called(family: str, *given: str) -> Chart:
    """A patient of a name that no machine misreads."""
    chart = b.a_chart()
    return {**chart, "patient": {**chart["patient"], "family": family, "given": list(given)}}


def read(services: Services) -> None:
    """The pages that wait are read, as the desk does beside its pages."""
    reads = page_texts.reader(installed.program("tesseract"))
    while page_texts.read_next(services, reads):
        pass


def test_a_fax_that_can_be_read_suggests_whose_its_pages_are_and_a_person_says_so(
    services: Services, address: Address, window: Window
):
    charts = [called("Vandermeer", "Theodora", "Ruth"), called("Ibarra", "Luz", "Maria")]
    cases = [b.a_case(services, chart) for chart in charts]
    fax = a_scan([a_report_of(charts[0]), a_report_of(charts[1], "Operative report"), "", "Thank you"])
    paper = taken(services, address, window, fax)
    assert SUGGESTED not in window.text
    read(services)

    window.type_address(paper)
    window.until_says("Patients whom the pages name")
    assert "“Patient: Vandermeer, Theodora Ruth … Born:" in window.text
    assert window.run("[...document.querySelectorAll('tbody th')].map(one => one.innerText.trim())") == ["1", "2"]
    look(window, "paper-suggested")
    window.tab_to("Vandermeer, Theodora Ruth")
    window.type_keys("\n")

    window.until_says("Page 1 reads like this")
    assert "This patient: “Patient: Vandermeer, Theodora Ruth" in window.text
    assert window.run("document.getElementById('kind').value") == "", "nothing is chosen by itself"
    look(window, "index-suggested")
    window.press_access_key("s")
    window.until(lambda: "suggested=1" in window.url, "the suggestion is taken over")
    filled = "['first', 'last', 'kind', 'day'].map(one => document.getElementById(one).value)"
    assert window.run(filled) == ["1", "", "pathology-report", "10/5/2026"]
    assert left(services) == (1, 2, 3, 4), "nothing is indexed before somebody says so"
    window.type_keys("\t\tLake\t\n")

    window.until_says("Page 2 names another patient, as a machine read it")
    assert left(services) == (2, 3, 4)
    assert "Fill in what it reads like" not in window.text
    look(window, "index-another")
    window.follow("Ibarra, Luz Maria")
    window.until_says("This patient: “Patient: Ibarra, Luz Maria")
    assert "Operative note: “Operative report”" in window.text
    desk.leave_out(services, the_paper(services).incoming, "2", PagesBecame.LEFT_OUT, actor=ANN)
    window.type_address(window.url)
    window.until_says("To index: 3-4")
    assert SUGGESTED not in window.text, "of a blank page nothing is promised"
    assert [part.case for part in the_paper(services).parts] == [cases[0], None]


def test_without_a_program_that_reads_pages_nothing_is_said_of_suggestions(
    services: Services, address: Address, window: Window
):
    case = b.a_case(services, chart := called("Vandermeer", "Theodora", "Ruth"))
    paper = taken(services, address, window, a_scan([a_report_of(chart)]))
    for path in (paper, f"{paper}/cases/{case}", f"{paper}/cases/{case}?suggested=1"):
        window.type_address(path)
        window.until_says("Page 1")
        assert SUGGESTED not in window.text
        assert window.run("document.querySelector('[accesskey]')") is None


def the_paper(services: Services) -> desk.PaperView:
    (paper,) = desk.list_incoming(services, actor=ANN, everything=True).papers
    return paper


def left(services: Services) -> tuple[int, ...]:
    return the_paper(services).left


@pytest.mark.slow
def test_sixty_pages_of_two_patients_take_less_than_three_minutes_of_typing(
    services: Services, address: Address, window: Window
):
    charts = [b.a_chart(), b.a_chart()]
    cases = [b.a_case(services, chart) for chart in charts]
    paper, keys = taken(services, address, window, a_pdf(60)), 0

    for chart, case, documents in zip(charts, cases, (FIRST, SECOND), strict=True):
        keys += chosen(window, paper, chart["patient"]["family"], case)
        for number, (last, kind, day) in enumerate(documents):
            keys += indexed(window, last, kind, day, "" if number else "Lake")

    window.until(lambda: window.url == f"{address.origin}/desk/incoming", "the list")
    (done,) = desk.list_incoming(services, actor=ANN, everything=True).papers
    assert [(part.pages, part.case) for part in done.parts] == [
        *(zip(["1-12", "13-20", "21-31", "32-40"], [cases[0]] * 4, strict=True)),
        *(zip(["41-46", "47-58", "59-60"], [cases[1]] * 3, strict=True)),
    ]
    assert keys < KEYS_OF_THREE_MINUTES, keys
