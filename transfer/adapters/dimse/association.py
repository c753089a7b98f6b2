"""One association as its requestor (PS3.8 7 and 9): PDUs in, PDUs out, all of it in the caller's thread.

pynetdicom's own association reads any stated length of a PDU into memory. It keeps what comes unasked in a queue
without end, and waits in threads that nobody can stop. Here a fragment of a message is handed on as the socket brings
it. A reader that stops reading stops the archive.
"""

import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from transfer.adapters.dicom.fetching import PIECE, Looks
from transfer.adapters.dimse import negotiation
from transfer.adapters.dimse.command import Command
from transfer.adapters.dimse.connection import DimseConnection, DimseTimeouts, Ended, connected
from transfer.adapters.dimse.negotiation import MOST_PDU, Agreed, Context
from transfer.errors import TurnedAway, Unexpected, Unreachable
from transfer.sources import Ending

# PDU types, PS3.8 table 9-11 and following
_ACCEPTED: Final = 2
_REJECTED: Final = 3
_DATA: Final = 4
_RELEASING: Final = 5
_RELEASED: Final = 6
_ABORTED: Final = 7
_RELEASE: Final = struct.pack(">BBI4x", _RELEASING, 0, 4)
_ABORT: Final = struct.pack(">BBI4x", _ABORTED, 0, 4)
#: bytes of an answer to our proposal, and of a command set
_MOST_ANSWER: Final = 128 << 10
_MOST_COMMAND: Final = 16 << 10
#: fragments a message may have beyond one for each 256 bytes of it
_FRAGMENTS: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class DimsePeer:
    """Where an archive is, who it is and as whom we speak to it; over TLS unless `tls` is None."""

    host: str
    port: int
    called_ae_title: str
    calling_ae_title: str
    tls: ssl.SSLContext | None = None


class Association:
    """Used in a `with`: released at its end, aborted by an exception."""

    def __init__(self, peer: DimsePeer, contexts: list[Context], timeouts: DimseTimeouts, looks: Looks) -> None:
        """Associate.

        Raises:
            Unreachable: nobody answers, or not now.
            TurnedAway: it does not know itself or us by the AE title, or does not accept our certificate.
            Unexpected: it cannot be spoken with.
        """
        self._timeouts = timeouts
        self._line = DimseConnection(_connected(peer, timeouts), looks, stall=timeouts.stall)
        self._in_pdu = 0  # bytes of the open P-DATA-TF not yet read
        try:
            self._line.bound(timeouts.associate)
            self._line.send(negotiation.proposal(peer.called_ae_title, peer.calling_ae_title, contexts))
            self.agreed: Agreed = self._answer(contexts)
        except Ended:
            self._line.close()
            raise Unreachable("the archive did not answer our proposal") from None
        except BaseException:
            self._line.farewell(_ABORT)
            raise

    def bound(self, seconds: float) -> None:
        self._line.bound(seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: TracebackType | BaseException | None) -> None:
        if kind is not None:
            self._line.farewell(_ABORT)
            return
        try:
            self._release()
        except (Ended, Unexpected, TurnedAway):
            pass  # all we wanted has come
        finally:
            self._line.close()

    def send(self, context: int, command: bytes, identifier: bytes = b"") -> None:
        """A message: its command set, and its data set if it has one. Raises `Ended`."""
        for content, control in ((command, 1), (identifier, 0)):
            step = self.agreed.most - 6
            for at in range(0, len(content), step):
                piece = content[at : at + step]
                last = 2 if at + step >= len(content) else 0
                head = struct.pack(">BBIIBB", _DATA, 0, len(piece) + 6, len(piece) + 2, context, control | last)
                self._line.send(head + piece)

    def command(self) -> tuple[int, Command]:
        """The next message's context and command set.

        Raises:
            Ended: the archive ended the association or is silent.
            Unexpected: what came is not the beginning of a message.
        """
        context, content = self._message(None, is_command=True, most=_MOST_COMMAND)
        return context, Command.read(content)

    def data_set(self, context: int, most: int) -> bytes:
        """The data set of the message whose command came last, if it is short. Raises as `command` does."""
        return self._message(context, is_command=False, most=most)[1]

    def stream(self, context: int) -> Iterator[memoryview]:
        """The same of any length, as it comes."""
        for _, piece in self._fragments(context, is_command=False):
            yield piece

    def _message(self, context: int | None, *, is_command: bool, most: int) -> tuple[int, bytes]:
        whole, of = bytearray(), context or 0
        for of, piece in self._fragments(context, is_command=is_command):  # noqa: B007 - the last one is all of theirs
            whole += piece
            if len(whole) > most:
                raise Unexpected("the archive sent a message longer than any of its kind")
        return of, bytes(whole)

    def _fragments(self, context: int | None, *, is_command: bool) -> Iterator[tuple[int, memoryview]]:
        """A command set or a data set in the pieces it comes in, to its last fragment (PS3.8 9.3.5.1, annex E)."""
        count = length = 0
        while True:
            left, of, control = self._fragment()
            if of not in self.agreed.contexts or (context is not None and of != context):
                raise Unexpected("the archive speaks in a context that was not agreed upon")
            if bool(control & 1) is not is_command:
                raise Unexpected("the archive sent a message out of order")
            context, count, length = of, count + 1, length + left
            if count > _FRAGMENTS + length // 256:
                raise Unexpected("the archive sends fragments without end")
            while left:
                piece = self._line.some(min(left, PIECE))
                left -= len(piece)
                yield of, piece
            if control & 2:
                return

    def _fragment(self) -> tuple[int, int, int]:
        """The head of the next presentation data value: its length, context and control header."""
        if not self._in_pdu:
            kind, length = self._head()
            if kind != _DATA:
                self._leave(kind, length)
            self._in_pdu = length
        if self._in_pdu < 6:
            raise Unexpected("the archive sent a PDU with less in it than it says")
        length, context, control = struct.unpack(">IBB", self._line.exactly(6))
        self._in_pdu -= length + 4
        if length < 2 or self._in_pdu < 0:
            raise Unexpected("the archive sent a fragment that does not fit its PDU")
        return length - 2, context, control

    def _head(self) -> tuple[int, int]:
        """The type and the length of the next PDU, bounded by what we said that we read."""
        kind, length = struct.unpack(">BxI", self._line.exactly(6))
        if not _ACCEPTED <= kind <= _ABORTED or length > (MOST_PDU if kind == _DATA else _MOST_ANSWER):
            raise Unexpected("the archive does not speak DICOM, or longer than was agreed upon")
        return kind, length

    def _leave(self, kind: int, length: int) -> None:
        """The archive ends the association, or says what cannot be said in one."""
        if kind == _RELEASING:
            self._line.exactly(length)
            self._line.send(struct.pack(">BBI4x", _RELEASED, 0, 4))
        if kind in (_RELEASING, _ABORTED):
            raise Ended(Ending.DIED)
        raise Unexpected("the archive sent a PDU out of order")

    def _answer(self, contexts: list[Context]) -> Agreed:
        kind, length = self._head()
        answer = struct.pack(">BxI", kind, length) + self._line.exactly(length)
        if kind == _ACCEPTED:
            return negotiation.agreed(contexts, answer)
        if kind == _REJECTED:
            raise negotiation.rejection(answer)
        if kind == _ABORTED:
            raise Ended(Ending.DIED)
        raise Unexpected("the archive answered our proposal with something else")

    def _release(self) -> None:
        self._line.bound(self._timeouts.release)
        self._line.send(_RELEASE)
        while True:
            kind, length = self._head()
            if kind in (_RELEASED, _ABORTED):
                return
            self._line.exactly(length)


def _connected(peer: DimsePeer, timeouts: DimseTimeouts) -> socket.socket:
    try:
        return connected(peer.host, peer.port, peer.tls, timeouts.connect)
    except Ended:
        raise Unreachable("the archive broke off before TLS was agreed upon") from None
