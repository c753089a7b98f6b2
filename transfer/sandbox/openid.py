"""The hospital's identity provider: signs its staff in by OpenID Connect (Core 1.0, section 3.1; PKCE by RFC 7636).

It has one client, the desk, and five people. It keeps no session: whoever comes is asked for name and password.
"""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from dataclasses import dataclass
from string import Template
from typing import Any, ClassVar, Final
from urllib.parse import unquote, urlencode

from joserfc import jws, jwt
from joserfc.jwk import OctKey, RSAKey

from transfer.sandbox.institution import Answer, Config, Institution, Request, as_json

#: account → name and the groups it is in
PEOPLE: Final = {
    "clerk": ("Casey Clark", ["records-clerks"]),
    "officer": ("Olive Fischer", ["records-officers"]),
    "privacy": ("Perry Vance", ["privacy-office"]),
    "auditor": ("Aud Torres", ["records-auditors"]),
    "operator": ("Ollie Park", ["records-operators"]),
}

_CODE_SECONDS: Final = 60
_TOKEN_SECONDS: Final = 300
_TIMES: Final = ("exp", "iat", "nbf")
_UNSIGNED: Final = b'{"alg":"none"}'
_PAGE: Final = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign in: stand-in provider</title>
<style>
body { font: 1rem system-ui; max-width: 24rem; margin: 3rem auto; padding: 0 1rem }
label, input, button { display: block; font: inherit; width: 100%; box-sizing: border-box; margin: .3rem 0 }
button { margin-top: 1rem }
</style>
</head>
<body>
<main>
<h1>Sign in</h1>
<p>The stand-in identity provider. People here: $people.</p>
$mistake
<form method="post">
<label for="account">Account</label>
<input id="account" name="account" autocomplete="username" autocapitalize="none" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
</form>
</main>
</body>
</html>
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Granted:
    """What a code stands for until it is used, once."""

    account: str
    redirect_uri: str
    challenge: str
    nonce: str | None
    until: float


class OpenIdProvider(Institution):
    knobs: ClassVar[dict[str, Any]] = {
        #: normal | error-503 | garbage
        "answer": "normal",
        #: which claims name the groups: groups, or any other names, or none
        "claims": ["groups"],
        #: list | string (one group alone, as AD FS writes it) | elsewhere (Entra ID, where there are too many)
        "shape": "list",
        #: by account, in place of its own
        "groups": {},
        #: what the ID token says instead, as {"aud": "another", "exp": -3600}; of times seconds from now; null: nothing
        "instead": {},
        #: own (RS256) | another-key | by-secret (HS256 with the client's) | unsigned | garbage | none-at-all
        "signature": "own",
        #: how the discovery document names its issuer, where not as it should
        "issuer": None,
    }

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        if not (config.desk_url and config.client_secret and config.passwords):
            raise ValueError("the provider needs desk_url, client_secret and passwords")
        self._client = ("desk", config.client_secret)
        self._passwords: dict[str, str] = json.loads(config.passwords.read_text(encoding="utf-8"))
        self._desk_url = config.desk_url.rstrip("/")
        self._issuer = f"http://127.0.0.1:{config.port}"
        self._codes: dict[str, _Granted] = {}
        self._lock = threading.Lock()
        path = config.folder / "key.pem"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
        self._key = RSAKey.import_key(path.read_bytes(), {"alg": "RS256", "use": "sig"})
        self._key.ensure_kid()

    def is_open(self, path: str) -> bool:  # noqa: ARG002 - whoever has no token is who comes here
        return True

    def log(self, request: Request, status: int | None, sent: int) -> None:
        """Neither a password nor a code is written down."""
        super().log(request.without_parameters(), status, sent)

    def answer(self, request: Request) -> Answer:
        if self.behaviour["answer"] == "error-503":
            return as_json({"error": "temporarily_unavailable"}, status=503)
        if self.behaviour["answer"] == "garbage":
            return Answer(body=b"<html>not what was asked for", content_type="text/html")
        match (request.method, request.path):
            case ("GET", "/.well-known/openid-configuration"):
                return as_json(self._discovery())
            case ("GET", "/keys"):
                return as_json({"keys": [self._key.as_dict(private=False)]})
            case ("GET" | "POST", "/authorize"):
                return self._authorize(request)
            case ("POST", "/token"):
                return self._token(request)
            case ("GET", "/sign-out"):
                return self._sign_out(request)
        return as_json({"error": "not found"}, status=404)

    def _discovery(self) -> dict[str, Any]:
        """OpenID Connect Discovery 1.0, section 3."""
        return {
            "issuer": self.behaviour["issuer"] or self._issuer,
            "authorization_endpoint": f"{self._issuer}/authorize",
            "token_endpoint": f"{self._issuer}/token",
            "jwks_uri": f"{self._issuer}/keys",
            "end_session_endpoint": f"{self._issuer}/sign-out",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "none"],
            "scopes_supported": ["openid", "profile"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        }

    def _authorize(self, request: Request) -> Answer:
        """Core 1.0, section 3.1.2. What is not from our client is told to whoever is there, and goes nowhere."""
        asked = {name: request.first(name) or "" for name in _ASKED}
        if asked["client_id"] != self._client[0] or not self._is_desk(asked["redirect_uri"]):
            return Answer(status=400, body=b"This is not a client of ours.", content_type="text/plain")
        scopes = asked["scope"].replace("+", " ").split()
        if asked["response_type"] != "code" or "openid" not in scopes or asked["code_challenge_method"] != "S256":
            return self._back(asked, {"error": "invalid_request"})
        if request.method == "GET":
            return _page()
        account = request.first("account") or ""
        if not _is_same(self._passwords.get(account, ""), request.first("password") or ""):
            return _page(mistake=True)
        code = secrets.token_urlsafe(32)
        with self._lock:
            now = time.monotonic()
            self._codes = {one: granted for one, granted in self._codes.items() if granted.until > now}
            self._codes[code] = _Granted(
                account=account,
                redirect_uri=asked["redirect_uri"],
                challenge=asked["code_challenge"],
                nonce=asked["nonce"] or None,
                until=now + _CODE_SECONDS,
            )
        return self._back(asked, {"code": code})

    def _back(self, asked: dict[str, str], said: dict[str, str]) -> Answer:
        query = urlencode({**said, "state": asked["state"], "iss": self._issuer})
        return Answer(status=303, headers={"Location": f"{asked['redirect_uri']}?{query}", "Cache-Control": "no-store"})

    def _is_desk(self, uri: str) -> bool:
        return uri.startswith(f"{self._desk_url}/") and "?" not in uri and "#" not in uri

    def _token(self, request: Request) -> Answer:
        """Core 1.0, section 3.1.3; the client by HTTP basic authentication (RFC 6749, section 2.3.1)."""
        if not self._is_client(request.headers.get("authorization", "")):
            return as_json({"error": "invalid_client"}, status=401)
        with self._lock:
            granted = self._codes.pop(request.first("code") or "", None)
        is_theirs = (
            granted is not None
            and granted.until > time.monotonic()
            and granted.redirect_uri == request.first("redirect_uri")
            and _is_same(granted.challenge, _challenge(request.first("code_verifier") or ""))
        )
        if granted is None or not is_theirs or request.first("grant_type") != "authorization_code":
            return as_json({"error": "invalid_grant"}, status=400)
        said = {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": str(_TOKEN_SECONDS)}
        if self.behaviour["signature"] != "none-at-all":
            said["id_token"] = self._signed(self._id_claims(granted))
        return as_json(said, Cache_Control="no-store")

    def _is_client(self, authorization: str) -> bool:
        kind, _, said = authorization.partition(" ")
        try:
            name, _, secret = base64.b64decode(said, validate=True).decode().partition(":")
        except ValueError:
            return False
        is_named = _is_same(self._client[0], unquote(name))
        return kind == "Basic" and is_named and _is_same(self._client[1], unquote(secret))

    def _id_claims(self, granted: _Granted) -> dict[str, Any]:
        now = int(time.time())
        name, groups = PEOPLE[granted.account]
        claims: dict[str, Any] = {
            "iss": self._issuer,
            "sub": hashlib.sha256(f"{self._desk_url} {granted.account}".encode()).hexdigest()[:32],
            "aud": self._client[0],
            "iat": now,
            "exp": now + _TOKEN_SECONDS,
            "name": name,
            "preferred_username": granted.account,
            "nonce": granted.nonce,
            **self._groups(self.behaviour["groups"].get(granted.account, groups)),
        }
        for claim, said in self.behaviour["instead"].items():
            claims[claim] = now + said if claim in _TIMES and said is not None else said
        return {claim: said for claim, said in claims.items() if said is not None}

    def _signed(self, claims: dict[str, Any]) -> str:
        header: dict[str, Any] = {"alg": "RS256", "kid": self._key.kid}
        key: RSAKey | OctKey = self._key
        match self.behaviour["signature"]:
            case "unsigned":
                return f"{_base64url(_UNSIGNED)}.{_base64url(json.dumps(claims).encode())}."
            case "garbage":
                return "not.a.token"
            case "by-secret":
                header["alg"], key = "HS256", OctKey.import_key(self._client[1])
            case "another-key":
                key = RSAKey.generate_key(2048)
        return jwt.encode(header, claims, key, registry=jws.JWSRegistry(algorithms=[header["alg"]]))

    def _groups(self, groups: list[str]) -> dict[str, Any]:
        names = self.behaviour["claims"]
        if self.behaviour["shape"] == "elsewhere":
            source = {"endpoint": f"{self._issuer}/members"}
            return {"_claim_names": dict.fromkeys(names, "src1"), "_claim_sources": {"src1": source}}
        return dict.fromkeys(names, groups[0] if self.behaviour["shape"] == "string" and groups else groups)

    def _sign_out(self, request: Request) -> Answer:
        """RP-Initiated Logout 1.0, section 2. There is no session here that could end."""
        back = request.first("post_logout_redirect_uri") or ""
        if request.first("client_id") == self._client[0] and self._is_desk(back):
            return Answer(status=303, headers={"Location": back})
        return Answer(body=b"You are signed out.", content_type="text/plain")


_ASKED: Final = (
    *("client_id", "redirect_uri", "response_type", "scope"),
    *("state", "nonce", "code_challenge", "code_challenge_method"),
)


def _page(*, mistake: bool = False) -> Answer:
    """The form goes to the address it stands at, so that what the client asked comes along."""
    wrong = '<p role="alert">Account or password is wrong.</p>' if mistake else ""
    text = _PAGE.substitute(people=", ".join(PEOPLE), mistake=wrong)
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Answer(body=text.encode(), content_type="text/html; charset=utf-8", headers=headers)


def _challenge(verifier: str) -> str:
    return _base64url(hashlib.sha256(verifier.encode()).digest())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _is_same(one: str, other: str) -> bool:
    return bool(one) and hmac.compare_digest(one.encode(), other.encode())


def open_institution(config: Config) -> Institution:
    return OpenIdProvider(config)
