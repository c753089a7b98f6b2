"""The application of the key service. Whoever reached it has shown a certificate that the service trusts, and may all.

Nothing is logged but the kind of an error: neither a name nor a key.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from transfer.adapters.held_keys import MOST_BYTES, KeysMoved
from transfer.adapters.keys import FolderKeys
from transfer.adapters.keys_copy import WrongPassphrase
from transfer.errors import Refused, TransferError, Unavailable
from transfer.key_wire import MARK, OK, KeyRefusal
from transfer.sealing import SIGNER, SITE, KeyGone, KeyName

log = logging.getLogger("transfer.key_service")

_BODY_SECONDS: Final = 5.0
_STATUS: Final = {
    KeyRefusal.GONE: 404,
    KeyRefusal.WRONG_PASSPHRASE: 409,
    KeyRefusal.OTHER_COPY: 409,
    KeyRefusal.NOT_UNDERSTOOD: 400,
}


def application(keys: FolderKeys) -> Starlette:
    """The application over one folder of keys, which it never begins by itself: an empty one may be a disk that is not
    mounted.
    """
    asked = _Asked(keys)
    return Starlette(
        routes=[
            Route("/secrets", asked.names, methods=["GET"]),
            Route("/secrets/{name:path}", asked.fetch, methods=["GET"]),
            Route("/secrets/{name:path}", asked.offer, methods=["PUT"]),
            Route("/secrets/{name:path}", asked.destroy, methods=["DELETE"]),
            Route("/destroyed", asked.destroyed, methods=["GET"]),
            Route("/destroyed/{name:path}", asked.was_destroyed, methods=["GET"]),
            Route("/destroyed/{name:path}", asked.name_destroyed, methods=["PUT"]),
            Route("/ended", asked.noted_ends, methods=["GET"]),
            Route("/ended/{permission:str}", asked.note_end, methods=["PUT"]),
            Route("/moved", asked.moved, methods=["GET"]),
            Route("/moved", asked.say_moved, methods=["PUT"]),
            Route("/copy", asked.has_copy, methods=["GET"]),
            Route("/copy", asked.take_copy, methods=["POST"]),
        ],
        exception_handlers={_NotUnderstood: lambda _request, _error: _refused(KeyRefusal.NOT_UNDERSTOOD)},
    )


class _NotUnderstood(Exception):
    """A name or a body that is none."""


class _Asked:
    """One method for each question. Files are read and written in threads beside the event loop."""

    def __init__(self, keys: FolderKeys) -> None:
        self._keys = keys

    async def names(self, _request: Request) -> Response:
        return await self._answer(self._keys.names)

    async def fetch(self, request: Request) -> Response:
        return await self._answer(lambda: self._keys.fetch(_name(request)))

    async def offer(self, request: Request) -> Response:
        secret = await _body(request)
        if not any(secret):
            raise _NotUnderstood
        begins = request.path_params["name"] == SITE
        return await self._answer(lambda: self._keys.offer(_name(request), secret), begins=begins)

    async def destroy(self, request: Request) -> Response:
        return await self._answer(lambda: self._keys.destroy(_destructible(request)))

    async def destroyed(self, _request: Request) -> Response:
        return await self._answer(self._keys.destroyed)

    async def was_destroyed(self, request: Request) -> Response:
        return await self._answer(lambda: self._keys.was_destroyed(_name(request)))

    async def name_destroyed(self, request: Request) -> Response:
        return await self._answer(lambda: self._keys.name_destroyed(_destructible(request)))

    async def noted_ends(self, _request: Request) -> Response:
        return await self._answer(lambda: dict(self._keys.noted_ends()))

    async def note_end(self, request: Request) -> Response:
        how = await _text(request)
        permission = request.path_params["permission"]
        if not re.fullmatch(r"[a-z0-9]{1,40}", permission):
            raise _NotUnderstood
        return await self._answer(lambda: self._keys.note_end(permission, how))

    async def moved(self, _request: Request) -> Response:
        return await self._answer(self._keys.moved, begins=True)

    async def say_moved(self, request: Request) -> Response:
        where = await _text(request)
        return await self._answer(lambda: self._keys.say_moved(where), begins=True)

    async def has_copy(self, _request: Request) -> Response:
        return await self._answer(self._keys.has_copy)

    async def take_copy(self, request: Request) -> Response:
        passphrase = await _text(request)
        return await self._answer(lambda: self._keys.take_copy(passphrase))

    async def _answer(self, do: Callable[[], Any], *, begins: bool = False) -> Response:
        """`begins`: also where there are no keys yet."""
        try:
            if not begins and not self._keys.has(SITE):
                return _refused(KeyRefusal.NO_KEYS)
            found = await asyncio.to_thread(do)
        except (TransferError, OSError) as error:
            if not isinstance(error, KeyGone):
                log.warning("a question is refused: %s", type(error).__name__)
            return _refused(_why(error))
        if isinstance(found, bytes):
            return Response(found, media_type="application/octet-stream", headers=_HEADERS)
        if found is None:
            return Response(status_code=204, headers=_HEADERS)
        return JSONResponse(found, headers=_HEADERS)


_HEADERS: Final = {MARK: OK, "Cache-Control": "no-store"}


def _why(error: TransferError | OSError) -> KeyRefusal:
    if isinstance(error, KeyGone):
        return KeyRefusal.GONE
    if isinstance(error, KeysMoved):
        return KeyRefusal.MOVED
    if isinstance(error, WrongPassphrase):
        return KeyRefusal.WRONG_PASSPHRASE
    if isinstance(error, Refused):
        return KeyRefusal.OTHER_COPY
    return KeyRefusal.COPY_AWAY if isinstance(error, Unavailable) else KeyRefusal.NOT_NOW


def _refused(why: KeyRefusal) -> Response:
    return Response(status_code=_STATUS.get(why, 503), headers=_HEADERS | {MARK: why.value})


def _name(request: Request) -> KeyName:
    name = KeyName(request.path_params["name"])
    if not name.is_one:
        raise _NotUnderstood
    return name


def _destructible(request: Request) -> KeyName:
    """No purge takes the site's key or the signer's."""
    name = _name(request)
    if name in (SITE, SIGNER):
        raise _NotUnderstood
    return name


async def _body(request: Request) -> bytes:
    """What was sent with it. Raises `_NotUnderstood` where it is too long or comes too slowly."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise _NotUnderstood
    except (TimeoutError, ClientDisconnect):
        raise _NotUnderstood from None
    return bytes(body)


async def _text(request: Request) -> str:
    try:
        return (await _body(request)).decode()
    except UnicodeError:
        raise _NotUnderstood from None
