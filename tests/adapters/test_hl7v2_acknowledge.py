"""What we answer a sender."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.core import Message
from hl7apy.exceptions import ValidationError
from hl7apy.parser import parse_message, parse_segment

from tests.kit.acknowledgements import read
from transfer.adapters.hl7v2 import AcknowledgmentCode, ErrorCode, MessageHeader, acknowledge, header
from transfer.adapters.hl7v2.acknowledge import NOBODY

STRICT = VALIDATION_LEVEL.STRICT
SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
ENHANCED = header((SAMPLES / "oru_path_final_ed_pdf.hl7").read_bytes())
ORIGINAL = replace(ENHANCED, accept_ack="", application_ack="")


def answer(said, verdict, error=None):
    return acknowledge(said, verdict, error, control_id="A1", now=NOW)


#: all that hl7apy knows
VERSIONS = ("2.1", "2.2", "2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8", "2.8.1", "2.8.2")
ANSWERS = [
    (AcknowledgmentCode.ACCEPTED, None),
    (AcknowledgmentCode.ERROR, ErrorCode.MISSING_FIELD),
    (AcknowledgmentCode.REJECTED, ErrorCode.INTERNAL),
]


def of_version(said: MessageHeader, version: str) -> MessageHeader:
    """The same message by a sender of this version. Before v2.3 an application or facility had no components."""
    plain = {"receiving_facility": "RECVCC", "sending_facility": "COMMHOSP"} if version in ("2.1", "2.2") else {}
    return replace(said, version=version, **plain)


def strictly(text: str, version: str) -> Message:
    """Before v2.3.1 it is built of its segments: hl7apy parses nothing whose MSH-9 does not say the structure."""
    if version == "2.1":  # hl7apy wants a degree of precision in its times, which came with v2.2
        text = text.replace("+0000|", "+0000^S|", 1)
    if version not in ("2.1", "2.2", "2.3"):
        return parse_message(text, validation_level=STRICT)
    message = Message("ACK", version=version, validation_level=STRICT)
    for line in text.removesuffix("\r").split("\r"):
        setattr(message, line[:3].lower(), line)
    return message


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("said", [ORIGINAL, ENHANCED], ids=["original", "enhanced"])
@pytest.mark.parametrize(("verdict", "error"), ANSWERS)
def test_hl7apy_finds_every_acknowledgement_strictly_valid(version, said, verdict, error):
    said = of_version(said, version)

    parsed = strictly(answer(said, verdict, error).decode("latin-1"), version)

    assert parsed.validate()
    assert parsed.msa.msa_1.value == ("C" if said.accept_ack else "A") + verdict
    assert parsed.msa.msa_2.value == said.control_id
    assert parsed.msh.msh_7.to_er7() in ("20261120150000+0000", "20261120150000+0000^S")
    if error and version >= "2.5":
        assert parsed.err.err_3.err_3_1.value == str(error.value)
        assert parsed.err.err_4.value == "E"
    elif error:
        assert parsed.msa.msa_3.value == error.wording


@pytest.mark.parametrize("error", list(ErrorCode))
@pytest.mark.parametrize("version", ["2.4", "2.5.1"])
def test_hl7apy_finds_every_error_we_tell_strictly_valid(version, error):
    told = answer(of_version(ORIGINAL, version), AcknowledgmentCode.ERROR, error).decode("latin-1")

    parsed = strictly(told, version)

    assert parsed.validate()
    assert parsed.msa.msa_1.value == "AE"


@pytest.mark.parametrize("verdict", [AcknowledgmentCode.ERROR, AcknowledgmentCode.REJECTED])
def test_the_error_told_to_nobody_is_strictly_valid(verdict):
    # nobody said which message it answers, so MSA-2 and with it the message cannot be
    _, msa, err = answer(NOBODY, verdict, ErrorCode.INTERNAL).decode().removesuffix("\r").split("\r")

    assert msa == f"MSA|A{verdict}|"
    assert parse_segment(err, version="2.5.1", validation_level=STRICT).validate()


def test_what_hl7apy_finds_wrong_it_says():
    text = answer(ORIGINAL, AcknowledgmentCode.ERROR, ErrorCode.INTERNAL).decode().replace("MSA|AE|", "MSA||")

    with pytest.raises(ValidationError, match="MSA_1"):
        parse_message(text, validation_level=STRICT).validate()


def test_it_goes_back_to_where_the_message_came_from():
    msh = answer(ENHANCED, AcknowledgmentCode.ACCEPTED).split(b"\r")[0].split(b"|")

    assert msh[2:6] == [
        b"RECAPP",
        b"RECVCC^2.16.840.1.113883.19.9^ISO",
        b"LISAPP",
        b"COMMHOSP^2.16.840.1.113883.19.5^ISO",
    ]
    assert msh[8:12] == [b"ACK^R01^ACK", b"A1", b"P", b"2.5.1"]


def test_it_is_written_with_the_senders_delimiters():
    said = header((SAMPLES / "nasty_custom_delims.hl7").read_bytes())

    assert answer(said, AcknowledgmentCode.ACCEPTED).startswith(b"MSH#!~\\&#RECAPP#RECVCC!2.16.840.1.113883.19.9!ISO#")
    assert b"\rMSA#CA#71601\r" in answer(said, AcknowledgmentCode.ACCEPTED)


def test_the_control_id_is_echoed_byte_for_byte():
    payload = "MSH|^~\\&|A|B|C|D|2026||ORU^R01|Nº-ü|P|2.5\r".encode()

    assert "\rMSA|AA|Nº-ü\r".encode() in answer(header(payload), AcknowledgmentCode.ACCEPTED)


def test_no_byte_of_a_frame_comes_back_out_of_the_header():
    payload = b"MSH|^~\\&|A|B|C\x1c\x0b|D|2026||ORU^R01|1\x1c|P|2.5\r"

    assert not set(b"\x0b\x1c") & set(answer(header(payload), AcknowledgmentCode.ACCEPTED))


@pytest.mark.parametrize(
    ("accept", "application", "answers"),
    [
        ("", "", ("AA", "AE")),
        ("AL", "NE", ("CA", "CE")),
        ("AL", "", ("CA", "CE")),
        ("ER", "", (None, "CE")),
        ("SU", "", ("CA", None)),
        ("NE", "NE", (None, None)),
        ("NE", "", (None, None)),
        ("NE", "AL", ("AA", "AE")),
        ("NE", "ER", (None, "AE")),
        ("", "AL", ("AA", "AE")),
        ("??", "", ("CA", "CE")),
    ],
)
def test_a_sender_gets_the_answers_it_asks_for(accept, application, answers):
    said = replace(ENHANCED, accept_ack=accept, application_ack=application)

    written = [answer(said, verdict) for verdict in (AcknowledgmentCode.ACCEPTED, AcknowledgmentCode.ERROR)]

    assert tuple(one and read(one).code for one in written) == answers
