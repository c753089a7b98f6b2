"""Reading messages as they really come: any segment end, any delimiter, any character set, any damage."""

import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.adapters.hl7v2 import (
    Batch,
    Message,
    batch,
    documents,
    header,
    identity_changes,
    is_several,
    kind,
    referral,
)
from transfer.adapters.hl7v2.header import MAX_HEADER_BYTES
from transfer.adapters.hl7v2.message import MOST_SEGMENTS
from transfer.adapters.hl7v2.sheet_reading import result_sheets
from transfer.arrivals import ArrivalKind
from transfer.errors import TooLarge, TransferError, Unreadable
from transfer.institutions import Institution, Institutions, IssuerName

SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"
MESSAGES = sorted(SAMPLES.glob("*.hl7"))
LABORATORY = Institution(id="commhosp-lab", name="A laboratory", time_zone="America/New_York")
CENTER = Institution(
    id="recv-center",
    name="A center",
    time_zone="America/New_York",
    identifiers=(IssuerName(system="http://hl7.org/fhir/sid/us-npi", value="1740000009"),),
)
MSH = b"MSH|^~\\&|LISAPP|COMMHOSP|RECAPP|RECVCC|20260105101500||ORU^R01^ORU_R01|1|P|2.5.1"


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


#: file → segments, message type, trigger, and whether its characters are what it says
READ = {
    "ack_aa": (2, "ACK", "R01", True),
    "ack_ar_unknown_id": (2, "ACK", "R01", True),
    "ack_ce": (3, "ACK", "R01", True),
    "adt_a31_update": (4, "ADT", "A31", True),
    "adt_a40_merge": (4, "ADT", "A40", True),
    "mdm_t02_original": (6, "MDM", "T02", True),
    "mdm_t02_unauthenticated": (6, "MDM", "T02", True),
    "mdm_t06_addendum": (6, "MDM", "T06", True),
    "mdm_t10_replacement": (6, "MDM", "T10", True),
    "mdm_t11_cancel": (5, "MDM", "T11", True),
    "nasty_crlf_bom": (7, "ORU", "R01", True),
    "nasty_custom_delims": (7, "ORU", "R01", True),
    "nasty_duplicate_control_id": (7, "ORU", "R01", True),
    "nasty_ed_hex": (6, "ORU", "R01", True),
    "nasty_ed_not_base64": (6, "ORU", "R01", True),
    "nasty_ed_truncated_pdf": (6, "ORU", "R01", True),
    "nasty_escapes": (6, "ORU", "R01", True),
    "nasty_latin1_declared": (6, "ORU", "R01", True),
    "nasty_latin1_lies_utf8": (6, "ORU", "R01", False),
    "nasty_latin1_undeclared": (6, "ORU", "R01", False),
    "nasty_lf_only": (7, "ORU", "R01", True),
    "nasty_mixed_no_final_cr": (7, "ORU", "R01", True),
    "nasty_pid_mismatch": (7, "ORU", "R01", True),
    "nasty_zsegment_part2_notice": (8, "ORU", "R01", True),
    "oml_o33_send_slides": (11, "OML", "O33", True),
    "oru_path_corrected": (9, "ORU", "R01", True),
    "oru_path_final_ed_pdf": (9, "ORU", "R01", True),
    "oru_path_prelim": (8, "ORU", "R01", True),
    "oru_path_wrong_patient_withdrawn": (8, "ORU", "R01", True),
    "osm_r26_received_short": (14, "OSM", "R26", True),
    "osm_r26_shipment_manifest": (17, "OSM", "R26", True),
    "ref_i12_second_opinion": (9, "REF", "I12", True),
}


@pytest.mark.parametrize("name", READ)
def test_every_segment_of_a_sample_is_found(name):
    message = Message(sample(f"{name}.hl7"))

    said = message.header
    found = (len(message.segments_in_order), said.message_type, said.trigger, not message.charset_disagrees)
    assert found == READ[name]


def test_no_sample_is_forgotten():
    assert {path.stem for path in MESSAGES} - set(READ) == {"batch_fhs_bhs_bad_count"}
    assert len(list(SAMPLES.glob("*.hl7"))) + len(list(SAMPLES.glob("*.mllp"))) == 37


def test_the_header_says_who_sends_what():
    said = header(sample("oru_path_final_ed_pdf.hl7"))

    assert (said.control_id, said.version, said.processing_id) == ("71001", "2.5.1", "P")
    assert (said.sending_application, said.sending_facility) == ("LISAPP", "COMMHOSP^2.16.840.1.113883.19.5^ISO")
    assert (said.accept_ack, said.application_ack) == ("AL", "NE")


def test_the_header_reads_other_delimiters():
    said = header(sample("nasty_custom_delims.hl7"))

    assert (said.message_type, said.trigger, said.separators) == ("ORU", "R01", "#!~\\&")


def test_the_header_of_a_long_message_needs_only_its_beginning():
    payload = sample("oru_path_final_ed_pdf.hl7")

    assert header(payload[:300]) == header(payload)


@pytest.mark.parametrize(
    "junk", [b"", b"MSH", b"MSH|"[:3], b"PID|1", b"\x00" * 100, b"MSH" + b"A" * 10, b"GET / HTTP/1.1"]
)
def test_what_does_not_begin_like_a_message_is_unreadable(junk):
    with pytest.raises(Unreadable):
        header(junk)


def test_a_header_without_an_end_is_unreadable():
    with pytest.raises(Unreadable):
        header(MSH + b"x" * MAX_HEADER_BYTES)


def test_line_ends_inside_free_text_do_not_break_a_report():
    message = Message(MSH + b"\rOBX|1|TX|22637-3||first line\nsecond, with | a bar\r\nTHE END||||||F\rOBX|2|TX|x||y\r")

    assert [segment.name for segment in message.segments_in_order] == ["MSH", "OBX", "OBX"]
    (text,) = message.segments("OBX")[0].repetitions(5)
    assert text.plain() == "first line\nsecond, with | a bar\nTHE END"
    assert message.segments("OBX")[0].text(11) == "F"


def test_a_line_of_a_table_in_a_text_is_no_segment():
    message = Message(
        MSH + b"\rOBX|1|FT|x||Values:\nCEA|5.0|ng/mL\nCA1|9|\nEND||||||F\rNTE|1||see\nHER|2+|\rZXY|1\rXYZ|2\r"
    )

    assert [segment.name for segment in message.segments_in_order] == ["MSH", "OBX", "NTE", "ZXY", "XYZ"]
    assert message.first("OBX").part(5).plain() == "Values:\nCEA|5.0|ng/mL\nCA1|9|\nEND"
    assert message.first("OBX").text(11) == "F"


def test_a_segment_goes_on_in_an_addendum():
    message = Message(MSH + b"\rOBX|1|FT|x||one \rADD|and two\rADD|, three||||||F\rDSC|\r")

    (result,) = message.segments("OBX")
    assert (result.part(5).plain(), result.text(11)) == ("one and two, three", "F")
    assert not message.is_fragment


@pytest.mark.parametrize(("first", "last"), [(b"||||||more", b""), (b"", b"\rDSC|more")])
def test_a_part_of_a_longer_message_says_so(first, last):
    message = Message(b"MSH|^~\\&|A|B|C|D|2026||ORU^R01|1|P|2.5.1|" + first[5:] + b"\rADD|rest\rOBX|1|TX|x||y" + last)

    assert message.is_fragment
    assert message.first("ADD").text(1) == "rest"


def test_a_name_holds_no_control_characters():
    message = Message(MSH + rb"|||" + b"\rPID|1||1||DOE^ANN\\X000d\\^M\\X00\\\rOBR|1||F1|x^Surgical\\X000D\\pathology")

    assert message.first("PID").text(5, 2) == "ANN"
    assert message.first("PID").text(5, 3) == "M"
    assert message.first("OBR").text(4, 2) == "Surgical pathology"


@pytest.mark.parametrize(
    "declared",
    ["8859/2", "ISO-8859-2", "ISO8859-2", "8859-2", "ISO IR101", "ASCII~8859/2", "~8859/2"],
)
def test_a_character_set_is_known_by_its_other_names_and_repetitions(declared):
    message = Message(
        f"MSH|^~\\&|A|B|C|D|2026||ORU^R01|1|P|2.5.1||||||{declared}\rNTE|1||jelita: \xb1\xe6".encode("latin-1")
    )

    assert message.first("NTE").text(3) == "jelita: ąć"


def test_a_doubled_escape_character_in_the_header_counts_once():
    message = Message(b"MSH|^~\\\\&|A|B\rPID|1||1^^^X&1.2.3&ISO\r")

    assert message.first("PID").text(3, 4, 2) == "1.2.3"


def test_a_message_without_delimiters_is_read_with_the_usual_ones():
    assert Message(b"MSH||A|B\rPID|1||7^^^X\r").first("PID").text(3, 4) == "X"


def test_missing_fields_are_absent_and_a_deleted_one_too():
    pid = Message(MSH + b'\rPID|1||""|\r').first("PID")

    assert (pid.text(3), pid.text(4), pid.text(99), pid.text(1, 9)) == (None, None, None, None)


@pytest.mark.parametrize(
    ("charset", "raw", "text"),
    [
        (b"8859/1", "größer 5°".encode("latin-1"), "größer 5°"),
        (b"", "größer 5°".encode("latin-1"), "größer 5°"),
        (b"UNICODE UTF-8", "größer 5°".encode("latin-1"), "größer 5°"),
        (b"8859/1", "größer 5°".encode(), "größer 5°"),
        (b"8859/2", "Łódź, Ścinawa".encode("cp1250"), "Łódź, Ścinawa"),
        (b"8859/5", "Діагноз".encode("cp1251") + b" \x96", "Діагноз –"),
        (b"8859/5", "Диагноз\x85да".encode("iso8859-5"), "Диагноз\x85да"),
        (b"8859/7", "Ά “δ”".encode("cp1253"), "Ά “δ”"),
        (b"8859/2", "Łódź".encode(), "Łódź"),
        (b"8859/2", "Łódź".encode("iso8859-2"), "Łódź"),
        (b"ISO IR87", "病理".encode("iso2022_jp"), "病理"),
        (b"GB 18030-2000", "病理|x".encode("gb18030")[:4], "病理"),
        (b"NO SUCH", b"caf\xe9 \x81", "café \x81"),
    ],
)
def test_text_is_read_as_declared_and_by_good_guess_where_that_is_wrong(charset, raw, text):
    message = Message(MSH + b"||||||" + charset + b"\rNTE|1||" + raw + b"|\r")

    assert message.first("NTE").text(3) == text


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (rb"95\T\ 80\F\ 1\S\ \R\ \E\path", r"95& 80| 1^ ~ \path"),
        (rb"one\.br\two\.sp2\three", "one\ntwo\n\nthree"),
        (rb"\H\bold\N\ \.in+4\in\.ce\ce", "bold in\nce"),
        (rb"\X41\ \X0D0A\b", "A \nb"),
        (rb"5\6 C:\path\.br\x", "5\\6 C:\\path\nx"),
        # in capitals, escaped twice, with one mark between two
        (rb"one\.BR\two\x0d0a\three", "one\ntwo\nthree"),
        (rb"one\\.br\\two\\.sp2\\three", "one\ntwo\n\nthree"),
        (rb"one\.br\.br\two\.br\\.br\\.br\three", "one\n\ntwo\n\n\nthree"),
        (rb"\Zlocal\ \.xx9999\.sp9999\.", r"\Zlocal\ \.xx9999" + "\n" * 20 + "."),
    ],
)
def test_escapes_become_what_they_stand_for(escaped, text):
    message = Message(MSH + b"\rNTE|1||" + escaped + b"\r")

    assert message.first("NTE").repetitions(3)[0].plain() == text


def test_a_batch_is_split_and_a_wrong_count_is_told():
    found = batch(sample("batch_fhs_bhs_bad_count.hl7"))

    assert [Message(one).header.control_id for one in found.messages] == ["71601", "71607"]
    assert [(wrong.trailer, wrong.said, wrong.found) for wrong in found.miscounts] == [("BTS", 3, 2)]


HASHES = MSH.replace(b"|", b"#") + b"\rPID#1##B\r"
BARS = MSH + b"\rPID|1||A\r"


@pytest.mark.parametrize("head", [b"BHS|^~\\&|A|B\r", b"BHS#^~\\&#A#B\r", b"BHS$^~\\&$A$B\r"])
@pytest.mark.parametrize("messages", [(BARS, HASHES), (HASHES, BARS), (HASHES, HASHES), (BARS, BARS)])
def test_no_message_holds_anothers_whatever_separators_they_use(head, messages):
    found = batch(head + b"".join(messages) + b"BTS" + head[3:4] + b"2\r")

    assert found == Batch(messages=messages)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\r\x0b", b"\r\xef\xbb\xbf"])
def test_a_message_of_a_batch_is_the_bytes_it_is_alone(end):
    alone = [message.replace(b"\r", end.strip(b"\x0b\xef\xbb\xbf")) for message in (BARS, HASHES)]
    mark = end.lstrip(b"\r\n")

    assert batch(alone[0] + mark + alone[1]).messages == tuple(alone)
    assert all(batch(message).messages == (message,) for message in alone)


@pytest.mark.parametrize("text", [b"MSH-2 and MSH-6 are lost", b"MSH... MLH", b"BTS", b"MSH^2", b"BHS and FHS"])
def test_a_line_of_text_that_begins_like_a_header_is_text(text):
    payload = BARS + b"OBX|1|TX|1||MMR:\r" + text + b"\rgoes on\r"

    assert batch(payload).messages == (payload,)
    assert not is_several([payload])


def test_a_second_message_is_seen_however_long_the_first_one_is_and_wherever_it_is_cut():
    payload = b"\r\n" + BARS + b"NTE|1||" + b"x" * 500 + b"\r" + HASHES

    for cut in range(len(payload)):
        assert is_several([payload[:cut], payload[cut:]])
        assert not is_several([payload[: len(payload) - len(HASHES)]])


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        (b"BHS|^~\\&|A\r" + BARS + b"BTS|2\r", [("BTS", 2, 1)]),
        (b"BHS|^~\\&|A\r" + BARS + b"BTS|1\rBHS|^~\\&|A\r" + BARS * 2 + b"BTS|02|x\r", []),
        (b"FHS|^~\\&|A\rBHS|^~\\&|A\r" + BARS + b"BTS\rFTS|2\r", [("FTS", 2, 1)]),
        (b"FHS|^~\\&|A\r" + BARS * 2 + b"BTS|2\r" + BARS + b"BTS|1\rFTS|1\r", []),
        (b"FHS|^~\\&|A\r" + BARS + b"FTS|" + b"9" * 5_000, []),
        (b"BHS|^~\\&|A\r" + BARS + b"BTS|" + b"9" * 5_000, [("BTS", 9_999_999_999, 1)]),
        (b"BHS|^~\\&|A\r" + BARS + b"BTS#2\r", []),
    ],
)
def test_each_trailer_is_held_against_what_it_closes(payload, told):
    assert [(wrong.trailer, wrong.said, wrong.found) for wrong in batch(payload).miscounts] == told


def test_an_empty_batch_is_a_batch_of_nothing():
    found = batch(b"FHS|^~\\&|A|B\rBHS|^~\\&|A|B\rBTS|0\rFTS|1\r")

    assert (found.messages, found.miscounts) == ((), ())
    assert header(b"FHS|^~\\&|A|B\rBTS|0\r").is_batch


def test_a_message_that_is_no_batch_is_its_own_payload():
    payload = sample("nasty_crlf_bom.hl7")

    assert batch(payload).messages == (payload,)


def test_a_batch_answers_to_its_own_number():
    said = header(b"FHS|^~\\&|A|B|||||||F77\r" + MSH + b"\rBTS|1\r")

    assert (said.control_id, said.message_type, said.is_batch) == ("F77", "ORU", True)


def test_what_an_arrival_is_follows_from_its_type():
    kinds = {name: kind(header(sample(f"{name}.hl7"))) for name in READ}

    assert {name for name, one in kinds.items() if one is ArrivalKind.REFERRAL} == {"ref_i12_second_opinion"}
    assert kinds["mdm_t11_cancel"] is kinds["oru_path_prelim"] is ArrivalKind.ANSWER
    assert kinds["adt_a40_merge"] is kinds["osm_r26_shipment_manifest"] is ArrivalKind.NOTICE


def test_too_many_segments_are_refused():
    with pytest.raises(TooLarge):
        Message(MSH + b"\rNTE|" * (MOST_SEGMENTS + 1))


def test_too_many_lines_are_refused():
    with pytest.raises(TooLarge):
        Message(MSH + b"\n" * 1_000_001)


def test_too_many_fields_are_refused():
    with pytest.raises(TooLarge):
        Message(MSH + b"\rPID" + b"|" * 100_000 + b"\r").first("PID").text(3)


def everything_read(payload: bytes) -> None:
    """All that is ever done with a payload."""
    header(payload)
    for sent in documents(payload, LABORATORY):
        for part in sent.parts:
            assert sum(len(piece) for piece in part.open()) == part.length
    result_sheets(payload)
    identity_changes(payload, LABORATORY)
    referral(payload, LABORATORY, Institutions([LABORATORY, CENTER]))


@st.composite
def damaged(draw):
    payload = bytearray(draw(st.sampled_from([path.read_bytes() for path in MESSAGES])))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(payload)))
        how = draw(st.sampled_from(["put", "cut", "twice"]))
        if how == "put":
            payload[at:at] = draw(
                st.one_of(
                    st.binary(max_size=8),
                    st.sampled_from([b"\r", b"|", b"^", b"~", b"\\", b"&", b"\rMSH|", b"\rOBX|1|ED|x||^^pdf^Base64^"]),
                )
            )
        elif how == "cut":
            del payload[at : at + draw(st.integers(1, 60))]
        else:
            payload[at:at] = payload[at : at + 200]
    return bytes(payload)


@given(st.one_of(damaged(), st.binary(max_size=300), st.binary(max_size=200).map(lambda tail: MSH + b"\r" + tail)))
def test_no_damage_makes_reading_fail_in_a_way_we_do_not_know(payload):
    begun = time.process_time()
    with suppress(TransferError):
        everything_read(payload)
    assert time.process_time() - begun < 3


@given(
    st.lists(st.sampled_from([b"PID|1", b"OBX|1|TX|a||b c", b"NTE|1||x^y", b"ZZZ|q"]), max_size=30),
    st.sampled_from([b"\r", b"\n", b"\r\n"]),
)
def test_the_number_of_segments_does_not_depend_on_how_they_end(lines, end):
    message = Message(end.join([MSH, *lines]) + end)

    assert [segment.name for segment in message.segments_in_order] == ["MSH", *(line[:3].decode() for line in lines)]


def test_hostile_messages_are_read_in_bounded_time():
    payloads = [
        MSH + b"\r" + b"OBX|1|ED|x||^a^pdf^Base64^" + b"\r\n" * 100_000,
        MSH + b"\rNTE|1||" + b"\\" * 500_000,
        MSH + b"\rNTE|1||" + b"\\X" * 300_000 + b"\r",
        MSH + b"\rOBX|1|FT|x||" + b"~" * 9_000 + b"\r",
        MSH + b"\rPID|1||" + b"^" * 500_000 + b"&" * 500_000,
        b"FHS|^~\\&|" + b"\rMSH|" * 3_000,
    ]
    for payload in payloads:
        begun = time.process_time()
        with suppress(TransferError):
            everything_read(payload)
        assert time.process_time() - begun < 5
