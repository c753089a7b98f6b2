"""Requests to one archive: its own origin only, no redirects, everything bounded, every failure in our words."""

import json
import ssl
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import urlsplit

import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, SSLError

from transfer.adapters import dicom
from transfer.adapters.dense import is_dense
from transfer.adapters.dicom.fetching import PIECE
from transfer.errors import TooLarge, TransferError, TurnedAway, Unexpected, Unknown, Unreachable

_LONGEST_WAIT: Final = 24 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds. `stall` is how long no byte may come; `deadline` how long one fetch may take in all, if bounded."""

    connect: float = 10.0
    stall: float = 60.0
    listing: float = 120.0
    deadline: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits(dicom.Limits):
    #: bytes of one list
    json: int = 8 << 20


def authorization(token: str | None, user: str | None, password: str | None) -> str | None:
    """What we show: a bearer token (RFC 6750), else a user's password (RFC 7617, in UTF-8), else nothing."""
    if token:
        return f"Bearer {token}"
    if user is None:
        return None
    return "Basic " + b64encode(f"{user}:{password or ''}".encode()).decode()


class Archive:
    """The HTTP side of one DICOMweb service. Its credential goes to `base_url` and nowhere else."""

    def __init__(
        self,
        base_url: str,
        authorization: str | None,
        timeouts: Timeouts,
        limits: Limits,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
            raise ValueError("a DICOMweb base URL is http(s)://host[:port]/path")
        self._base = base_url.rstrip("/")
        self._headers = {"Accept-Encoding": "identity"} | ({"Authorization": authorization} if authorization else {})
        self._timeouts = timeouts
        self._limits = limits
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=2, ssl_context=tls)

    def listing(self, path: str) -> list[dict[str, object]]:
        """A QIDO-RS answer; empty for 204 and for `[]`.

        Raises:
            Unknown: 404.
        """
        with self.open(path, accept="application/dicom+json") as response:
            if response.status == 204:
                return []
            body = self._bounded_body(response)
        if is_dense(body):
            raise TooLarge("the archive's list has more in it than is read at once")
        try:
            entries = json.loads(body)
        except (ValueError, RecursionError):
            raise Unexpected("the archive's list is not JSON") from None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise Unexpected("the archive's list is not a list of data sets")
        return entries

    @contextmanager
    def open(self, path: str, *, accept: str) -> Iterator[BaseHTTPResponse]:
        """GET, with the body still to be read by `read1`. Left before its end the connection is closed, unread.

        Raises:
            Unreachable, TurnedAway, Unknown, TooLarge, Unexpected: by status; see `_refusal`.
        """
        try:
            response = self._pool.request(
                "GET",
                self._base + path,
                headers=self._headers | {"Accept": accept},
                redirect=False,
                retries=False,
                preload_content=False,
                decode_content=False,
                timeout=urllib3.Timeout(connect=self._timeouts.connect, read=self._timeouts.stall),
            )
        except SSLError:
            raise Unexpected("the archive's TLS certificate or protocol is not accepted") from None
        except HTTPError:
            raise Unreachable("the archive did not answer") from None
        try:
            if (refusal := _refusal(response)) is not None:
                raise refusal
            yield response
        finally:
            response.close()  # read to its end, it has given its connection back already

    def _bounded_body(self, response: BaseHTTPResponse) -> bytes:
        body = bytearray()
        until = time.monotonic() + self._timeouts.listing
        try:
            while piece := response.read1(PIECE):
                body += piece
                if len(body) > self._limits.json:
                    raise TooLarge(f"the archive's list has more than {self._limits.json} bytes")
                if time.monotonic() > until:
                    raise Unreachable("the archive's list did not end in time")
        except (HTTPError, OSError):
            raise Unreachable("the archive broke off its list") from None
        return bytes(body)


def _refusal(response: BaseHTTPResponse) -> TransferError | None:
    """Our error for a status, None if the answer can be read."""
    status = response.status
    if status in (200, 204, 206):
        coded = response.headers.get("Content-Encoding", "identity") != "identity"
        return Unexpected("the archive compressed its answer unasked") if coded else None
    message = f"the archive answered {status}"
    if status in (401, 403):
        return TurnedAway(message)
    if status == 404:
        return Unknown(message)
    if status in (408, 425, 429) or (status >= 500 and status not in (501, 505)):
        return Unreachable(message, retry_after=_retry_after(response))
    return Unexpected(message)


def _retry_after(response: BaseHTTPResponse) -> float | None:
    """Seconds until the archive wants to be asked again; a date is measured against the archive's own clock."""
    said = response.headers.get("Retry-After", "").strip()
    if said.isdecimal():
        return min(float(said), _LONGEST_WAIT)
    try:
        moment, now = (parsedate_to_datetime(text) for text in (said, response.headers.get("Date", "")))
        return min(max((moment - now).total_seconds(), 0.0), _LONGEST_WAIT)
    except (TypeError, ValueError):
        return None
