"""The HTTP doors: FHIR in, packets out, health.

A caller is mapped to one institution (`transfer.gateway.callers`) before a byte of its message is read. It may do only
what its YAML file grants and its token covers.
"""

import asyncio
import logging
import re
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import cast

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from transfer.adapters.fhir import inbound, responses
from transfer.adapters.fhir.inbound import Form
from transfer.adapters.fhir.outline import outline
from transfer.adapters.fhir.responses import FhirResponse
from transfer.adapters.fhir.trees import weigh
from transfer.arrivals import ArrivalKind, Door, Grant
from transfer.disclosures import EgressOutcome
from transfer.errors import NeedsReview, NotAllowed, OutOfScope, Refused, TooLarge, TransferError, Unavailable
from transfer.flow.services import Services
from transfer.flow.stopping import end_by_reference
from transfer.gateway.callers import Caller, Callers
from transfer.gateway.egress import Outgoing, Stream, pieces
from transfer.gateway.intake import Also, Intake
from transfer.gateway.mllp.frames import Payload
from transfer.gateway.serving import certificate_of, transport_of
from transfer.gateway.spool import Spool
from transfer.identifiers import InstitutionId, PacketId
from transfer.ledger import Tx, disclosures, packets, permissions, requests
from transfer.ledger.arrivals import IN_ROW, NewArrival, Stored
from transfer.packet import Plan, tar_stream
from transfer.sealing import KeyGone

log = logging.getLogger("transfer.gateway.http")

#: of one message; a release form carries its signed PDF
BODY = 32 << 20
#: seconds a message may take to arrive
BODY_SECONDS = 120
#: of one institution at the same time, whether they come or wait
POSTS_EACH = 48
BUSY_SECONDS = 5
FHIR_JSON = ("application/fhir+json", "application/json")


#: gives bytes `start` to `stop` of what is sent
Reader = Callable[[int, int], Iterator[bytes]]


class Doors:
    """The application. One per process; `services`, `intake` and `outgoing` are the process's own."""

    def __init__(self, services: Services, intake: Intake, outgoing: Outgoing, spool: Path | None = None) -> None:
        self._services = services
        self._intake = intake
        self._outgoing = outgoing
        self._callers = Callers(services.institutions)
        self._posting: Counter[InstitutionId] = Counter()
        self._spool = spool or Path(tempfile.gettempdir())

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
        """Who calls, by what it shows."""
        return self._callers.named(request.headers.get("authorization"), certificate_of(request.scope))

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
        with self._services.ledger.transaction() as tx:
            tx.now()

    # --- in -----------------------------------------------------------------------------------------------------------

    async def post(self, request: Request) -> Response:
        """Take a message: stored durably, then answered. The same message again is answered again and not repeated."""
        caller = self.caller(request)
        if caller is None:
            return _response(responses.unauthorized())
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() not in FHIR_JSON:
            return _response(responses.wrong_media_type())
        if self._posting[caller.id] >= POSTS_EACH:
            return self._refused(caller, responses.too_many(BUSY_SECONDS), "too many at once")
        self._posting[caller.id] += 1
        body = Payload()
        try:
            await self._read(request, body)
            return _response(await self._take_in_turn(caller, body, str(request.base_url).rstrip("/")))
        except TransferError as error:
            return self._refused(caller, responses.refused(error), f"{type(error).__name__}: {error}")
        except (ClientDisconnect, TimeoutError):  # who is gone hears nothing
            return self._refused(caller, responses.too_slow(), "the message did not come to its end")
        except OSError as error:
            return self._refused(caller, responses.refused(Unavailable("no room to spool")), type(error).__name__)
        finally:
            body.discard()
            self._posting[caller.id] -= 1

    def _refused(self, caller: Caller, answer: FhirResponse, why: str) -> Response:
        """Said to the caller, and written down: by whom and why, never what."""
        log.warning("http: a message at the door of %s is refused with %d: %s", caller.id, answer.status, why)
        return _response(answer)

    async def _read(self, request: Request, body: Payload) -> None:
        """The message, within its bounds of size and time: in memory while short, else in a file."""
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                if body.length + len(chunk) > BODY:
                    raise TooLarge(f"a message over {BODY} bytes")
                body.add(chunk)
                if body.sink is None and body.length > IN_ROW:
                    body.spill(Spool(self._spool))

    async def _take_in_turn(self, caller: Caller, body: Payload, base: str) -> FhirResponse:
        if body.sink is None:
            return await self._take(caller, body, body.in_memory(), base)
        async with self._intake.one_at_a_time:
            await asyncio.to_thread(weigh, cast(Spool, body.sink).chunks())
            outlined = await asyncio.to_thread(outline, cast(Spool, body.sink).chunks())
            return await self._take(caller, body, outlined, base)

    async def _take(self, caller: Caller, body: Payload, outlined: bytes, base: str) -> FhirResponse:
        incoming = await asyncio.to_thread(inbound.sort, outlined, body.sha256())
        caller.check_may(incoming.grant)
        subject = await asyncio.to_thread(self._packet_of, caller, incoming)
        await asyncio.to_thread(self._check_request, caller, incoming)
        location = None
        if body.sink is not None:
            location = await asyncio.to_thread(self._services.vault.keep, cast(Spool, body.sink).chunks())
        arrival = NewArrival(
            institution=caller.id,
            door=Door.FHIR,
            kind=incoming.kind,
            business=incoming.key or body.sha256(),
            control=None,
            content_type="application/fhir+json",
            payload=outlined if location is None else None,
            location=location,
            content_sha256=bytes.fromhex(body.sha256()),
            subject=subject,
        )
        # Where the ledger's answer is lost the arrival may be there and name the object: it is not taken back.
        stored = await self._intake.store(arrival, self._also(caller, incoming.form, outlined))
        if stored.is_duplicate and location:
            await asyncio.to_thread(self._services.vault.remove, location.key)
        if len(incoming.types) == 1:
            return responses.stored(incoming.types[0], stored.arrival, f"{base}/fhir")
        return responses.stored_bundle(incoming.types, stored.arrival)

    def _packet_of(self, caller: Caller, incoming: inbound.InboundBody) -> str | None:
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
        with self._services.ledger.transaction() as tx:
            disclosure = disclosures.disclosure_of(tx, packet)
        if disclosure is None or disclosure.recipient != caller.id:
            raise NotAllowed("a receipt for a packet that was not handed to its sender")
        return packet

    def _check_request(self, caller: Caller, incoming: inbound.InboundBody) -> None:
        """Only who was asked can say that there is nothing.

        Raises:
            NotAllowed: it answers a request to another, or none of ours.
        """
        if incoming.form is not Form.NO_RECORDS:
            return
        with self._services.ledger.transaction() as tx:
            request = requests.get(tx, incoming.request or "")
        if request is None or request.institution != caller.id:
            raise NotAllowed("an answer to a request that was not made to its sender")

    def _also(self, caller: Caller, form: Form, body: bytes) -> Also | None:
        """A written revocation stops the release in the transaction that stores it."""
        if form is not Form.REVOCATION:
            return None
        try:
            consent = inbound.authorization(body, caller.institution, self._services.institutions)
        except (NeedsReview, TooLarge):
            return None  # a person reads it; it is processed like any other

        def stop(tx: Tx, stored: Stored) -> None:
            number = permissions.reference(tx, consent.reference)
            if number:
                end_by_reference(tx, number, caller.id, consent.status, stored.arrival)

        return stop

    # --- out ----------------------------------------------------------------------------------------------------------

    async def packet(self, request: Request) -> Response:
        """The whole packet as a tar, resumable by Range."""
        opened = await self._open(request, "packet.tar")
        if isinstance(opened, Response):
            return opened
        stream, plan = opened
        vault = self._services.vault
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
            await asyncio.to_thread(self._outgoing.close, stream, EgressOutcome.SENT)
            return _response(responses.refused(NotAllowed("no such document")))
        vault = self._services.vault
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
            caller.check_may(Grant.PACKETS)
            packet = PacketId(request.path_params["packet"])
            opened = await asyncio.to_thread(self._open_for, caller, packet, request, channel)
        except OutOfScope as error:
            return _response(responses.refused(error))
        except (ValueError, KeyGone, Refused):
            opened = None
        except TransferError as error:
            return _response(responses.refused(error))
        # Whether it is another's, gone, or not permitted any more is not said: to this caller there is nothing here.
        return opened or Response(status_code=404)

    def _open_for(self, caller: Caller, packet: PacketId, request: Request, channel: str) -> tuple[Stream, Plan] | None:
        with self._services.ledger.transaction() as tx:
            disclosure = disclosures.disclosure_of(tx, packet)
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
        outcome = EgressOutcome.BROKEN
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
            outcome = EgressOutcome.SENT
        finally:
            self._stream.is_over = True
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


def _response(answer: FhirResponse) -> Response:
    return Response(answer.body, status_code=answer.status, headers=answer.headers)
