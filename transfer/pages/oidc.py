"""Sign-in by an identity provider, the hospital's or a center's: OpenID Connect, authorization code flow with PKCE.

OpenID Connect Core 1.0, section 3.1; Discovery 1.0, section 4; RFC 7636; RFC 9207. authlib makes the requests and
checks the token; what it leaves open is settled here: which issuer, which audience, which algorithms, how much is read
of an answer and for how long. Nothing that a provider says is repeated in a message: it ends in a log.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.common.urls import add_params_to_uri
from authlib.integrations.starlette_client import OAuthError, StarletteIntegration, StarletteOAuth2App
from itsdangerous import BadData, URLSafeTimedSerializer
from joserfc.errors import ExpiredTokenError, InvalidClaimError, JoseError, MissingClaimError
from pydantic import AfterValidator, BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from transfer.errors import Refused, Unreachable
from transfer.sessions import LONGEST_TEXT, Person
from transfer.setting_values import is_private
from transfer.settings import BadSetting, Settings

log = logging.getLogger(__name__)

#: where the provider leads people back to
CALLBACK: Final = "/desk/sign-in/callback"
#: seconds in which somebody may type name and password at the provider
ATTEMPT_SECONDS: Final = 600
#: seconds that the provider's clock may be ahead of or behind ours
LEEWAY_SECONDS: Final = 120
#: seconds for all that the provider is asked in one step
ANSWER_SECONDS: Final = 10.0
#: bytes of one answer of the provider
MAX_ANSWER_BYTES: Final = 1 << 20
#: seconds after which what the provider says of itself, and its keys, are read anew
_METADATA_SECONDS: Final = 3600.0
#: signatures that are taken: by a key that the provider alone has. Not `none`, not HMAC with the client's secret
_ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "Ed25519",
    "EdDSA",
)


class SignInFlaw(StrEnum):
    """Why somebody is not signed in."""

    #: it was begun in another browser, too long ago, or is over
    NOT_BEGUN_HERE = "not-begun-here"
    #: the provider did not let them in
    PROVIDER_REFUSES = "provider-refuses"
    #: what the provider says does not hold
    NOT_BELIEVED = "not-believed"


class NotSignedIn(Refused):
    """Somebody came back from the provider and is not signed in. `detail` names what is wrong, as the standards do."""

    def __init__(self, flaw: SignInFlaw, detail: str = "") -> None:
        super().__init__(f"not signed in: {flaw}{f' ({detail})' if detail else ''}")
        self.flaw, self.detail = flaw, detail


class ProviderAway(Unreachable):
    """The provider does not answer, or not as a provider does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who came back from the provider, and all that its token says."""

    person: Person
    claims: Mapping[str, object]
    #: the page they wanted
    to: str


def _as_safe(url: str) -> str:
    if not is_private(url):
        raise ValueError("neither by TLS nor on this machine")
    return url


_Url = Annotated[str, AfterValidator(_as_safe)]


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcClient:
    """As what we are known to a provider, and where people come back to."""

    #: letter by letter
    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    #: with spaces; `openid` among it
    scope: str
    callback: str
    #: where people come from the provider's own sign-out
    signed_out: str
    #: PEM file of whom we trust there, and nobody else; None: as this machine trusts everybody
    authority: Path | None
    #: of what a browser keeps between the two steps
    cookie: str

    @classmethod
    def of_desk(cls, settings: Settings) -> Self:
        """The desk's, as the settings name it.

        Raises:
            BadSetting: half a client, or an authority that is no file of certificates.
        """
        client_id, client_secret = settings.oidc_client
        found = cls(
            issuer=settings.oidc_issuer or "",
            client_id=client_id,
            client_secret=client_secret,
            scope=settings.oidc_scope,
            callback=settings.desk_url + CALLBACK,
            signed_out=settings.desk_url + "/desk/signed-out",
            authority=settings.oidc_authority,
            cookie="desk-sign-in",
        )
        try:
            found.trusted()
        except OSError:
            raise BadSetting("TRANSFER_OIDC_AUTHORITY", "is no file of certificates", "It is a PEM file.") from None
        return found

    def trusted(self) -> ssl.SSLContext:
        """Whom we trust there. Raises `OSError` where the authority is no file of certificates."""
        return ssl.create_default_context(cafile=self.authority)


class _Metadata(BaseModel):
    """What a provider says of itself (Discovery 1.0, section 3); the rest of it is not looked at."""

    issuer: str
    authorization_endpoint: _Url
    token_endpoint: _Url
    jwks_uri: _Url
    end_session_endpoint: _Url | None = None
    #: left out by some
    id_token_signing_alg_values_supported: tuple[str, ...] = Field(default=("RS256",), max_length=64)


class _Transport(httpx2.AsyncBaseTransport):
    """One request, of which no more is read than `MAX_ANSWER_BYTES`. A compressed answer is not taken."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        request.headers["Accept-Encoding"] = "identity"
        async with httpx2.AsyncHTTPTransport(verify=self._tls) as inner:
            answer = await inner.handle_async_request(request)
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise httpx2.DecodingError("a compressed answer", request=request)
            body = bytearray()
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise httpx2.ReadError("an answer beyond its bound", request=request)
            return httpx2.Response(answer.status_code, headers=answer.headers, content=bytes(body), request=request)


class Provider:
    """The identity provider of one client. For one event loop.

    `secret` seals what a browser keeps between the two steps; every process that shares the pages has the same. It may
    wait.
    """

    def __init__(self, client: OidcClient, secret: Callable[[], bytes]) -> None:
        self._client = client
        self._secret = secret
        self._read: tuple[float, _Metadata, StarletteOAuth2App] | None = None
        is_by_tls = client.callback.startswith("https:")
        #: `Lax`, for people come back from another site; it is theirs for one sign-in and opens nothing
        self._cookie: dict[str, Any] = {
            "key": f"__Host-{client.cookie}" if is_by_tls else client.cookie,
            "path": "/",
            "secure": is_by_tls,
            "httponly": True,
            "samesite": "lax",
        }

    async def begin(self, request: Request, to: str) -> Response:
        """Lead somebody to the provider, and afterwards to the page `to`, a path of the desk. Beginning anew ends what
        the same browser began before.

        Raises:
            ProviderAway: it does not answer.
            OutOfOrder: the keys do not answer.
        """
        sealed = await self._sealer()
        async with self._asking():
            _, app = await self._app()
            request.scope["session"] = {}
            answer: Response = await app.authorize_redirect(request, self._client.callback)
        attempt = {"to": to, "session": request.scope["session"]}
        answer.set_cookie(value=sealed.dumps(attempt), max_age=ATTEMPT_SECONDS, **self._cookie)
        return answer

    async def finish(self, request: Request) -> SignedIn:
        """Who came back. What was begun is over by that, however it ends: `forget` it.

        Raises:
            NotSignedIn: it was not begun here, the provider refuses, or what it says does not hold.
            ProviderAway: it does not answer.
            OutOfOrder: the keys do not answer.
        """
        sealed = await self._sealer()
        try:
            attempt = sealed.loads(request.cookies.get(self._cookie["key"], ""), max_age=ATTEMPT_SECONDS)
        except BadData:
            raise NotSignedIn(SignInFlaw.NOT_BEGUN_HERE) from None
        request.scope["session"] = attempt["session"]
        if request.query_params.get("iss", self._client.issuer) != self._client.issuer:
            raise NotSignedIn(SignInFlaw.NOT_BELIEVED, "iss")
        async with self._asking():
            _, app = await self._app()
            claims = await self._claims(app, request)
        return SignedIn(person=self._person(claims), claims=claims, to=attempt["to"])

    async def sign_out_url(self) -> str | None:
        """Where somebody who signed out here ends their session with the provider, too (RP-Initiated Logout 1.0). None:
        it has no such page, or does not answer.
        """
        try:
            async with self._asking():
                metadata, _ = await self._app()
        except ProviderAway:
            return None
        if metadata.end_session_endpoint is None:
            return None
        asked = {"client_id": self._client.client_id, "post_logout_redirect_uri": self._client.signed_out}
        return str(add_params_to_uri(metadata.end_session_endpoint, asked.items()))

    def forget(self, answer: Response) -> None:
        """What was begun is over."""
        answer.delete_cookie(**self._cookie)

    async def _sealer(self) -> URLSafeTimedSerializer:
        # One browser may begin with several clients by the same cookie: what was begun with one ends with no other.
        salt = f"sign-in\n{self._client.callback}"
        return URLSafeTimedSerializer(await asyncio.to_thread(self._secret), salt=salt)

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[None]:
        """Ask the provider within the time there is for it."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                yield
        except (httpx2.HTTPError, TimeoutError, OSError) as error:
            log.warning("the identity provider does not answer: %s", type(error).__name__)
            raise ProviderAway("the identity provider does not answer") from None

    async def _app(self) -> tuple[_Metadata, StarletteOAuth2App]:
        if self._read is None or time.monotonic() - self._read[0] > _METADATA_SECONDS:
            metadata = await self._metadata()
            known = {
                **metadata.model_dump(exclude={"end_session_endpoint"}),
                "id_token_signing_alg_values_supported": [
                    one for one in metadata.id_token_signing_alg_values_supported if one in _ALGORITHMS
                ],
            }
            app = StarletteOAuth2App(
                StarletteIntegration("desk"),
                name="desk",
                client_id=self._client.client_id,
                client_secret=self._client.client_secret,
                client_kwargs={**self._by(), "scope": self._client.scope, "code_challenge_method": "S256"},
                **known,
            )
            self._read = time.monotonic(), metadata, app
        return self._read[1:]

    def _by(self) -> dict[str, Any]:
        return {"transport": _Transport(self._client.trusted()), "timeout": ANSWER_SECONDS, "trust_env": False}

    async def _metadata(self) -> _Metadata:
        """Raises: ProviderAway: what is there is no provider's, or another's (Discovery 1.0, section 4.3)."""
        url = f"{self._client.issuer.rstrip('/')}/.well-known/openid-configuration"
        async with httpx2.AsyncClient(**self._by()) as client:
            answer = (await client.get(url)).raise_for_status()
        try:
            metadata = _Metadata.model_validate_json(answer.content)
        except ValidationError as error:
            places = sorted({".".join(map(str, one["loc"])) for one in error.errors(include_input=False)})
            wrong = ", ".join(one for one in places if one in _Metadata.model_fields)
            log.warning("the identity provider does not say of itself what it has to: %s", wrong or "no JSON")
            raise ProviderAway("the identity provider does not answer as one") from None
        if metadata.issuer != self._client.issuer:
            log.warning("the identity provider calls itself otherwise than we do")
            raise ProviderAway("the identity provider is another one")
        return metadata

    async def _claims(self, app: StarletteOAuth2App, request: Request) -> dict[str, object]:
        """The claims of the ID token, once all of it holds (Core 1.0, section 3.1.3.7)."""
        expected = {
            "iss": {"essential": True, "value": self._client.issuer},
            "aud": {"essential": True, "value": self._client.client_id},
        }
        try:
            token = await app.authorize_access_token(request, claims_options=expected, leeway=LEEWAY_SECONDS)
        except OAuthError as error:
            raise _refusal(error) from None
        except ExpiredTokenError:
            raise NotSignedIn(SignInFlaw.NOT_BELIEVED, "exp") from None
        except (InvalidClaimError, MissingClaimError) as error:
            raise NotSignedIn(SignInFlaw.NOT_BELIEVED, _named(error.claim)) from None
        except JoseError:
            raise NotSignedIn(SignInFlaw.NOT_BELIEVED, "signature") from None
        except (AuthlibBaseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # an answer or a key that is none; what Python says of it may quote it
            raise NotSignedIn(SignInFlaw.NOT_BELIEVED, "answer") from None
        if not (claims := token.get("userinfo")):
            raise NotSignedIn(SignInFlaw.NOT_BELIEVED, "id_token")
        return dict(claims)

    def _person(self, claims: Mapping[str, object]) -> Person:
        """Raises: NotSignedIn: the subject is empty or longer than the standard has it."""
        subject = claims["sub"]
        names = (claims.get(name) for name in ("name", "preferred_username", "unique_name", "sub"))
        name = next(one for one in names if isinstance(one, str) and one.strip())
        try:
            return Person(issuer=self._client.issuer, subject=str(subject), name=name.strip()[:LONGEST_TEXT])
        except ValueError:
            raise NotSignedIn(SignInFlaw.NOT_BELIEVED, "sub") from None


#: errors of RFC 6749, sections 4.1.2.1 and 5.2, and of Core 1.0, section 3.1.2.6, as we repeat them
_ERRORS: Final = frozenset(
    (
        *("access_denied", "invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope"),
        *("server_error", "temporarily_unavailable", "invalid_client", "invalid_grant"),
        *("interaction_required", "login_required", "consent_required"),
    )
)
_CLAIMS: Final = frozenset(("iss", "sub", "aud", "exp", "nbf", "iat", "nonce", "azp", "at_hash", "auth_time", "amr"))


def _refusal(error: OAuthError) -> NotSignedIn:
    if error.error == "mismatching_state":
        return NotSignedIn(SignInFlaw.NOT_BEGUN_HERE)
    return NotSignedIn(SignInFlaw.PROVIDER_REFUSES, error.error if error.error in _ERRORS else "")


def _named(claim: object) -> str:
    return claim if isinstance(claim, str) and claim in _CLAIMS else "claim"
