"""The FHIR door: institutions post referrals, release forms, documents and receipts.

A message is stored durably before it is answered. Its sender may send what its institution is granted and its token
covers. It may answer only requests that were made to it, and send receipts only for packets that were handed to it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from transfer.adapters import enclosed, sent_forms
from transfer.adapters.enclosed import EnclosedWord
from transfer.adapters.fhir import inbound, responses
from transfer.adapters.fhir.inbound import Form, InboundBody
from transfer.adapters.fhir.outline import outline
from transfer.adapters.fhir.responses import FhirResponse
from transfer.adapters.fhir.trees import weigh
from transfer.arrivals import ArrivalKind, Door, Grant
from transfer.errors import NeedsReview, NotAllowed, Refused, TooLarge, TransferError, Unavailable
from transfer.flow.objections import ReceivedObjections, object_to_release
from transfer.flow.services import Services
from transfer.gateway.callers import Caller, Callers
from transfer.gateway.intake import Intake, OnStored
from transfer.gateway.payload import IN_MEMORY, Payload, Spool
from transfer.gateway.responses import http_response
from transfer.identifiers import InstitutionId, PacketId
from transfer.institutions import Institution
from transfer.ledger import Ledger, Tx, disclosures, requests
from transfer.ledger.arrivals import NewArrival, Stored
from transfer.objections import Objection, ObjectionKind
from transfer.serving.http import is_of

log = logging.getLogger("transfer.gateway.fhir_door")

#: of one message; a release form carries its signed PDF
MAX_BODY_BYTES = 32 << 20
#: of a long message: what is held of it where a document in it may say "no"
MAX_HELD = 8 << 20
#: a message may take to arrive
BODY_SECONDS = 120
#: messages of one institution at the same time, whether they come or wait
MAX_POSTS_EACH = 48
#: after which one that had too many at once may come again
BUSY_SECONDS = 5

#: what the documents of a message say, by the message or its outline
HearWords = Callable[[bytes, Institution], EnclosedWord]

FHIR_JSON = ("application/fhir+json", "application/json")


class FhirDoor:
    """Takes messages in. `folder` holds what is long and still arriving."""

    def __init__(self, services: Services, intake: Intake, callers: Callers, folder: Path) -> None:
        self._services = services
        self._intake = intake
        self._callers = callers
        self._folder = folder
        self._posting: Counter[InstitutionId] = Counter()

    async def post(self, request: Request) -> Response:
        """Take a message: stored durably, then answered. The same message again is answered again and not repeated."""
        caller = self._callers.of(request)
        if caller is None:
            return http_response(responses.unauthorized())
        if not _is_fhir_json(request):
            return http_response(responses.wrong_media_type())
        if not is_of(request.scope, caller.id) or self._posting[caller.id] >= MAX_POSTS_EACH:
            return _refused(caller, responses.too_many(BUSY_SECONDS), "too many at once")
        self._posting[caller.id] += 1
        body = Payload()
        try:
            await self._read(request, body)
            return http_response(await self._store_in_turn(caller, body))
        except TransferError as error:
            return _refused(caller, responses.refused(error), f"{type(error).__name__}: {error}")
        except (ClientDisconnect, TimeoutError):  # whoever has hung up reads no answer
            return _refused(caller, responses.too_slow(), "the message did not come to its end")
        except OSError as error:
            return _refused(caller, responses.refused(Unavailable("no room to spool")), type(error).__name__)
        finally:
            body.discard()
            self._posting[caller.id] -= 1

    async def _read(self, request: Request, body: Payload) -> None:
        """The message, within its bounds of size and time: in memory while short, else in a file."""
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                if body.length + len(chunk) > MAX_BODY_BYTES:
                    raise TooLarge(f"a message over {MAX_BODY_BYTES} bytes")
                body.add(chunk)
                if body.sink is None and body.length > IN_MEMORY:
                    body.spill(Spool(self._folder))

    async def _store_in_turn(self, caller: Caller, body: Payload) -> FhirResponse:
        """Long messages one at a time. What is read of one is its outline, without the documents inside."""
        if body.sink is None:
            whole = body.in_memory()
            return await self._store(caller, body, whole, enclosed.in_resources)
        async with self._intake.one_at_a_time:
            await asyncio.to_thread(weigh, body.sink.chunks())
            outlined = await asyncio.to_thread(outline, body.sink.chunks())
            return await self._store(caller, body, outlined, partial(in_documents, body.sink.chunks, body.length))

    async def _store(self, caller: Caller, body: Payload, outlined: bytes, heard: HearWords) -> FhirResponse:
        incoming = await asyncio.to_thread(inbound.sort, outlined, body.sha256())
        said = await asyncio.to_thread(said_against, caller, incoming, outlined, heard)
        check_may(caller, incoming, said)
        packet = await asyncio.to_thread(packet_of, self._services.ledger, caller, incoming)
        await asyncio.to_thread(check_request, self._services.ledger, caller, incoming)
        location = None
        if body.sink is not None:
            file, keep_file = body.sink.file(), self._services.vault.keep_file
            location = await asyncio.to_thread(keep_file, file, body.length, body.sha256())
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
            subject=packet,
        )
        on_stored = await asyncio.to_thread(_objecting, self._services, caller, incoming, said, outlined)
        # Where the ledger's answer is lost the arrival may be there and name the object: it is not taken back.
        stored = await self._intake.store(arrival, on_stored)
        if stored.is_duplicate and location:
            await asyncio.to_thread(self._services.vault.remove, location.key)
        if len(incoming.types) == 1:
            return responses.stored(incoming.types[0], stored.arrival, f"{self._services.public_url}/fhir")
        return responses.stored_bundle(incoming.types, stored.arrival)


def _is_fhir_json(request: Request) -> bool:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() in FHIR_JSON


def _refused(caller: Caller, answer: FhirResponse, why: str) -> Response:
    """Answer so, and log it: who sent it and why it is refused, never what it says."""
    log.warning("http: a message at the door of %s is refused with %d: %s", caller.id, answer.status, why)
    return http_response(answer)


def in_documents(
    chunks: Callable[[], Iterable[bytes]], length: int, outlined: bytes, institution: Institution
) -> EnclosedWord:
    """What the documents of a long message say. It is held only where one that is cut in its outline may be heard.

    Raises:
        TooLarge: more than is settled in one transaction.
        Unreadable: not JSON within bounds.
    """
    if not enclosed.may_go_on(outlined):
        return enclosed.in_resources(outlined, institution)
    if length > MAX_HELD:
        return enclosed.in_long_body(chunks(), outlined, institution)
    return enclosed.in_resources(b"".join(chunks()), institution)


def said_against(
    caller: Caller, incoming: InboundBody, body: bytes, heard: HearWords = enclosed.in_resources
) -> tuple[Objection, ...]:
    """What a message says against a release: first what a Consent says that it is, then what it brings besides, then
    what its documents say. `heard`: reads the documents of the message, or of what its outline stands for.

    Raises:
        TooLarge: more than is settled in one transaction.
        Unreadable: not JSON within bounds.
    """
    is_form = incoming.kind is ArrivalKind.AUTHORIZATION
    said = inbound.said_against(body, caller.institution, is_form=is_form)
    return said + heard(body, caller.institution).objections


def check_may(caller: Caller, incoming: InboundBody, said: tuple[Objection, ...]) -> None:
    """Who may file a form may take it back, and who may revoke may object in any way: a "no" stops at the door. What
    comes with something else needs no grant of its own.

    Raises:
        NotAllowed, OutOfScope: it may not send this.
    """
    either = {Grant.AUTHORIZATIONS, Grant.REVOCATIONS}
    is_form = incoming.kind is ArrivalKind.AUTHORIZATION
    objects = is_form and any(one.kind is not ObjectionKind.REPLACES for one in said)
    if not (objects and either & caller.institution.grants & caller.scopes):
        caller.check_may(incoming.grant)


def packet_of(ledger: Ledger, caller: Caller, incoming: InboundBody) -> str | None:
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
    with ledger.transaction() as tx:
        disclosure = disclosures.of_packet(tx, packet)
    if disclosure is None or disclosure.recipient != caller.id:
        raise NotAllowed("a receipt for a packet that was not handed to its sender")
    return packet


def check_request(ledger: Ledger, caller: Caller, incoming: InboundBody) -> None:
    """A request is answered by who was asked.

    Raises:
        NotAllowed: it answers a request to another, or none of ours.
    """
    if incoming.form is not Form.REQUEST_ANSWER:
        return
    with ledger.transaction() as tx:
        request = requests.get(tx, incoming.request or "")
    if request is None or request.institution != caller.id:
        raise NotAllowed("an answer to a request that was not made to its sender")


def _objecting(
    services: Services, caller: Caller, incoming: InboundBody, said: tuple[Objection, ...], body: bytes
) -> OnStored | None:
    """What a message objects to stops in the transaction that stores it."""
    if not said:
        return None
    form = None
    if incoming.kind is ArrivalKind.AUTHORIZATION:
        # where it cannot be read in full a person reads it; what it objects to stops all the same
        with suppress(NeedsReview, Refused):
            form = sent_forms.authorization(body, caller.institution, services.institutions)

    def stop(tx: Tx, stored: Stored) -> None:
        received = ReceivedObjections(objections=said, form=form, arrival=stored.arrival, sender=caller.id)
        object_to_release(tx, services.institutions, received)

    return stop
