"""What people read of a message: every word of it, or the reason why it stands on no sheet."""

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.adapters.hl7v2 import Message, batch
from transfer.adapters.hl7v2.attachments import attachments
from transfer.adapters.hl7v2.message import Segment
from transfer.adapters.hl7v2.sheet import Detail, LeftOutReason, ResultSheet, SheetLine
from transfer.adapters.hl7v2.sheet_reading import result_sheets
from transfer.errors import TransferError

SAMPLES = Path(__file__).parents[1] / "samples" / "hl7v2"
MESSAGES = sorted(SAMPLES.rglob("*.hl7"))
MSH = "MSH|^~\\&|LISAPP|COMMHOSP|RECAPP|RECVCC|20260105101500||{}|1|P|2.5.1\r"


def a_sheet(*segments: str, kind: str = "ORU^R01") -> ResultSheet:
    (sheet,) = result_sheets((MSH.format(kind) + "\r".join(segments)).encode())
    return sheet


def the_lines(*segments: str) -> tuple[SheetLine, ...]:
    return tuple(line for section in a_sheet("OBR|1||F1|x", *segments).sections for line in section.lines)


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


def said_on(sheets: list[ResultSheet]) -> set[str]:
    """All words on the sheets, and all that are listed as left out. A time is there as its digits, too."""
    found = set()
    for text in _texts(sheets):
        found |= words(text) | words(re.sub(r"[-: ]", "", text))
    return found


def _texts(sheets: list[ResultSheet]) -> Iterator[str]:
    for sheet in sheets:
        yield from (detail.text for detail in sheet.details)
        yield from sheet.notes
        yield from (one.words for one in sheet.left_out)
        for section in sheet.sections:
            yield from (section.title, *(detail.text for detail in section.details), *section.notes)
            for line in section.lines:
                yield from (line.name, *line.value, line.place, line.unit, line.range, *line.flags, *line.notes)
                yield from (line.at, *(detail.text for detail in line.details))


def said_in(message: Message) -> Iterator[tuple[Segment, int, str]]:
    """Each word of OBX, NTE and TXA, but for the data of attached files."""
    attached = {result for one in attachments(message.segments("OBX")) for result in one.results}
    for segment in message.segments("OBX", "NTE", "TXA"):
        for field in range(1, segment.count() + 1):
            if field == 5 and segment in attached:
                continue
            for part in segment.repetitions(field):
                # what text and what components hold, as either may be read
                for text in (part.plain(), part.whole()):
                    yield from ((segment, field, word) for word in words(text or ""))


def assert_said(payload: bytes) -> None:
    message = Message(payload)
    shown = said_on(result_sheets(payload))
    for segment, field, word in said_in(message):
        assert word in shown or any(_time(word) in one for one in shown), (segment.name, field, word)


def _time(word: str) -> str:
    """As a time is written without what it does not say."""
    return word[:12] if word.endswith("00") and len(word) == 14 else word


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: path.stem)
def test_every_word_of_each_sample_is_on_its_sheet_or_left_out_with_the_reason(path):
    for message in batch(path.read_bytes()).messages:
        if Message(message).header.message_type in ("ORU", "OUL", "MDM"):
            assert_said(message)


FOLDER = os.environ.get("SAMPLES")


@pytest.mark.skipif(FOLDER is None, reason="SAMPLES names no folder of real-world messages")
def test_every_word_of_each_real_world_message_is_on_its_sheet_or_left_out_with_the_reason():
    found = 0
    for path in sorted(path for suffix in ("hl7", "txt") for path in Path(FOLDER, "hl7v2").rglob(f"*.{suffix}")):
        for message in batch(path.read_bytes()).messages:
            try:
                kind = Message(message).header.message_type
            except TransferError:
                continue
            if kind in ("ORU", "OUL", "MDM"):
                found += 1
                assert_said(message)
    assert found > 50


ESCAPED = [*(f"\\{each}\\" for each in ["T", ".br", "R", "S", "X0D", ".sk2", "F"]), "\\H\\ ", "\n", "~", " "]
TEXTS = ("TX", "FT", "ST", "")
KINDS = (*TEXTS, "NM", "CE", "CWE", "SN", "XCN", "XPN", "XAD", "DT", "TM", "ED", "RP", "CX", "EI", "ZZ")
SEGMENTS = ("OBX", "OBX", "OBX", "NTE", "OBR", "PID", "SPM", "ORC")


def a_message(random: Random) -> str:
    """Any segments with any fields; each word once."""
    kind = random.choice(["ORU^R01", "OUL^R22", "MDM^T02"])
    count = itertools.count(1)

    def word() -> str:
        return f"w{random.randint(100, 999)}x{next(count)}"

    def field() -> str:
        if random.random() < 0.4:
            return ""
        if random.random() < 0.5:
            return "^".join(word() for _ in range(random.randint(1, 7)))
        return "".join(word() + random.choice(ESCAPED) for _ in range(random.randint(1, 4))).replace("\n", " ")

    def segment() -> str:
        name = random.choice(SEGMENTS if kind != "MDM^T02" else (*SEGMENTS, "TXA"))
        fields = [field() for _ in range(random.randint(1, 27))]
        if name == "OBX" and len(fields) > 11:
            fields[1], fields[10] = random.choice(KINDS), random.choice("FCDWPX")
            fields[4] = fields[4].replace(" ", "\n") if fields[1] in TEXTS[:3] else fields[4]
        return "|".join([name, *fields])

    return MSH.format(kind) + "\r".join(segment() for _ in range(random.randint(1, 8))) + "\r"


@given(st.integers(0, 1 << 30))
def test_every_word_is_on_the_sheet_or_left_out_with_the_reason(seed):
    assert_said(a_message(Random(seed)).encode())


def test_a_value_has_unit_range_flags_status_and_time():
    (line,) = the_lines(
        "OBX|1|NM|2039-6^CEA^LN||7.0|mg/dL^mg/dL^UCUM|0.0-5.0|H~A|||C|||20261101083015-0600"
        "||17^DOE^JO|IHC^Immunohistochemistry^L||||||North lab^^^^^^^^^9"
    )

    assert (line.name, line.value, line.unit, line.range) == ("CEA", ("7.0",), "mg/dL", "0.0-5.0")
    assert (line.flags, line.status, line.at) == (
        ("High (H)", "Abnormal (A)"),
        "Corrected",
        "2026-11-01 08:30:15 -06:00",
    )
    assert line.details == (
        Detail("Observed by", "JO DOE"),
        Detail("Method", "Immunohistochemistry"),
        Detail("Performed at", "North lab"),
    )


def test_without_a_time_of_its_own_a_result_has_that_of_its_order():
    (section,) = a_sheet("OBR|1||F1|x|||202611010830", "OBX|1|NM|y||1").sections

    assert section.lines[0].at == "2026-11-01 08:30"


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("SN", ">^100", ">100"),
        ("SN", "^1^:^128", "1:128"),
        ("SN", "^10^-^20", "10-20"),
        ("CWE", "10828004^Positive^SCT^POS^pos.^L", "Positive / pos."),
        ("CWE", "^^^^^^^^Original words", "Original words"),
        ("CE", "POS", "POS"),
        ("XCN", "17^DOE^ANN^M^JR^DR^MD", "DR ANN M DOE JR MD"),
        ("XPN", "DOE&VAN^ANN", "ANN DOE VAN"),
        ("XAD", "1 Road^^Town^ST^12345", "1 Road, Town, ST, 12345"),
        ("DT", "20261101", "2026-11-01"),
        ("DT", "20260230", "20260230"),
        ("DT", "00000000", "00000000"),
        ("DTM", "202613", "202613"),
        ("DTM", "2026110108", "2026-11-01 08:00"),
        ("TM", "0830", "08:30"),
        ("TS", "soon", "soon"),
        ("DR", "20261101^20261102", "2026-11-01 – 2026-11-02"),
        ("NM", "4.2", "4.2"),
        ("ZZ", "a^b&c", "a b c"),
    ],
)
def test_a_value_of_each_type_reads_as_people_say_it(kind, value, said):
    (line,) = the_lines(f"OBX|1|{kind}|y||{value}")

    assert line.value == (said,)


def test_repetitions_and_line_breaks_are_lines_and_an_approximation_is_none():
    (line,) = the_lines(r"OBX|1|FT|y||one\.br\two~three, margin ~5 mm\.sp2\end\.sk3\of it")

    assert line.value == ("one", "two", "three, margin ~5 mm", "", "end   of it")


def test_what_the_source_took_back_is_left_out_with_its_notes_and_counted():
    sheet = a_sheet(
        "OBR|1||F1|x",
        "OBX|1|TX|y||deleted||||||D",
        "NTE|1||about the deleted",
        "OBX|2|TX|y||another's||||||W",
        "OBX|3|TX|y||stands||||||C",
        "NTE|1||about what stands",
    )

    (line,) = sheet.sections[0].lines
    assert (line.value, line.status, line.notes) == (("stands",), "Corrected", ("about what stands",))
    assert sheet.count(LeftOutReason.DELETED) == sheet.count(LeftOutReason.WRONG_PATIENT) == 1
    assert "about the deleted" in {one.words for one in sheet.left_out}


def test_notes_stand_where_they_belong():
    sheet = a_sheet(
        "PID|1||1^^^A",
        "NTE|1||of the patient",
        "ORC|RE",
        "NTE|1||of the order before",
        "OBR|1||F1|x",
        "NTE|1||of the order^with a hat|RE^Remark",
        "OBX|1|TX|y||a",
        "NTE|1||of the result~goes on",
    )

    (section,) = sheet.sections
    assert sheet.notes == ("of the patient",)
    assert section.notes == ("of the order before", "Remark: of the order^with a hat")
    assert section.lines[0].notes == ("of the result", "goes on")


def test_a_document_message_has_its_own_head():
    (section,) = a_sheet(
        "PID|1||1^^^A",
        "TXA|1|OP^Operative note|TX|20260104090000||20260104||||||DOC1^LIS|DOC0^LIS|||f.txt|LA|R|AV",
        "OBX|1|TX|||Done.||||||F",
        kind="MDM^T02",
    ).sections

    assert section.title == "Operative note"
    assert section.details == (
        Detail("Kind of document", "Operative note"),
        Detail("Document number", "DOC1"),
        Detail("Changes document", "DOC0"),
        Detail("Date of the event", "2026-01-04 09:00"),
        Detail("Written", "2026-01-04"),
        Detail("File", "f.txt"),
        Detail("Status", "Legally authenticated"),
    )
    assert section.lines[0].value == ("Done.",)


def test_a_result_by_specimen_brings_its_specimen_and_what_is_said_of_it_once():
    sheet = a_sheet(
        "PID|1||1^^^A",
        "SPM|1|S1||TIS^Tissue^L",
        "OBX|1|TX|size||4 cm",
        "OBR|1||F1|a^First",
        "OBX|1|TX|y||one",
        "OBR|2||F2|b^Second",
        "OBX|1|TX|y||two",
        "SPM|2|S2||BLD^Blood^L",
        "OBR|3||F3|c^Third",
        "OBX|1|TX|y||three",
        kind="OUL^R22",
    )

    assert [[line.value for line in section.lines] for section in sheet.sections] == [
        [("4 cm",), ("one",)],
        [("two",)],
        [("three",)],
    ]
    assert Detail("Specimen", "Tissue") in sheet.sections[0].details
    assert Detail("Specimen", "Blood") in sheet.sections[2].details


def test_two_people_of_one_message_have_a_sheet_each():
    one, other = result_sheets(
        (
            MSH.format("ORU^R01")
            + "PID|1||1^^^A\rOBR|1||F1|x\rOBX|1|TX|y||a\rPID|2||2^^^A\rOBR|1||F1|x\rOBX|1|TX|y||b\r"
        ).encode()
    )

    assert [sheet.details[0] for sheet in (one, other)] == [Detail("Number", "1"), Detail("Number", "2")]
    assert [sheet.sections[0].lines[0].value for sheet in (one, other)] == [("a",), ("b",)]


def test_an_attached_text_is_text_and_a_file_and_an_address_are_told():
    text, file, address = the_lines(
        "OBX|1|ED|a^Text||^TEXT^plain^Base64^T25lCkzDtnN1bmc=||||||F",
        "OBX|2|ED|b^File||^application^pdf^Base64^JVBERi0xLjQKJSVFT0Y=||||||F",
        r"OBX|3|RP|c^Elsewhere||\E\\E\lab\E\1.pdf||||||F",
    )

    assert (text.value, text.place) == (("One", "Lösung"), "")
    assert (file.value, file.place) == ((), "(an attached file, application/pdf: it is beside this message)")
    assert address.place == "(kept by its source, not sent: \\\\lab\\1.pdf)"


def test_letters_that_were_guessed_and_parts_of_messages_are_told():
    sheet = a_sheet("OBR|1||F1|x", "OBX|1|TX|y||größer", "DSC|more")

    assert (sheet.is_guessed, sheet.is_fragment) == (True, True)


def test_what_the_senders_own_segments_say_goes_along():
    (sheet,) = result_sheets((SAMPLES / "nasty_zsegment_part2_notice.hl7").read_bytes())

    assert "42 CFR part 2 prohibits unauthorized use or disclosure of these records." in sheet.notices[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ed_plain_text_base64", "FINAL DIAGNOSIS: ADENOCARCINOMA, EDTEXTMARK\nMargins negative."),
        ("raw_line_feeds_in_text", "FIRST LINE RAWMARK1\nSECOND LINE ADENOCARCINOMA RAWMARK2\nTHIRD LINE RAWMARK3"),
        ("escapes_000d", "LINE ONE ESCMARK1\nLINE TWO ESCMARK2\nLINE THREE ESCMARK3\nLINE FOUR ESCMARK4"),
        ("escaped_tilde_and_hat", "margin ~5 mm TILMARK; cells 4.2 x 10^9/L HATMARK; p53 ^wild AMPMARK A&B"),
        ("charset_8859_2", "Gruczolakorak jelita grubego: żółć, ślad, naciek CHARMARK"),
        ("deleted_result_shown", "ADENOCARCINOMA CURMARK"),
        ("custom_delimiters", "ADENOCARCINOMA DELIMARK"),
        ("labs_with_units", "7.0"),
    ],
)
def test_text_reads_as_its_sender_meant_it(name, text):
    (sheet,) = result_sheets((SAMPLES / "shapes" / f"{name}.hl7").read_bytes())

    assert "\n".join(line for section in sheet.sections for one in section.lines for line in one.value) == text


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("Seen<br/>CEA &lt; 5<br>10<sup>9</sup>/L", ("Seen", "CEA < 5", "10^9/L")),
        ("<p>One</p><p class='x'>Two <b>bold</b></p>", ("One", "Two bold")),
        ("<tr><td>CEA</td><td>5</td></tr><tr><td>Hb</td><td>9</td></tr>", ("CEA   5", "Hb   9")),
        ("p &lt; 0.05 &amp; more&#13;&#10;line", ("p < 0.05 & more", "line")),
        ("a < b and c > d & e", ("a < b and c > d & e",)),
        ("grade <p or 3>", ("grade <p or 3>",)),
    ],
)
def test_markup_that_was_left_in_a_text_is_what_a_browser_shows(value: str, lines: tuple[str, ...]):
    (line,) = the_lines(f"OBX|1|FT|y||{value}")
    assert tuple(one.strip() for one in line.value) == lines
