"""What is done to a sample before it is sent. The same sample under the same name always gives the same bytes."""

import random
import struct
import zlib
from collections.abc import Callable, Iterator

from tests.campaigns.hostile.samples import Language, Sample

Change = Callable[[bytes, random.Random], bytes]

_TEXT = frozenset({Language.HL7, Language.FHIR, Language.CDA, Language.OTHER})
_ALL = frozenset(Language)


def _truncated(body: bytes, chance: random.Random) -> bytes:
    return body[: chance.randrange(len(body))] if body else body


def _flipped(body: bytes, chance: random.Random) -> bytes:
    flipped = bytearray(body)
    for _ in range(min(8, len(body))):
        flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def _flipped_early(body: bytes, chance: random.Random) -> bytes:
    """Where headers stand, one bit."""
    flipped = bytearray(body)
    if flipped:
        flipped[chance.randrange(min(512, len(flipped)))] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def _without_a_stretch(body: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(body)) if body else 0
    return body[:start] + body[start + 1 + chance.randrange(64) :]


def _latin1(body: bytes, _: random.Random) -> bytes:
    """Not the character set it says, in the middle of a word."""
    middle = len(body) // 2
    return body[:middle] + b"\xe9\xfc\xff" + body[middle:]


def _utf16(body: bytes, _: random.Random) -> bytes:
    return body.decode("utf-8", "replace").encode("utf-16")


def _lf_only(body: bytes, _: random.Random) -> bytes:
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _crlf(body: bytes, chance: random.Random) -> bytes:
    return _lf_only(body, chance).replace(b"\n", b"\r\n")


def _bom(body: bytes, _: random.Random) -> bytes:
    return b"\xef\xbb\xbf" + body


def _doubled(body: bytes, _: random.Random) -> bytes:
    return body + body


def _nested_message(body: bytes, _: random.Random) -> bytes:
    """The whole message once more, as base64-less text of one of its own results."""
    return (
        body.rstrip(b"\r\n") + b"\rOBX|99|TX|X^Nested||" + body.replace(b"\r", b"\\X0D\\").replace(b"\n", b"") + b"\r"
    )


def _nested_json(body: bytes, _: random.Random) -> bytes:
    return b'{"resourceType":"Bundle","type":"transaction","entry":[{"resource":' * 40 + body + b"}]}" * 40


def _nested_xml(body: bytes, _: random.Random) -> bytes:
    at = body.rfind(b"</ClinicalDocument>")
    return body[:at] + b"<section>" * 5000 + b"</section>" * 5000 + body[at:]


def _giant(body: bytes, _: random.Random) -> bytes:
    """Some four megabytes of itself."""
    return body * (1 + (4 << 20) // max(1, len(body)))


def _entities(body: bytes, _: random.Random) -> bytes:
    """A billion laughs, a file of the machine and an address, all referred to."""
    laughs = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    declared = b'<!DOCTYPE ClinicalDocument [<!ENTITY l0 "lol">%s<!ENTITY f SYSTEM "file:///etc/passwd">' % laughs
    declared += b'<!ENTITY u SYSTEM "http://127.0.0.1:9/">]>'
    start = max(body.find(b"<ClinicalDocument"), 0)
    return body[:start] + declared + body[start:].replace(b"</title>", b"&l9;&f;&u;</title>", 1)


def _lying_length(body: bytes, chance: random.Random) -> bytes:
    """One element says it is four gigabytes long, or that it does not end."""
    lying = bytearray(body)
    if len(lying) > 200:
        struct.pack_into(
            "<I", lying, chance.randrange(132, min(len(lying) - 4, 2048)), 0xFFFFFFF0 + chance.randrange(16)
        )
    return bytes(lying)


def _deflate_bomb(body: bytes, _: random.Random) -> bytes:
    """The same header, said to be deflated, and 256 MB of zeros behind it in 250 KB."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = b"".join(packer.compress(bytes(1 << 20)) for _ in range(256)) + packer.flush()
    syntax = b"1.2.840.10008.1.2.1.99"
    meta = b"\x02\x00\x10\x00UI" + struct.pack("<H", len(syntax)) + syntax
    length = b"\x02\x00\x00\x00UL\x04\x00" + struct.pack("<I", len(meta))
    return body[:128].ljust(128, b"\0") + b"DICM" + length + meta + zeros


#: by name: the languages it makes sense for, and the change
MUTATIONS: dict[str, tuple[frozenset[Language], Change]] = {
    "as itself": (_ALL, lambda body, _: body),
    "truncated": (_ALL, _truncated),
    "truncated elsewhere": (_ALL, _truncated),
    "bits flipped": (_ALL, _flipped),
    "a bit flipped early": (_ALL, _flipped_early),
    "a stretch missing": (_ALL, _without_a_stretch),
    "bytes of Latin-1": (_TEXT, _latin1),
    "as UTF-16": (_TEXT, _utf16),
    "LF only": (frozenset({Language.HL7}), _lf_only),
    "CRLF": (_TEXT, _crlf),
    "byte order mark": (_TEXT, _bom),
    "doubled": (_ALL, _doubled),
    "giant": (_ALL, _giant),
    "nested": (frozenset({Language.HL7}), _nested_message),
    "nested in bundles": (frozenset({Language.FHIR}), _nested_json),
    "nested deeply": (frozenset({Language.CDA}), _nested_xml),
    "entities": (frozenset({Language.CDA}), _entities),
    "lying length": (frozenset({Language.DICOM}), _lying_length),
    "deflate bomb": (frozenset({Language.DICOM}), _deflate_bomb),
}
#: those that weigh megabytes are done to every so manieth file
_HEAVY = {"giant": 16, "deflate bomb": 32}


def mutated(sample: Sample, names: frozenset[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """The sample under each mutation of its language. The same bytes are given once."""
    seen: set[bytes] = set()
    for name, (languages, change) in MUTATIONS.items():
        chance = random.Random(f"{sample.file}|{name}")
        if sample.language not in languages or (names is not None and name not in names):
            continue
        if name in _HEAVY and random.Random(sample.file).randrange(_HEAVY[name]):
            continue
        body = change(sample.body, chance)
        if body not in seen:
            seen.add(body)
            yield name, body
