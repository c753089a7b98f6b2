"""Summit takes a submission once, fetches the packet itself, checks it, and says so."""

import hashlib
import io
import json
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest
import urllib3

from transfer.sandbox.center import open_institution
from transfer.sandbox.institution import Config

pytestmark = pytest.mark.servers

_PACKET = "c0123456789a-p1"


def _packet(
    files: dict[str, bytes] | None = None, *, flip: bool = False, extra: dict[str, bytes] | None = None
) -> bytes:
    files = files or {"data/notes/1.pdf": b"%PDF" * 50_000, "data/images/a b.dcm": b"DICM" * 9_000}
    manifest = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    tags = {"bagit.txt": b"BagIt-Version: 1.0\n", "manifest-sha256.txt": manifest.encode()}
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, content in {**tags, **files, **(extra or {})}.items():
            member = tarfile.TarInfo(f"{_PACKET}/{name}" if not name.startswith("/") else name)
            content = b"X" + content[1:] if flip and name.startswith("data/notes") else content
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return written.getvalue()


def _bundle(url: str, packet: str = _PACKET) -> dict[str, Any]:
    submission_set = {
        "resourceType": "List",
        "status": "current",
        "mode": "working",
        "code": {"coding": [{"code": "submissionset"}]},
        "identifier": [{"system": "urn:records-transfer:packet", "value": packet}],
    }
    reference = {
        "resourceType": "DocumentReference",
        "status": "current",
        "content": [{"attachment": {"contentType": "application/x-tar", "url": url}}],
    }
    entries = [submission_set, reference]
    return {
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{"resource": r, "request": {"method": "POST", "url": r["resourceType"]}} for r in entries],
    }


@pytest.fixture
def offered(start: Any, gateway: Any) -> tuple[Any, Any, str]:
    path = f"/packets/{_PACKET}/packet.tar"
    gateway.packets[path] = _packet()
    return start("center", gateway_url=gateway.url), gateway, gateway.url + path


def _submit(center: Any, bundle: dict[str, Any], **options: Any) -> urllib3.BaseHTTPResponse:
    return center.ask("/fhir", method="POST", body=json.dumps(bundle), **options)


def _only(center: Any) -> dict[str, Any]:
    [packet] = center.control("packets")
    return packet


def test_a_packet_is_taken_fetched_checked_and_receipted(offered: Any, eventually: Any) -> None:
    center, gateway, url = offered

    answer = _submit(center, _bundle(url))
    receipt = eventually(lambda: gateway.posted)[0]
    done = eventually(lambda: _only(center) if _only(center)["state"] == "done" else None)

    assert answer.json()["type"] == "transaction-response"
    assert [e["response"]["status"] for e in answer.json()["entry"]] == ["201 Created"] * 2
    assert (receipt[0], receipt[2]["status"]) == ("/fhir/Task", "accepted")
    assert receipt[2]["focus"]["identifier"] == {"system": "urn:records-transfer:packet", "value": _PACKET}
    assert (center.folder / "packets" / _PACKET / _PACKET / "data/images/a b.dcm").is_file()
    assert done["failures"] == []


def test_the_same_submission_twice_is_answered_alike_and_fetched_once(offered: Any, eventually: Any) -> None:
    center, gateway, url = offered

    answers = [_submit(center, _bundle(url)).data for _ in range(3)]
    eventually(lambda: _only(center)["state"] == "done")
    answers.append(_submit(center, _bundle(url)).data)
    time.sleep(0.3)

    assert len(set(answers)) == 1
    assert _only(center)["submissions"] == 4
    assert len(gateway.ranges) == len(gateway.posted) == 1


def test_a_download_that_broke_off_goes_on_from_there(offered: Any, eventually: Any) -> None:
    center, gateway, url = offered
    gateway.breaks = [30_000, 50_000]

    _submit(center, _bundle(url))
    eventually(lambda: _only(center)["state"] == "done")

    assert gateway.ranges == [None, "bytes=30000-", "bytes=80000-"]
    assert gateway.posted[0][2]["status"] == "accepted"


@pytest.mark.parametrize(
    "damaged",
    [
        {"flip": True},
        {"extra": {"data/unnamed.pdf": b"x"}},
        {"extra": {"../../escaped": b"x"}},
        {"extra": {"/absolute": b"x"}},
    ],
)
def test_a_packet_that_does_not_check_is_declined(offered: Any, eventually: Any, damaged: dict[str, Any]) -> None:
    center, gateway, url = offered
    gateway.packets[f"/packets/{_PACKET}/packet.tar"] = _packet(**damaged)

    _submit(center, _bundle(url))
    [_, _, task] = eventually(lambda: gateway.posted)[0]

    assert task["status"] == "rejected"
    assert task["statusReason"]["coding"][0]["code"] == "integrity"
    assert not (center.folder / "packets" / "escaped").exists()


def test_a_center_may_decline_with_reasons_or_say_nothing(offered: Any, eventually: Any) -> None:
    center, gateway, url = offered
    center.control("behaviour", {"receipt": "none"})
    _submit(center, _bundle(url))
    eventually(lambda: _only(center)["state"] == "verified")
    assert gateway.posted == []

    center.control("behaviour", {"receipt": "rejected", "reasons": ["pathology-report"]})
    [_, _, task] = eventually(lambda: gateway.posted)[0]

    assert [coding["code"] for coding in task["statusReason"]["coding"]] == ["pathology-report"]


def test_a_center_told_while_it_was_looking_looks_again(
    tmp_path: Path, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its word is changed after it was read, and before the reader has gone."""
    config = Config(
        port=0,
        folder=tmp_path,
        control_token="c",
        accepts_token="a",
        gateway_url="http://127.0.0.1:9",
        gateway_token="s",
    )
    center = open_institution(config)
    center.behaviour["receipt"] = "none"
    center._state[_PACKET] = {"state": "verified", "submissions": 1}
    said: list[str] = []

    def answer_for(packet: str) -> None:
        said.append(center.behaviour["receipt"])
        if center.behaviour["receipt"] == "none":
            center.behaviour["receipt"] = "rejected"
            center.turned({"receipt": "rejected"})

    monkeypatch.setattr(center, "_answer_for", answer_for)
    center.start()

    assert eventually(lambda: said if len(said) > 1 else None) == ["none", "rejected"]


def test_a_receipt_is_sent_again_until_it_is_heard(offered: Any, eventually: Any) -> None:
    center, gateway, url = offered
    gateway.receipt_status = [503, 503]

    _submit(center, _bundle(url))
    eventually(lambda: _only(center)["state"] == "done")

    assert len(gateway.posted) == 3


def test_silence_after_taking_leaves_the_submission_to_be_asked_for(offered: Any, eventually: Any) -> None:
    center, _, url = offered
    center.control("behaviour", {"answer": "silent-after-taking", "fetch": False})
    query = f"/fhir/List?identifier=urn:records-transfer:packet|{_PACKET}"
    assert center.ask(query).json()["total"] == 0

    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        _submit(center, _bundle(url), timeout=urllib3.Timeout(connect=2, read=1))

    found = center.ask(query).json()
    assert found["total"] == 1
    assert found["entry"][0]["resource"]["identifier"][0]["value"] == _PACKET
    assert center.ask("/fhir/List?identifier=urn:records-transfer:packet|other").json()["total"] == 0


def test_the_token_is_shown_to_the_gateway_only(offered: Any) -> None:
    center, gateway, _ = offered

    assert _submit(center, _bundle("http://127.0.0.1:9/packets/x/packet.tar")).status == 422
    assert _submit(center, _bundle(f"{gateway.url}/x/packet.tar", packet="../../etc")).status == 400
    assert _submit(center, {"resourceType": "Bundle"}).status == 400
    assert center.control("packets") == []


def test_a_withdrawn_packet_is_left_alone(offered: Any, eventually: Any) -> None:
    center, gateway, url = offered
    gateway.packets.clear()

    _submit(center, _bundle(url))

    assert eventually(lambda: _only(center)["state"] == "withdrawn")
    assert gateway.posted == []


def test_a_slow_reader_reads_slowly(offered: Any) -> None:
    center, _, url = offered
    center.control("behaviour", {"bytes_per_second": 50_000})

    _submit(center, _bundle(url))
    time.sleep(2)
    kept = (center.folder / "packets" / f"{_PACKET}.tar").stat().st_size

    assert 10_000 < kept < 160_000


def test_a_center_that_was_stopped_goes_on_when_it_is_back(start: Any, offered: Any, eventually: Any) -> None:
    center, gateway, url = offered
    center.control("behaviour", {"bytes_per_second": 50_000})
    _submit(center, _bundle(url))
    time.sleep(1)
    assert center.stop() == 0
    assert gateway.posted == []

    back = start("center", gateway_url=gateway.url, folder=center.config["folder"])
    eventually(lambda: _only(back)["state"] == "done")

    assert gateway.ranges[1].startswith("bytes=")
    assert gateway.posted[0][2]["status"] == "accepted"


def test_a_busy_center_says_when_to_come_again(offered: Any) -> None:
    center, _, url = offered
    center.control("behaviour", {"answer": "error-503", "retry_after": 7})

    answer = _submit(center, _bundle(url))

    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert center.control("packets") == []
