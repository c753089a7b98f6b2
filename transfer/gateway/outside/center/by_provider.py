"""Signing in by the center's own identity provider, which its reviewed file names.

Each center has a way of its own, with a way back of its own: what was begun for one ends for no other.
"""

import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from transfer.center_accounts import CenterSignIn
from transfer.errors import Unavailable
from transfer.flow.outside.center_sign_in import sign_in_by_provider
from transfer.gateway.outside.guard import NOTHING_HERE, page
from transfer.gateway.outside.routes import Shell
from transfer.gateway.outside.templating import Around
from transfer.identifiers import InstitutionId
from transfer.outside_sessions import Outsider
from transfer.pages.guard import refusal
from transfer.pages.oidc import NotSignedIn, OidcClient, Provider, SignInFlaw
from transfer.pages.routes import Answer
from transfer.pages.session import give_cookie
from transfer.sealing import SITE

log = logging.getLogger(__name__)

WITH: Final = "/c/sign-in/with"
_SCOPE: Final = "openid profile"
_TITLE: Final = "You are not signed in"
_FLAWS: Final[Mapping[SignInFlaw, str]] = MappingProxyType(
    {
        SignInFlaw.NOT_BEGUN_HERE: "This sign-in was begun in another window, took too long, or is over. Begin again.",
        SignInFlaw.PROVIDER_REFUSES: "Your center's account does not let you in here.",
        SignInFlaw.NOT_BELIEVED: "What your center's account said of you does not hold. Begin again. If it comes back, "
        "call the records desk.",
    }
)
_NOT_THESE_PEOPLE: Final = "Your center's account lets you in, and does not say that you may read records here."
_AWAY: Final = refusal(503, _TITLE, "Your center's account does not answer now. Try again in a minute.")


def centers(shell: Shell) -> Mapping[InstitutionId, str]:
    """The receiving centers that sign their people in themselves, with what people call them."""
    return {InstitutionId(one): known.name for one, known in shell.services.institutions.items() if _of(shell, one)}


def _of(shell: Shell, center: str) -> CenterSignIn | None:
    known = shell.services.institutions.get(center)
    return known.receives.sign_in if known and known.receives else None


def ways(shell: Shell) -> Sequence[Route]:
    """The routes: the way there, and the way back."""
    door = _Door(shell)
    return (
        Route(f"{WITH}/{{center}}", door.begin, methods=["GET"]),
        Route(f"{WITH}/{{center}}/back", door.finish, methods=["GET"]),
    )


class _Door:
    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._providers = {
            one: Provider(_client(shell, one, said), lambda: shell.services.ledger.keys.hmac(SITE, b"center sign-in"))
            for one in centers(shell)
            if (said := _of(shell, one))
        }

    async def begin(self, request: Request) -> Response:
        found = self._provider(request)
        if found is None:
            return self._page(NOTHING_HERE)
        try:
            return await found[1].begin(request, "/c/")
        except Unavailable:
            return self._page(_AWAY)

    async def finish(self, request: Request) -> Response:
        found = self._provider(request)
        if found is None:
            return self._page(NOTHING_HERE)
        center, provider = found
        try:
            answer = await self._finished(request, center, provider)
        except Unavailable:
            answer = self._page(_AWAY)
        provider.forget(answer)
        return answer

    async def _finished(self, request: Request, center: InstitutionId, provider: Provider) -> Response:
        try:
            came = await provider.finish(request)
        except NotSignedIn as error:
            log.warning("a center's person: %s", error)
            return self._page(refusal(403, _TITLE, _FLAWS[error.flaw]))
        said = _of(self._shell, center)
        if said is None or not said.lets_in(came.claims):
            log.warning("a center's person is none of those who are let in (account %s)", came.person.account)
            return self._page(refusal(403, _TITLE, _NOT_THESE_PEOPLE))
        secret = await run_in_threadpool(sign_in_by_provider, self._shell.services, center, came.person)
        answer = self._page(Answer(template="go_on.html", title="Signed in", context={"path": "/c/"}))
        give_cookie(answer, self._shell.address, self._shell.address.cookie_of(Outsider.CENTER), secret)
        return answer

    def _provider(self, request: Request) -> tuple[InstitutionId, Provider] | None:
        try:
            center = InstitutionId(request.path_params["center"])
            return center, self._providers[center]
        except (ValueError, KeyError):
            return None

    def _page(self, answer: Answer) -> Response:
        return page(self._shell, answer, Around())


def _client(shell: Shell, center: InstitutionId, said: CenterSignIn) -> OidcClient:
    return OidcClient(
        issuer=said.issuer,
        client_id=said.client_id,
        client_secret=said.client_secret,
        scope=_SCOPE,
        callback=f"{shell.address.origin}{WITH}/{center}/back",
        signed_out=f"{shell.address.origin}/c/sign-in",
        authority=said.authority,
        cookie="center-sign-in",
    )
