"""Where a page leads: each link and each form of it has to have a route that answers."""

from collections.abc import Sequence
from html.parser import HTMLParser

from starlette.routing import Match, Route


class _Ways(HTMLParser):
    """Paths with the method by which a browser asks for them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[tuple[str, str]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "a" and said.get("href"):
            self.found.add(("GET", said["href"]))
        if tag == "form":
            self.found.add((said.get("method", "get").upper(), said.get("action", "")))


def nowhere(page: str, routes: Sequence[Route]) -> list[str]:
    """What leads to no route, or to one with a name in braces that nobody filled in."""
    ways = _Ways()
    ways.feed(page)
    return [
        f"{method} {where}"
        for method, where in sorted(ways.found)
        if where.startswith("/") and not _is_answered(method, where.partition("?")[0].partition("#")[0], routes)
    ]


def _is_answered(method: str, path: str, routes: Sequence[Route]) -> bool:
    scope = {"type": "http", "path": path, "method": method}
    return "{" not in path and any(one.matches(scope)[0] is Match.FULL for one in routes)
