"""Fetching a packet: slowly if wished, and from where it broke off."""

import socket
import threading
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import urllib3

_ATTEMPTS = 40
#: a door that is not open yet may say 401 or 404; after so many times it is meant
_REFUSALS = 5
#: small, so that a slow reader is felt by the sender and not hidden in buffers
_RECEIVE_BUFFER = 16 << 10
_BLOCK = 256 << 10


class Outcome(StrEnum):
    WHOLE = "whole"
    #: the sender no longer gives it
    WITHDRAWN = "withdrawn"
    #: not given, this once
    REFUSED = "refused"
    #: we were stopped, or it failed too often
    INTERRUPTED = "interrupted"


def fetch(
    url: str,
    path: Path,
    *,
    token: str,
    rate: Callable[[], float | None],
    stopping: threading.Event,
    progress: Callable[[int, int], None],
) -> Outcome:
    """Fetch into `path`, going on after what is there. `rate` is asked for bytes per second all along."""
    options = [
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        *([(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)] if rate() else []),
    ]
    timeout = urllib3.Timeout(connect=5, read=60)
    with urllib3.PoolManager(retries=False, timeout=timeout, socket_options=options) as pool:
        refusals = 0
        for attempt in range(1, _ATTEMPTS + 1):
            outcome = _attempt(pool, url, path, token=token, rate=rate, stopping=stopping)
            progress(path.stat().st_size if path.exists() else 0, attempt)
            refusals += outcome is Outcome.REFUSED
            if outcome is Outcome.REFUSED and refusals >= _REFUSALS:
                return Outcome.WITHDRAWN
            if outcome not in (None, Outcome.REFUSED):
                return outcome
            if stopping.wait(min(0.2 * attempt, 2.0)):
                break
    return Outcome.INTERRUPTED


def _attempt(
    pool: urllib3.PoolManager,
    url: str,
    path: Path,
    *,
    token: str,
    rate: Callable[[], float | None],
    stopping: threading.Event,
) -> Outcome | None:
    """None: it broke off, and may be asked for again."""
    have = path.stat().st_size if path.exists() else 0
    headers = {"Authorization": f"Bearer {token}"} | ({"Range": f"bytes={have}-"} if have else {})
    try:
        response = pool.request("GET", url, headers=headers, preload_content=False, redirect=False)
        try:
            match response.status:
                case 206 if response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                    return _read(response, path, have, rate, stopping)
                case 200:
                    return _read(response, path, 0, rate, stopping)
                case 416:
                    # Nothing lies beyond what we have.
                    return Outcome.WHOLE
                case 403 | 410 | 451:
                    return Outcome.WITHDRAWN
                case 401 | 404:
                    return Outcome.REFUSED
                case _:
                    return None
        finally:
            response.close()
    except (urllib3.exceptions.HTTPError, OSError):
        return None


def _read(
    response: urllib3.BaseHTTPResponse,
    path: Path,
    start: int,
    rate: Callable[[], float | None],
    stopping: threading.Event,
) -> Outcome | None:
    length = response.headers.get("Content-Length")
    began, received = time.monotonic(), 0
    with path.open("r+b" if start else "wb") as kept:
        kept.seek(start)
        while not stopping.is_set():
            allowed = rate()
            # Small blocks, so that a slow reader reads often rather than in gulps; `read1` gives what is there, where
            # `read` would lose it when the rest does not come.
            block = response.read1(max(1024, min(_BLOCK, int(allowed / 10))) if allowed else _BLOCK)
            if not block:
                return Outcome.WHOLE if length is None or received == int(length) else None
            kept.write(block)
            kept.flush()
            received += len(block)
            if allowed:
                stopping.wait(max(0.0, received / allowed - (time.monotonic() - began)))
    return Outcome.INTERRUPTED
