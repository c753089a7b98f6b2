"""Files made to do harm: tars and folders that lie, PDFs, pictures and archives that grow, referrals too large."""

import base64
import io
import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from tests.kit.packets import APacket
from transfer import bag
from transfer.flow.desk.referring import LARGEST

Write = Callable[[Path], object]


def tars(packet: APacket) -> Iterator[tuple[str, Write]]:
    """Path names that climb, links, devices, sizes that lie, and far too much of everything."""
    for name, path in _PATHS.items():
        yield f"a path {name}", _writing(packet, partial(_add, path=path, data=b"x"))
    for name, kind in _KINDS.items():
        added = partial(_add, path="data/documents/9.txt", data=b"", kind=kind, link="/etc/passwd")
        yield f"{name}", _writing(packet, added)
    yield "a file twice", _writing(packet, _add_twice)
    yield "a size of eight gigabytes", lambda to: to.write_bytes(_with_size(packet.tar, b"77777777777\0"))
    yield "a negative size", lambda to: to.write_bytes(_with_size(packet.tar, b"\xff" * 12))
    yield "a size that is no number", lambda to: to.write_bytes(_with_size(packet.tar, b"not a number"))
    yield "extended headers of 16 MB", _writing(packet, lambda tar: _pax(tar, {"comment": "a" * (16 << 20)}))
    yield "a path in an extended header", _writing(packet, lambda tar: _pax(tar, {"path": "../../etc/cron.d/x"}))
    yield "half a million files", lambda to: many(to, packet.files, _empty(500_000))
    yield "long names", lambda to: many(to, packet.files, _empty(150_000, "n" * 70))
    large = manifest(60 << 20)
    yield "a manifest of 60 MB", lambda to: many(to, packet.files | {bag.PAYLOAD_MANIFEST: large}, ())
    yield (
        "twenty manifests of 60 MB",
        lambda to: many(to, packet.files, ((f"data/m{n:02}.txt", large) for n in range(20))),
    )
    signed = packet.files[bag.SIGNATURE]
    yield (
        "ten thousand signatures",
        lambda to: many(to, packet.files, ((f"data/m{n:05}.txt", signed) for n in range(10_000))),
    )
    yield "zeros, sparse, of four gigabytes", _sparse
    yield "compressed", lambda to: to.write_bytes(zlib.compress(packet.tar))


_PATHS = {
    "that climbs": "../../../../tmp/hostile-climbed",
    "that climbs from inside": "data/../../../tmp/hostile-climbed",
    "from the root": "/tmp/hostile-climbed",
    "of another system": "C:\\Windows\\x",
    "with backslashes": "data\\..\\..\\x",
    "of a hundred folders": "a/" * 49 + "x",
    "with a line end": "data/documents/a\nb",
    "that steers a terminal": "data/documents/\x1b[2J\x1b]0;x\x07",
    "in other letters": "data/documents/ﬁle\u202etxt.exe",
    "of nothing": "",
    "of a DICOMDIR that climbs": "data/DICOMDIR/../../x",
}
_KINDS = {
    "a symbolic link": tarfile.SYMTYPE,
    "a hard link": tarfile.LNKTYPE,
    "a device": tarfile.CHRTYPE,
    "a pipe": tarfile.FIFOTYPE,
    "a folder in a file's place": tarfile.DIRTYPE,
    "a sparse file": tarfile.GNUTYPE_SPARSE,
}


def _writing(packet: APacket, more: Callable[[tarfile.TarFile], object]) -> Write:
    """The packet's files, and what is put with them."""

    def write(to: Path) -> None:
        with tarfile.open(to, "w", format=tarfile.GNU_FORMAT) as tar:
            assert tar.fileobj  # ours, byte by byte as a packet has them: what is found wrong is what comes after
            for path in sorted(packet.files, key=bag.order):
                tar.fileobj.write(_member(path, packet.files[path]))
            more(tar)

    return write


def _add(tar: tarfile.TarFile, path: str, data: bytes, kind: bytes = tarfile.REGTYPE, link: str = "") -> None:
    member = tarfile.TarInfo(path)
    member.type, member.linkname, member.size = kind, link, len(data)
    tar.addfile(member, io.BytesIO(data))


def _add_twice(tar: tarfile.TarFile) -> None:
    for _ in range(2):
        _add(tar, "bagit.txt", b"x")


def _pax(tar: tarfile.TarFile, said: dict[str, str]) -> None:
    member = tarfile.TarInfo("data/documents/9.txt")
    member.pax_headers = said
    assert tar.fileobj
    tar.fileobj.write(member.tobuf(tarfile.PAX_FORMAT))


def _with_size(tar: bytes, field: bytes) -> bytes:
    """The first header says another size, and its checksum fits."""
    block = bytearray(tar[:512])
    block[124:136] = field
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + tar[512:]


def many(to: Path, files: dict[str, bytes], more: Iterable[tuple[str, bytes]]) -> None:
    """The packet and more files, each as a packet's tar has them, so that all of them are read."""
    with to.open("wb") as file:
        for path in sorted(files, key=bag.order):
            file.write(_member(path, files[path]))
        for path, data in more:
            file.write(_member(path, data))
        file.write(bag.END)


def _member(path: str, data: bytes) -> bytes:
    return bag.header(path, len(data)) + data + bytes(bag.padding(len(data)))


def _empty(count: int, name: str = "") -> Iterator[tuple[str, bytes]]:
    return ((f"data/documents/{number:08d}{name}.txt", b"") for number in range(count))


def manifest(size: int) -> bytes:
    line = b"%064x  data/documents/%030d.txt\n"
    return b"".join(line % (n, n) for n in range(size // len(line % (0, 0))))


def _sparse(to: Path) -> None:
    to.touch()
    os.truncate(to, 4 << 30)


def folders(packet: APacket, under: Path) -> Iterator[tuple[str, Path]]:
    """Folders that hold what none of ours holds."""
    for name, change in _IN_FOLDERS.items():
        folder = packet.unpack(under / name.replace(" ", "-"))
        change(folder)
        yield name, folder


def _deep(folder: Path) -> None:
    for _ in range(200):
        folder = folder / "d"
    folder.mkdir(parents=True)


def _with_a_linked_manifest(folder: Path) -> None:
    (folder / "manifest-sha256.txt").unlink()
    (folder / "manifest-sha256.txt").symlink_to("/dev/zero")


_IN_FOLDERS: dict[str, Callable[[Path], object]] = {
    "a link to a file of the machine": lambda f: (f / "data" / "x.txt").symlink_to("/etc/passwd"),
    "a link to the root": lambda f: (f / "data" / "x").symlink_to("/"),
    "a link to itself": lambda f: (f / "data" / "x").symlink_to(f),
    "a pipe nobody writes to": lambda f: os.mkfifo(f / "data" / "x.txt"),
    "two hundred folders deep": _deep,
    "a sparse file of a terabyte": lambda f: _truncated(f / "data" / "x.txt", 1 << 40),
    "a name that is no text": lambda f: Path(os.fsdecode(bytes(f / "data") + b"/\xff\xfe")).write_text("x"),
    "a manifest that is a link": _with_a_linked_manifest,
}


def _truncated(path: Path, size: int) -> None:
    path.touch()
    os.truncate(path, size)


# --- documents --------------------------------------------------------------------------------------------------------


def documents() -> Iterator[tuple[str, str, str, bytes]]:
    """File, mutation, content type and bytes of what should become pages."""
    for name, body in _pdfs():
        yield "a PDF", name, "application/pdf", body
    for name, body in _xml():
        yield "a C-CDA", name, "text/xml", body
    yield "a picture", "of a hundred thousand by a hundred thousand", "image/png", _png(100_000, 100_000)
    yield "a picture", "of a gigapixel in little", "image/png", _png(30_000, 30_000)
    yield "an archive", "of ten gigabytes in little", "application/zip", _zip()
    yield "an archive", "that says it is a PDF", "application/pdf", _zip()
    yield "a text", "of one line of 30 MB", "text/plain", b"a" * (30 << 20)
    yield "a text", "of ten million lines", "text/plain", b"\n" * (10 << 20)
    yield "a text", "of words that steer", "text/plain", "\u202e\x1b[2J\x00\ufeff".encode() * 10_000
    yield "a page", "of RTF in RTF", "application/rtf", b"{\\rtf1" * 100_000
    yield "a page", "of HTML in HTML", "text/html", b"<div>" * 200_000


def _pdfs() -> Iterator[tuple[str, bytes]]:
    grown = zlib.compress(bytes(1 << 30), 9)
    yield "that grows a thousandfold", _pdf(b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>", grown)
    twice = zlib.compress(grown, 9)
    yield "that grows twice", _pdf(
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Contents 4 0 R>>", twice, b"/Filter[/FlateDecode/FlateDecode]"
    )  # fmt: skip
    yield "whose pages are their own parents", _pdf(b"<</Type/Pages/Kids[3 0 R 2 0 R]/Count 9>>", b"")
    yield "that says it has a billion pages", _pdf(b"<</Type/Pages/Kids[3 0 R]/Count 1000000000>>", b"")
    yield "of brackets", b"%PDF-1.7\n" + b"[" * (4 << 20)
    yield "of dictionaries", b"%PDF-1.7\n1 0 obj\n" + b"<</a" * (1 << 20)
    yield "that runs things", _pdf(b"<</Type/Page/Parent 2 0 R/AA<</O<</S/Launch/F(/bin/sh)>>>>>>", b"")
    yield "that asks elsewhere", _pdf(b"<</Type/Page/Parent 2 0 R/Contents<</F(http://127.0.0.1:9/)/FS/URL>>>>", b"")
    yield "of its mark alone", b"%PDF-"


def _pdf(third: bytes, stream: bytes, filters: bytes = b"/Filter/FlateDecode") -> bytes:
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        third,
        b"<<%s/Length %d>>stream\n%s\nendstream" % (filters, len(stream), stream),
    ]
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % at for at in places)
    end = len(out)
    out += b"xref\n0 5\n0000000000 65535 f \n" + table
    return bytes(out + b"trailer<</Size 5/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % end)


def _xml() -> Iterator[tuple[str, bytes]]:
    head = b'<?xml version="1.0"?>'
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))
    yield "a billion laughs", head + b'<!DOCTYPE x [<!ENTITY l0 "lol">' + laughs + b"]>" + _cda(b"&l11;")
    yield (
        "a blow-up of one entity",
        head + b'<!DOCTYPE x [<!ENTITY a "' + b"a" * 100_000 + b'">]>' + _cda(b"&a;" * 100_000),
    )
    yield "a file of the machine", head + b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + _cda(b"&f;")
    yield "an address", head + b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd">' + _cda(b"x")
    yield "parameter entities", head + b'<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///dev/zero"> %p;]>' + _cda(b"x")
    yield "a million levels", head + b"<a>" * 1_000_000
    yield "a million attributes", b"<ClinicalDocument " + b" ".join(b'a%d=""' % n for n in range(1_000_000)) + b"/>"
    yield "a stylesheet elsewhere", head + b'<?xml-stylesheet href="http://127.0.0.1:9/"?>' + _cda(b"x")
    yield "a document within a document", _within(_cda(b"x"), 12)
    yield "an embedded PDF that grows", _embedding(next(_pdfs())[1], b"application/pdf")


def _cda(text: bytes) -> bytes:
    return (
        b'<ClinicalDocument xmlns="urn:hl7-org:v3"><title>T</title><component><structuredBody><component><section>'
        b"<title>S</title><text>"
        + text
        + b"</text></section></component></structuredBody></component></ClinicalDocument>"
    )


def _embedding(data: bytes, content_type: bytes) -> bytes:
    return (
        b'<ClinicalDocument xmlns="urn:hl7-org:v3"><component><nonXMLBody><text mediaType="' + content_type
        + b'" representation="B64">' + base64.b64encode(data) + b"</text></nonXMLBody></component></ClinicalDocument>"
    )  # fmt: skip


def _within(inner: bytes, times: int) -> bytes:
    return inner if not times else _within(_embedding(inner, b"text/xml"), times - 1)


def _png(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width // 8 + 1) * min(height, 30_000)), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            with archive.open(f"../../{number}", "w", force_zip64=True) as member:
                for _ in range(64):
                    member.write(bytes(1 << 20))
    return out.getvalue()


def referrals() -> Iterator[tuple[str, str, bytes]]:
    """As large as a referral may be, and larger."""
    size = LARGEST - 4096
    yield "a referral", "of lists", b'{"resourceType":"Bundle","entry":[' + b"[]," * (size // 3) + b"[]]}"
    yield "a referral", "of objects", b'{"resourceType":"Bundle","entry":[' + b'{"a":{}},' * (size // 9) + b"{}]}"
    yield "a referral", "of wide text", b'{"resourceType":"Bundle","id":"' + "\U0001f600".encode() * (size // 4) + b'"}'
    yield "a referral", "of lines", b"MSH|^~\\&|A|B|C|D|2026||REF^I12|1|P|2.5\r" + b"a\r" * (size // 2 - 99)
    yield "a referral", "too large", b"{" + b" " * (LARGEST + 1)
