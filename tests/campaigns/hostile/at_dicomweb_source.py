"""The DICOMweb source door: what an archive answers when it is asked for a patient's studies."""

import io
import json
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pydicom

from tests.campaigns.hostile.child import Child
from tests.campaigns.hostile.mutations import mutated
from tests.campaigns.hostile.peer import Peer, Script, a_peer, answer, begun
from tests.campaigns.hostile.samples import Language, Sample
from tests.campaigns.hostile.table import Row
from tests.campaigns.hostile.watched import row, strayed

DOOR = "dicomweb source"
_JSON = "application/dicom+json"
_MULTIPART = 'multipart/related; type="application/dicom"; boundary=line'
_STUDY, _SERIES, _IMAGE = "1.2.3", "1.2.3.4", "1.2.3.4.5"

Uids = tuple[str, str, str]


def all_of_it(
    samples: list[Sample], names: frozenset[str] | None = None, places: frozenset[str] | None = None
) -> Iterator[Row]:
    """Every sample as an image, and what is JSON as a list; then the attacks. None may stray."""
    with a_peer(lambda *_: iter(())) as peer, a_peer(lambda *_: iter([answer(b"", "text/plain")])) as elsewhere:
        with Child("dicomweb_source") as child:
            for file, mutation, place, script in (*_files(samples, names), *_attacks(elsewhere)):
                if places is not None and place not in places:
                    continue
                peer.script = script
                yield row(child.ask(url=f"{peer.url}/dicom-web"), file, mutation, f"{DOOR}: {place}")
        yield from strayed(elsewhere.visits, DOOR)


def _files(samples: list[Sample], names: frozenset[str] | None) -> Iterator[tuple[str, str, str, Script]]:
    for sample in samples:
        if sample.language is Language.DICOM:
            uids = uids_of(sample.body)
            for name, body in mutated(sample, names):
                yield sample.file, name, "image", _giving(_part(body), uids)
        elif sample.language is Language.FHIR:
            yield sample.file, "as itself", "list", _listing(sample.body)
        else:
            yield sample.file, "as itself", "image", _giving(_part(sample.body))


def uids_of(body: bytes) -> Uids:
    """Study, series and instance that a file names, made up where it cannot be read."""
    with warnings.catch_warnings(), suppress(Exception):
        warnings.simplefilter("ignore")
        head = pydicom.dcmread(io.BytesIO(body), stop_before_pixels=True)
        return str(head.StudyInstanceUID), str(head.SeriesInstanceUID), str(head.SOPInstanceUID)
    return _STUDY, _SERIES, _IMAGE


def _giving(body: bytes, uids: Uids = (_STUDY, _SERIES, _IMAGE), content_type: str = _MULTIPART) -> Script:
    """Well-behaved but for what a series' retrieve brings."""
    return partial(_script, uids, lambda: iter([begun(content_type), body]))


def _script(uids: Uids, retrieve: Any, _method: str, path: str) -> Iterator[bytes]:
    study, series, image = uids
    found = {
        "studies": {"0020000D": _ui(study), "00100020": {"vr": "LO", "Value": ["0042"]}, **_patient()},
        "series": {"0020000E": _ui(series)},
        "instances": {"00080018": _ui(image)},
    }
    last = path.partition("?")[0].rsplit("/", 1)[-1]
    if last in found:
        yield answer(json.dumps([found[last]] if "offset=0" in path else []).encode(), _JSON)
    else:
        yield from retrieve()


def _ui(uid: str) -> dict[str, Any]:
    return {"vr": "UI", "Value": [uid]}


def _patient() -> dict[str, Any]:
    name = {"vr": "PN", "Value": [{"Alphabetic": "Quillfeather^Odalys"}]}
    return {"00100010": name, "00100030": {"vr": "DA", "Value": ["19610203"]}}


def _part(body: bytes, *, ends: bool = True) -> bytes:
    whole = b"--line\r\nContent-Type: application/dicom\r\n\r\n" + body
    return whole + b"\r\n--line--\r\n" if ends else whole


def _listing(body: bytes) -> Script:
    return lambda _method, _path: iter([answer(body, _JSON)])


# --- attacks ----------------------------------------------------------------------------------------------------------


def _attacks(elsewhere: Peer) -> Iterator[tuple[str, str, str, Script]]:
    size = 64 << 20
    yield from (
        ("a list", name, "bomb", _listing(body))
        for name, body in (
            ("lists in lists", b"[" * size),
            ("of objects", b"[" + b'{"a":{}},' * (size // 9) + b"{}]"),
            ("of lists", b"[{}," + b"[]," * (size // 3 - 4) + b"{}]"),
            ("of wide text", b'[{"0020000D":"' + "\U0001f600".encode() + b"a " * (size // 2 - 20) + b'"}]'),
            ("far too long", b'["' + b"a" * (80 << 20) + b'"]'),
            (
                "of one study a hundred thousand times",
                b"[" + b'{"0020000D":{"vr":"UI","Value":["1.2"]}},' * 100_000 + b"{}]",
            ),
        )
    )
    yield "a list", "that never ends", "bomb", _streaming(_JSON, b"[" + b"{}," * 20_000)
    yield "lists", "page after page of new entries", "page", _ever_more
    yield "a list", "a byte now and then", "slow", _dripping
    yield "a redirect", "302", "address", _listing_as(b"", "302 Found", Location=elsewhere.url)
    yield "a redirect of a retrieve", "307", "address", partial(_script, (_STUDY, _SERIES, _IMAGE), lambda: iter(
        [answer(b"", _MULTIPART, status="307 Temporary", Location=elsewhere.url)]))  # fmt: skip
    yield "a retrieve", "BulkDataURI elsewhere", "address", _listing(
        json.dumps([{"0020000D": _ui(_STUDY), "7FE00010": {"vr": "OW", "BulkDataURI": elsewhere.url}}]).encode()
    )  # fmt: skip
    yield (
        "an image",
        "that never ends",
        "bomb",
        _retrieving(b"DICM" + bytes(65536), first=_part(bytes(128), ends=False)),
    )
    yield "a part", "headers that never end", "bomb", _retrieving(b"X: " + b"a" * 65536, first=b"--line\r\n")
    yield "a preamble", "that never ends", "bomb", _retrieving(b"a" * 65536)
    yield "parts", "without end, all empty", "bomb", _retrieving(b"--line\r\n\r\n\r\n" * 4096)
    yield "boundaries", "that are none", "bomb", _retrieving(b"\r\n--lin" * 8192, first=_part(b"", ends=False))
    yield "a boundary", "of 100 KB", "page", _giving(b"", content_type=f"multipart/related; boundary={'b' * 60_000}")
    yield "a retrieve", "as HTML", "page", _giving(b"<html>log in</html>", content_type="text/html")


def _listing_as(body: bytes, status: str, **headers: Any) -> Script:
    return lambda _method, _path: iter([answer(body, _JSON, status=status, **headers)])


def _streaming(content_type: str, piece: bytes) -> Script:
    def script(_method: str, _path: str) -> Iterator[bytes]:
        yield begun(content_type)
        while True:
            yield piece

    return script


def _retrieving(again: bytes, first: bytes = b"") -> Script:
    def retrieve() -> Iterator[bytes]:
        yield begun(_MULTIPART) + first
        while True:
            yield again

    return partial(_script, (_STUDY, _SERIES, _IMAGE), retrieve)


def _dripping(_method: str, _path: str) -> Iterator[bytes]:
    yield begun(_JSON)
    while True:
        time.sleep(0.2)
        yield b" "


def _ever_more(_method: str, path: str) -> Iterator[bytes]:
    """Two hundred thousand series and more, each page new."""
    if path.partition("?")[0].endswith("/series"):
        start = int(path.rpartition("offset=")[2] or 0)
        yield answer(json.dumps([{"0020000E": _ui(f"1.2.{n}")} for n in range(start, start + 20_000)]).encode(), _JSON)
    else:
        yield from _script((_STUDY, _SERIES, _IMAGE), lambda: iter(()), _method, path)
