"""Tokens for a signed assertion (RFC 7523; SMART App Launch 2.0, Backend Services), kept until they end."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlencode, urljoin, urlsplit

from joserfc import jwt

from transfer.adapters.http import HttpClient, HttpLimits, bearer
from transfer.adapters.smart.keys import SmartKeys
from transfer.credentials import SmartClient
from transfer.errors import TurnedAway, Unexpected
from transfer.sources import KeepGoing

#: seconds in which an assertion counts; a server refuses one of more than 300
ASSERTED_SECONDS: Final = 240
#: seconds before its end at which a token counts as ended: it has to last for a request
_SPARE_SECONDS: Final = 15.0
#: of a token whose end its server does not tell
_UNTOLD_SECONDS: Final = 300.0
_MOST_SECONDS: Final = 3600.0
_LONGEST_TOKEN: Final = 16 << 10
_SMALL: Final = HttpLimits(connect_seconds=5, silence_seconds=20, page_seconds=30, page_bytes=256 << 10)
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: RFC 6749, section 5.2
_ERRORS: Final = frozenset(
    {
        *("invalid_request", "invalid_client", "invalid_grant"),
        *("unauthorized_client", "unsupported_grant_type", "invalid_scope"),
    }
)
_FORM: Final = "application/x-www-form-urlencoded"


def _utc() -> datetime:
    return datetime.now(UTC)


class SmartTokens:
    """`ShownAuthorization` for one server. Safe for use by several threads: one of them asks, the others wait."""

    def __init__(
        self,
        base_url: str,
        client: SmartClient,
        keys: SmartKeys,
        connect: Callable[[str, HttpLimits], HttpClient],
        now: Callable[[], datetime] = _utc,
    ) -> None:
        """`connect`: a client for an address, without a credential. `now` is UTC."""
        self._base = base_url.rstrip("/")
        self._client = client
        self._keys = keys
        self._connect = connect
        self._now = now
        self._lock = threading.Lock()
        self._header: str | None = None
        self._ends = 0.0
        self._token_url = client.token_url

    def header(self, keep_going: KeepGoing) -> str:
        """What to show now.

        Raises:
            TurnedAway: their server gives us none.
            Unexpected: it answers what OAuth 2.0 does not promise, or names an address in plain text.
            OutOfOrder: there is no key of ours.
            and as `HttpClient` does.
        """
        with self._lock:
            if self._header is None or time.monotonic() >= self._ends:
                self._header, self._ends = self._new(keep_going)
            return self._header

    def forget(self, shown: str) -> None:
        """It was refused. Whoever asks next gets a new one; one that another thread got meanwhile stays."""
        with self._lock:
            if self._header == shown:
                self._header = None

    def _new(self, keep_going: KeepGoing) -> tuple[str, float]:
        self._token_url = url = self._token_url or self._configured(keep_going)
        asked, began = self._assertion(url), time.monotonic()
        client = self._connect(url, _SMALL)
        try:
            reply = client.ask(
                "POST",
                url,
                accept="application/json",
                keep_going=keep_going,
                headers={"Content-Type": _FORM},
                body=urlencode(asked).encode(),
                statuses={200, 400, 401},
            )
        finally:
            client.close()
        if reply.status != 200:
            raise TurnedAway(f"no token: HTTP {reply.status}{_error(reply.body)}")
        return _token(_json(reply.body), began)

    def _assertion(self, url: str) -> dict[str, str]:
        now = self._now()
        key, at = self._keys.signing(now), int(now.timestamp())
        claims = {
            "iss": self._client.client_id,
            "sub": self._client.client_id,
            "aud": url,
            "iat": at,
            "exp": at + ASSERTED_SECONDS,
            "jti": str(uuid.uuid4()),
        }
        header = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
        return {
            "grant_type": "client_credentials",
            "scope": self._client.scopes,
            "client_assertion_type": _ASSERTION,
            "client_assertion": jwt.encode(header, claims, key.key, algorithms=[key.algorithm]),
        }

    def _configured(self, keep_going: KeepGoing) -> str:
        """Where tokens are given, by their own configuration. In plain text only where the server itself is."""
        client = self._connect(self._base, _SMALL)
        try:
            url = f"{self._base}/.well-known/smart-configuration"
            said = _json(client.ask("GET", url, accept="application/json", keep_going=keep_going).body)
        finally:
            client.close()
        found = said.get("token_endpoint")
        if not isinstance(found, str):
            raise Unexpected("their SMART configuration names no token endpoint")
        address = urljoin(f"{self._base}/", found)
        there, here = urlsplit(address), urlsplit(self._base)
        is_same = (there.scheme, there.netloc) == (here.scheme, here.netloc)
        if (there.scheme != "https" and not is_same) or there.username or there.query or there.fragment:
            raise Unexpected("their token endpoint is not an address that begins with https://")
        return address


def _error(body: bytes) -> str:
    """Which of OAuth's errors it names; nothing of other words of theirs."""
    with suppress(Unexpected):
        named = _json(body).get("error")
        return f", {named}" if isinstance(named, str) and named in _ERRORS else ""
    return ""


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Unexpected("an answer of theirs about tokens is not JSON") from None
    if not isinstance(found, dict):
        raise Unexpected("an answer of theirs about tokens is no object")
    return found


def _token(said: dict[str, Any], began: float) -> tuple[str, float]:
    """The header, and when it ends by the monotonic clock (RFC 6749 section 5.1)."""
    token, kind, seconds = said.get("access_token"), said.get("token_type"), said.get("expires_in")
    is_one = isinstance(token, str) and 0 < len(token) <= _LONGEST_TOKEN and all("!" <= c <= "~" for c in token)
    if not is_one or not isinstance(kind, str) or kind.lower() != "bearer":
        raise Unexpected("their answer has no bearer token")
    lasts = _UNTOLD_SECONDS
    if isinstance(seconds, (int, float)) and not isinstance(seconds, bool):
        lasts = float(min(max(0.0, seconds), _MOST_SECONDS))  # NaN comes to 0, and no number is too large to compare
    header = bearer(str(token))
    assert header
    return header, began + max(lasts - _SPARE_SECONDS, lasts / 2)
