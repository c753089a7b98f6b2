"""Who asked the desk for what, as JSON lines: for whoever gathers such events of all systems (docs/operations.md).

A line holds an account, roles, the path as it is declared, identifiers of ours, and the answer's status. What else
stands in a path, a query or a form is not written: it may be a patient's.
"""

import json
import logging
import re
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from transfer.outside_sessions import OutsideSession
from transfer.sessions import Session

_KEY: Final = "transfer.access-event"
#: an identifier of ours, whatever it names
_IDENTIFIER: Final = re.compile(r"[a-z][0-9abcdefghjkmnpqrstvwxyz]{11,15}")
_log = logging.getLogger("transfer.access")


def configure() -> None:
    """Write the lines to the standard output, and nothing else there."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _log.handlers, _log.propagate = [handler], False
    _log.setLevel(logging.INFO)


@dataclass(slots=True, kw_only=True)
class AccessEvent:
    """One request, as far as it is known."""

    #: as declared; None: none of ours
    route: str | None = None
    account: str | None = None
    roles: tuple[str, ...] = ()
    #: by their names in the path
    identifiers: Mapping[str, str] = field(default_factory=dict)

    def is_for(self, route: str, path: Mapping[str, object]) -> None:
        """It asks for this route."""
        self.route = route
        self.identifiers = {name: str(one) for name, one in path.items() if _IDENTIFIER.fullmatch(str(one))}

    def is_of(self, session: Session) -> None:
        """It is of a member of the staff who signed in."""
        self.account, self.roles = session.account, tuple(sorted(session.roles))

    def is_of_outsider(self, session: OutsideSession) -> None:
        """It is of somebody of outside who signed in: their kind stands where roles do."""
        self.account, self.roles = session.account, (session.kind,)


def event_of(scope: Scope) -> AccessEvent:
    """The event of a request, to be filled in."""
    found: AccessEvent = scope.setdefault(_KEY, AccessEvent())
    return found


class Recorded:
    """An ASGI application around another: each answer is a line. `open_paths` are those that answer anybody."""

    def __init__(self, app: ASGIApp, open_paths: Collection[str]) -> None:
        self._app = app
        self._open_paths = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        event = event_of(scope)
        if scope["path"] in self._open_paths:
            event.route = scope["path"]

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                _write(event, str(scope["method"]), int(message["status"]))
            await send(message)

        await self._app(scope, receive, sent)


def _write(event: AccessEvent, method: str, status: int) -> None:
    line = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "method": method if method in ("GET", "HEAD", "POST") else None,
        "route": event.route,
        "status": status,
        "account": event.account,
        "roles": event.roles,
        **event.identifiers,
    }
    _log.info("%s", json.dumps(line))
