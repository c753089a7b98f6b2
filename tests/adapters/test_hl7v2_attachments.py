"""Documents inside results, in the shapes in which senders write them."""

import base64
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.adapters.hl7v2 import MessageDocument, documents
from transfer.adapters.hl7v2.attachments import is_address
from transfer.adapters.hl7v2.characters import Delimiters
from transfer.adapters.hl7v2.content import EmbeddedContent, Encoded, embedded_content
from transfer.flaws import Flaw
from transfer.institutions import Institution
from transfer.security_labels import PART_2

SHAPES = Path(__file__).parents[1] / "samples" / "hl7v2" / "shapes"
LABORATORY = Institution(id="commhosp-lab", name="A laboratory", time_zone="America/New_York")
MSH = (
    b"MSH|^~\\&|LISAPP|COMMHOSP|RECAPP|RECVCC|20260105101500||ORU^R01|1|P|2.5.1\rPID|1||7^^^X\rOBR|1||F1|x"
    + b"|" * 21
    + b"F"
)
PDF = b"%PDF-1.4\n" + bytes(range(256)) * 9 + b"\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(200)) + b"IEND\xaeB`\x82"
IN_BASE64 = base64.b64encode(PDF)


def a_report(*results: bytes) -> MessageDocument:
    (sent,) = documents(MSH + b"".join(b"\r" + result for result in results) + b"\r", LABORATORY)
    return sent


def an_obx(
    value: bytes, *, at: int = 1, kind: bytes = b"ED", group: bytes = b"", code: bytes = b"PDF^Report^L"
) -> bytes:
    return b"OBX|%d|%b|%b|%b|%b||||||F" % (at, kind, code, group, value)


def content(part: EmbeddedContent) -> bytes:
    return b"".join(part.open())


def encoded_content(data: bytes, encoding: str | None, said: str | None) -> EmbeddedContent:
    return embedded_content([Encoded(memoryview(data), encoding, Delimiters(b"|"))], said)


@pytest.mark.parametrize(
    "name",
    ["ed_all_in_first_component", "ed_without_source_component", "pdf_in_chunks_over_obx", "pdf_under_type_st"],
)
def test_a_pdf_is_taken_from_where_it_stands(name):
    (sent,) = documents((SHAPES / f"{name}.hl7").read_bytes(), LABORATORY)

    (pdf,) = sent.parts
    assert (pdf.content_type, sent.document.flaws) == ("application/pdf", frozenset())
    assert b"PDFMARK" in content(pdf)
    assert content(pdf).rstrip().endswith(b"%%EOF")


def test_what_stands_there_in_plain_letters_has_its_escapes_undone():
    (sent,) = documents((SHAPES / "ed_rtf_ascii_escaped.hl7").read_bytes(), LABORATORY)

    (rtf,) = sent.parts
    assert rtf.content_type == "application/rtf"
    assert content(rtf) == rb"{\rtf1\ansi Final diagnosis: ADENOCARCINOMA, RTFMARK\par}"
    assert sent.document.flaws == frozenset()


@pytest.mark.parametrize(
    ("name", "flaw"), [("pointer_only", Flaw.POINTER), ("empty_obx5", Flaw.EMPTY), ("ed_plain_text_base64", None)]
)
def test_what_is_not_there_is_said(name, flaw):
    (sent,) = documents((SHAPES / f"{name}.hl7").read_bytes(), LABORATORY)

    assert sent.parts == ()
    assert sent.document.flaws == ({flaw} if flaw else frozenset())


def _in_lines(line_end: bytes, length: int = 76) -> bytes:
    return line_end.join(IN_BASE64[at : at + length] for at in range(0, len(IN_BASE64), length))


ANY_TYPE = [
    b"^application^pdf^Base64^" + IN_BASE64,
    b"LIS^application^pdf^BASE-64^" + IN_BASE64,
    b"^^application^pdf^Base64^" + IN_BASE64,
    b"application^pdf^base64^" + IN_BASE64,
    b"pdf^Base64^" + IN_BASE64,
    b"^AP^PDF^^" + IN_BASE64,
    b"^TEXT^PDF^Base64^" + IN_BASE64 + b"^",
    IN_BASE64,
    b"^application^pdf^Base64^" + IN_BASE64.rstrip(b"="),
    b"^application^pdf^Base64^" + base64.urlsafe_b64encode(PDF),
    b"^application^pdf^Base64^" + _in_lines(b"\\X0D0A\\ "),
    b"^application^pdf^Base64^" + _in_lines(b"\\.br\\"),
    b"^application^pdf^^" + PDF.hex().encode(),
    b"^application^pdf^Base64^" + PDF.hex().encode(),
    b"data:application/pdf;base64," + IN_BASE64,
    b"^application^pdf^Base64^data:application/pdf;base64," + IN_BASE64,
]
TYPED = [
    b"^application^pdf^Base64^" + _in_lines(b"~", 77),
    b"^application^pdf^Hex^" + PDF.hex().upper().encode(),
    # by the mark of subcomponents, in quotes, escaped as in an address or as in a message, encoded twice
    b"&PDF&&Base64&" + IN_BASE64,
    b'^application^pdf^Base64^"' + IN_BASE64 + b'"',
    b"^application^pdf^Base64^" + IN_BASE64.replace(b"+", b"%2B").replace(b"/", b"%2f").replace(b"=", b"%3D"),
    b"^application^pdf^Base64^" + IN_BASE64.replace(b"=", b"\\X3D\\"),
    b"^application^pdf^Base64^" + base64.b64encode(IN_BASE64),
]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        *((kind, value) for kind in (b"ED", b"ST", b"TX", b"") for value in ANY_TYPE),
        *((b"ED", value) for value in TYPED),
        (b"RP", b" TXT^^^^" + IN_BASE64),
    ],
)
def test_a_pdf_is_known_in_every_shape_of_the_trade(kind, value):
    sent = a_report(an_obx(value, kind=kind))

    assert [content(part) for part in sent.parts] == [PDF]
    assert sent.parts[0].content_type == "application/pdf"
    assert sent.document.flaws == frozenset()


def test_rtf_over_lines_of_text_is_one_document_however_short_its_first_line():
    lines = [rb"{\rtf1\ansi Seen:", rb"\b carcinoma\b0\par", b"second}"]
    sent = a_report(*(an_obx(line, at=n, kind=b"TX") for n, line in enumerate(lines, 1)))

    assert [(part.content_type, part.flaws) for part in sent.parts] == [("application/rtf", frozenset())]
    assert b"carcinoma" in content(sent.parts[0])


def test_a_clinical_document_comes_out_of_its_mime_package():
    document = b'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Note</title></ClinicalDocument>'
    package = (
        b'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="B"\r\n\r\n--B\r\n'
        b"Content-Type: application/xml\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.b64encode(document) + b"\r\n--B--\r\n"
    )
    for value in (b"^multipart^x-hl7-cda-level-one^Base64^" + base64.b64encode(package),
                  b"^multipart^-hl7-cda-level-one^A^" + package.replace(b"\r\n", b"\\.br\\")):  # fmt: skip
        (part,) = a_report(an_obx(value)).parts
        assert (part.content_type, content(part)) == ("application/cda+xml", document)


@st.composite
def _cuts(draw: st.DrawFn) -> list[bytes]:
    """A document in chunks: one encoded stream cut at any place, or bytes cut at any place and each encoded."""
    is_stream = draw(st.booleans())
    whole = IN_BASE64 if is_stream else PDF
    places = sorted(draw(st.sets(st.integers(1, len(whole) - 1), min_size=1, max_size=6)))
    chunks = [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]
    return chunks if is_stream else [base64.b64encode(chunk) for chunk in chunks]


@given(_cuts(), st.sampled_from(["group", "set", "repetition"]), st.booleans(), st.randoms())
def test_a_document_in_chunks_is_one_however_it_was_cut(chunks, numbered, is_typed, random):
    typed = [b"^application^pdf^Base64^" + c if is_typed or not n else b"^^^^" + c for n, c in enumerate(chunks)]
    if numbered == "repetition":
        results = [an_obx(b"~".join(typed))]
    elif numbered == "set":
        results = [an_obx(chunk, at=number, group=b"1") for number, chunk in enumerate(typed, 1)]
    else:
        results = [an_obx(chunk, at=number, group=b"%d" % number) for number, chunk in enumerate(typed, 1)]
        random.shuffle(results)

    sent = a_report(*results)

    assert [content(part) for part in sent.parts] == [PDF]
    assert sent.document.flaws == frozenset()


@pytest.mark.parametrize("by_group", [True, False])
@pytest.mark.parametrize("missing", [1, 2, 3])
def test_a_missing_chunk_is_told(missing, by_group):
    chunks = [IN_BASE64[at : at + 800] for at in range(0, len(IN_BASE64), 800)]
    results = [
        an_obx(b"^application^pdf^Base64^" + chunk, at=number, group=b"%d" % number if by_group else b"")
        for number, chunk in enumerate(chunks)
        if number != missing
    ]

    assert Flaw.CUT in a_report(*results).document.flaws


def test_a_chunk_that_came_twice_counts_once():
    half = len(IN_BASE64) // 8 * 4
    first = an_obx(b"^application^pdf^Base64^" + IN_BASE64[:half], group=b"1")
    second = an_obx(b"^application^pdf^Base64^" + IN_BASE64[half:], group=b"2")

    sent = a_report(first, second, second)

    assert [content(part) for part in sent.parts] == [PDF]
    assert sent.document.flaws == frozenset()


def test_texts_that_are_encoded_each_alone_join_no_words_and_one_stream_of_text_breaks_none():
    words = b"Margins negative. Final diagnosis: adenocarcinoma."
    alone = [base64.b64encode(words[:17]), base64.b64encode(words[18:])]
    stream = base64.b64encode(words)

    for chunks, said in ((alone, [words[:17], words[18:]]), ([stream[:24], stream[24:]], [words])):
        encoded = [Encoded(memoryview(chunk), "Base64", Delimiters(b"|")) for chunk in chunks]
        part = embedded_content(encoded, "text/plain")
        assert content(part).splitlines() == said
        assert part.length == len(content(part))


def test_two_documents_of_one_code_stay_two():
    value = b"^image^png^Base64^" + base64.b64encode(PNG)

    sent = a_report(
        an_obx(value, group=b"1"), an_obx(b"^application^pdf^Base64^" + IN_BASE64, group=b"2"), an_obx(value)
    )

    assert [part.content_type for part in sent.parts] == ["image/png", "application/pdf", "image/png"]


@pytest.mark.parametrize("kind", [b"ST", b"TX", b"FT"])
def test_chunks_under_the_type_of_a_text_are_one_document(kind):
    chunks = [IN_BASE64[at : at + 1000] for at in range(0, len(IN_BASE64), 1000)]

    sent = a_report(
        *(an_obx(b"^application^pdf^Base64^" + one, kind=kind, group=b"%d" % n) for n, one in enumerate(chunks)),
        an_obx(b"Sent as Base64^see above^by us", kind=kind, code=b"N^Note^L"),
    )

    assert [content(part) for part in sent.parts] == [PDF]
    assert sent.document.flaws == frozenset()


def test_base64_over_lines_of_text_is_one_document_and_the_text_beside_it_is_text():
    lines = [IN_BASE64[at : at + 76] for at in range(0, len(IN_BASE64), 76)]

    sent = a_report(*(an_obx(line, kind=b"TX") for line in lines), an_obx(b"Signed electronically", kind=b"TX"))

    assert [content(part) for part in sent.parts] == [PDF]


@pytest.mark.parametrize(
    ("value", "flaws"),
    [
        (b"^application^pdf^Base64^" + IN_BASE64[: len(IN_BASE64) // 2], {Flaw.CUT}),
        (b"^application^pdf^Base64^" + IN_BASE64[: len(IN_BASE64) // 8 * 4 + 1], {Flaw.CUT}),
        (b"^image^png^Base64^" + base64.b64encode(PNG[:100]), {Flaw.CUT}),
        (b"^application^rtf^A^{\\E\\rtf1 half of", {Flaw.CUT}),
        (b"^application^pdf^Base64^", {Flaw.EMPTY}),
        (b'^application^pdf^Base64^""', {Flaw.EMPTY}),
        (b"", {Flaw.EMPTY}),
        (b"^application^pdf^Base64^!!!!", {Flaw.UNDECODABLE}),
        (b"^application^pdf^Base64^" + base64.b64encode(b"<html><title>Log in</title></html>"), {Flaw.UNEXPECTED}),
        (b"^application^pdf^Base64^" + base64.b64encode(bytes(range(1, 60))), {Flaw.MISLABELLED}),
        (b"^application^pdf^^https://lab.example/reports/1.pdf", {Flaw.POINTER}),
        (b"\\E\\\\E\\lab\\E\\reports\\E\\1.pdf", {Flaw.POINTER}),
    ],
)
def test_what_is_wrong_with_a_document_is_said(value, flaws):
    assert a_report(an_obx(value)).document.flaws == flaws


def test_a_document_that_is_taken_back_is_none():
    sent = a_report(
        an_obx(b"^application^pdf^Base64^" + IN_BASE64).replace(b"||||||F", b"||||||D"), b"OBX|2|TX|x||y||||||F"
    )

    assert sent.parts == ()


def test_an_address_beside_text_is_no_flaw_and_alone_as_text_it_is_one():
    pointer = b"OBX|2|RP|y||http://10.0.0.1/a?b=1\\T\\c=2^app^image^jpeg||||||F"

    assert a_report(pointer, b"OBX|1|TX|x||Benign.||||||F").document.flaws == frozenset()
    assert a_report(b"OBX|1|ST|x||https://lab.example/1||||||F").document.flaws == {Flaw.POINTER}


@pytest.mark.parametrize("said", ["OBX|1|TX|x||||||||F", 'OBX|1|TX|x||""||||||F', ""])
def test_a_final_report_without_a_word_is_empty_and_one_that_is_not_ready_is_not(said):
    assert a_report(said.encode()).document.flaws == {Flaw.EMPTY}
    (pending,) = documents(MSH[:-1] + b"P\r" + said.encode(), LABORATORY)
    assert pending.document.flaws == frozenset()


@pytest.mark.parametrize("cut", [b"\rDSC|more", b"\rADD|| "])
def test_a_part_of_a_longer_message_is_cut(cut):
    sent = a_report(b"OBX|1|TX|x||Benign." + cut)

    assert (Flaw.CUT in sent.document.flaws) is cut.startswith(b"\rDSC")


def test_a_notice_inside_an_attached_text_counts():
    text = base64.b64encode(b"Protected by 42 CFR Part 2.")

    assert PART_2 in a_report(an_obx(b"^TEXT^plain^Base64^" + text)).document.labels


@given(st.binary(max_size=2000), st.booleans())
def test_base64_comes_out_as_it_went_in_however_lines_are_broken(data, is_broken):
    encoded = base64.encodebytes(data) if is_broken else base64.b64encode(data)

    part = encoded_content(encoded, "Base64", "application/octet-stream")

    assert content(part) == data
    assert part.length == len(data)
    assert (Flaw.EMPTY in part.flaws) is not data


@pytest.mark.parametrize("line_end", [b"", b"\r", b"\\.br\\", b"\\X0D0A\\"])
def test_a_large_pdf_is_decoded_in_slices(line_end):
    data = b"%PDF-1.4\n" + os.urandom(1_500_001) + b"\n%%EOF\n"
    lines = base64.b64encode(data)
    encoded = line_end.join(lines[at : at + 76_000] for at in range(0, len(lines), 76_000))

    part = encoded_content(encoded, "base64", "PDF")

    assert (part.content_type, part.flaws, part.length) == ("application/pdf", frozenset(), len(data))
    assert content(part) == data
    assert max(len(piece) for piece in part.open()) <= 1 << 18


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("https://lab.example/a b.pdf", True),
        ("file:///srv/x", True),
        ("C:\\reports\\x.pdf", True),
        ("\\\\lab\\x.pdf", True),
        ("see https://lab.example", False),
        ("Ratio: 4:5", False),
        ("C: normal", False),
    ],
)
def test_an_address_is_known(text, is_one):
    assert is_address(text) is is_one
