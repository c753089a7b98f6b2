"""How a page for people of outside declares itself: its path, whose it is, and what shows it or does it.

    OutsidePage(path="/c/packets/{packet}", kind=Outsider.CENTER, show=show_packet)
    OutsideAct(path="/c/packets/{packet}/accept", kind=Outsider.CENTER, do=accept)

`transfer.gateway.outside.app` makes routes of these, each behind `transfer.gateway.outside.guard`. A function here is
called only for somebody of this kind who signed in; which cases are theirs it asks a verb of `transfer.flow.outside`.
It runs in a thread: it may wait for the ledger.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.routing import Route

from transfer.flow.services import Services
from transfer.gateway.downloads import Representation
from transfer.gateway.egress import Outgoing
from transfer.gateway.intake import Intake
from transfer.gateway.outside.uploads import SentFile
from transfer.gateway.streams import Stream
from transfer.outside_sessions import Outsider, OutsideSession
from transfer.pages.address import Address
from transfer.pages.routes import Answer, BrowserRequest, Next


@dataclass(frozen=True, slots=True, kw_only=True)
class Shell:
    """What pages of outside work with, one per process."""

    services: Services
    #: the only way out for bytes of a packet
    outgoing: Outgoing
    #: the only way in for what is sent
    intake: Intake
    address: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit(BrowserRequest):
    """What somebody of outside who signed in asks for."""

    shell: Shell
    session: OutsideSession
    #: beneath the request, so that what is given can be cut
    transport: asyncio.Transport | None = None
    #: of a form with files
    files: Sequence[SentFile] = ()
    #: the address that it comes from, by which tries are counted
    network: str = ""

    @property
    def services(self) -> Services:
        return self.shell.services


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Bytes of a packet: counted, watched, and cut when they may not go on."""

    stream: Stream
    content: Representation
    #: None: the browser keeps it; else it shows it under this policy (W3C Content Security Policy Level 3)
    policy: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsidePage:
    """A page that is asked for by GET and changes nothing but the record of who looked."""

    path: str
    kind: Outsider
    show: Callable[[Visit], Answer | Given]
    #: its name in the header of its kind's pages, in the order of the declarations; None: it stands there not
    nav: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsideAct:
    """A form that is sent by POST: it does one verb, and answers with a page to go to or the form again."""

    path: str
    kind: Outsider
    do: Callable[[Visit], Answer | Next]
    #: its form has files
    takes_files: bool = False


Reached = OutsidePage | OutsideAct


@dataclass(frozen=True, slots=True, kw_only=True)
class OutsidePart:
    """All pages of one kind of people of outside."""

    kind: Outsider
    #: what all its paths begin with, and its first page
    home: str
    #: stands in the header
    name: str
    declared: Sequence[Reached]
    #: the routes that answer who has not signed in: they show nothing of anybody, and bound what they are sent
    ways: Callable[[Shell], Sequence[Route]]
    #: where somebody signs in
    sign_in: str
