"""How often a door answered what: an ASGI application around another."""

from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from transfer.metrics import DOOR_ANSWERS

#: what a path begins with, and how the door behind it is called; every other path is a page's
_DOORS: Final = {"/fhir": "fhir", "/packets/": "packets"}


def door_of(path: str) -> str:
    """Which of the HTTP doors a path leads to. A path may be anybody's, so nothing of it is kept."""
    return next((door for begin, door in _DOORS.items() if path.startswith(begin)), "pages")


class CountedAnswers:
    """Counts each answer by its status."""

    def __init__(self, app: ASGIApp, door: Callable[[str], str]) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                DOOR_ANSWERS.labels(self._door(scope["path"]), str(message["status"])).inc()
            await send(message)

        await self._app(scope, receive, sent)
