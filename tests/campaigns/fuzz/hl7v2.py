"""HL7 v2 over MLLP: frames, the header and its acknowledgement, and what messages become."""

from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain

from tests.campaigns.fuzz.contract import Target, answer, can_be_kept, files, pieces
from tests.campaigns.fuzz.partners import ALL, LAKESIDE, PRAIRIE
from tests.kit.builders import a_chart, ref_i12, report_of
from transfer.adapters import hl7v2
from transfer.adapters.hl7v2 import AcknowledgmentCode, ErrorCode, Message
from transfer.adapters.hl7v2.sheet_reading import result_sheets
from transfer.gateway.mllp.frames import CR, END, START, Scanner
from transfer.gateway.payload import Payload

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def frames(data: bytes) -> None:
    """The same frames however the stream is cut, each byte once, and each payload a stretch of the stream."""
    stream, cut = pieces(data)
    found = _payloads(cut)
    assert found == _payloads([stream])
    at = 0
    for payload in found:
        at = stream.index(START + payload + END + CR, at) + len(payload) + 3


def _payloads(cut: list[bytes]) -> list[bytes]:
    scanner, payload, found = Scanner(), Payload(), []
    for piece in cut:
        at = 0
        while at < len(piece):
            was_inside = scanner.inside
            stretch, at, is_end = scanner.step(piece, at)
            if was_inside:
                payload.add(stretch)
            if is_end:
                found.append(payload.in_memory())
                payload = Payload()
    return found


def acknowledgement(data: bytes) -> None:
    """What begins as a message is answered by one frame, which names the message by its own number."""
    header = answer(hl7v2.header, data)
    if header is None:
        return
    hl7v2.kind(header)
    for verdict, error in ((AcknowledgmentCode.ACCEPTED, None), (AcknowledgmentCode.ERROR, ErrorCode.INTERNAL)):
        written = hl7v2.acknowledge(header, verdict, error, control_id="1", now=NOW)
        if written is not None:
            assert _payloads([START + written + END + CR]) == [written]
            said = answer(Message, written)
            assert said is not None
            msa = said.first("MSA")
            assert msa is not None
            assert msa.raw(2).decode("latin-1") == header.control_id


def segments(data: bytes) -> None:
    """Every field read stands in the message where its segment says, and reading never fails but for its bounds."""
    message = answer(Message, data)
    if message is None:
        return
    last = 0
    for segment in message.segments_in_order[:200]:
        assert last <= segment.start <= segment.end <= len(message.data)
        last = segment.end
        for field in range(1, 40):
            if answer(segment.span, field) is None:
                break
            start, end = segment.span(field)
            assert segment.start <= start <= end <= segment.end
            for part in answer(segment.repetitions, field) or []:
                assert part.raw() in message.data
                for said in (part.text(1), part.text(2, 2), part.plain(), part.whole()):
                    assert said is None or "\ufffd" in said or said.encode()


def batch(data: bytes) -> None:
    """The messages of a batch are stretches of it, in order; each begins as one, and is one when it is read alone."""
    found = answer(hl7v2.batch, data)
    if found is None or found.messages == (data,):
        return
    at = 0
    for message in found.messages:
        at = data.index(message, at) + len(message)
        assert message.startswith(b"MSH")
        assert hl7v2.batch(message).messages == (message,)


def documents(data: bytes) -> None:
    """Each document can be kept; each of its files opens to as many bytes as it says."""
    for sent in answer(hl7v2.documents, data, PRAIRIE) or []:
        can_be_kept(sent.document)
        for part in sent.parts:
            assert _length(part) == part.length


def sheets(data: bytes) -> None:
    """What is on a sheet is text that can be drawn."""
    for sheet in answer(result_sheets, data) or []:
        str(sheet).encode()


def _length(part: hl7v2.EmbeddedContent) -> int:
    return sum(map(len, part.open()))


def referral(data: bytes) -> None:
    if (asked := answer(hl7v2.referral, data, LAKESIDE, ALL)) is not None:
        can_be_kept(asked)


def identity_changes(data: bytes) -> None:
    for change in answer(hl7v2.identity_changes, data, PRAIRIE) or ():
        can_be_kept(change.surviving, *((change.absorbed,) if change.absorbed else ()))


def consents(data: bytes) -> None:
    can_be_kept(*(answer(hl7v2.consents, data, PRAIRIE) or ()))


def objections(data: bytes) -> None:
    """What objects is read, and never fails but for its bound; what stands in no CON segment objects to nothing."""
    said = answer(hl7v2.objections, data, PRAIRIE)
    can_be_kept(*(said or ()))
    if said and data.startswith(b"MSH"):
        assert hl7v2.may_object([data]) or len(said) == 1
        assert hl7v2.says_consent([data[:7], data[7:]]) == hl7v2.says_consent([data])


def seeds() -> Iterable[tuple[str, bytes]]:
    chart = a_chart(seed=1)
    yield "frames", b"\0\0\0\0" + START + END * 40 + CR + START + END * 20
    found = files("hl7v2", suffixes=(".hl7", ".mllp", ".txt"), longest=TARGET.longest)
    for message in chain((ref_i12(chart), report_of(chart)), found):
        yield "frames", b"\x10\x40\x80\xff" + (message if message[:1] == START else START + message + END + CR)
        for parser in TARGET.parsers[1:]:
            yield parser.__name__, message


TARGET = Target(
    name="hl7v2",
    parsers=(
        frames,
        acknowledgement,
        segments,
        batch,
        documents,
        sheets,
        referral,
        identity_changes,
        consents,
        objections,
    ),
    seeds=seeds,
    words=(
        *(b"\rMSH|^~\\&|", b"\rFHS|", b"\rBHS|", b"\rBTS|1", b"\rFTS|1", b"\rPID|", b"\rPV2|", b"\rOBR|", b"\rORC|"),
        *(b"\rOBX|1|ED|", b"\rOBX|1|TX|", b"\rOBX|1|RP|", b"\rNTE|", b"\rTXA|", b"\rSPM|", b"\rMRG|", b"\rRF1|"),
        *(
            b"\rPRD|RT|",
            b"\rCON|1|001|||",
            b"|A||||||||||F",
            b"\rDG1|",
            b"\rZNT|",
            b"ORU^R01",
            b"MDM^T02",
            b"REF^I12",
            b"ADT^A40",
            b"ADT^A31",
            b"ACK",
            b"OUL^R22",
            b"\rADD|",
            b"\rDSC|1",
        ),
        *(b"\rCON|1|001|||", b"|A||||||||||F"),
        *(b"^Base64^", b"^Hex^", b"^A^", b"\\X0D\\", b"\\X00\\", b"\\.br\\", b"\\.sp9\\", b"\\F\\", b"\\E\\", b'""'),
        *(
            b"UNICODE UTF-8",
            b"8859/1",
            b"GB 18030-2000",
            b"ISO IR87",
            b"BIG-5",
            b"\x1c\r",
            b"\x1c" * 20,
            b"\x0b",
            b"\xef\xbb\xbf",
        ),
        *(b"20260105101500-0600", b"00010101", b"99991231235959+0000", b"|SO^|", b"^NPI", b"NE", b"AL", b"SU"),
    ),
)
