"""The HTTP doors: FHIR in, packets out, health.

A caller is mapped to one institution by its bearer token before a byte of its message is read, and may say only what
its YAML file grants.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from transfer.adapters.fhir import inbound, responses
from transfer.adapters.fhir.inbound import Form
from transfer.adapters.fhir.responses import Answer
from transfer.arrivals import ArrivalKind, Door
from transfer.errors import NeedsReview, NotAllowed, Refused, TooLarge, TransferError, Unavailable
from transfer.flow.edges import Edges
from transfer.flow.fence import end_by_reference
from transfer.gateway.egress import Outgoing, Stream, pieces, transport_of
from transfer.gateway.intake import Also, Intake
from transfer.identifiers import InstitutionId, PacketId
from transfer.institutions import Institution
from transfer.ledger import Tx, packets, patients, requests
from transfer.ledger.arrivals import Incoming, Stored
from transfer.packet import Plan, tar_stream
from transfer.sealing import KeyGone

#: of one message; a release form carries its signed PDF
BODY = 32 << 20
#: bytes up to which a message is kept in its row
IN_ROW = 64 << 10
#: seconds a message may take to arrive
BODY_SECONDS = 120
FHIR_JSON = ("application/fhir+json", "application/json")


#: gives bytes `start` to `stop` of what is sent
Reader = Callable[[int, int], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, by its token."""

    institution: Institution

    @property
    def id(self) -> InstitutionId:
        return InstitutionId(self.institution.id)


class Doors:
    """The application. One per process; `edges`, `intake` and `outgoing` are the process's own."""

    def __init__(self, edges: Edges, intake: Intake, outgoing: Outgoing) -> None:
        self._edges = edges
        self._intake = intake
        self._outgoing = outgoing
        self._tokens = [
            (hashlib.sha256(institution.http_door.token.encode()).digest(), institution)
            for institution in edges.institutions.values()
            if institution.http_door
        ]

    def app(self) -> Starlette:
        packet = "/packets/{packet}"
        return Starlette(
            routes=[
                Route("/health", self.health, methods=["GET"]),
                Route("/fhir", self.post, methods=["POST"]),
                Route("/fhir/{kind:str}", self.post, methods=["POST"]),
                Route(f"{packet}/packet.tar", self.packet, methods=["GET"]),
                Route(f"{packet}/documents/{{number:int}}", self.document, methods=["GET"]),
            ]
        )

    def caller(self, request: Request) -> Caller | None:
        """The institution whose token was shown. All tokens are compared, so that time tells nothing."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        shown = hashlib.sha256(token.strip().encode()).digest()
        found = [known for digest, known in self._tokens if hmac.compare_digest(digest, shown)]
        return Caller(found[0]) if found and scheme.lower() == "bearer" else None

    async def health(self, _request: Request) -> Response:
        """200 while the ledger answers and what comes in is written."""
        if not self._intake.is_alive:
            return JSONResponse({"status": "unavailable"}, status_code=503)
        try:
            await asyncio.to_thread(self._ping)
        except Unavailable:
            return JSONResponse({"status": "unavailable"}, status_code=503)
        return JSONResponse({"status": "ok"})

    def _ping(self) -> None:
        with self._edges.ledger.transaction() as tx:
            tx.now()

    # --- in -----------------------------------------------------------------------------------------------------------

    async def post(self, request: Request) -> Response:
        """Take a message: stored durably, then answered. The same message again is answered again and not repeated."""
        caller = self.caller(request)
        if caller is None:
            return _response(responses.unauthorized())
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in FHIR_JSON:
            return _response(responses.wrong_media_type())
        try:
            body = await _body(request)
            return _response(await self._take(caller, body, str(request.base_url).rstrip("/")))
        except TransferError as error:
            return _response(responses.refused(error))
        except (ClientDisconnect, TimeoutError):
            return _response(responses.refused(NotAllowed("the message did not come to its end")))

    async def _take(self, caller: Caller, body: bytes, base: str) -> Answer:
        incoming = await asyncio.to_thread(inbound.sort, body)
        if incoming.grant not in caller.institution.grants:
            raise NotAllowed(f"{caller.id} has no grant for {incoming.form}")
        subject = await asyncio.to_thread(self._packet_of, caller, incoming)
        await asyncio.to_thread(self._check_request, caller, incoming)
        location = None if len(body) <= IN_ROW else await asyncio.to_thread(self._edges.vault.keep, _chunks(body))
        digest = hashlib.sha256(body).digest()
        arrival = Incoming(
            institution=caller.id,
            door=Door.FHIR,
            kind=incoming.kind,
            business=incoming.key or digest.hex(),
            control=None,
            content_type="application/fhir+json",
            payload=body if location is None else None,
            location=location,
            content_sha256=digest,
            subject=subject,
        )
        try:
            stored = await self._intake.store(arrival, self._also(caller, incoming.form, body))
        except Unavailable:
            if location:
                await asyncio.to_thread(self._edges.vault.remove, location.key)
            raise
        if stored.is_duplicate and location:
            await asyncio.to_thread(self._edges.vault.remove, location.key)
        if len(incoming.types) == 1:
            return responses.stored(incoming.types[0], stored.arrival, f"{base}/fhir")
        return responses.stored_bundle(incoming.types, stored.arrival)

    def _packet_of(self, caller: Caller, incoming: inbound.Incoming) -> str | None:
        """The packet a receipt is about, if it is one that was handed to this caller.

        Raises:
            NotAllowed: it speaks of another's packet, or of none.
        """
        if incoming.kind is not ArrivalKind.RECEIPT:
            return None
        try:
            packet = PacketId(incoming.packet or "")
        except ValueError:
            raise NotAllowed("a receipt for no packet of ours") from None
        with self._edges.ledger.transaction() as tx:
            disclosure = packets.disclosure_of(tx, packet)
        if disclosure is None or disclosure.recipient != caller.id:
            raise NotAllowed("a receipt for a packet that was not handed to its sender")
        return packet

    def _check_request(self, caller: Caller, incoming: inbound.Incoming) -> None:
        """Only who was asked can say that there is nothing.

        Raises:
            NotAllowed: it answers a request to another, or none of ours.
        """
        if incoming.form is not Form.NO_RECORDS:
            return
        with self._edges.ledger.transaction() as tx:
            request = requests.get(tx, incoming.request or "")
        if request is None or request.institution != caller.id:
            raise NotAllowed("an answer to a request that was not made to its sender")

    def _also(self, caller: Caller, form: Form, body: bytes) -> Also | None:
        """A written revocation fences in the transaction that stores it."""
        if form is not Form.REVOCATION:
            return None
        try:
            consent = inbound.authorization(body, caller.institution, self._edges.institutions)
        except (NeedsReview, TooLarge):
            return None  # a person reads it; it is attended to like any other

        def fence(tx: Tx, stored: Stored) -> None:
            number = patients.reference(tx, consent.reference)
            if number:
                end_by_reference(tx, number, consent.status, stored.arrival)

        return fence

    # --- out ----------------------------------------------------------------------------------------------------------

    async def packet(self, request: Request) -> Response:
        """The whole packet as a tar, resumable by Range."""
        opened = await self._open(request, "packet.tar")
        if isinstance(opened, Response):
            return opened
        stream, plan = opened
        vault = self._edges.vault
        return _Download(
            self._outgoing, stream, request, plan.tar_length, plan.etag, "application/x-tar",
            lambda start, stop: tar_stream(plan, vault, start, stop),
        )  # fmt: skip

    async def document(self, request: Request) -> Response:
        """One document of a packet."""
        opened = await self._open(request, "document")
        if isinstance(opened, Response):
            return opened
        stream, plan = opened
        try:
            document, entry = plan.document(request.path_params["number"])
        except KeyError:
            await asyncio.to_thread(self._outgoing.close, stream, "sent")
            return _response(responses.refused(NotAllowed("no such document")))
        vault = self._edges.vault
        return _Download(
            self._outgoing, stream, request, entry.location.length, entry.location.sha256, document.content_type,
            lambda start, stop: vault.read(entry.location)
            if (start, stop) == (0, entry.location.length)
            else vault.read_range(entry.location, start, stop),
        )  # fmt: skip

    async def _open(self, request: Request, channel: str) -> tuple[Stream, Plan] | Response:
        caller = self.caller(request)
        if caller is None:
            return _response(responses.unauthorized())
        try:
            packet = PacketId(request.path_params["packet"])
            opened = await asyncio.to_thread(self._open_for, caller, packet, request, channel)
        except (ValueError, KeyGone, Refused):
            opened = None
        except TransferError as error:
            return _response(responses.refused(error))
        # Whether it is another's, gone, or not permitted any more is not said: to this caller there is nothing here.
        return opened or Response(status_code=404)

    def _open_for(self, caller: Caller, packet: PacketId, request: Request, channel: str) -> tuple[Stream, Plan] | None:
        with self._edges.ledger.transaction() as tx:
            disclosure = packets.disclosure_of(tx, packet)
            known = packets.get(tx, packet)
        if disclosure is None or disclosure.recipient != caller.id or known is None or known.is_purged:
            return None
        return self._outgoing.open(packet, caller.id, transport_of(request.scope), channel)


class _Download(Response):
    """A response whose bytes are counted, watched, and may be cut."""

    def __init__(self, outgoing: Outgoing, stream: Stream, request: Request, length: int, etag: str,
                 content_type: str, read: Reader) -> None:  # fmt: skip
        self._outgoing = outgoing
        self._stream = stream
        self._read = read
        self._start, self._stop, status = _range(request, length, f'"{etag}"')
        self._due = 0 if request.method == "HEAD" else self._stop - self._start
        headers = {
            "Content-Type": content_type,
            "Accept-Ranges": "bytes",
            "ETag": f'"{etag}"',
            "Cache-Control": "no-store",
            "Content-Length": str(self._stop - self._start),
        }
        if status == 206:
            headers["Content-Range"] = f"bytes {self._start}-{self._stop - 1}/{length}"
        if status == 416:
            headers["Content-Range"] = f"bytes */{length}"
        super().__init__(status_code=status, headers=headers)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        outcome = "broken"
        try:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            async for piece in self._pieces():
                # Counted before it is handed on: towards a slow receiver `send` returns long after the bytes have left.
                self._stream.sent += len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if self._stream.is_cut:
                    return
            if self._stream.sent < self._due:
                return
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            outcome = "sent"
        finally:
            await asyncio.to_thread(self._outgoing.close, self._stream, outcome)

    async def _pieces(self) -> AsyncIterator[bytes]:
        if not self._due:
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


def _range(request: Request, length: int, etag: str) -> tuple[int, int, int]:
    """Start, stop (exclusive) and status: one range is served (RFC 9110 14), any other is ignored and all is sent."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if not asked or request.headers.get("if-range", etag) != etag:
        return 0, length, 200
    start = int(asked[1])
    stop = min(int(asked[2]) + 1, length) if asked[2] else length
    return (start, stop, 206) if start < stop else (0, 0, 416)


async def _body(request: Request) -> bytes:
    """The message, within its bounds of size and time."""
    body = bytearray()
    async with asyncio.timeout(BODY_SECONDS):
        async for chunk in request.stream():
            body += chunk
            if len(body) > BODY:
                raise TooLarge(f"a message over {BODY} bytes")
    return bytes(body)


def _chunks(body: bytes) -> Iterator[bytes]:
    for at in range(0, len(body), 1 << 20):
        yield body[at : at + (1 << 20)]


def _response(answer: Answer) -> Response:
    return Response(answer.body, status_code=answer.status, headers=answer.headers)
