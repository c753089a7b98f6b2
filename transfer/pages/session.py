"""The cookie of a session: what it is called, how it is set, read and cleared, and the token of its forms."""

import hmac
from collections.abc import Collection
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from transfer.flow import desk
from transfer.flow.services import WithLedger
from transfer.pages.address import Address
from transfer.pages.routes import Answer
from transfer.pages.templating import rendered
from transfer.rights import Role
from transfer.sessions import AT_MOST, Person, Session

#: of a cookie that is one of ours
_LENGTH: Final = 43


def sign_in(services: WithLedger, person: Person, roles: Collection[Role]) -> str:
    """Begin a session; what it returns goes to `set_cookie`. Waits for the ledger."""
    return desk.sign_in(services, person, roles)


def set_cookie(response: Response, address: Address, secret: str) -> None:
    """Give the session to the browser. `Strict`: it comes back only with what a page of ours asks for, so whoever was
    led here by another site goes on from a page of ours (`signed_in` is one).
    """
    give_cookie(response, address, address.cookie, secret)


def give_cookie(response: Response, address: Address, name: str, secret: str) -> None:
    """The same by another cookie (`Address.cookie_of`)."""
    response.set_cookie(
        name,
        secret,
        max_age=int(AT_MOST.total_seconds()),
        path="/",
        secure=not address.is_plain,
        httponly=True,
        samesite="strict",
    )


def signed_in(address: Address, secret: str, path: str = "/desk/") -> Response:
    """What answers somebody who has just signed in: a page that leads on, with the cookie. A redirect would not do:
    after a way over another site the browser does not bring the cookie to where it leads.
    """
    response = HTMLResponse(rendered(address, Answer(template="go_on.html", title="Signed in", context={"path": path})))
    set_cookie(response, address, secret)
    return response


def clear_cookie(response: Response, address: Address) -> None:
    take_cookie(response, address, address.cookie)


def take_cookie(response: Response, address: Address, name: str) -> None:
    """The same of another cookie."""
    response.delete_cookie(name, path="/", secure=not address.is_plain, httponly=True, samesite="strict")


def secret_of(request: Request, address: Address) -> str | None:
    """What the cookie holds, if it can be one of ours."""
    return secret_in(request, address.cookie)


def secret_in(request: Request, name: str) -> str | None:
    """The same of another cookie."""
    found = request.cookies.get(name)
    return found if found and len(found) == _LENGTH and found.isascii() else None


def session_of(services: WithLedger, secret: str) -> Session | None:
    """The session of a cookie. Waits for the ledger."""
    return desk.session_of(services, secret)


def token_of(secret: str) -> str:
    """What each form of the session carries. Who knows it knows the cookie; from it the cookie cannot be told."""
    return hmac.new(secret.encode(), b"form", "sha256").hexdigest()


def is_token(secret: str, shown: str) -> bool:
    return hmac.compare_digest(token_of(secret).encode(), shown.encode())
