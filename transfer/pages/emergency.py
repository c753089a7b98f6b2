"""Signing in by the emergency account, while the hospital's own accounts are away."""

import threading
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from transfer.errors import NotAllowed, Unavailable
from transfer.flow.desk import sign_in_locally
from transfer.flow.services import Services
from transfer.pages.address import Address
from transfer.pages.forms import Fields, Problems
from transfer.pages.guard import AWAY, NoAnswer, check_act, explained, form_of, refusal
from transfer.pages.routes import Answer, WayIn
from transfer.pages.session import signed_in
from transfer.pages.templating import rendered

PATH: Final = "/desk/sign-in/emergency"
_FIELD: Final = "password"


def way(services: Services, address: Address) -> WayIn:
    """The way to sign in. There may be no such account: then no password is the right one."""
    door = _Door(services, address)
    return WayIn(
        label="Use the emergency account",
        path=PATH,
        routes=(Route(PATH, door.show, methods=["GET"]), Route(PATH, door.sign_in, methods=["POST"])),
    )


class _Door:
    def __init__(self, services: Services, address: Address) -> None:
        self._services = services
        self._address = address
        #: one password is looked at at a time: each takes 64 MiB
        self._turn = threading.Lock()

    async def show(self, _request: Request) -> Response:
        return self._page(_form(Problems()))

    async def sign_in(self, request: Request) -> Response:
        try:
            check_act(request, self._address)
            fields = await form_of(request)
            secret = await run_in_threadpool(self._signed_in, fields)
        except NoAnswer as none:
            return self._page(none.answer)
        return signed_in(self._address, secret)

    def _signed_in(self, fields: Fields) -> str:
        if not self._turn.acquire(blocking=False):
            says = "Another password is being looked at. Try again."
            raise NoAnswer(refusal(429, "Not now", says))
        try:
            secret = sign_in_locally(self._services, fields.raw(_FIELD))
        except NotAllowed as error:
            raise NoAnswer(explained(error)) from None
        except Unavailable:
            raise NoAnswer(AWAY) from None
        finally:
            self._turn.release()
        if secret is None:
            problems = Problems()
            problems.add(_FIELD, "This is not the password of the emergency account")
            raise NoAnswer(_form(problems))
        return secret

    def _page(self, answer: Answer) -> Response:
        return HTMLResponse(rendered(self._address, answer), status_code=answer.status)


def _form(problems: Problems) -> Answer:
    """The form. What was typed is not shown again."""
    context = {"path": PATH, "fields": Fields(), "problems": problems}
    status = 422 if problems else 200
    return Answer(template="emergency.html", title="Emergency account", context=context, status=status)
