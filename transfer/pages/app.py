"""The desk's application: a route for each declared page and act, and the few that answer anybody."""

from collections.abc import Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from transfer.flow.services import Services
from transfer.pages import audit, desk, emergency
from transfer.pages.access_events import Recorded
from transfer.pages.address import Address
from transfer.pages.guard import Guard, refusal
from transfer.pages.headers import WithHeaders
from transfer.pages.routes import Act, Answer, Asked, Declared, Next, Page, WayIn
from transfer.pages.templating import STYLE, STYLE_PATH, rendered


def _sign_out(_asked: Asked) -> Next:
    return Next("/desk/signed-out", ends_session=True)


#: all pages and acts of the desk
EVERYTHING: Final[tuple[Declared, ...]] = (
    *desk.DECLARED,
    *audit.DECLARED,
    Act(path="/desk/sign-out", right=None, do=_sign_out),
)


def application(
    services: Services,
    address: Address,
    *,
    declared: Sequence[Declared] = EVERYTHING,
    ways: Sequence[WayIn] = (),
) -> ASGIApp:
    """The application, one per process.

    Args:
        address: where people reach it; a form from anywhere else is refused.
        declared: its pages and acts, all behind `Guard`.
        ways: the usual ways to sign in, the first one first. The emergency account comes after them.
    """
    every_way = (*ways, emergency.way(services, address))
    made = routes(services, address, declared, every_way)
    served = Starlette(routes=made, exception_handlers=_refusing(address))
    # A redirect to the path without its last slash would lead to whatever host the caller named.
    served.router.redirect_slashes = False
    open_paths = {one.path for one in made} - {one.path for one in declared}
    return WithHeaders(Recorded(served, open_paths))


def routes(services: Services, address: Address, declared: Sequence[Declared], ways: Sequence[WayIn]) -> list[Route]:
    """Every route there is: those behind `Guard`, then those that answer anybody."""
    guard = Guard(services, address, declared, ways)
    return [
        *(_route(one, guard) for one in declared),
        *(route for way in ways for route in way.routes),
        Route("/desk/signed-out", _signed_out(address, ways), methods=["GET"]),
        Route(STYLE_PATH, _style, methods=["GET"]),
        Route("/", _to_desk, methods=["GET"]),
    ]


def _route(declared: Declared, guard: Guard) -> Route:
    return Route(declared.path, guard.endpoint(declared), methods=["GET" if isinstance(declared, Page) else "POST"])


async def _style(_request: Request) -> Response:
    return Response(STYLE, media_type="text/css", headers={"cache-control": "public, max-age=31536000, immutable"})


async def _to_desk(_request: Request) -> Response:
    return RedirectResponse("/desk/", status_code=303)


def _signed_out(address: Address, ways: Sequence[WayIn]) -> Callable[[Request], Response]:
    text = rendered(address, Answer(template="signed_out.html", title="You have signed out", context={"ways": ways}))
    return lambda _request: HTMLResponse(text)


def _refusing(address: Address) -> dict[int | type[Exception], Callable[[Request, Exception], Response]]:
    says = "Its address may be of another version of the desk."
    texts = {status: rendered(address, refusal(status, "There is no such page", says)) for status in (404, 405)}
    return {status: _constantly(text, status) for status, text in texts.items()}


def _constantly(text: str, status: int) -> Callable[[Request, Exception], Response]:
    return lambda _request, _error: HTMLResponse(text, status_code=status)
