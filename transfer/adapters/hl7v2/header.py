"""The first segment of a message: all that stands between its arrival and its acknowledgement (5 µs)."""

import re
from dataclasses import dataclass

from transfer.errors import Unreadable

#: an MSH longer than this is none
MAX_HEADER_BYTES = 16_384

_UTF8_MARK = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n\x00\x0b"
_CONTROLS = bytes([*range(32), 127])
_HEADERS = (b"MSH", b"FHS", b"BHS")


@dataclass(frozen=True, slots=True)
class MessageHeader:
    """MSH as said, each field whole (`COMMHOSP^2.16.840…^ISO`) and not unescaped; bytes as Latin-1, so that what is
    echoed is echoed exactly, but for control characters, which would break a frame. Absent fields are `""`.

    Of a batch it is the first message's, with the batch's own number (FHS-11, BHS-11) where it has one.
    """

    control_id: str
    sending_application: str
    sending_facility: str
    receiving_application: str
    receiving_facility: str
    #: MSH-9.1 and MSH-9.2
    message_type: str
    trigger: str
    version: str
    #: MSH-11.1: P, T, D
    processing_id: str
    #: MSH-15 and MSH-16: AL, NE, ER, SU
    accept_ack: str
    application_ack: str
    #: MSH-1 and MSH-2 together
    separators: str = "|^~\\&"
    is_batch: bool = False

    @property
    def component(self) -> str:
        return self.separators[1:2] or "^"


def header(payload: bytes) -> MessageHeader:
    """Who sends what, from the first segment alone (for a batch: up to the first MSH). `payload` may be the beginning
    of a longer message.

    Raises:
        Unreadable: it does not begin as a message does.
    """
    start = start_of(payload)
    if payload[start : start + 3] == b"MSH":
        return _header(first_line(payload, start))
    found = re.compile(rb"[\r\n]MSH(?=[^\w\r\n])").search(payload, start, start + 4 * MAX_HEADER_BYTES)
    if found is None:  # a batch may be empty
        return _header(first_line(payload, start), batch=first_line(payload, start))
    return _header(first_line(payload, found.start() + 1), batch=first_line(payload, start))


def start_of(payload: bytes) -> int:
    """Where the message begins, after a byte order mark and blank space. Raises `Unreadable` where none does."""
    start = len(_UTF8_MARK) if payload.startswith(_UTF8_MARK) else 0
    while payload[start : start + 1] and payload[start] in _BLANK and start < 64:
        start += 1
    separator = payload[start + 3 : start + 4]
    is_mark = bool(separator.strip()) and not separator.isalnum() and separator not in _CONTROLS
    if payload[start : start + 3] not in _HEADERS or not is_mark:
        raise Unreadable("not an HL7 v2 message: it does not begin with MSH, FHS or BHS")
    return start


def first_line(payload: bytes, start: int) -> bytes:
    """The first segment. Raises `Unreadable` where it is longer than a header may be."""
    line = payload[start : start + MAX_HEADER_BYTES + 1]
    end = line.find(b"\r")
    line = line[:end] if end >= 0 else line
    end = line.find(b"\n")
    line = line[:end] if end >= 0 else line
    if len(line) > MAX_HEADER_BYTES:
        raise Unreadable(f"not an HL7 v2 message: the first segment is longer than {MAX_HEADER_BYTES} bytes")
    return line


def _header(line: bytes, batch: bytes | None = None) -> MessageHeader:
    line = line.translate(None, _CONTROLS)
    said = line.decode("latin-1").split(line[3:4].decode("latin-1"), 20)
    said += [""] * (21 - len(said))
    mark = said[1][:1] or "^"
    is_message = said[0] == "MSH"
    kind = said[8].split(mark, 2) if is_message else [""]
    return MessageHeader(
        control_id=_number(said[9] if is_message else "", batch),
        sending_application=said[2],
        sending_facility=said[3],
        receiving_application=said[4],
        receiving_facility=said[5],
        message_type=kind[0],
        trigger=kind[1] if len(kind) > 1 else "",
        version=said[11].split(mark, 1)[0] if is_message else "",
        processing_id=said[10].split(mark, 1)[0] if is_message else "",
        accept_ack=said[14] if is_message else "",
        application_ack=said[15] if is_message else "",
        separators=line[3:4].decode("latin-1") + (said[1][:5] or "^~\\&"),
        is_batch=batch is not None,
    )


def _number(own: str, batch: bytes | None) -> str:
    """MSH-10, or the batch's own number (field 11 of FHS and BHS, counted as in MSH)."""
    if batch is None:
        return own
    batch = batch.translate(None, _CONTROLS)
    said = batch.decode("latin-1").split(batch[3:4].decode("latin-1"), 11)
    return said[10] if len(said) > 10 and said[10] else own
