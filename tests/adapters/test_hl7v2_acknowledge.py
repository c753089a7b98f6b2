"""What we answer a sender, and what we understand of the answers to us."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from transfer.adapters.hl7v2 import ErrorCode, Verdict, acknowledge, acknowledgement, header
from transfer.adapters.hl7v2.acknowledge import NOBODY
from transfer.errors import Unreadable

SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
ENHANCED = header((SAMPLES / "oru_path_final_ed_pdf.hl7").read_bytes())
ORIGINAL = replace(ENHANCED, accept_ack="", application_ack="")


def answer(said, verdict, error=None):
    return acknowledge(said, verdict, error, control_id="A1", now=NOW)


@pytest.mark.parametrize("version", ["2.3", "2.3.1", "2.4", "2.5", "2.5.1", "2.6", "2.7", "2.8"])
@pytest.mark.parametrize("said", [ORIGINAL, ENHANCED, NOBODY])
@pytest.mark.parametrize("verdict", list(Verdict))
def test_hl7apy_accepts_every_acknowledgement_we_write(version, said, verdict):
    error = None if verdict is Verdict.ACCEPTED else ErrorCode.INTERNAL
    said = replace(said, version=version)
    # strictly where hl7apy can: it knows no message without its structure (MSH-9.3), which older versions lack
    level = VALIDATION_LEVEL.STRICT if version >= "2.5" and said.trigger else VALIDATION_LEVEL.TOLERANT
    text = answer(said, verdict, error).decode("latin-1")

    parsed = parse_message(text, validation_level=level)

    assert parsed.msa.msa_1.value == ("C" if said.accept_ack else "A") + verdict
    assert (parsed.msa.msa_2.value or "") == said.control_id
    assert parsed.msh.msh_7.value == "20261120150000+0000"
    if error and version >= "2.5":
        assert parsed.err.err_3.err_3_1.value == "207"
        assert parsed.err.err_4.value == "E"


def test_it_goes_back_to_where_the_message_came_from():
    msh = answer(ENHANCED, Verdict.ACCEPTED).split(b"\r")[0].split(b"|")

    assert msh[2:6] == [
        b"RECAPP",
        b"RECVCC^2.16.840.1.113883.19.9^ISO",
        b"LISAPP",
        b"COMMHOSP^2.16.840.1.113883.19.5^ISO",
    ]
    assert msh[8:12] == [b"ACK^R01^ACK", b"A1", b"P", b"2.5.1"]


def test_it_is_written_with_the_senders_delimiters():
    said = header((SAMPLES / "nasty_custom_delims.hl7").read_bytes())

    assert answer(said, Verdict.ACCEPTED).startswith(b"MSH#!~\\&#RECAPP#RECVCC!2.16.840.1.113883.19.9!ISO#")
    assert b"\rMSA#CA#71601\r" in answer(said, Verdict.ACCEPTED)


def test_the_control_id_is_echoed_byte_for_byte():
    payload = "MSH|^~\\&|A|B|C|D|2026||ORU^R01|Nº-ü|P|2.5\r".encode()

    assert "\rMSA|AA|Nº-ü\r".encode() in answer(header(payload), Verdict.ACCEPTED)


def test_no_byte_of_a_frame_comes_back_out_of_the_header():
    payload = b"MSH|^~\\&|A|B|C\x1c\x0b|D|2026||ORU^R01|1\x1c|P|2.5\r"

    assert not set(b"\x0b\x1c") & set(answer(header(payload), Verdict.ACCEPTED))


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

    written = [answer(said, verdict) for verdict in (Verdict.ACCEPTED, Verdict.ERROR)]

    assert tuple(one and acknowledgement(one).code for one in written) == answers


@pytest.mark.parametrize(
    ("name", "code", "about", "errors"),
    [
        ("ack_aa", "AA", "71001", ()),
        ("ack_ce", "CE", "71001", ("101",)),
        ("ack_ar_unknown_id", "AR", "NO-SUCH-ID", ()),
    ],
)
def test_the_sample_acknowledgements_are_understood(name, code, about, errors):
    found = acknowledgement((SAMPLES / f"{name}.hl7").read_bytes())

    assert (found.code, found.control_id, found.errors) == (code, about, errors)


def test_an_answer_with_shifted_fields_and_no_last_line_end_is_understood():
    found = acknowledgement(b"MSH|^~\\&|S||R||20260101||ACK^R01^ACK_R01|ACK|P|2.5.1\rMSA|AA|71001")

    assert (found.verdict, found.control_id) == (Verdict.ACCEPTED, "71001")


def test_an_unknown_answer_is_no_yes():
    assert acknowledgement(b"MSH|^~\\&|S\rMSA|OK|1\r").verdict is None
    assert acknowledgement(b"MSH|^~\\&|S\rPID|1\r") is None
    with pytest.raises(Unreadable):
        acknowledgement(b"OK")


def test_what_we_write_we_understand():
    found = acknowledgement(answer(ORIGINAL, Verdict.REJECTED, ErrorCode.UNSUPPORTED_TYPE))

    assert (found.verdict, found.control_id, found.errors) == (Verdict.REJECTED, "71001", ("200",))


def test_it_costs_microseconds():
    begun = time.perf_counter()
    for _ in range(2000):
        answer(ENHANCED, Verdict.ACCEPTED)

    assert (time.perf_counter() - begun) / 2000 < 100e-6
