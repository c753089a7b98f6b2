"""The download door: a receiver fetches the packets that were handed to it, whole or document by document.

Every response is a stream of `transfer.gateway.egress`: opened only while its release is permitted, counted, and cut
once it is not. To a caller, another's packet, one that is gone and one no longer permitted look the same.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from transfer.adapters.fhir import responses
from transfer.arrivals import Grant
from transfer.disclosures import EgressOutcome
from transfer.errors import NotAllowed, OutOfScope, Refused, TransferError
from transfer.flow.services import Services
from transfer.gateway.callers import Caller, Callers
from transfer.gateway.egress import Outgoing, TooManyDownloads
from transfer.gateway.responses import http_response
from transfer.gateway.streams import Stream, pieces
from transfer.identifiers import PacketId
from transfer.ledger import disclosures, packets
from transfer.packet import Plan, PlannedDocument, tar_stream
from transfer.sealing import KeyGone
from transfer.serving.http import is_of, transport_of
from transfer.staging import Location, Vault

#: after which a receiver with too many requests at once may come again
BUSY_SECONDS = 5
#: of a document; a longer one is no number that Python reads, or that any packet has
_NUMBER = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """The bytes a path stands for (RFC 9110 3.2). `read` gives bytes `start` to `stop` (exclusive) of `length`."""

    #: None: it shows at the end alone; then it is given whole, never by Range
    length: int | None
    #: without its quotes
    etag: str
    content_type: str
    #: what it is saved as; ours alone
    file_name: str
    read: Callable[[int, int], Iterator[bytes]]


class DownloadDoor:
    """Gives packets out."""

    def __init__(self, services: Services, outgoing: Outgoing, callers: Callers) -> None:
        self._services = services
        self._outgoing = outgoing
        self._callers = callers

    async def packet(self, request: Request) -> Response:
        """The whole packet as a tar, resumable by Range."""
        opened = await self._open(request, "packet.tar")
        if isinstance(opened, Response):
            return opened
        stream, plan = opened
        return Download(self._outgoing, stream, request, tar_of(plan, self._services.vault))

    async def document(self, request: Request) -> Response:
        """One document of a packet, resumable by Range."""
        asked = request.path_params["number"]
        if not _NUMBER.fullmatch(asked):
            return Response(status_code=404)
        opened = await self._open(request, "document")
        if isinstance(opened, Response):
            return opened
        stream, plan = opened
        try:
            document, entry = plan.document(int(asked))
        except KeyError:
            await asyncio.to_thread(self._outgoing.close, stream, EgressOutcome.SENT)
            return http_response(responses.refused(NotAllowed("no such document")))
        content = _document(plan.packet, document, entry.location, self._services.vault)
        return Download(self._outgoing, stream, request, content)

    async def _open(self, request: Request, channel: str) -> tuple[Stream, Plan] | Response:
        caller = self._callers.of(request)
        if caller is None:
            return http_response(responses.unauthorized())
        if not is_of(request.scope, caller.id):
            return http_response(responses.too_many(BUSY_SECONDS))
        try:
            caller.check_may(Grant.PACKETS)
            packet = PacketId(request.path_params["packet"])
            opened = await asyncio.to_thread(self._open_for, caller, packet, request, channel)
        except OutOfScope as error:
            return http_response(responses.refused(error))
        except (ValueError, KeyGone, Refused):
            opened = None
        except TooManyDownloads as error:
            return http_response(responses.too_many(round(error.retry_after or 1)))
        except TransferError as error:
            return http_response(responses.refused(error))
        # Whether it is another's, gone, or not permitted any more is not said: to this caller there is nothing here.
        return opened or Response(status_code=404)

    def _open_for(self, caller: Caller, packet: PacketId, request: Request, channel: str) -> tuple[Stream, Plan] | None:
        with self._services.ledger.transaction() as tx:
            disclosure = disclosures.of_packet(tx, packet)
            known = packets.get(tx, packet)
        if disclosure is None or disclosure.recipient != caller.id or known is None or known.is_purged:
            return None
        return self._outgoing.open(packet, caller.id, transport_of(request.scope), channel)


def tar_of(plan: Plan, vault: Vault) -> Representation:
    return Representation(
        length=plan.tar_length,
        etag=plan.etag,
        content_type="application/x-tar",
        file_name=f"{plan.packet}.tar",
        read=lambda start, stop: tar_stream(plan, vault, start, stop),
    )


#: RFC 9110 8.3.1: type, subtype, parameters; nothing that a header cannot carry
MEDIA_TYPE = re.compile(
    r"[\w!#$&^.+-]+/[\w!#$&^.+-]+( ?; ?[\w!#$&^.+-]+=(\"[ -!#-\\[\]-~]*\"|[\w!#$&^.+-]+))*", re.ASCII
)


def _document(packet: PacketId, document: PlannedDocument, location: Location, vault: Vault) -> Representation:
    def read(start: int, stop: int) -> Iterator[bytes]:
        is_whole = (start, stop) == (0, location.length)
        return vault.read(location) if is_whole else vault.read_range(location, start, stop)

    said = document.content_type
    return Representation(
        length=location.length,
        etag=location.sha256,
        content_type=said if MEDIA_TYPE.fullmatch(said) else "application/octet-stream",
        file_name=f"{packet}-{PurePosixPath(document.path).name}",
        read=read,
    )


class Download(Response):
    """A response whose bytes are counted, watched, and may be cut."""

    def __init__(self, outgoing: Outgoing, stream: Stream, request: Request, content: Representation) -> None:
        self._outgoing = outgoing
        self._stream = stream
        self._read = content.read
        etag = f'"{content.etag}"'
        self._start, self._stop, status = 0, 0, 200
        if content.length is not None:
            self._start, self._stop, status = asked_range(request, content.length, etag)
        #: bytes; None: as many as there are
        self._due = None if content.length is None else self._stop - self._start
        if request.method == "HEAD":
            self._due = 0
        headers = {
            "Content-Type": content.content_type,
            # What a source sent is never run as a page of ours, whatever it is or says that it is.
            "X-Content-Type-Options": "nosniff",
            "Content-Disposition": f'attachment; filename="{content.file_name}"',
            "Accept-Ranges": "none" if content.length is None else "bytes",
            "ETag": etag,
            "Cache-Control": "no-store",
        }
        if content.length is not None:
            headers["Content-Length"] = str(self._stop - self._start)
        if status == 206:
            headers["Content-Range"] = f"bytes {self._start}-{self._stop - 1}/{content.length}"
        if status == 416:
            headers["Content-Range"] = f"bytes */{content.length}"
        super().__init__(status_code=status, headers=headers)
        if content.length is None:
            # Starlette says 0 for want of a body. Without a length the bytes come in chunks (RFC 9112, section 7.1).
            del self.headers["Content-Length"]

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        outcome = EgressOutcome.BROKEN
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in self._pieces():
                # Counted before it is handed on: towards a slow receiver `send` returns long after the bytes have left.
                self._stream.sent += len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if self._stream.is_cut:
                    return
            if self._stream.is_cut or self._stream.sent < (self._due or 0):
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            outcome = EgressOutcome.SENT
        finally:
            self._stream.is_over = True
            await asyncio.to_thread(self._outgoing.close, self._stream, outcome)

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self._due == 0:
            return
        source = pieces(self._read(self._start, self._stop))
        while not self._stream.is_cut and (piece := await asyncio.to_thread(next, source, None)) is not None:
            if self._stream.is_cut or self._is_gone():
                return
            yield piece

    def _is_gone(self) -> bool:
        transport = self._stream.transport
        return transport is not None and transport.is_closing()


_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


def asked_range(request: Request, length: int, etag: str) -> tuple[int, int, int]:
    """Start, stop (exclusive) and status: one range is served (RFC 9110 14), any other is ignored and all is sent."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if not asked or request.headers.get("if-range", etag) != etag:
        return 0, length, 200
    start = int(asked[1])
    stop = min(int(asked[2]) + 1, length) if asked[2] else length
    return (start, stop, 206) if start < stop else (0, 0, 416)
