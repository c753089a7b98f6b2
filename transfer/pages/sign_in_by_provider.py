"""The usual way to sign in: by the hospital's identity provider, whose groups say which roles somebody has."""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from transfer.errors import Unavailable
from transfer.flow.services import WithLedger
from transfer.pages.address import Address
from transfer.pages.guard import refusal
from transfer.pages.oidc import CALLBACK, NotSignedIn, Provider, ProviderAway, SignInFlaw
from transfer.pages.routes import WayIn
from transfer.pages.session import sign_in, signed_in
from transfer.pages.templating import rendered
from transfer.staff_groups import NoRole, StaffGroups

log = logging.getLogger(__name__)

_BEGIN: Final = "/desk/sign-in"
_SIGN_OUT: Final = "/desk/sign-in/sign-out"
_HOME: Final = "/desk/"
#: it lies in a cookie, of which browsers keep 4096 bytes
_LONGEST_PATH: Final = 500

_FLAWS: Final[Mapping[SignInFlaw, str]] = MappingProxyType(
    {
        SignInFlaw.NOT_BEGUN_HERE: "This sign-in was begun in another window, took too long, or is over. Begin again.",
        SignInFlaw.PROVIDER_REFUSES: "Your hospital's account does not let you in here.",
        SignInFlaw.NOT_BELIEVED: "What your hospital's account said of you does not hold. Begin again. If it comes "
        "back, tell whoever runs the desk.",
    }
)
_NO_ROLES: Final[Mapping[NoRole, str]] = MappingProxyType(
    {
        NoRole.NO_GROUPS: "You may do nothing here: your account names no groups. Tell whoever runs the desk.",
        NoRole.GROUPS_ELSEWHERE: "You may do nothing here: your account is in more groups than it lists. They are not "
        "guessed. Tell whoever runs the desk.",
        NoRole.NO_GROUP_OF_OURS: "You may do nothing here: none of your groups has a role. Tell whoever runs the desk.",
    }
)
_AWAY: Final = (
    "Your hospital's account does not answer now. Nothing is wrong with your password. Try again in a minute. What "
    "cannot wait is done by the emergency account."
)
_DESK_AWAY: Final = "A part that the desk needs is away. Try again."


@dataclass(frozen=True, slots=True)
class _Way:
    services: WithLedger
    address: Address
    provider: Provider
    groups: StaffGroups

    async def begin(self, request: Request) -> Response:
        try:
            return await self.provider.begin(request, _path_of_ours(request.query_params.get("to", "")))
        except Unavailable as error:
            return self._away(error)

    async def finish(self, request: Request) -> Response:
        try:
            answer = await self._finished(request)
        except Unavailable as error:
            answer = self._away(error)
        self.provider.forget(answer)
        return answer

    async def _finished(self, request: Request) -> Response:
        try:
            found = await self.provider.finish(request)
        except NotSignedIn as error:
            log.warning("%s", error)
            detail = f" ({error.detail})" if error.detail else ""
            return self._refused(_FLAWS[error.flaw].replace(".", f"{detail}.", 1))
        roles = self.groups.roles_of(found.claims)
        if isinstance(roles, NoRole):
            log.warning("not signed in: %s (account %s)", roles, found.person.account)
            return self._refused(_NO_ROLES[roles])
        secret = await run_in_threadpool(sign_in, self.services, found.person, roles)
        return signed_in(self.address, secret, found.to)

    async def sign_out(self, _request: Request) -> Response:
        if url := await self.provider.sign_out_url():
            return RedirectResponse(url, status_code=303)
        return self._refused("Your hospital's account cannot be signed out from here. Close the browser.", status=503)

    def _away(self, error: Unavailable) -> Response:
        return self._refused(_AWAY if isinstance(error, ProviderAway) else _DESK_AWAY, status=503)

    def _refused(self, says: str, status: int = 403) -> Response:
        return HTMLResponse(rendered(self.address, refusal(status, "You are not signed in", says)), status_code=status)


def _path_of_ours(path: str) -> str:
    """The page somebody wanted, if it is one of the desk's."""
    return path if len(path) <= _LONGEST_PATH and re.fullmatch(r"/desk(/[A-Za-z0-9_.~-]+)*/?", path) else _HOME


def by_provider(services: WithLedger, address: Address, provider: Provider, groups: StaffGroups) -> WayIn:
    """Sign in by this provider. A session is made only for somebody with a role."""
    way = _Way(services, address, provider, groups)
    return WayIn(
        label="Sign in with your hospital account",
        path=_BEGIN,
        sign_out=_SIGN_OUT,
        routes=(
            Route(_BEGIN, way.begin, methods=["GET"]),
            Route(CALLBACK, way.finish, methods=["GET"]),
            Route(_SIGN_OUT, way.sign_out, methods=["GET"]),
        ),
    )
