"""The application of outside's pages: a route for each declared page and act, and the few that answer anybody."""

from collections.abc import Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from transfer.gateway.outside import center, own, reply
from transfer.gateway.outside.guard import NOTHING_HERE, OutsideGuard
from transfer.gateway.outside.routes import OutsideAct, OutsidePage, OutsidePart, Shell, Visit
from transfer.gateway.outside.templating import STYLE_AT, rendered
from transfer.pages.access_events import Recorded
from transfer.pages.headers import WithHeaders
from transfer.pages.routes import Next
from transfer.pages.templating import STYLE

#: everybody of outside who has pages
PARTS: Final[tuple[OutsidePart, ...]] = (center.PART, reply.PART, own.PART)


class Outside:
    """An ASGI application around the doors': what begins as a page of outside is one, the rest are doors."""

    def __init__(self, doors: ASGIApp, shell: Shell, parts: Sequence[OutsidePart] = PARTS) -> None:
        self._doors = doors
        self._homes = tuple(part.home for part in parts)
        self._pages = _application(shell, parts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_page = any(path.startswith(home) or path == home.rstrip("/") for home in self._homes)
        await (self._pages if is_page else self._doors)(scope, receive, send)


def _application(shell: Shell, parts: Sequence[OutsidePart]) -> ASGIApp:
    made = routes(shell, parts)
    nothing = HTMLResponse(rendered(shell.address, NOTHING_HERE), status_code=404)
    refusing = {status: lambda _request, _error: nothing for status in (404, 405)}
    served = Starlette(routes=made, exception_handlers=refusing)
    # A redirect to the path without its last slash would lead to whatever host the caller named.
    served.router.redirect_slashes = False
    declared = {one.path for part in parts for one in everything(part)}
    return WithHeaders(Recorded(served, {one.path for one in made} - declared))


def everything(part: OutsidePart) -> tuple[OutsidePage | OutsideAct, ...]:
    """All pages and acts of a part, signing out among them."""

    def leave(_visit: Visit) -> Next:
        return Next(part.sign_in, ends_session=True)

    return (*part.declared, OutsideAct(path=f"{part.home}sign-out", kind=part.kind, do=leave))


def routes(shell: Shell, parts: Sequence[OutsidePart]) -> list[Route]:
    """Every route there is: those behind `OutsideGuard`, then those that answer anybody."""
    made = []
    for part in parts:
        guard = OutsideGuard(shell, part)
        made += [
            Route(one.path, guard.endpoint(one), methods=["GET" if isinstance(one, OutsidePage) else "POST"])
            for one in everything(part)
        ]
        made += part.ways(shell)
        made.append(Route(part.home.rstrip("/"), _to(part.home), methods=["GET"]))
    return [*made, Route(STYLE_AT, _style, methods=["GET"])]


def _to(home: str):  # type: ignore[no-untyped-def]
    async def lead(_request: Request) -> Response:
        return RedirectResponse(home, status_code=303)

    return lead


async def _style(_request: Request) -> Response:
    return Response(STYLE, media_type="text/css", headers={"cache-control": "public, max-age=31536000, immutable"})
