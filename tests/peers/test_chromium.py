"""The packet's page in a browser: all it leads to is in the packet, and nobody outside is asked for anything."""

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.kit.packets import a_packet
from tests.kit.peers.chromium import Opened, opened

pytestmark = pytest.mark.servers


class Page(HTMLParser):
    """Where a page leads, and what in it can be led to."""

    def __init__(self, dom: str) -> None:
        super().__init__()
        self.leads_to: list[str] = []
        self.names: set[str] = set()
        self.tags: set[str] = set()
        self.feed(dom)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self.leads_to += [value for name in ("href", "src") if (value := found.get(name)) is not None]
        if name := found.get("id"):
            self.names.add(name)


@pytest.fixture(scope="module")
def packet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = a_packet().unpack(tmp_path_factory.mktemp("packet"))
    (page,) = folder.rglob("index.html")
    return page


@pytest.fixture(scope="module")
def seen(packet: Path) -> Opened:
    return opened(packet)


def test_every_link_leads_to_a_file_or_a_place_of_the_packet(packet: Path, seen: Opened) -> None:
    page = Page(seen.dom)

    assert len(page.leads_to) > 5
    for link in page.leads_to:
        at = urlsplit(link)
        assert not at.scheme, link
        assert not at.netloc, link
        if at.path:
            assert (packet.parent / unquote(at.path)).resolve().is_file(), link
            assert (packet.parent / unquote(at.path)).resolve().is_relative_to(packet.parents[1]), link
        elif at.fragment:
            assert unquote(at.fragment) in page.names, link


def test_names_are_shown_as_they_are_written_and_nothing_runs(seen: Opened) -> None:
    assert "Nguyễn-Żółć" in seen.dom
    assert not Page(seen.dom).tags & {"script", "iframe", "object", "embed", "form"}


def test_opening_it_asks_nobody(seen: Opened) -> None:
    assert seen.asked == []


def test_a_page_that_would_ask_somebody_is_found_out(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text('<!doctype html><img src="http://tracker.example/dot.png"><p>Hello')

    seen = opened(page)

    assert "Hello" in seen.dom
    assert seen.asked == ["GET http://tracker.example/dot.png HTTP/1.1"]
