"""Sixty pages for two patients, indexed in Chromium by the keyboard: how many keys that takes, and how it looks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import builders as b
from tests.kit.papers import a_pdf
from tests.kit.peers import installed
from tests.kit.peers.browser import Window, a_window
from tests.kit.served_desk import a_served_desk
from tests.kit.staff import ANN
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.identifiers import CaseId
from transfer.pages.address import Address

pytestmark = pytest.mark.servers

PASSWORD = "cellar trumpet oyster ladder"
#: the last page of each document, its kind as somebody begins to type it, and its date
FIRST = [("12", "Pa", "5/12/2026"), ("20", "No", "5/13/2026"), ("31", "No", "6/1/2026"), ("40", "La", "6/2/2026")]
SECOND = [("46", "No", "4/2/2026"), ("58", "Op", "4/20/2026"), ("60", "Im", "2026")]
#: where there are pictures, the first is drawn
FIRST_IS_SEEN = "!document.images.length || (document.images[0].complete && document.images[0].naturalWidth > 0)"
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


def taken(services: Services, address: Address, window: Window, pages: int) -> str:
    """Somebody signs in and takes a paper of so many pages. Where its pages are shown."""
    desk.set_local_account(services, PASSWORD, actor=ANN)
    desk.upload_paper(services, a_pdf(pages), actor=ANN)
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
    paper = taken(services, address, window, 4)

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


@pytest.mark.slow
def test_sixty_pages_of_two_patients_take_less_than_three_minutes_of_typing(
    services: Services, address: Address, window: Window
):
    charts = [b.a_chart(), b.a_chart()]
    cases = [b.a_case(services, chart) for chart in charts]
    paper, keys = taken(services, address, window, 60), 0

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
