"""The one way to a page: who asks, from where, with which right. Nothing of a page is made before all of it holds.

1. From a page of ours, or typed: the browser says so (`Sec-Fetch-Site`, `Origin`). Whoever was led here by another site
   gets a page that only leads on, for the cookie does not come with such a request.
2. With a session that is not over.
3. With the right that the page declares.
4. An act, besides: a form within its bounds, with the session's token. Without it the form is shown again, filled in.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from transfer.errors import NotAllowed, NotPermitted, TransferError, Unavailable, Unknown
from transfer.flow.desk import demand, sign_out
from transfer.flow.services import Services
from transfer.logs import told
from transfer.pages import remedies, uploads
from transfer.pages import session as sessions
from transfer.pages.access_events import event_of
from transfer.pages.address import Address
from transfer.pages.forms import MAX_BODY, TOKEN, BadForm, Fields, fields_of
from transfer.pages.routes import Act, Answer, Asked, Declared, DrawnPicture, File, Next, Page, Unsent, WayIn
from transfer.pages.templating import Surroundings, rendered
from transfer.refusals import Reason
from transfer.remedies import Remedy
from transfer.sentences import sentence
from transfer.sentences.trade import in_trade
from transfer.sessions import Session

#: where people come to who have signed in
HOME: Final = "/desk/"
#: seconds a form without files may take to come
FORM_SECONDS: Final = 60.0
_FORM: Final = "application/x-www-form-urlencoded"
_log = logging.getLogger(__name__)

#: fields of a refusal or a remedy that name an institution, and those that are codes
_INSTITUTIONS: Final = frozenset({"institution", "receiver"})
_CODES: Final = frozenset({"lines", "answer", "state", "to", "status", "end", "ending", "kind"})
Said = TypeVar("Said", Reason, Remedy)
Endpoint = Callable[[Request], Coroutine[Any, Any, Response]]


def refusal(status: int, heading: str, says: str, lead: remedies.Lead | None = None) -> Answer:
    """A page that says why there is none, and what to do instead: by `lead`, if a page does it."""
    return Answer(template="refused.html", title=heading, context={"says": says, "lead": lead}, status=status)


class NoAnswer(Exception):
    """What is answered in place of a page."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.title)
        self.answer = answer


class Guard:
    """Answers the declared pages and acts of one application.

    A form that was sent and not done is not lost, whether its session is over, another sign-in began, or it is refused.
    The answer carries what was typed (`Answer.unsent`). A button sends that on without a token, and so the form is
    shown as it was filled in, to be sent once more.
    """

    def __init__(
        self, services: Services, address: Address, declared: Sequence[Declared], ways: Sequence[WayIn]
    ) -> None:
        self._services = services
        self._address = address
        self._pages = {one.path: one for one in declared if isinstance(one, Page)}
        self._ways = ways

    def endpoint(self, declared: Declared) -> Endpoint:
        """What the route of the declared path calls."""

        async def answer(request: Request) -> Response:
            event = event_of(request.scope)
            event.is_for(declared.path, request.path_params)
            try:
                _check_origin(request, self._address, declared)
                secret, session = await self._session(request, declared)
            except NoAnswer as none:
                return self._page(none.answer)
            event.is_of(session)
            answered = await self._answered(request, declared, secret, session)
            if isinstance(answered, Next):
                return await self._next(answered, secret)
            if isinstance(answered, File):
                return _kept(answered)
            if isinstance(answered, DrawnPicture):
                return Response(answered.jpeg, media_type="image/jpeg")
            seen = [one for one in self._pages.values() if one.nav and (not one.right or session.actor.may(one.right))]
            if declared.path == HOME and answered.status == 403 and seen:
                return RedirectResponse(seen[0].path, status_code=303)  # their work is elsewhere
            frame = Surroundings(session=session, token=sessions.token_of(secret), nav=seen, here=declared.path)
            return self._page(answered, frame)

        return answer

    async def _session(self, request: Request, declared: Declared) -> tuple[str, Session]:
        secret = sessions.secret_of(request, self._address)
        if secret is not None:
            try:
                session = await run_in_threadpool(sessions.session_of, self._services, secret)
            except Unavailable:
                raise NoAnswer(await self._keeping(AWAY, request, declared)) from None
            if session is not None:
                return secret, session
        is_sent = isinstance(declared, Act)
        context = {"ways": self._ways, "to": HOME if is_sent else request.url.path, "is_sent": is_sent}
        context["had_file"] = isinstance(declared, Act) and declared.largest_file > 0
        none = Answer(template="sign_in.html", title="Sign in", context=context, status=401)
        raise NoAnswer(await self._keeping(none, request, declared))

    async def _keeping(self, answer: Answer, request: Request, declared: Declared) -> Answer:
        """The answer to somebody whom we do not know, with what they typed. A file is not read from them."""
        if isinstance(declared, Page) or declared.largest_file:
            return answer
        return self._with_unsent(answer, request, declared, await form_of(request))

    def _with_unsent(self, answer: Answer, request: Request, declared: Declared, fields: Fields) -> Answer:
        leads_back = isinstance(declared, Act) and self._form_of(declared) and fields.is_typed
        return replace(answer, unsent=Unsent(request.url.path, fields)) if leads_back else answer

    def _form_of(self, act: Act) -> Page | None:
        if act.is_button:
            return None
        return self._pages.get(act.path) or self._pages.get(act.path.rpartition("/")[0])

    async def _answered(
        self, request: Request, declared: Declared, secret: str, session: Session
    ) -> Answer | File | DrawnPicture | Next:
        asked = Asked(
            services=self._services, session=session, path=request.path_params, query=dict(request.query_params)
        )
        try:
            if declared.right is not None:
                demand(asked.actor, declared.right)
            if isinstance(declared, Page):
                return await run_in_threadpool(declared.show, asked)
            asked = replace(asked, query={}, fields=await _sent(request, declared))
            try:
                is_of_session = sessions.is_token(secret, asked.fields.raw(TOKEN))
                return await run_in_threadpool(declared.do if is_of_session else partial(self._again, declared), asked)
            finally:
                for file in asked.fields.on_disk.values():
                    file.close()
        except NoAnswer as none:
            return none.answer
        except uploads.NoUpload as none:
            return refusal(none.status, "Nothing was done", none.says)
        except TransferError as error:
            found = explained(error, request.url.path if isinstance(declared, Page) else None, self._called)
        except Exception as error:  # noqa: BLE001  whatever it is, its text may be a patient's
            _log.error("a page failed: %s", told(error))
            found = refusal(500, "This page failed", "It is a mistake of ours. What was written before stands.")
        return self._with_unsent(found, request, declared, asked.fields)

    def _called(self, institution: str) -> str:
        known = self._services.institutions
        return known[institution].name if institution in known else institution

    def _again(self, act: Act, asked: Asked) -> Answer:
        """The form as it was filled in, for this session: nothing of it is done."""
        page = self._form_of(act)
        if page is not None and page.right is not None:
            demand(asked.actor, page.right)
        answer = page.show(asked) if page is not None and asked.fields.is_typed else None
        if not isinstance(answer, Answer):
            raise NoAnswer(refusal(403, "Nothing was done", "This form is of another sign-in. Open the page again."))
        return replace(answer, status=422, is_again=True)

    async def _next(self, then: Next, secret: str) -> Response:
        response = RedirectResponse(then.path, status_code=303)
        if then.ends_session:
            await run_in_threadpool(sign_out, self._services, secret)
            sessions.clear_cookie(response, self._address)
        return response

    def _page(self, answer: Answer, frame: Surroundings | None = None) -> Response:
        response = HTMLResponse(rendered(self._address, answer, frame), status_code=answer.status)
        if answer.again:  # WHATWG HTML, section 4.2.5.3; as a header it needs no element that somebody else could add
            seconds, path = answer.again
            response.headers["refresh"] = f"{seconds}; url={path}"
        return response


AWAY: Final = refusal(503, "The desk does not answer now", "A part that it needs is away. Nothing was done. Try again.")


def _kept(file: File) -> Response:
    """A download, whatever it is: none of it is rendered here, nor run with the rights of the desk (RFC 6266; W3C
    Content Security Policy Level 3, section 6.3.2).
    """
    headers = {
        "content-disposition": f'attachment; filename="{file.name}"',
        "content-length": str(file.size),
        "content-security-policy": "sandbox; default-src 'none'",
    }
    return StreamingResponse(file.pieces(), media_type="application/octet-stream", headers=headers)


def _check_origin(request: Request, address: Address, declared: Declared) -> None:
    if isinstance(declared, Page):
        if not is_from_here(request, address, is_act=False):
            raise NoAnswer(Answer(template="go_on.html", title="Records desk", context={"path": request.url.path}))
    else:
        check_act(request, address)


def check_act(request: Request, address: Address) -> None:
    """Raise `NoAnswer` where no page of ours sent this form."""
    if not is_from_here(request, address, is_act=True):
        says = "This form was not sent by a page of the desk. Open the page again."
        raise NoAnswer(refusal(403, "Nothing was done", says))


def is_from_here(request: Request, address: Address, *, is_act: bool) -> bool:
    """Whether a page of ours sent this request; a page may be asked for by its typed address, too (W3C Fetch Metadata
    Request Headers, section 2.4). An act that says neither where it comes from is not done. A form of ours says
    `Origin: null`, for our pages send no referrer (WHATWG Fetch, section 3.1).
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if origin not in (None, "null", address.origin):
        return False
    if site is not None:
        return site == "same-origin" or (site == "none" and not is_act)
    return origin == address.origin or not is_act


async def _sent(request: Request, act: Act) -> Fields:
    """The fields of the form. Whether a page of this session sent it, its token shows."""
    if act.largest_file:
        return await uploads.form_of(request, act.largest_file, is_on_disk=act.is_on_disk)
    return await form_of(request)


async def form_of(request: Request) -> Fields:
    """The fields of a form within its bounds; raises `NoAnswer` where it is none."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise NoAnswer(refusal(415, "Nothing was done", "What was sent is no form."))
    try:
        async with asyncio.timeout(FORM_SECONDS):  # also whoever has not signed in may send one
            return fields_of(await _body(request))
    except (TimeoutError, ClientDisconnect):
        raise NoAnswer(refusal(408, "Nothing was done", "The form took too long to come. Send it again.")) from None
    except BadForm:
        raise NoAnswer(refusal(400, "Nothing was done", "What was sent is no form.")) from None


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise NoAnswer(refusal(413, "Nothing was done", "The form is too long. Shorten what you wrote."))
    return bytes(body)


def explained(error: TransferError, here: str | None = None, called: Callable[[str], str] = str) -> Answer:
    """Why a verb did nothing, and what to do instead: by a link that leads back `here`, to the page asked for.

    `called` gives the name of an institution.
    """
    if isinstance(error, Unavailable):
        return AWAY
    remedy = f" {in_trade(sentence(_named(error.remedy, called)))}." if error.remedy else ""
    why = sentence(_named(error.refusal, called)) if error.refusal else str(error)
    says = f"{in_trade(why).rstrip('.')}.{remedy}"
    if isinstance(error, Unknown):
        return refusal(404, "There is no such page", says, remedies.lead(error.remedy))
    status = 403 if isinstance(error, NotAllowed | NotPermitted) else 409
    return refusal(status, "Not possible", says, remedies.lead(error.remedy, here))


def _named(code: Said, called: Callable[[str], str]) -> Said:
    """The same with words in place of codes, where a field is one."""
    fields = dict(code.fields)
    for name in _CODES & fields.keys():
        value = fields[name]
        fields[name] = (
            _plain(value)
            if isinstance(value, str)
            else tuple(map(_plain, value))
            if isinstance(value, tuple)
            else value
        )
    for name in _INSTITUTIONS & fields.keys():
        fields[name] = called(str(fields[name]))
    return type(code)(code.code, **fields)


def _plain(code: str) -> str:
    return code.replace("-", " ")
