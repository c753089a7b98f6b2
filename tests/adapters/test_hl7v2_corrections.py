"""Corrections that are the whole report, and corrections that are what changed."""

import time
from pathlib import Path

import pytest

from transfer.adapters.hl7v2.corrections import lacks_results, with_corrections
from transfer.adapters.hl7v2.sheet_reading import result_sheets
from transfer.adapters.hl7v2.substance import substance
from transfer.errors import Unexpected

SHAPES = Path(__file__).parents[1] / "samples" / "hl7v2" / "shapes"
FIRST, SECOND = ((SHAPES / f"correction_of_one_obx_{n}.hl7").read_bytes() for n in (1, 2))
MSH = "MSH|^~\\&|LIS|LAB|||20260105101500||ORU^R01|1|P|2.5.1\rPID|1||7^^^X\r"


def a_message(*segments: str) -> bytes:
    return (MSH + "\r".join(segments) + "\r").encode()


def values(payload: bytes) -> list[tuple[str, str, str]]:
    return [
        (line.name, "\n".join(line.value), line.status)
        for sheet in result_sheets(payload)
        for section in sheet.sections
        for line in section.lines
    ]


def test_a_correction_of_one_result_leaves_the_others():
    assert lacks_results(FIRST, SECOND)

    assert values(with_corrections(FIRST, SECOND)) == [
        ("Gross", "Gross 4.5 cm GROSSMARK", "Final"),
        ("Path report.final diagnosis", "ADENOCARCINOMA G2 CORRMARK", "Corrected"),
    ]


def test_the_whole_report_again_lacks_nothing():
    whole = FIRST.replace(b"ADENOCARCINOMA G1||||||F", b"ADENOCARCINOMA G2||||||C")

    assert not lacks_results(FIRST, whole)
    assert not lacks_results(SECOND, FIRST)


@pytest.mark.parametrize(
    ("filler", "code"),
    [("F1^LIS", "718-7^Hb^LN"), ("F1^LIS^^", "718-7^Hemoglobin^LN^^"), ("F1 ^LIS", "718-7^Hemoglobin^LN")],
)
def test_a_number_and_a_code_are_known_however_they_are_written(filler: str, code: str):
    first = a_message("OBR|1||F1^LIS|x", "OBX|1|TX|718-7^Hemoglobin^LN||10||||||F", "OBX|2|TX|y||other||||||F")
    second = a_message(f"OBR|1||{filler}|x", f"OBX|1|TX|{code}||14||||||C")
    whole = a_message(f"OBR|1||{filler}|x", f"OBX|1|TX|{code}||14||||||C", "OBX|2|TX|y||other||||||F")

    assert lacks_results(first, second)
    assert not lacks_results(first, whole)
    assert [value for _, value, _ in values(with_corrections(first, second))] == ["14", "other"]


@pytest.mark.parametrize("code", ["718-7^Hemoglobin^L", "718-8^Hemoglobin^LN"])
def test_another_code_is_another_result(code: str):
    first = a_message("OBR|1||F1|x", "OBX|1|TX|718-7^Hemoglobin^LN||10||||||F")

    assert lacks_results(first, a_message("OBR|1||F1|x", f"OBX|1|TX|{code}||14||||||C"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("MSH|^~\\&|", "|2.5.1", "Gr\xf6\xdfe"), ("MSH|^~\\&|", "|2.5.1||||||8859/5", "Gr\xf6\xdfe")),
        (("MSH|^~\\&|", "|2.5.1", "a~b"), ("MSH|^!\\&|", "|2.5.1", "a~b")),
    ],
    ids=["character set", "delimiters"],
)
def test_the_same_bytes_read_otherwise_are_another_message(one: tuple[str, ...], other: tuple[str, ...]):
    def sent(begins: str, ends: str, value: str) -> bytes:
        head = f"{begins}LIS|LAB|||20260105101500||ORU^R01|1|P{ends}"
        return f"{head}\rPID|1||7^^^X\rOBX|1|TX|y||{value}||||||F\r".encode("latin-1")

    assert substance(sent(*one)) != substance(sent(*other))
    assert substance(sent(*one)) == substance(sent(*one).replace(b"20260105101500", b"20260105101501"))


def test_a_line_of_many_under_one_code_is_corrected_by_its_number_and_a_new_one_follows():
    first = a_message("OBR|1||F1|x", *(f"OBX|{n}|TX|y||line {n}||||||F" for n in (1, 2, 3)), "NTE|1||of three")
    second = a_message(
        "OBR|1||F1|x", "NTE|1||why", "OBX|2|TX|y||line two||||||C", "NTE|1||of two", "OBX|9|TX|z||further||||||F"
    )

    assert lacks_results(first, second)
    (sheet,) = result_sheets(with_corrections(first, second))
    (section,) = sheet.sections
    assert section.notes == ("why",)
    assert [(line.value, line.notes) for line in section.lines] == [
        (("line 1",), ()),
        (("line two",), ("of two",)),
        (("line 3",), ("of three",)),
        (("further",), ()),
    ]


@pytest.mark.parametrize("number", ["", "1"])
def test_lines_that_their_numbers_do_not_tell_apart_are_replaced_together(number: str):
    first = a_message("OBR|1||F1|x", *(f"OBX|{number}|TX|y||line {n}||||||F" for n in (1, 2, 3)), "OBX|4|TX|z||last")
    second = a_message("OBR|1||F1|x", *(f"OBX|{number}|TX|y||new {n}||||||C" for n in (1, 2)))

    assert lacks_results(first, second)
    assert [value for _, value, _ in values(with_corrections(first, second))] == ["new 1", "new 2", "last"]


def test_a_correction_of_very_many_results_costs_no_square():
    first = a_message("OBR|1||F1|x", *(f"OBX|{n}|ST|k{n}||a" for n in range(1, 20_001)))
    second = a_message("OBR|1||F1|x", *(f"OBX|{n}|ST|k{n}||b||||||C" for n in range(1, 20_000)))

    begun = time.process_time()
    assert with_corrections(first, second).count(b"||b|") == 19_999
    assert time.process_time() - begun < 10


def test_a_deletion_takes_its_result_away():
    first = a_message("OBR|1||F1|x", "OBX|1|TX|y||a||||||F", "OBX|2|TX|z||b||||||F")

    assert values(with_corrections(first, a_message("OBR|1||F1|x", "OBX|2|TX|z||b||||||D"))) == [("y", "a", "Final")]


def test_other_orders_of_the_earlier_message_are_other_reports():
    first = a_message("OBR|1||F1|x", "OBX|1|TX|y||a", "OBR|2||F2|x", "OBX|1|TX|y||b")
    second = a_message("OBR|1||F2|x", "OBX|1|TX|y||c||||||C")

    assert not lacks_results(first, second)
    assert values(with_corrections(first, second)) == [("y", "c", "Corrected")]


def test_what_is_written_otherwise_is_a_persons():
    with pytest.raises(Unexpected):
        with_corrections(FIRST, SECOND.replace(b"^~\\&", b"^~\\$", 1))
