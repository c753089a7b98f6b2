"""The one way to a page of outside: from a page of ours, with a session of its kind that is not over; an act, besides,
with a form within its bounds and the session's token. Nothing of a page is made before all of it holds.

What somebody asks for that is another's, is gone or may not be given any more is not there: 404, and not one word more.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from transfer.errors import TransferError, Unavailable, Unknown
from transfer.flow.outside.sessions import session_of, sign_out
from transfer.gateway.downloads import Download
from transfer.gateway.outside.routes import Given, OutsidePage, OutsidePart, Reached, Shell, Visit
from transfer.gateway.outside.templating import Around, rendered
from transfer.gateway.outside.uploads import SentFile, form_with_files
from transfer.logs import told
from transfer.outside_sessions import OutsideSession
from transfer.pages import session as sessions
from transfer.pages.access_events import event_of
from transfer.pages.forms import TOKEN
from transfer.pages.guard import Endpoint, NoAnswer, form_of, is_from_here, refusal
from transfer.pages.routes import Answer, Next
from transfer.remedies import RemedyCode
from transfer.sentences import sentence
from transfer.serving.http import is_of, network_of_caller, transport_of

_log = logging.getLogger(__name__)

NOTHING_HERE: Final = refusal(404, "There is no such page", "What you look for is not here.")
AWAY: Final = refusal(
    503, "This page does not answer now", "A part that it needs is away. Nothing was done. Try again."
)
_BUSY: Final = refusal(429, "Too much at once", "Wait until what you asked for before is there.")
_FAILED: Final = refusal(500, "This page failed", "It is a mistake of ours. What was written before stands.")
_OTHER_FORM: Final = refusal(403, "Nothing was done", "This form is of another sign-in. Open the page again.")
_NO_FORM_OF_OURS: Final = refusal(403, "Nothing was done", "No page of ours sent this form. Open the page again.")


class OutsideGuard:
    """Answers the declared pages and acts of one kind of people."""

    def __init__(self, shell: Shell, part: OutsidePart) -> None:
        self._shell = shell
        self._part = part
        self._cookie = shell.address.cookie_of(part.kind)
        self._nav = [one for one in part.declared if isinstance(one, OutsidePage) and one.nav]

    def endpoint(self, declared: Reached) -> Endpoint:
        """What the route of the declared path calls."""

        async def answer(request: Request) -> Response:
            event = event_of(request.scope)
            event.is_for(declared.path, request.path_params)
            try:
                self._check_origin(request, declared)
                secret, session = await self._session(request)
                if not is_of(request.scope, session.account):
                    raise NoAnswer(_BUSY)
            except NoAnswer as none:
                return page(self._shell, none.answer, Around(part=self._part))
            event.is_of_outsider(session)
            answered = await self._answered(request, declared, secret, session)
            if isinstance(answered, Given):
                return _download(self._shell, request, answered)
            if isinstance(answered, Next):
                return await self._next(answered, secret)
            frame = Around(part=self._part, token=sessions.token_of(secret), nav=self._nav, here=declared.path)
            return page(self._shell, answered, frame)

        return answer

    def _check_origin(self, request: Request, declared: Reached) -> None:
        if isinstance(declared, OutsidePage):
            if not is_from_here(request, self._shell.address, is_act=False):
                context = {"path": request.url.path}
                raise NoAnswer(Answer(template="go_on.html", title=self._part.name, context=context))
        else:
            check_act(request, self._shell)

    async def _session(self, request: Request) -> tuple[str, OutsideSession]:
        secret = sessions.secret_in(request, self._cookie)
        if secret is not None:
            try:
                session = await run_in_threadpool(session_of, self._shell.services, self._part.kind, secret)
            except Unavailable:
                raise NoAnswer(AWAY) from None
            if session is not None:
                return secret, session
        context = {"sign_in": self._part.sign_in}
        raise NoAnswer(Answer(template="no_session.html", title="Sign in", context=context, status=401))

    async def _answered(
        self, request: Request, declared: Reached, secret: str, session: OutsideSession
    ) -> Answer | Given | Next:
        visit = Visit(
            shell=self._shell,
            session=session,
            transport=transport_of(request.scope),
            network=network_of_caller(request.scope),
            path=request.path_params,
            query=dict(request.query_params),
        )
        try:
            if isinstance(declared, OutsidePage):
                return await run_in_threadpool(declared.show, visit)
            files: Sequence[SentFile] = ()
            if declared.takes_files:
                fields, files = await form_with_files(request)
            else:
                fields = await form_of(request)
            if not sessions.is_token(secret, fields.raw(TOKEN)):
                raise NoAnswer(_OTHER_FORM)
            visit = replace(visit, query={}, fields=fields, files=files)
            if not files:
                return await run_in_threadpool(declared.do, visit)
            async with self._shell.intake.one_at_a_time:
                return await run_in_threadpool(declared.do, visit)
        except NoAnswer as none:
            return none.answer
        except TransferError as error:
            return explained(error)
        except Exception as error:  # noqa: BLE001  whatever it is, its text may be a patient's
            _log.error("a page of outside failed: %s", told(error))
            return _FAILED

    async def _next(self, then: Next, secret: str) -> Response:
        response = RedirectResponse(then.path, status_code=303)
        if then.ends_session:
            await run_in_threadpool(sign_out, self._shell.services, secret)
            sessions.take_cookie(response, self._shell.address, self._cookie)
        return response


def _download(shell: Shell, request: Request, given: Given) -> Response:
    """The bytes, by Range too. What a browser shows of them runs nothing and loads nothing."""
    response = Download(shell.outgoing, given.stream, request, given.content)
    response.headers["Content-Security-Policy"] = given.policy or "sandbox; default-src 'none'"
    if given.policy:
        response.headers["Content-Disposition"] = "inline"
    return response


def page(shell: Shell, answer: Answer, frame: Around) -> Response:
    """The answer as what is sent."""
    return HTMLResponse(rendered(shell.address, answer, frame), status_code=answer.status)


def check_act(request: Request, shell: Shell) -> None:
    """Raise `NoAnswer` where no page of ours sent this form."""
    if not is_from_here(request, shell.address, is_act=True):
        raise NoAnswer(_NO_FORM_OF_OURS)


def explained(error: TransferError, otherwise: str = "") -> Answer:
    """Why nothing was done, and what helps: `otherwise` is said last. What somebody may not have is not there; no
    reason of ours is told to people of outside.
    """
    if isinstance(error, Unavailable):
        return AWAY
    if isinstance(error, Unknown) or error.refusal is None:
        return NOTHING_HERE
    text = str(error).rstrip(".")
    helps = f" {sentence(error.remedy)}." if error.remedy and error.remedy.code is RemedyCode.TRY_IN_AN_HOUR else ""
    return refusal(409, "Not possible", f"{text[:1].upper()}{text[1:]}.{helps} {otherwise}".rstrip())
