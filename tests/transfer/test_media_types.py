"""What the bytes of a document are, whatever their sender calls them."""

import base64
import hashlib
import io
import zipfile

import docx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.bytes_seen import Announced, BytesSeen
from transfer.flaws import Flaw
from transfer.media_types import (
    CDA,
    DICOM,
    DOCX,
    FHIR_JSON,
    FHIR_XML,
    HL7_V2,
    HTML,
    JSON,
    KNOWN,
    LOOKED_AT,
    OLE,
    PDF,
    PLAIN,
    RTF,
    UNKNOWN,
    XML,
    ZIP,
    extension,
    judged,
    named,
)

A_PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< >>\nendobj\n%%EOF\n"
A_JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(100)
LOGIN = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Session expired</body></html>"
A_CDA = (
    b'<?xml version="1.0"?>\n<?xml-stylesheet href="cda.xsl"?>\n<!-- x -->\n<ClinicalDocument xmlns="urn:hl7-org:v3"/>'
)


def zipped(*entries: tuple[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as package:
        for name, content in entries:
            package.writestr(name, content)
    return whole.getvalue()


def a_word_document() -> bytes:
    whole = io.BytesIO()
    docx.Document().save(whole)
    return whole.getvalue()


def of(content: bytes, said: str | None = None):
    return judged(said, content[:LOOKED_AT], content[-LOOKED_AT:], len(content))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("application/pdf", PDF),
        ("Application/PDF; charset=binary", PDF),
        ("AP/PDF", PDF),
        ("application/x-pdf", PDF),
        ("pdf", PDF),
        (".pdf", PDF),
        ("image/jpg", "image/jpeg"),
        ("image/pjpeg", "image/jpeg"),
        ("image/tif", "image/tiff"),
        ("image/x-ms-bmp", "image/bmp"),
        ("text/rtf", RTF),
        ("application/x-rtf", RTF),
        ("text/cda+xml", CDA),
        ("application/hl7-cda+xml", CDA),
        ("application/x-hl7-cda-level-one+xml", CDA),
        ("application/json+fhir;charset=UTF-8", FHIR_JSON),
        ("application/hl7-v2", HL7_V2),
        ("text/xml", "text/xml"),
        ("text/x-markdown", "text/markdown"),
        ("application/xhtml+xml", HTML),
        ("TEXT", PLAIN),
        ("application/x-dicom", DICOM),
        ("application/x-zip-compressed", ZIP),
        ("application/x-msword", "application/msword"),
        ("Quillfeather/Odalys", UNKNOWN),
        ("", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_what_senders_call_a_type_is_put_right_and_a_word_of_their_own_is_just_bytes(said, name):
    assert named(said) == name


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (A_PDF, PDF),
        (b"HTTP/1.1 200 OK\r\nX-Scan: 1\r\n\r\n" + A_PDF, PDF),
        (bytes(700) + A_PDF, PDF),
        (b"\xef\xbb\xbf\n" + A_PDF, PDF),
        (A_JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "image/png"),
        (b"II*\x00" + bytes(20), "image/tiff"),
        (b"MM\x00*" + bytes(20), "image/tiff"),
        (b"GIF89a" + bytes(20), "image/gif"),
        (b"BM" + bytes(12) + b"\x28\x00\x00\x00" + bytes(40), "image/bmp"),
        (b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(20), "image/jp2"),
        (bytes(128) + b"DICM" + bytes(20), DICOM),
        (rb"{\rtf1\ansi a note}", RTF),
        (b"\r\n" + rb"{\rtf1 a note}", RTF),
        (b"MSH|^~\\&|LAB|X\rPID|1\r", HL7_V2),
        (b"\x0bMSH^~|\\&^LAB\r", HL7_V2),
        (A_CDA, CDA),
        (A_CDA.decode().encode("utf-16"), CDA),
        (b"<n1:ClinicalDocument xmlns:n1='urn:hl7-org:v3'>", CDA),
        (b"<Bundle xmlns='http://hl7.org/fhir'><id value='1'/></Bundle>", FHIR_XML),
        (b"<!DOCTYPE html PUBLIC '-//W3C'><html><body>note</body></html>", HTML),
        (b"<p>A <b>note</b></p>", HTML),
        (b"<?xml version='1.0'?><report/>", XML),
        (b'\xef\xbb\xbf{ "resourceType": "Bundle" }', FHIR_JSON),
        (b'{"id": 1}', JSON),
        (b"[1, 2] is a list of a note", PLAIN),
        (b"{see below} a note", PLAIN),
        (b"< 5 mm margin", PLAIN),
        ("Tumor 3 × 2 cm".encode("cp1252"), PLAIN),
        ("Tumor".encode("utf-16"), PLAIN),
        (b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n", "message/rfc822"),
        (b"From: a@b.example\r\nSubject: report\r\n of today\r\nMIME-Version: 1.0\r\n\r\nx", "message/rfc822"),
        (b"From: Dr. Lee\r\nSubject: consult\r\n\r\nMIME-Version: 1.0", "text/plain"),
        (a_word_document(), DOCX),
        (zipped(("a.txt", b"1")), ZIP),
        (zipped(("mimetype", b"application/vnd.oasis.opendocument.text")), "application/vnd.oasis.opendocument.text"),
        (zipped(("big", bytes(200_000)), ("xl/workbook.xml", b"<x/>")),
         "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), OLE),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "WordDocument".encode("utf-16-le"), "application/msword"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("said", [None, "application/octet-stream", "anything/else"])
def test_bytes_are_known_by_what_they_are(content, name, said):
    assert of(content, said) == type(of(b""))(name)


@pytest.mark.parametrize(
    ("said", "content", "name"),
    [
        ("application/pdf", A_JPEG, "image/jpeg"),
        ("image/jpeg", A_PDF, PDF),
        ("text/html", A_PDF, PDF),
        ("application/pdf", A_CDA, CDA),
        ("text/xml", A_CDA, CDA),
        ("application/cda+xml", b"<report/>", XML),
        ("text/xml", b"<report/>", "text/xml"),
        ("text/csv", b"a,b\n1,2", "text/csv"),
        ("text/html", b"a <b>note</b>", HTML),
        ("text/html", b"<dl><dt>CEA</dt><dd>5</dd></dl>", HTML),
        ("text/rtf", b"a plain note", PLAIN),
        ("application/msword", rb"{\rtf1 a note}", RTF),
        ("application/msword", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "application/msword"),
        (DOCX, zipped(("a.txt", b"1")), DOCX),
        ("audio/mpeg", b"\xff\xfb\x90\x00" + bytes(40), "audio/mpeg"),
        ("application/octet-stream", b"\x01\x02\x03", UNKNOWN),
    ],
)
def test_what_is_seen_goes_before_what_is_said_and_what_is_finer_is_believed(said, content, name):
    found = of(content, said)

    assert (found.content_type, found.flaws) == (name, frozenset())


@pytest.mark.parametrize(
    ("said", "content"),
    [
        ("application/octet-stream", LOGIN),
        ("text/html", LOGIN),
        (None, b"<form action=/idp><input name='SAMLRequest' value='x'></form>"),
        (None, b"<html><body><input id=p TYPE='password'></body></html>"),
        (None, b"<html><title>Lakeside portal | Log in</title></html>"),
        (None, b"<html><body><h1>Access denied</h1></body></html>"),
        (None, b"<html><head><title>502 Bad Gateway</title></head></html>"),
        ("application/pdf", b"<html><body>Anything</body></html>"),
        ("image/tiff", b"<html><body>Anything</body></html>"),
        ("application/pdf", b"Unauthorized"),
        ("application/pdf", b'{"error": "expired"}'),
        ("application/pdf", b'{"resourceType": "Patient"}'),
        ("application/pdf", b"<error/>"),
        ("application/fhir+json", b'{"resourceType" : "OperationOutcome", "issue": []}'),
        (None, b"<OperationOutcome xmlns='http://hl7.org/fhir'/>"),
    ],
)
def test_a_servers_word_in_the_place_of_a_document_is_none(said, content):
    assert of(content, said).flaws == {Flaw.UNEXPECTED}


@pytest.mark.parametrize(
    "content",
    [
        b"<html><title>Murphy sign in ultrasound</title><body>a</body></html>",
        b"<html><h2>Warning sign on CT</h2></html>",
        b"<html><title>Discharge note</title><body>She could not log in to the portal: access denied.</body></html>",
    ],
)
def test_a_note_in_html_is_no_page_to_log_in_at(content):
    assert of(content, "text/html") == type(of(b""))(HTML)


@pytest.mark.parametrize("said", ["application/pdf", "image/png", DOCX, "text/plain", "text/xml"])
def test_bytes_that_are_nothing_of_what_is_said_and_nothing_known_are_mislabelled(said):
    assert of(b"\x01\x02\x03\x04", said) == type(of(b""))(UNKNOWN, frozenset({Flaw.MISLABELLED}))


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("text/plain; charset=ISO-8859-2", "text/plain; charset=iso8859-2"),
        ('text/plain; format=flowed; charset="windows-1252"', "text/plain; charset=cp1252"),
        ("text/html;charset=latin1", "text/html; charset=iso8859-1"),
        ("text/plain; charset=utf-8", PLAIN),
        ("text/plain; charset=Quillfeather", PLAIN),
        ("text/plain; charset=rot13", PLAIN),
        ("application/octet-stream; charset=iso-8859-2", "text/plain; charset=iso8859-2"),
    ],
)
def test_the_letters_that_a_sender_names_are_kept_where_they_are_some(said, name):
    assert of("Łódź".encode("iso8859-2"), said).content_type == name


@pytest.mark.parametrize("said", [None, "application/pdf"])
def test_nothing_is_empty(said):
    assert of(b"", said).flaws == {Flaw.EMPTY}


def test_every_type_ends_a_file_in_its_own_way():
    assert (extension(PDF), extension("text/xml; charset=x"), extension("a/b"), extension("")) == (
        "pdf", "xml", "bin", "bin"
    )  # fmt: skip
    assert all(named(name) == name and ending.isalnum() for name, ending in KNOWN.items())


@given(st.binary(max_size=300), st.text(max_size=20) | st.sampled_from(sorted(KNOWN)), st.integers(1, 50))
def test_any_bytes_under_any_word_are_of_a_known_type_however_they_are_cut(content, said, at):
    seen = BytesSeen(Announced(media_type=said))
    pieces = [content[n : n + at] for n in range(0, len(content), at)]

    assert b"".join(seen.passing(pieces)) == content
    assert seen.judged() == of(content, said)
    assert named(seen.judged().content_type) in KNOWN
    assert (Flaw.EMPTY in seen.judged().flaws) == (not content)


# --- what is announced ------------------------------------------------------------------------------------------------


def flaws(content: bytes, *, size: int | None = None, digest: str | None = None, piece: int = 7) -> set[Flaw]:
    seen = BytesSeen(Announced(media_type="application/pdf", size=size, digest=digest))
    for _ in seen.passing(content[n : n + piece] for n in range(0, len(content), piece)):
        pass
    return set(seen.judged().flaws)


def sha1(content: bytes) -> str:
    return base64.b64encode(hashlib.sha1(content).digest()).decode()  # noqa: S324


ENCODED = base64.b64encode(A_PDF)


@pytest.mark.parametrize(
    "digest",
    [
        sha1(A_PDF),
        sha1(ENCODED),
        hashlib.sha1(A_PDF).hexdigest(),  # noqa: S324
        base64.b64encode(hashlib.sha1(A_PDF).hexdigest().encode()).decode(),  # noqa: S324
        base64.b64encode(hashlib.sha256(A_PDF).digest()).decode(),
        hashlib.sha256(ENCODED).hexdigest(),
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
def test_a_hash_of_the_bytes_or_of_their_base64_proves_them(digest, piece):
    assert flaws(A_PDF, digest=digest, piece=piece) == set()
    assert flaws(A_PDF, digest=digest, size=len(A_PDF) + 5, piece=piece) == set()
    assert flaws(A_PDF[:-3] + b"\n\n\n", digest=digest, piece=piece) == {Flaw.HASH_DIFFERS}


@pytest.mark.parametrize("size", [None, 0, len(A_PDF), len(ENCODED)])
def test_a_size_of_the_bytes_or_of_their_base64_is_right_and_0_says_nothing(size):
    assert flaws(A_PDF, size=size) == set()


@pytest.mark.parametrize("size", [1, len(A_PDF) - 1, len(A_PDF) + 1, 48_213])
def test_another_size_than_announced_is_a_flaw(size):
    assert flaws(A_PDF, size=size) == {Flaw.SIZE_DIFFERS}


@pytest.mark.parametrize("digest", ["", "?", "abc", "A" * 28 + "!"])
def test_a_hash_that_is_none_says_nothing(digest):
    assert flaws(A_PDF, digest=digest) == set()


def test_nothing_where_something_was_announced_is_empty_and_no_more():
    assert flaws(b"", size=48_213, digest=sha1(A_PDF)) == {Flaw.EMPTY}
