"""Ways on which something of a marked patient comes in, goes out, or goes wrong."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.kit.doors import a_task, config, deliver, post
from tests.kit.house import Chart, House
from tests.kit.marked_patients import STEM
from tests.kit.paper_forms import SCAN, fields_for
from transfer.identifiers import CaseId
from transfer.ledger import holds
from transfer.sandbox.oncology import letters
from transfer.sandbox.pathology import messages

TRANSFER = Path(sys.executable).parent / "transfer"


def at_the_desk(house: House, *arguments: object, typed: str = "", person: str = "ann", ends: int = 0) -> str:
    """`transfer ...` as a process of its own, with what a person types coming from a pipe; it ends with this code."""
    done = subprocess.run(
        [str(TRANSFER), *map(str, arguments)],
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=house.var,
        env={**os.environ, "TRANSFER_VAR": str(house.var), "TRANSFER_PERSON": person},
    )
    assert done.returncode == ends, (arguments, done.returncode, done.stderr)
    assert STEM.lower() not in done.stderr.lower(), done.stderr
    return done.stdout


def question(house: House, code: str, subject: str) -> str:
    """The open question of this code about this subject: its name."""
    with house.services.ledger.transaction() as tx:
        return next(h.id for h in holds.open_holds(tx) if h.code == code and h.subject == subject)


def has_question(house: House, code: str, subject: str) -> bool:
    with house.services.ledger.transaction() as tx:
        return any(hold.code == code and hold.subject == subject for hold in holds.open_holds(tx))


# --- what comes in and cannot be read ---------------------------------------------------------------------------------


def unreadable(house: House, chart: Chart) -> None:
    """Every door gets what no door can read, with the patient's words wherever there is room for one."""
    word, family = chart["marked"], chart["patient"]["family"]
    posted = [post(house, "oncology", path, body).status for path, body in _malformed_fhir(chart)]
    assert set(posted) <= {200, 201, 400, 403}, posted
    # a good part of each: what is taken is read by a task, and what is refused is told why
    assert sum(status < 300 for status in posted) >= 10, posted
    assert sum(status >= 400 for status in posted) >= 5, posted
    assert post(house, "oncology", f"/fhir/{family}?family={family}", {"resourceType": "Patient"}).status == 403
    assert post(house, "oncology", "/fhir", {"resourceType": "Patient"}, token=family).status == 401
    answers = Counter(deliver(house, *_malformed_hl7(chart)))
    assert answers.keys() == {"AA", "AR"}, answers
    assert answers["AA"] >= 50, answers
    for raw in _malformed_http(house, word):
        _throw(house, raw)


def _malformed_fhir(chart: Chart) -> list[tuple[str, object]]:
    family = chart["patient"]["family"]
    form = letters.release_form(chart, {})
    referral = letters.referral(chart, {})
    pushed = letters.pushed(chart, "progress")
    alien = json.loads(json.dumps(pushed).replace("application/pdf", f"application/{family}"))
    entries = json.loads(json.dumps(pushed))
    entries["entry"][0]["resource"]["date"] = family
    return [
        ("/fhir/Consent", {**form, "dateTime": family}),
        ("/fhir/Consent", {**form, "status": family}),
        ("/fhir/Consent", {**form, family: family}),
        ("/fhir/Consent", {**form, family.lower(): {family.lower(): 1}}),
        ("/fhir/Consent", {**form, "provision": {**form["provision"], "type": family, family.lower(): family}}),
        ("/fhir/Consent", {**form, "patient": {"reference": f"Patient/{family}"}, "contained": []}),
        ("/fhir/Consent", {**form, "sourceAttachment": {"contentType": "application/pdf", "data": family}}),
        ("/fhir/Consent", json.dumps(form).encode()[:-40]),
        ("/fhir/Consent", json.dumps(form).replace("{", '{"status": "active",', 1).encode()),
        ("/fhir/Consent", json.dumps(form).encode("utf-16")),
        ("/fhir", {"resourceType": family.capitalize(), "name": family}),
        ("/fhir", {**referral, "type": family}),
        ("/fhir", _with_type(referral, "ServiceRequest", family.capitalize())),
        ("/fhir", _changed(referral, "ServiceRequest", occurrenceDateTime=family, priority=family, status=family)),
        ("/fhir", _changed(referral, "ServiceRequest", reasonCode=[{"coding": [{"code": family}]}])),
        ("/fhir", _changed(referral, "Task", restriction={"period": {"end": family}})),
        ("/fhir", _changed(referral, "Patient", birthDate=family, gender=family)),
        ("/fhir", entries),
        ("/fhir", alien),
        ("/fhir", _changed(pushed, "DocumentReference", status=family, content=[{"attachment": {"url": family}}])),
        ("/fhir", _with_type(pushed, "Binary", family.capitalize())),
        ("/fhir/Task", a_task("packet", family, "accepted")),
        ("/fhir/Task", a_task("request", family, "rejected", family)),
    ]


def _changed(bundle: dict[str, Any], kind: str, **values: object) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(bundle))
    for entry in copy["entry"]:
        if entry["resource"]["resourceType"] == kind:
            entry["resource"] |= values
    return copy


def _with_type(bundle: dict[str, Any], kind: str, other: str) -> dict[str, Any]:
    return _changed(bundle, kind, resourceType=other)


def _malformed_hl7(chart: Chart) -> list[bytes]:
    """A report with the patient's words in each field of each segment in turn, and in odd places of the header."""
    word, family = chart["marked"], chart["patient"]["family"]
    report = messages.report(chart, control_id=f"{word}1", status="F", form="oru").decode().split("\r")
    found = [b"no message at all of " + family.encode(), f"MSH|^~\\&|{family}".encode()]
    for n, segment in enumerate(report):
        fields = segment.split("|")
        for place in range(1 if n else 3, min(len(fields), 9)):
            if n == 0 and place in (3,):
                continue  # who sends it: refused at the door, which is tried below
            changed = [*fields[:place], f"{family}^{family}&{family}~{family}", *fields[place + 1 :]]
            whole = [*report[:n], "|".join(changed), *report[n + 1 :]]
            found.append("\r".join(whole).replace(f"{word}1|", f"{word}{n}{place}|", 1).encode())
    header = report[0].split("|")
    for place, value in ((2, family), (3, family), (8, f"{family}^{family}"), (11, family), (17, family)):
        changed = [*header[:place], value, *header[place + 1 :]]
        found.append("\r".join(["|".join(changed), *report[1:]]).encode())
    found.append("\r".join(report).encode()[:-200])
    found.append("\r".join([report[0], f"{family[:3]}|{family}", *report[1:]]).encode("utf-16-le"))
    return found


def _malformed_http(house: House, word: str) -> list[bytes]:
    token = config(house, "oncology")["gateway_token"]
    bearer = f"Authorization: Bearer {token}\r\n"
    return [
        f"GET /packets/{word}/packet.tar?who={word} HTTP/1.1\r\nHost: x\r\n{bearer}\r\n".encode(),
        f"GET /{word}/../{word} HTTP/1.1\r\nHost: {word}\r\nX-{word}: {word}\r\n\r\n".encode(),
        f"{word} /{word} {word}/9\r\n{word}\r\n\r\n".encode(),
        f"POST /fhir HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/{word}\r\n\r\n".encode(),
        f"POST /fhir HTTP/1.1\r\nHost: x\r\n{bearer}Content-Length: {word}\r\n\r\n".encode(),
        f"POST /fhir HTTP/1.1\r\nHost: x\r\n{bearer}Content-Type: application/json\r\n"
        f"Transfer-Encoding: chunked\r\n\r\n{word}\r\n{word}\r\n".encode(),
        f"GET /fhir HTTP/1.1\r\nHost: x\r\nCookie: {word}\r\nRange: bytes={word}\r\n\r\n".encode() + b"\xff" * 9,
    ]


def _throw(house: House, raw: bytes) -> None:
    at = urlsplit(config(house, "oncology")["gateway_url"])
    with socket.create_connection((at.hostname or "", at.port or 0), timeout=5) as line, suppress(OSError):
        line.sendall(raw)
        line.shutdown(socket.SHUT_WR)
        while line.recv(65536):
            pass


def paper_forms(house: House, chart: Chart, case: CaseId, folder: Path) -> None:
    """Release forms on paper: complete, in words, wrong, disputed, refusing and broken. Scan and fields bear the
    patient's words wherever there is room for one. `folder` is outside the installation.
    """
    who, family = chart["patient"], chart["patient"]["family"]
    born = date.fromisoformat(who["birth_date"])
    said: dict[str, bytes] = {
        "complete": fields_for(chart, patient__birth_date=born, number=f"{family}-1"),
        "in words": fields_for(chart, patient__birth_date=born, number=f"{family}-2", other_terms="present"),
        "disputed": fields_for(chart, patient__birth_date=born, number=f"{family}-3", disputes=["compound"]),
        "of another": fields_for(chart, patient__birth_date=date(1931, 5, 6), number=f"{family}-4"),
        "of nobody we know": fields_for(chart, released_to=[family], number=f"{family}-5"),
        "a value of no list": fields_for(chart, signature__kind=family, purposes=[family]),
        "a field of no list": fields_for(chart) + f"{family}: {family}\n".encode(),
        "no field at all": f"{family}\n".encode(),
        "no YAML": f"{family}: [{family}\n\t'{family}".encode(),
        "no text": fields_for(chart).replace(b"form: release", b"form: \xff" + family.encode()),
    }
    scan = folder / "form.pdf"
    scan.write_bytes(SCAN + f"% {family} {who['birth_date']} {chart['marked']}".encode())
    ended = [_enter(house, case, folder / f"{number}.yaml", text, scan) for number, text in enumerate(said.values())]
    assert ended.count(0) >= 3, ended
    assert ended.count(4) >= 5, ended
    scan.write_bytes(f"no PDF: {family}".encode())
    assert _enter(house, case, folder / "0.yaml", said["complete"], scan) in (1, 2, 4)


def _enter(house: House, case: CaseId, file: Path, said: bytes, scan: Path) -> int:
    """Enter these fields at the desk: the code that this ends with. Of the patient it says nothing."""
    file.write_bytes(said)
    done = subprocess.run(
        [str(TRANSFER), "permission", "file", case, str(file), "--scan", str(scan), "--from", "lakeside-oncology"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=house.var,
        env={**os.environ, "TRANSFER_VAR": str(house.var), "TRANSFER_PERSON": "ann"},
    )
    assert STEM.lower() not in done.stderr.lower(), done.stderr
    return done.returncode


# --- killed -----------------------------------------------------------------------------------------------------------


def kill_the_gateway_within_a_message(house: House, chart: Chart) -> None:
    """It dies with half a long message in its spool, and half a posted one in its memory."""
    report = messages.report(chart, control_id=f"{chart['marked']}K", status="F", form="oru")
    known = config(house, "pathology")
    at = urlsplit(known["gateway_url"])
    before = house.system.pid("gateway")
    with (
        socket.create_connection(("127.0.0.1", known["gateway_mllp_port"]), timeout=20) as mllp,
        socket.create_connection((at.hostname or "", at.port or 0), timeout=20) as http,
    ):
        mllp.sendall(b"\x0b" + report + b"\rNTE|1||" + chart["patient"]["family"].encode() * 200_000)
        token = config(house, "oncology")["gateway_token"]
        http.sendall(
            f"POST /fhir HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
            "Content-Type: application/fhir+json\r\nContent-Length: 9999999\r\n\r\n"
            f"{json.dumps(letters.referral(chart, {}))}".encode()
        )
        time.sleep(0.3)
        os.kill(before, signal.SIGKILL)
    house_answers(house, "gateway", before)


def kill(house: House, name: str) -> None:
    """A part of ours dies outright, at whatever it is, and is there again."""
    before = house.system.pid(name)
    os.kill(before, signal.SIGKILL)
    house_answers(house, name, before)


def house_answers(house: House, name: str, before: int) -> None:
    until = time.monotonic() + 60
    while not any(c.name == name and c.state == "up" and c.pid not in (None, before) for c in house.system.status()):
        assert time.monotonic() < until, f"{name} does not come up again"
        time.sleep(0.05)


def tasks_at_work(house: House) -> list[int]:
    """Processes in which Airflow runs a task of this installation now."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            title, at = (process / "cmdline").read_bytes(), (process / "cwd").readlink()
            if re.match(rb"airflow worker -- [0-9a-f]{8}-", title) and at.is_relative_to(house.var):
                found.append(int(process.name))
    return found


# --- what institutions say of us --------------------------------------------------------------------------------------


def no_records_because(house: House, case: CaseId, reason: str) -> None:
    """The oncology office has nothing for a request, with a reason in a word of its own."""
    with house.services.ledger.transaction() as tx:
        request = tx.value(
            "SELECT request FROM requests WHERE case_id = %s AND institution = 'lakeside-oncology'", case
        )
    post(house, "oncology", "/fhir/Task", a_task("request", request, "rejected", reason))
