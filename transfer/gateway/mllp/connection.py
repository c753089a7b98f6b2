"""One connection of a sender: frames in, acknowledgements out, in order, one message at a time.

What a sender sends ahead waits in its own socket. Nothing of a message is logged.
"""

import asyncio
import itertools
import logging
import math
import secrets
import ssl
from typing import cast

from transfer.adapters.hl7v2.acknowledge import NOBODY, AcknowledgmentCode, ErrorCode, acknowledge
from transfer.adapters.hl7v2.header import MessageHeader
from transfer.adapters.hl7v2.header import header as read_header
from transfer.doors import FrameEnding
from transfer.errors import TransferError, Unavailable, Unreadable
from transfer.gateway.mllp.frames import CR, END, START, Scanner
from transfer.gateway.mllp.messages import Frame, StoreOutcome, StoreResult
from transfer.gateway.mllp.port import TOO_LONG, UNREADABLE, MllpPort, MllpSender, Refusal
from transfer.gateway.payload import IN_MEMORY, Payload
from transfer.identifiers import InstitutionId
from transfer.metrics import DOOR_ANSWERS
from transfer.serving.budget import CountedConnection

log = logging.getLogger("transfer.gateway.mllp")

#: in which a sender whose frame was too long may read our answer before the connection is closed
_LAST_ANSWER_SECONDS = 2.0
#: of answers that wait for a sender who does not read them; then nothing more is read from it
_MAX_UNREAD_ANSWERS_BYTES = 16 << 10
_UNAVAILABLE = StoreResult(StoreOutcome.UNAVAILABLE)
#: counted by code; to find the label each time costs as much as to write the answer's second line
_ANSWERED = {code: DOOR_ANSWERS.labels("mllp", code) for code in AcknowledgmentCode}


class Connection(asyncio.Protocol):
    """Driven by the event loop; the server calls `check_deadline`, `finish` and `abort`. While it is open it stands in
    `open_connections`.

    It is known once a certificate or an address says whose it is. Where neither is asked for, that is once a message of
    it is stored.
    """

    def __init__(self, port: MllpPort, counted: CountedConnection, open_connections: "set[Connection]") -> None:
        self._port = port
        self._counted = counted
        self._open = open_connections
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._sender: MllpSender | None = None
        self._scanner = Scanner()
        self._outside = 0
        self._payload: Payload | None = None
        self._header: MessageHeader | None = None
        self._institution: InstitutionId | None = None
        #: what the last message said in MSH-3 and MSH-4, and whose it was
        self._said: tuple[str, str, str] | None = None
        self._whose: InstitutionId | None = None
        self._refusal: Refusal | None = None
        self._waiting = b""
        self._is_reading_paused = False
        self._is_writing_paused = False  # the sender does not read our answers
        self._is_half_closed = False  # the sender has closed its side
        self._is_finishing = False  # the frame that has begun is the last
        self._is_closing = False  # nothing more is read
        self._is_storing = False
        #: that does so, where it takes a task
        self._storing: asyncio.Task[StoreResult] | None = None
        self._deadline = math.inf
        #: an answer's control id: what was drawn for the connection, and a number (MSH-10 may have 20 characters, v2.3)
        self._drawn, self._answers = secrets.token_hex(6), itertools.count(1)

    # called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._counted.abort = self._transport.abort
        sender = self._port.sender(_certificate(transport), self._counted.host)
        if sender is None:
            log.warning("mllp: a caller at the door of %s shows no certificate or address of it", self._port.name)
            self._transport.abort()
            return
        if sender.is_shown and not self._counted.is_of(sender):
            log.warning("mllp: too many connections at the door of %s", self._port.name)
            self._transport.abort()
            return
        self._sender = sender
        self._open.add(self)
        self._transport.set_write_buffer_limits(high=_MAX_UNREAD_ANSWERS_BYTES)
        self._wait(self._port.limits.idle_seconds)

    def data_received(self, data: bytes) -> None:
        if self._is_closing:
            return
        if self.is_busy:
            self._waiting += data
            self._pause()
        else:
            self._read(data)

    def eof_received(self) -> bool:
        """A sender may close its side and still wait for the answer (not over TLS, which closes both)."""
        self._is_half_closed = True
        secured = self._transport is not None and self._transport.get_extra_info("sslcontext") is not None
        return self.is_busy and not secured

    def pause_writing(self) -> None:
        self._is_writing_paused = True
        self._wait(self._port.limits.frame_seconds)

    def resume_writing(self) -> None:
        self._is_writing_paused = False
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it ended changes nothing
        self._transport = None
        if ending := self._scanner.other_ending:
            self._tell_ending(ending)
        self._discard()
        self._waiting = b""
        self._open.discard(self)
        self._counted.is_closed()

    def _tell_ending(self, ending: FrameEnding) -> None:
        log.warning("mllp: a frame of %s ends with %s instead of FS CR and is not taken", self._port.name, ending)
        if self._institution is None and self._payload is not None and self._refusal is None:
            self._read_header(self._payload)
        if self._institution is not None:
            self._loop.run_in_executor(None, self._note_ending, self._institution, ending)

    def _note_ending(self, institution: InstitutionId, ending: FrameEnding) -> None:
        try:
            self._port.message_store.note_ending(institution, ending)
        except TransferError:
            log.warning("mllp: how a frame of %s ended cannot be kept now", institution)

    # called by the server

    @property
    def is_busy(self) -> bool:
        return self._is_storing or self._is_writing_paused

    @property
    def is_under_way(self) -> bool:
        """A frame has begun to arrive and is not answered yet, or its answer is still on its way out."""
        if self._transport is None:
            return self._is_storing
        return self._is_storing or self._payload is not None or self._transport.get_write_buffer_size() > 0

    def check_deadline(self) -> None:
        if self._loop.time() > self._deadline:
            log.info("mllp: a connection of %s ran out of time", self._port.name)
            self.abort()

    def finish(self) -> None:
        """Take the frame that has begun to arrive, answer what is in flight, then close."""
        self._is_finishing, self._waiting = True, b""
        self._close_when_finished()

    def _close_when_finished(self) -> None:
        if self._is_finishing and not self._is_storing and self._payload is None and self._transport is not None:
            self._is_closing = True
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # reading

    @property
    def _is_over(self) -> bool:
        return self._is_closing or self._transport is None or self._transport.is_closing()

    def _wait(self, seconds: float) -> None:
        self._deadline = self._loop.time() + seconds

    def _pause(self) -> None:
        if self._transport is not None and not self._is_reading_paused:
            self._is_reading_paused = True
            self._transport.pause_reading()

    def _read(self, data: bytes) -> None:
        at = 0
        while at < len(data) and not self._is_over:
            if self.is_busy:
                self._waiting = data[at:]
                self._pause()
                return
            at = self._step(data, at)

    def _step(self, data: bytes, at: int) -> int:
        was_inside = self._scanner.inside
        stretch, after, is_end = self._scanner.step(data, at)
        if not was_inside:
            self._skip(after - at)
        elif stretch:
            self._take(stretch)
        if is_end and self._payload is not None:
            self._end(self._payload)
        return after

    def _skip(self, length: int) -> None:
        """What stands outside of frames means nothing, but must not go on for ever."""
        self._outside += length
        if self._outside > self._port.limits.bytes_outside_frames:
            log.warning("mllp: a connection of %s sends no messages", self._port.name)
            self.abort()
        elif self._scanner.inside:
            self._outside = 0
            self._payload, self._header, self._institution, self._refusal = Payload(), None, None, None
            self._wait(self._port.limits.frame_seconds)

    def _take(self, stretch: bytes) -> None:
        payload = self._payload
        if payload is None:
            return
        if payload.length + len(stretch) > self._port.limits.frame_bytes:
            self._close_too_long(payload, stretch)
        elif self._refusal is not None:
            payload.length += len(stretch)
        else:
            self._add(payload, stretch)

    def _add(self, payload: Payload, stretch: bytes) -> None:
        try:
            payload.add(stretch)
            if payload.sink is None and payload.length > IN_MEMORY:
                self._refusal = self._read_header(payload)
                if self._refusal is None and self._institution is not None:
                    payload.spill(self._port.message_store.sink(self._institution))
            if payload.sink is not None:
                self._counted.spools(payload.length)
        except (Unavailable, OSError):
            log.warning("mllp: a long message of %s cannot be stored now", self._institution)
            self._refusal = self._unavailable()
        if self._refusal is not None:
            payload.discard()
            self._counted.spools(0)

    def _read_header(self, payload: Payload) -> Refusal | None:
        """Read MSH, once, from what is in memory: whose it is, and whether this sender may send it."""
        try:
            self._header = read_header(payload.in_memory())
        except Unreadable:
            return UNREADABLE
        said = (self._header.sending_application, self._header.sending_facility, self._header.component)
        if said != self._said:  # hardly any sender says another with each message
            self._said, self._whose = said, self._sender.of(self._header) if self._sender else None
        self._institution = self._whose
        return self._port.refusal(self._institution, self._header)

    # a frame's end

    def _end(self, payload: Payload) -> None:
        self._payload = None
        if self._header is None and self._refusal is None:
            self._refusal = self._read_header(payload)
        if self._header is not None and self._header.message_type == "ACK":
            payload.discard()  # an acknowledgement is never acknowledged (v2.9 ch. 2.9.2)
            self._counted.spools(0)
            self._wait(self._port.limits.idle_seconds)
        elif self._refusal is not None or self._header is None or self._institution is None:
            refusal = self._refusal or UNREADABLE
            log.warning("mllp: a message at the door of %s is refused: %s", self._port.name, refusal.error.name)
            self._answer(refusal.code, refusal.error)
            self._wait(self._port.limits.idle_seconds)
        else:
            self._deadline = math.inf
            self._counted.is_busy = True
            self._store(self._frame(payload, self._header, self._institution))
        self._close_when_finished()

    def _frame(self, payload: Payload, header: MessageHeader, institution: InstitutionId) -> Frame:
        return Frame(
            institution=institution,
            header=header,
            payload=payload.in_memory() if payload.sink is None else None,
            sink=payload.sink,
            length=payload.length,
            sha256=payload.sha256(),
        )

    def _store(self, frame: Frame) -> None:
        """It goes on in `_stored`."""
        self._is_storing = True
        try:
            storing = self._port.message_store.store(frame, self._stored)
        except Exception as error:  # noqa: BLE001 - as if it had failed later
            self._loop.call_soon(self._stored, error)
        else:
            if storing is not None:
                self._storing = self._loop.create_task(storing)
                self._storing.add_done_callback(self._done)

    def _done(self, storing: "asyncio.Task[StoreResult]") -> None:
        self._storing = None
        if storing.cancelled():  # the loop ends
            self._is_storing = False
        else:
            self._stored(storing.exception() or storing.result())

    def _stored(self, result: StoreResult | BaseException) -> None:
        self._is_storing = False
        self._counted.is_busy = False
        self._counted.spools(0)
        if isinstance(result, BaseException):
            if not isinstance(result, TransferError):
                # A fault of ours: the sender keeps its copy, and the door stays open. A trace may quote the message.
                log.error("mllp: storing a message of %s failed: %s", self._institution, type(result).__name__)
            result = _UNAVAILABLE
        if result.outcome in (StoreOutcome.STORED, StoreOutcome.DUPLICATE) and self._sender is not None:
            self._counted.is_of(self._sender)
        self._acknowledge(result)
        self._go_on()

    def _acknowledge(self, result: StoreResult) -> None:
        if result.outcome is StoreOutcome.REFUSED:
            error = result.error or ErrorCode.INTERNAL
            self._answer(
                AcknowledgmentCode.ERROR if error < ErrorCode.UNSUPPORTED_TYPE else AcknowledgmentCode.REJECTED, error
            )
        elif result.outcome is StoreOutcome.UNAVAILABLE:
            refusal = self._unavailable()
            if not self._answer(refusal.code, refusal.error):
                self.abort()  # a sender that wants no answer learns it this way
        else:
            self._answer(AcknowledgmentCode.ACCEPTED)

    def _unavailable(self) -> Refusal:
        """Not now, through no fault of the message: AR in original mode, CE in enhanced mode (v2.9 ch. 2.9.2-3)."""
        is_enhanced = self._header is not None and bool(self._header.accept_ack)
        return Refusal(AcknowledgmentCode.ERROR if is_enhanced else AcknowledgmentCode.REJECTED, ErrorCode.INTERNAL)

    def _answer(self, code: AcknowledgmentCode, error: ErrorCode | None = None) -> bool:
        """Whether an answer was wanted and could be written."""
        control_id = f"{self._drawn}{next(self._answers):x}"
        answer = acknowledge(self._header or NOBODY, code, error, control_id=control_id, now=self._port.now())
        if answer is None or self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(START + answer + END + CR)
        _ANSWERED[code].inc()
        return True

    def _close_too_long(self, payload: Payload, stretch: bytes) -> None:
        """Answer, and stop listening: what remains of the frame goes nowhere. A socket closed with bytes unread would
        take the answer with it, so it stays open a moment for the sender to read.
        """
        if self._header is None and self._refusal is None:
            payload.add(stretch[:IN_MEMORY])
            self._read_header(payload)
        payload.discard()
        self._payload, self._is_closing = None, True
        log.warning("mllp: a message at the door of %s is too long", self._port.name)
        self._answer(TOO_LONG.code, TOO_LONG.error)
        self._wait(_LAST_ANSWER_SECONDS)
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def _go_on(self) -> None:
        self._close_when_finished()
        if self.is_busy or self._transport is None:
            return
        self._wait(self._port.limits.idle_seconds)
        data, self._waiting = self._waiting, b""
        self._read(data)
        if self.is_busy:
            return
        if self._is_half_closed or self._is_closing:
            self._transport.close()
        elif self._is_reading_paused:
            self._is_reading_paused = False
            self._transport.resume_reading()

    def _discard(self) -> None:
        """A frame that never ended was never acknowledged: its sender still has it."""
        if self._payload is not None:
            self._payload.discard()
            self._payload = None


def _certificate(transport: asyncio.BaseTransport) -> bytes | None:
    """What was shown (DER) and verified in the handshake."""
    secured: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    return secured.getpeercert(binary_form=True) if secured else None
