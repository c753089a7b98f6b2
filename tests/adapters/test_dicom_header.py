"""What an image says it is and whose, read from its first bytes as pydicom reads it, and never more than that."""

import re
import subprocess
import sys
import time
import warnings
import zlib
from contextlib import suppress
from datetime import date
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import convert_encodings, decode_bytes, python_encoding
from pydicom.valuerep import PN_DELIMS

from tests.kit.scripted_archive import image
from transfer.adapters.dicom.header import MOST_HEADER, day, decoded, demographics, labels, names, read_header, sex
from transfer.errors import Unreadable
from transfer.institutions import Institution
from transfer.patients import Demographics, IssuedIdentifier, PersonName

SAMPLES = sorted((Path(__file__).parents[1] / "samples" / "dicom").glob("*.dcm"))
CT = next(path for path in SAMPLES if path.stem == "CT_small").read_bytes()
MERCY = Institution(id="mercy-imaging", name="Mercy", time_zone="America/Chicago", default_issuer="urn:mercy")


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_a_file_is_read_as_pydicom_reads_it(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(path, stop_before_pixels=True)
        name = dataset.get("PatientName") or ""

    header = read_header(path.read_bytes(), is_all=True)

    assert header.sop_instance_uid == dataset.SOPInstanceUID
    assert header.study_instance_uid == dataset.get("StudyInstanceUID")
    assert header.series_instance_uid == dataset.get("SeriesInstanceUID")
    stated = demographics(header.patient, MERCY)
    assert [(each.family, each.given) for each in stated.names] == [
        (each.family, each.given) for each in names(str(name).strip("="))
    ]
    expected = (IssuedIdentifier("urn:mercy", dataset.PatientID),) if dataset.get("PatientID") else ()
    assert stated.identifiers == expected


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_beginning_of_a_file_gives_the_same_or_asks_for_more(path):
    data = path.read_bytes()
    whole = read_header(data, is_all=True)

    for length in range(0, min(len(data), 4000), 7):
        assert read_header(data[:length], is_all=False) in (None, whole)


def test_names_in_other_scripts_are_all_given():
    japanese = next(path for path in SAMPLES if path.stem == "chrJapMultiExplicitIR6").read_bytes()

    stated = demographics(read_header(japanese, is_all=True).patient, MERCY)

    assert PersonName("やまだ", ("たろう",)) in stated.names


@given(st.integers(0, 2000), st.binary(max_size=8), st.integers(0, 3000))
def test_a_damaged_file_is_read_or_refused_and_never_more_than_that(at, damage, length):
    data = CT[:at] + damage + CT[at + len(damage) : 1000 + length]
    try:
        header = read_header(data, is_all=True)
    except Unreadable:
        return
    uids = (header.sop_instance_uid, header.study_instance_uid, header.series_instance_uid)
    assert all(uid is None or re.fullmatch(r"[0-9.]{1,64}", uid) for uid in uids)
    assert isinstance(demographics(header.patient, MERCY), Demographics)


@given(st.binary(max_size=600))
def test_nothing_but_unreadable_comes_of_other_bytes(noise):
    with pytest.raises(Unreadable):
        read_header(noise, is_all=True)
    with suppress(Unreadable):
        read_header(CT[:330] + noise, is_all=True)


def meta(syntax):
    value = syntax.encode().ljust(len(syntax) + len(syntax) % 2, b"\0")
    return bytes(128) + b"DICM" + b"\x02\x00\x10\x00UI" + len(value).to_bytes(2, "little") + value


def test_a_deflated_bomb_is_inflated_no_further_than_a_header_goes():
    bomb = meta("1.2.840.10008.1.2.1.99") + zlib.compress(bytes(64 << 20))[2:]

    with pytest.raises(Unreadable):
        read_header(bomb, is_all=True)


def test_a_header_nested_without_end_is_refused():
    open_sequence = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"

    with pytest.raises(Unreadable, match="nested"):
        read_header(meta("1.2.840.10008.1.2.1") + open_sequence * 5000, is_all=True)


def test_a_header_longer_than_is_read_is_refused():
    long = b"\x08\x00\x40\x11OB\x00\x00" + (MOST_HEADER + 100).to_bytes(4, "little") + bytes(MOST_HEADER)

    with pytest.raises(Unreadable):
        read_header((meta("1.2.840.10008.1.2.1") + long)[:MOST_HEADER], is_all=False)


def test_sequences_of_undefined_length_before_the_patient_are_passed_over():
    item = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + b"\x08\x00\x50\x11UI\x04\x001.2\0" + b"\xfe\xff\x0d\xe0\0\0\0\0"
    inner = b"\x08\x00\x12\x11SQ\x00\x00\xff\xff\xff\xff" + item * 2 + b"\xfe\xff\xdd\xe0\0\0\0\0"
    nested = b"\xfe\xff\x00\xe0\xff\xff\xff\xff" + inner + b"\xfe\xff\x0d\xe0\0\0\0\0"
    outer = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff" + nested + b"\xfe\xff\xdd\xe0\0\0\0\0"
    uid = b"\x08\x00\x18\x00UI\x04\x009.8\0"
    patient = b"\x10\x00\x20\x00LO\x02\x0042" + b"\x28\x00\x10\x00US\x02\x00\0\0"

    header = read_header(meta("1.2.840.10008.1.2.1") + uid + outer + patient, is_all=True)

    assert header.sop_instance_uid == "9.8"
    assert header.patient.number == b"42"


@pytest.mark.parametrize(
    ("text", "meant"),
    [("19600102", date(1960, 1, 2)), ("1960.01.02", date(1960, 1, 2)), ("1960", None), ("19601399", None), ("", None)],
)
def test_a_birth_date_is_a_day_or_nothing(text, meant):
    assert day(text) == meant


def test_a_name_has_its_parts_and_a_missing_one_is_missing():
    assert names("Doe^Jane^Q^Dr^III") == (PersonName("Doe", ("Jane", "Q")),)
    assert names("Doe") == (PersonName("Doe"),)
    assert names("^^^") == ()
    assert names("") == ()


def test_a_name_typed_with_a_comma_has_two_parts():
    assert names("Doe, Jane Ann") == (PersonName("Doe", ("Jane", "Ann")),)


@pytest.mark.parametrize(
    ("said", "encoding", "name"),
    [
        (b"ISO_IR 100", "utf-8", "MÜLLER^JOSÉ"),
        (b"", "utf-8", "MÜLLER^JOSÉ"),
        (b"\\ISO 2022 IR 100", "utf-8", "MÜLLER^JOSÉ"),
        (b"ISO_IR 192", "cp1252", "MÜLLER^JOSÉ"),
        (b"ISO_IR 192", "utf-8", "MÜLLER^JOSÉ"),
        (b"ISO_IR 100", "latin-1", "MÜLLER^JOSÉ"),
        (b"ISO_IR 144", "iso8859-5", "ИВАНОВ^АННА"),
        (b"GB18030", "gb18030", "王^小"),
    ],
)
def test_a_name_has_its_letters_also_where_another_character_set_is_said(said: bytes, encoding: str, name: str):
    assert decoded(name.encode(encoding), said) == name


def test_sex_is_said_in_our_words():
    assert [sex(text) for text in ("F", "m ", "O", "", "X")] == ["female", "male", "other", None, None]


@pytest.mark.filterwarnings("ignore:The ")
def test_a_header_that_says_more_of_its_patient_than_there_is_to_say_is_refused():
    for keyword in ("PatientName", "PatientID", "IssuerOfPatientID"):
        with pytest.raises(Unreadable):
            read_header(image(1, **{keyword: "x" * 5_000}), is_all=True)


_SETS = (*python_encoding, "nonsense", "\\ISO 2022 IR 87", "ISO 2022 IR 6\\ISO 2022 IR 58", "ISO_IR 13\\ISO 2022 IR 87")


@pytest.mark.parametrize("terms", _SETS)
def test_plain_ascii_is_in_each_character_set_what_pydicom_reads(terms):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        encodings = convert_encodings(terms.split("\\"))
    for number in {*range(128)} - {0x1B}:
        value = b"DOE^" + bytes([number]) + b"JANE"
        groups = (decode_bytes(group, encodings, PN_DELIMS) for group in value.split(b"="))
        assert decoded(value, terms.encode()) == "=".join(groups)


def test_an_escape_still_begins_another_character_set():
    assert decoded(b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B", b"\\ISO 2022 IR 87") == "Yamada^Tarou=山田^太郎"


def test_a_name_in_ascii_is_read_without_loading_pydicom():
    reads = (
        "import sys; from transfer.adapters.dicom.header import decoded; decoded(b'DOE^JANE', b'ISO_IR 100');"
        "assert 'pydicom' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", reads], check=True)


def test_no_character_set_makes_reading_take_long():
    decoded(b"\xe9", b"ISO 2022 IR 87")  # what is loaded once is no reading
    began = time.process_time()
    decoded(b"a\x1b-Aa" * 12_000, b"\\".join([b"ISO 2022 IR 87"] * 30_000))

    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ({}, set()),
        ({"ConfidentialityConstraintOnPatientDataDescription": "HIV"}, {"HIV"}),
        ({"ConfidentialityConstraintOnPatientDataDescription": "ask the clinic"}, {"UNREAD"}),
        ({"ConfidentialityConstraintOnPatientDataDescription": "STAFF"}, {"N"}),
        ({"ConfidentialityConstraintOnPatientDataDescription": "42 CFR part 2"}, {"42CFRPart2"}),
        ({"ConfidentialityConstraintOnPatientDataDescription": " "}, set()),
        ({"ConfidentialityCode": "R", "ConfidentialityConstraintOnPatientDataDescription": "STAFF"}, {"R", "N"}),
        # words on the patient, where there is no better place; what a patient needs at the scanner is none of it
        ({"PatientComments": "Confidential: ask the clinic"}, {"UNREAD"}),
        ({"PatientComments": "HIV"}, {"HIV"}),
        ({"PatientComments": "known HIV pos."}, {"UNREAD"}),
        ({"PatientComments": "claustrophobic, prefers mornings"}, set()),
        ({"PatientComments": "protected by 42 CFR part 2"}, {"42CFRPart2"}),
        ({"PatientComments": "restricted to staff"}, {"N"}),
        ({"PatientComments": f"{'prefers mornings. ' * 300}Do not release."}, {"UNREAD"}),
        ({"MedicalAlerts": "DO NOT RELEASE"}, {"UNREAD"}),
        ({"SpecialNeeds": "psychiatric ward, do not send out"}, {"UNREAD"}),
        ({"SpecialNeeds": "wheelchair, restricted mobility, sensitive to light"}, set()),
        ({"PatientState": "restricted"}, {"UNREAD"}),
        ({"VisitComments": "not to be given to the employer"}, {"UNREAD"}),
        # what comes before it may be longer than the first look
        ({"ImageComments": "x" * 9000, "DerivationDescription": "y" * 900,
          "ConfidentialityConstraintOnPatientDataDescription": "HIV"}, {"HIV"}),
    ],
)  # fmt: skip
def test_what_a_file_says_of_its_confidentiality_is_a_label(said, read):
    institution = MERCY.model_copy(update={"labels": {"|STAFF": "N", "|restricted to staff": "N"}})
    data = image(1, **said)

    assert labels(read_header(data, is_all=True), institution.labels) == read
    beginning = read_header(data[: 16 << 10], is_all=len(data) <= 16 << 10)
    assert beginning is None or labels(beginning, institution.labels) == read


def test_a_mark_behind_a_long_private_element_is_seen_within_the_first_mb():
    dataset = pydicom.dcmread(BytesIO(image(1, ConfidentialityConstraintOnPatientDataDescription="HIV")))
    dataset.add_new(0x00290010, "LO", "PRIVATE")
    dataset.add_new(0x00291010, "OB", bytes(200_000))
    file = BytesIO()
    dataset.save_as(file)

    assert read_header(file.getvalue()[: 16 << 10], is_all=False) is None
    assert labels(read_header(file.getvalue()[:MOST_HEADER], is_all=True), {}) == {"HIV"}
