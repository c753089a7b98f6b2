"""One connection of a sender: frames in, acknowledgements out, in order, one message at a time.

What a sender sends ahead waits in its own socket. Nothing of a message is logged.
"""

import asyncio
import logging
import math
import secrets
import ssl
from typing import cast

from transfer.adapters.hl7v2.acknowledge import NOBODY, AcknowledgmentCode, ErrorCode, acknowledge
from transfer.adapters.hl7v2.header import MessageHeader, header
from transfer.errors import TransferError, Unavailable, Unreadable
from transfer.gateway.mllp.frames import CR, END, IN_MEMORY, START, Payload, Scanner
from transfer.gateway.mllp.messages import Frame, StoreOutcome, StoreResult
from transfer.gateway.mllp.port import TOO_LONG, UNREADABLE, MllpPort, Refusal

log = logging.getLogger("transfer.gateway.mllp")

#: seconds in which a sender whose frame was too long may read our answer before the connection goes
_LAST_WORD = 2.0
_WAITING_ANSWERS = 16 << 10


class Connection(asyncio.Protocol):
    """Driven by the event loop; the server calls `look_at_the_clock`, `finish` and `abort`."""

    def __init__(self, post: MllpPort) -> None:
        self.post = post
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._scanner = Scanner()
        self._outside = 0
        self._payload: Payload | None = None
        self._header: MessageHeader | None = None
        self._refusal: Refusal | None = None
        self._waiting = b""
        self._is_paused = False
        self._is_stuck = False  # the sender does not read our answers
        self._is_last = False  # the sender has closed its side
        self._is_deaf = False  # we close: nothing more is read
        self._task: asyncio.Task[None] | None = None
        self._deadline = math.inf

    # what the event loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if not self.post.connections.register(self, self.post.institution):
            log.warning("mllp: too many connections at the door of %s", self.post.institution)
            self._transport.abort()
            return
        if not self.post.knows(_certificate(transport)):
            log.warning("mllp: a caller at the door of %s does not show its certificate", self.post.institution)
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=_WAITING_ANSWERS)
        self._wait(self.post.limits.idle_seconds)

    def data_received(self, data: bytes) -> None:
        if self._is_deaf:
            return
        if self.is_busy:
            self._waiting += data
            self._pause()
        else:
            self._read(data)

    def eof_received(self) -> bool:
        """A sender may close its side and still wait for the answer (not over TLS, which closes both)."""
        self._is_last = True
        secured = self._transport is not None and self._transport.get_extra_info("sslcontext") is not None
        return self.is_busy and not secured

    def pause_writing(self) -> None:
        self._is_stuck = True
        self._wait(self.post.limits.frame_seconds)

    def resume_writing(self) -> None:
        self._is_stuck = False
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why it ended changes nothing
        self._transport = None
        self._discard()
        self._waiting = b""
        self.post.connections.unregister(self, self.post.institution)

    # what the server tells

    @property
    def is_busy(self) -> bool:
        return self._task is not None or self._is_stuck

    @property
    def task(self) -> asyncio.Task[None] | None:
        """The keeping of a message that is in flight."""
        return self._task

    def look_at_the_clock(self) -> None:
        if self._loop.time() > self._deadline:
            log.info("mllp: a connection of %s ran out of time", self.post.institution)
            self.abort()

    def finish(self) -> None:
        """Answer what is in flight, then close."""
        self._is_deaf, self._waiting = True, b""
        if self._task is None and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    # reading

    @property
    def _is_over(self) -> bool:
        return self._is_deaf or self._transport is None or self._transport.is_closing()

    def _wait(self, seconds: float) -> None:
        self._deadline = self._loop.time() + seconds

    def _pause(self) -> None:
        if self._transport is not None and not self._is_paused:
            self._is_paused = True
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
        if self._outside > self.post.limits.bytes_outside_frames:
            log.warning("mllp: a connection of %s sends no messages", self.post.institution)
            self.abort()
        elif self._scanner.inside:
            self._outside = 0
            self._payload, self._header, self._refusal = Payload(), None, None
            self._wait(self.post.limits.frame_seconds)

    def _take(self, stretch: bytes) -> None:
        payload = self._payload
        if payload is None:
            return
        if payload.length + len(stretch) > self.post.limits.frame_bytes:
            self._close_too_long(payload, stretch)
        elif self._refusal is not None:
            payload.length += len(stretch)
        else:
            self._add(payload, stretch)

    def _add(self, payload: Payload, stretch: bytes) -> None:
        try:
            payload.add(stretch)
            if payload.sink is None and payload.length > IN_MEMORY:
                self._refusal = self._look_at(payload)
                if self._refusal is None:
                    payload.spill(self.post.message_store.sink(self.post.institution))
        except (Unavailable, OSError):
            log.warning("mllp: a long message of %s cannot be kept now", self.post.institution)
            self._refusal = self._unavailable()
        if self._refusal is not None:
            payload.discard()

    def _look_at(self, payload: Payload) -> Refusal | None:
        """Read MSH, once, from what is in memory: who sends it, and whether that is who it should be."""
        try:
            said = self._header = header(payload.in_memory())
        except Unreadable:
            return UNREADABLE
        return self.post.refusal(said)

    # a frame's end

    def _end(self, payload: Payload) -> None:
        self._payload = None
        if self._header is None and self._refusal is None:
            self._refusal = self._look_at(payload)
        if self._header is not None and self._header.message_type == "ACK":
            payload.discard()  # an acknowledgement is never acknowledged (v2.9 ch. 2.9.2)
            self._wait(self.post.limits.idle_seconds)
        elif self._refusal is not None or self._header is None:
            refusal = self._refusal or UNREADABLE
            log.warning("mllp: a message at the door of %s is refused: %s", self.post.institution, refusal.error.name)
            self._answer(refusal.verdict, refusal.error)
            self._wait(self.post.limits.idle_seconds)
        else:
            self._deadline = math.inf
            self._task = self._loop.create_task(self._keep(self._frame(payload, self._header)))

    def _frame(self, payload: Payload, said: MessageHeader) -> Frame:
        return Frame(
            institution=self.post.institution,
            header=said,
            payload=payload.in_memory() if payload.sink is None else None,
            sink=payload.sink,
            length=payload.length,
            sha256=payload.sha256(),
        )

    async def _keep(self, frame: Frame) -> None:
        try:
            kept = await self.post.message_store.store(frame)
        except TransferError:
            kept = StoreResult(StoreOutcome.UNAVAILABLE)
        except Exception as error:  # noqa: BLE001 - a fault of ours: the sender keeps its copy, and the door stays open
            # without its trace, which may quote the message
            log.error("mllp: keeping a message of %s failed: %s", self.post.institution, type(error).__name__)
            kept = StoreResult(StoreOutcome.UNAVAILABLE)
        finally:
            self._task = None
        self._say(kept)
        self._go_on()

    def _say(self, kept: StoreResult) -> None:
        if kept.outcome is StoreOutcome.REFUSED:
            error = kept.error or ErrorCode.INTERNAL
            self._answer(
                AcknowledgmentCode.ERROR if error < ErrorCode.UNSUPPORTED_TYPE else AcknowledgmentCode.REJECTED, error
            )
        elif kept.outcome is StoreOutcome.UNAVAILABLE:
            refusal = self._unavailable()
            if not self._answer(refusal.verdict, refusal.error):
                self.abort()  # a sender that wants no answer learns it this way
        else:
            self._answer(AcknowledgmentCode.ACCEPTED)

    def _unavailable(self) -> Refusal:
        """Not now, through no fault of the message: AR in original mode, CE in enhanced mode (v2.9 ch. 2.9.2-3)."""
        is_enhanced = self._header is not None and bool(self._header.accept_ack)
        return Refusal(AcknowledgmentCode.ERROR if is_enhanced else AcknowledgmentCode.REJECTED, ErrorCode.INTERNAL)

    def _answer(self, verdict: AcknowledgmentCode, error: ErrorCode | None = None) -> bool:
        """Whether an answer was wanted and could be written."""
        answer = acknowledge(
            self._header or NOBODY, verdict, error, control_id=secrets.token_hex(10), now=self.post.now()
        )
        if answer is None or self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(START + answer + END + CR)
        return True

    def _close_too_long(self, payload: Payload, stretch: bytes) -> None:
        """Answer, and stop listening: what remains of the frame goes nowhere. A socket closed with bytes unread would
        take the answer with it, so it stays open a moment for the sender to read.
        """
        if self._header is None and self._refusal is None:
            payload.add(stretch[:IN_MEMORY])
            self._look_at(payload)
        payload.discard()
        self._payload, self._is_deaf = None, True
        log.warning("mllp: a message at the door of %s is too long", self.post.institution)
        self._answer(TOO_LONG.verdict, TOO_LONG.error)
        self._wait(_LAST_WORD)
        if self._transport is not None and self._transport.can_write_eof():
            self._transport.write_eof()

    def _go_on(self) -> None:
        if self.is_busy or self._transport is None:
            return
        self._wait(self.post.limits.idle_seconds)
        data, self._waiting = self._waiting, b""
        self._read(data)
        if self.is_busy:
            return
        if self._is_last or self._is_deaf:
            self._transport.close()
        elif self._is_paused:
            self._is_paused = False
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
