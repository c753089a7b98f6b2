"""What is in our own forms: a packet's tar, manifests, keys and signature, a Range, reviewed YAML files."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from joserfc.jwk import RSAKey
from starlette.requests import Request

from tests.campaigns.fuzz.contract import Target, answer
from tests.kit.packets import a_signer
from transfer import bag, checklist, institutions
from transfer.adapters.packet.signature import jwks
from transfer.diagnoses import Diagnosis, DiagnosisCode
from transfer.gateway.downloads import asked_range
from transfer.institutions import Institution
from transfer.verify import VerificationOutcome, verify
from transfer.verify.keys import enclosed_key, holds, is_signature, pinned_keys, written

_ROOT = Path(__file__).parents[3]
_PAYLOAD = {"data/a.txt": b"one\n", "data/b/c.bin": bytes(600), "data/b/d.bin": b"d" * 512}


@cache
def _scratch() -> Path:
    return Path(mkdtemp(prefix="fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))


@cache
def _files() -> dict[str, bytes]:
    """A packet in small, with every control file a real one has."""
    signer = a_signer()
    key = written(RSAKey.import_key({**signer.public_jwk()}))
    payload = bag.manifest({path: _sha256(data) for path, data in _PAYLOAD.items()})
    info = b"External-Identifier: c00000000001-p1\n"
    tags = {
        bag.DECLARATION: bag.DECLARATION_TEXT,
        bag.INFO: info,
        bag.PAYLOAD_MANIFEST: payload,
        bag.SIGNER: key,
        "notice.txt": b"notice\n",
    }
    manifest = bag.manifest({path: _sha256(data) for path, data in tags.items()})
    signature = signer.sign(manifest).encode()
    return {**tags, bag.TAG_MANIFEST: manifest, bag.SIGNATURE: signature, **_PAYLOAD}


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@cache
def _tar() -> bytes:
    files = _files()
    whole = b"".join(
        bag.header(path, len(files[path])) + files[path] + bytes(bag.padding(len(files[path])))
        for path in sorted(files, key=bag.order)
    )
    return whole + bag.END


def _verified(tar: bytes) -> VerificationOutcome:
    file = _scratch() / "packet.tar"
    file.write_bytes(tar)
    verification = verify(file, jwks([a_signer()]))
    json.dumps(verification.to_json())
    assert bool(verification.findings) is (verification.outcome is VerificationOutcome.ALTERED)
    return verification.outcome


def changed_tar(data: bytes) -> None:
    """The tar of a packet with changes: verified where they cancel out, altered everywhere else."""
    tar = bytearray(_tar())
    for change in _changes(data):
        _change(tar, change)
    assert _verified(bytes(tar)) is (VerificationOutcome.VERIFIED if tar == _tar() else VerificationOutcome.ALTERED)


def _changes(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 8] for at in range(0, min(len(data), 80) - 7, 8))


def _change(tar: bytearray, change: bytes) -> None:
    """Flip, write, remove, insert, move or double, at a place, in bytes or whole blocks."""
    kind, unit = change[0] % 6, (1, bag.BLOCK)[change[0] // 6 % 2]
    at = int.from_bytes(change[1:4]) * unit % (len(tar) + 1)
    to = int.from_bytes(change[4:6]) * unit % (len(tar) + 1)
    size = (change[6] % 8 + 1) * unit
    piece = tar[at : at + size]
    if kind == 0 and at < len(tar):
        tar[at] ^= change[7]
    elif kind == 1:
        tar[at : at + 1] = change[7:8]
    elif kind == 2:
        del tar[at : at + size]
    elif kind == 3:
        tar[at:at] = change[7:8] * size
    elif kind == 4:
        tar[to : to + size] = piece
    else:
        tar[to:to] = piece


def any_tar(data: bytes) -> None:
    """Any bytes at all: judged, and never verified."""
    assert _verified(data) is not VerificationOutcome.VERIFIED or data == _tar()


def span(data: bytes) -> None:
    """A Range asks for bytes that are there, and gets them; any other gets all, or is told that there are none."""
    length, said = int.from_bytes(data[:2]), data[2:]
    request = Request({"type": "http", "headers": [(b"range", said), (b"if-range", b'"tag"')]})
    start, stop, status = asked_range(request, length, '"tag"')
    assert 0 <= start <= stop <= length
    assert (start, stop) == {200: (0, length), 206: (start, max(stop, start + 1)), 416: (0, 0)}[status]


def manifest(data: bytes) -> None:
    """A manifest is read only where it is the one text that lists what it lists."""
    found = bag.listed(data)
    if found is not None:
        assert bag.manifest(found) == data
        for path in found:
            assert not path.startswith("/")
            assert not {"", ".", ".."} & set(path.split("/"))
            bag.header(path, 1)


def key(data: bytes) -> None:
    """A key file is one text for one key; a set of keys is one, or no JWK set."""
    found = enclosed_key(data)
    assert found is None or written(found) == data
    said = answer(json.loads, data, documented=(ValueError, RecursionError))
    answer(pinned_keys, said, documented=(ValueError,))


def signature(data: bytes) -> None:
    """One text signs a manifest, and no other, however it is written; nor does it sign any other text."""
    mine, text = _files()[bag.SIGNATURE], _files()[bag.TAG_MANIFEST]
    head, _, mark = mine.partition(b"..")
    theirs = urlsafe_b64encode(data).rstrip(b"=") + b".." + mark
    key = pinned_keys(jwks([a_signer()]))[a_signer().public_jwk()["kid"]]
    for said in (data, head + b".." + data, data + b".." + mark, theirs):
        is_signature(said)
        assert holds(said, text, key) is (said == mine)
    assert holds(mine, data, key) is (data == text)


def partner(data: bytes) -> None:
    """An institution's file is read whole, or refused with its name and no other error."""
    file = _scratch() / "institutions" / "lakeside-oncology.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    known = answer(institutions.load, file.parent, _Settings(), documented=(ValueError,))
    for one in (known or {}).values():
        assert isinstance(one, Institution)
        one.zone.utcoffset(None)
        one.issuer("X")


class _Settings(dict[str, str]):
    """Every setting is set."""

    def __contains__(self, _: object) -> bool:
        return True

    def __missing__(self, _: str) -> str:
        return "9"


def lines(data: bytes) -> None:
    """A checklist's file is read whole, or refused with its name; a code from outside picks it or asks a person."""
    file = _scratch() / "checklists" / "colorectal.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(data)
    known = answer(checklist.load, file.parent, documented=(ValueError,))
    if known is not None:
        for code in ("C18.7", data[:40].decode("latin-1")):
            read = DiagnosisCode.read("http://hl7.org/fhir/sid/icd-10-cm", code)
            found = known.for_diagnoses([Diagnosis(codes=(read,) if read else (), words=code)])
            assert found is None or found.checklist.id in known


def seeds() -> Iterable[tuple[str, bytes]]:
    for kind in range(12):
        yield "changed_tar", bytes([kind, 0, 2, 3, 1, 5, 1, 255])
    yield "changed_tar", b""
    yield "any_tar", _tar()
    for said in (b"bytes=0-", b"bytes=5-9", b"bytes=-5", b"bytes=9-5", b"bytes=0-1,3-4", b"bytes=999999999999999-"):
        yield "span", b"\x02\x00" + said
    for path, data in _files().items():
        yield {bag.SIGNER: "key", bag.SIGNATURE: "signature"}.get(path, "manifest"), data
    yield "key", json.dumps(jwks([a_signer()])).encode()
    yield "signature", _files()[bag.TAG_MANIFEST]
    for file in sorted((_ROOT / "institutions").glob("*.yaml")):
        yield "partner", file.read_bytes()
    for file in sorted((_ROOT / "checklists").glob("*.yaml")):
        yield "lines", file.read_bytes()


TARGET = Target(
    name="packet",
    parsers=(changed_tar, any_tar, manifest, key, signature, partner, lines, span),
    seeds=seeds,
    words=(
        *(path.encode() for path in bag.CONTROL),
        *(
            b"  data/",
            b"../",
            b"ustar\x0000",
            bytes(1024),
            b"00000000010\0",
            b"External-Identifier: ",
            b'{"alg":"RS256"',
        ),
        *(b'"kid":', b'"crit":', b'"b64":false', b"..", b'{"keys":[', b'"kty":"RSA"', b'"n":', b'"e":"AQAB"'),
        *(b"id: ", b"departments:", b"asked: {by: ", b"time_zone: ", b"identifiers:", b"codes:", b"holds: ", b"${X}"),
        *(
            b"lines:",
            b"- {",
            b"!!timestamp ",
            b"!!int ",
            b"!!float ",
            b"&a ",
            b"*a",
            b"<<: ",
            b"? ",
            b"2001-99-99",
            b"!x ",
        ),
    ),
)
