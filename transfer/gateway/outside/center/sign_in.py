"""Signing in as somebody of a receiving center whom staff invited: mail address, then the code that came, and the PIN.

The answer to an address is the same whoever has it, and is sent before anybody looks: so neither words nor time tell
who was invited.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Final

from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from transfer.errors import NotAllowed, TransferError, Unavailable
from transfer.flow.outside.center_sign_in import send_code, sign_in
from transfer.gateway.outside.center import by_provider
from transfer.gateway.outside.guard import AWAY, check_act, explained, page
from transfer.gateway.outside.routes import Shell
from transfer.gateway.outside.templating import Around
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Fields, Problems
from transfer.pages.guard import NoAnswer, form_of, refusal
from transfer.pages.routes import Answer
from transfer.pages.session import give_cookie
from transfer.serving.http import network_of_caller

log = logging.getLogger(__name__)

PATH: Final = "/c/sign-in"
CODE_PATH: Final = "/c/sign-in/code"
#: characters of what is typed; longer ones are none of ours
_LONGEST_CODE: Final = 40


def ways(shell: Shell) -> Sequence[Route]:
    """The routes."""
    door = _Door(shell)
    return (
        *by_provider.ways(shell),
        Route(PATH, door.show, methods=["GET"]),
        Route(PATH, door.ask, methods=["POST"]),
        Route(CODE_PATH, door.enter, methods=["POST"]),
    )


class _Door:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        #: one PIN is looked at at a time: each takes 64 MiB
        self._turn = threading.Lock()

    async def show(self, _request: Request) -> Response:
        return self._page(self._ask(Fields(), Problems()))

    async def ask(self, request: Request) -> Response:
        """Send a code to the address, and show where it is typed."""
        try:
            check_act(request, self._shell)
            fields, problems = await form_of(request), Problems()
        except NoAnswer as none:
            return self._page(none.answer)
        mail = fields.line("mail", problems, needed="Type the mail address that was invited")
        if problems:
            return self._page(self._ask(fields, problems))
        answer = self._page(_enter(Fields({"mail": [mail]}), Problems()))
        answer.background = BackgroundTask(self._send, network_of_caller(request.scope), mail)
        return answer

    def _send(self, network: str, mail: str) -> None:
        try:
            send_code(self._shell.services, network, mail)
        except TransferError as error:
            log.warning("a code was not sent: %s", type(error).__name__)

    async def enter(self, request: Request) -> Response:
        """Look at code and PIN."""
        try:
            check_act(request, self._shell)
            fields = await form_of(request)
            secret = await run_in_threadpool(self._signed_in, fields, network_of_caller(request.scope))
        except NoAnswer as none:
            return self._page(none.answer)
        answer = self._page(Answer(template="go_on.html", title="Signed in", context={"path": "/c/"}))
        give_cookie(answer, self._shell.address, self._shell.address.cookie_of(Outsider.CENTER), secret)
        return answer

    def _signed_in(self, fields: Fields, network: str) -> str:
        problems = Problems()
        mail = fields.line("mail", problems, needed="Type the mail address that was invited")
        code = fields.line("code", problems, needed="Type the code of the mail", longest=_LONGEST_CODE)
        pin = fields.line("pin", problems, needed="Type the PIN that you were told", longest=_LONGEST_CODE)
        if problems:
            raise NoAnswer(_enter(fields, problems))
        if not self._turn.acquire(blocking=False):
            raise NoAnswer(refusal(429, "Not now", "Somebody else's PIN is being looked at. Try again."))
        try:
            secret = sign_in(self._shell.services, network, mail, code, pin)
        except NotAllowed as error:
            raise NoAnswer(explained(error)) from None
        except Unavailable:
            raise NoAnswer(AWAY) from None
        finally:
            self._turn.release()
        if secret is None:
            problems.add("code", "Code and PIN do not open this. Ask for another code: each works once")
            raise NoAnswer(_enter(fields, problems))
        return secret

    def _ask(self, fields: Fields, problems: Problems) -> Answer:
        context = {
            "path": PATH,
            "ways": [(f"{by_provider.WITH}/{one}", name) for one, name in by_provider.centers(self._shell).items()],
            "fields": fields,
            "problems": problems,
        }
        return Answer(template="center_mail.html", title="Sign in", context=context, status=422 if problems else 200)

    def _page(self, answer: Answer) -> Response:
        return page(self._shell, answer, Around())


def _enter(fields: Fields, problems: Problems) -> Answer:
    """Code and PIN that were typed are not shown again."""
    kept = Fields({"mail": fields.chosen("mail")})
    context = {"path": CODE_PATH, "again": PATH, "fields": kept, "problems": problems}
    return Answer(template="center_code.html", title="Sign in", context=context, status=422 if problems else 200)
