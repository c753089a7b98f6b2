"""The way in by the code of a letter and the patient's birth date. Both are asked for before anything is shown.

A QR on a letter leads to `…/code/CODE`: the code alone opens nothing, and says nothing of anybody.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from transfer.errors import NotAllowed, Unavailable
from transfer.flow.outside.letters import open_letter
from transfer.gateway.outside.guard import AWAY, check_act, explained, page
from transfer.gateway.outside.routes import Shell
from transfer.gateway.outside.templating import Around
from transfer.letter_codes import grouped, read
from transfer.outside_sessions import Outsider
from transfer.pages.forms import Fields, Problems
from transfer.pages.guard import NoAnswer, form_of
from transfer.pages.routes import Answer
from transfer.pages.session import give_cookie
from transfer.serving.http import network_of_caller

#: characters of what is typed; a longer one is no code
_MOST_TYPED: Final = 40


def ways(kind: Outsider, home: str, title: str, words: Mapping[str, str]) -> Callable[[Shell], Sequence[Route]]:
    """The routes of the way in to the pages at `home`. `words` are said around the form."""

    def made(shell: Shell) -> Sequence[Route]:
        door = _Door(shell, kind, home, title, words)
        return (
            Route(f"{home}open", door.show, methods=["GET"]),
            Route(f"{home}code/{{code}}", door.show, methods=["GET"]),
            Route(f"{home}open", door.enter, methods=["POST"]),
        )

    return made


def asked_for(fields: Fields, problems: Problems, words: Mapping[str, str]) -> tuple[str, date] | None:
    """The code and the birth date that were typed; None: what is wrong stands in `problems`."""
    code = fields.line("code", problems, needed=words["needs_code"], longest=_MOST_TYPED)
    born = fields.day("born", problems, needed=words["needs_born"])
    if code and read(code) is None:
        problems.add("code", words["wrong_code"])
    return (code, born) if not problems and born else None


class _Door:
    def __init__(self, shell: Shell, kind: Outsider, home: str, title: str, words: Mapping[str, str]) -> None:
        self._shell = shell
        self._kind = kind
        self._home = home
        self._title = title
        self._words = words

    async def show(self, request: Request) -> Response:
        code = read(str(request.path_params.get("code", ""))[:_MOST_TYPED])
        return self._page(self._form(Fields({"code": [grouped(code)]} if code else {}), Problems()))

    async def enter(self, request: Request) -> Response:
        """Look at code and birth date."""
        try:
            check_act(request, self._shell)
            fields, problems = await form_of(request), Problems()
            secret = await run_in_threadpool(self._opened, fields, problems, network_of_caller(request.scope))
        except NoAnswer as none:
            return self._page(none.answer)
        answer = self._page(Answer(template="go_on.html", title=self._title, context={"path": self._home}))
        give_cookie(answer, self._shell.address, self._shell.address.cookie_of(self._kind), secret)
        return answer

    def _opened(self, fields: Fields, problems: Problems, network: str) -> str:
        typed = asked_for(fields, problems, self._words)
        if typed is None:
            raise NoAnswer(self._form(fields, problems))
        try:
            secret = open_letter(self._shell.services, network, *typed, self._kind)
        except NotAllowed as error:
            raise NoAnswer(explained(error, self._words["help"])) from None
        except Unavailable:
            raise NoAnswer(AWAY) from None
        if secret is None:
            problems.add("code", self._words["no_such"])
            raise NoAnswer(self._form(fields, problems))
        return secret

    def _form(self, fields: Fields, problems: Problems) -> Answer:
        context = {"path": f"{self._home}open", "fields": fields, "problems": problems, "words": self._words}
        return Answer(template="letter_open.html", title=self._title, context=context, status=422 if problems else 200)

    def _page(self, answer: Answer) -> Response:
        return page(self._shell, answer, Around())
