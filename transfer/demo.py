"""`transfer demo`: one new patient's case from referral to verified packet, on real services, watched as it goes.

The stand-in institutions are told over their control interface to act as people there would. Everything else is the
product at work. The output is read from the ledger, from Airflow's own API and from the receiving center.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import urllib3

from transfer import facts, wiring
from transfer.adapters.packet.signature import jwks
from transfer.arrivals import ArrivalKind
from transfer.completeness import SETTLED, NeedState, WaiverKind
from transfer.embedded.orthanc import Orthanc
from transfer.embedded.system import System
from transfer.errors import Refused, TransferError
from transfer.facts import Chain
from transfer.flow import desk
from transfer.flow.services import Services
from transfer.holds import HoldAnswer, HoldCode
from transfer.identifiers import CaseId
from transfer.ledger import arrivals, rounds
from transfer.materials import MaterialKind
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import RIGHTS, Actor, Role
from transfer.rounds import RoundState
from transfer.sentences import sentence
from transfer.settings import Settings
from transfer.verify import VerificationOutcome, verify

#: seconds until a step that does not come is a failure
MAX_WAIT_SECONDS = 120.0


class DemoFailed(TransferError):
    """The demo did not come to its end; the message says what was waited for."""

    remedy = Remedy(RemedyCode.READ_LOGS)


class AnotherArchive(Refused):
    """The archive is chosen when the services are started."""

    remedy = Remedy(RemedyCode.LEAVE_ARCHIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What `var/demo/summary.json` holds. `runs` are [dag_id, run_id, state] of runs whose id starts with the case's;
    `tasks` is the number of task instances in them; `seconds` from the first command on.
    """

    case_id: str
    packet: str
    jwks: str
    runs: list[list[str]]
    tasks: int
    verified: bool
    seconds: float


TellProgress = Callable[[str], None]


def run(
    var: Path, tell: TellProgress, *, started_at: float, archive: str = "sandbox", disease: str = "colorectal"
) -> Summary:
    """Run the demo with a patient who has this disease.

    The installation at `var` is started if it is not up, and stopped again only then.

    Raises:
        DemoFailed: something that had to happen did not.
        NotInstalled: Orthanc is asked for, and there is none.
        AnotherArchive: it is up with the other image archive.
        BadSetting: a setting or a reviewed file is not what it must be.
        UnusableFolder: the folder or its disk will not do; nothing was started.
        Unavailable: the parts did not start.
    """
    with_orthanc = archive == "orthanc"
    if with_orthanc:
        Orthanc.check()
    system = System(var, sandbox=True, orthanc=with_orthanc)
    was_running = system.is_running()
    if was_running and with_orthanc != any(part.name == "orthanc" for part in system.status()):
        raise AnotherArchive("this installation is up with another image archive")
    tell("Starting PostgreSQL, the object store, the gateway, Airflow and four institutions")
    system.up(lambda line: tell(f"  {line}"))
    try:
        settings = Settings.load({}, var)
        with wiring.connect(settings, wiring.origin("demo", person="demo")) as services:
            return _play(_Stage(settings, services, tell), started_at, disease, with_orthanc=with_orthanc)
    finally:
        if not was_running:
            tell("Stopping what was started (make up leaves it running)")
            system.down()


class _Stage:
    """Where the demo plays: the institutions, the ledger, the audience."""

    def __init__(self, settings: Settings, services: Services, tell: TellProgress) -> None:
        self.settings = settings
        self.services = services
        self.tell = tell
        self._http = urllib3.PoolManager(retries=False, timeout=60)

    def order(self, institution: str, what: str, body: object = None, method: str = "POST") -> Any:
        """Tell an institution to do something, as a person there would."""
        config = json.loads((self.settings.var / "sandbox" / f"{institution}.json").read_text(encoding="utf-8"))
        headers = {"Authorization": f"Bearer {config['control_token']}", "Content-Type": "application/json"}
        url = f"http://127.0.0.1:{config['port']}/_sandbox/{what}"
        answer = self._http.request(method, url, body=json.dumps(body or {}).encode(), headers=headers)
        if answer.status >= 300:
            raise DemoFailed(f"{institution} did not {what}: {answer.status}")
        return json.loads(answer.data)

    def airflow(self, path: str) -> Any:
        """What Airflow shows its auditor."""
        base = self.settings.airflow_url
        passwords = json.loads((self.settings.var / "airflow" / "passwords.json").read_text(encoding="utf-8"))
        login = json.dumps({"username": "auditor", "password": passwords["auditor"]}).encode()
        headers = {"Content-Type": "application/json"}
        token = json.loads(self._http.request("POST", f"{base}/auth/token", body=login, headers=headers).data)
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        return json.loads(self._http.request("GET", f"{base}/api/v2{path}", headers=bearer).data)

    def until(self, what: str, look: Callable[[], Any]) -> Any:
        """Wait until `look` finds something."""
        until = time.monotonic() + MAX_WAIT_SECONDS
        while not (found := look()):
            if time.monotonic() > until:
                raise DemoFailed(f"waited {MAX_WAIT_SECONDS:.0f} s: {what}")
            time.sleep(0.2)
        return found


def _play(stage: _Stage, started_at: float, disease: str, *, with_orthanc: bool) -> Summary:
    chart = _draw_chart(disease)
    # As in life, each knows its own number alone, and the laboratory also that under which its client ordered.
    own = chart["numbers"]["lakeside-oncology"]
    stage.order("oncology", "patients", {**chart, "numbers": {"lakeside-oncology": own}})
    stage.order("pathology", "patients", {**chart, "ordered_under": own})
    if not with_orthanc:
        stage.order("archive", "patients", chart)
    if with_orthanc:
        stage.tell("Mercy Imaging's scanner sends its images to Orthanc")
        count = Orthanc.of(stage.settings).take_in(images_of(chart))
        stage.tell(f"  {count} images")
    stage.tell("Lakeside Oncology files the patient's signed release form")
    stage.order("oncology", "send-release-form", {"chart": chart["id"]})
    stage.until("the release form is stored and sealed", lambda: _is_sealed(stage.services))
    stage.tell("Lakeside Oncology refers the patient for a second opinion")
    stage.order("oncology", "send-referral", {"chart": chart["id"]})
    case = stage.until("the referral is stored", lambda: _newest_case(stage.services))
    stage.tell(f"  case {case}")
    stage.tell("Prairie Pathology's interface sends its reports, this patient's among others'")
    stage.order("pathology", "send-other-patients", {"count": 5})
    stage.order("pathology", "send-report", {"chart": chart["id"], "status": "F"})
    with _watching(stage, case) as look:
        stage.until(
            "Mercy Imaging found somebody", lambda: look() and _asks(stage.services, case, HoldCode.WHOSE_ANSWER)
        )
        _compare(stage, case)
        _choose_list(stage, case, disease)
        arrived = stage.until(
            "the center has checked its packet",
            lambda: look() and _name_records(stage, case) and _arrived(stage, case),
        )
        stage.until("the receipt is recorded", lambda: look() and _has_receipt(stage.services, case))
        _receive_slides(stage, case, chart)
        look()
    return _conclude(stage, case, arrived, started_at)


def _draw_chart(disease: str) -> dict[str, Any]:
    """A new synthetic patient, drawn by the institutions' own program: they share no code with us."""
    drawn = subprocess.run(
        [sys.executable, "-m", "transfer.sandbox.charts", "--disease", disease],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    chart: dict[str, Any] = json.loads(drawn.stdout)
    return chart


def images_of(chart: Mapping[str, Any]) -> list[bytes]:
    """The patient's images as DICOM files, made by the image archive's own program."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "transfer.sandbox.archive", folder]
        subprocess.run(command, check=True, input=json.dumps(chart), text=True, capture_output=True, timeout=120)
        return [path.read_bytes() for path in sorted(Path(folder).glob("*.dcm"))]


def _is_sealed(services: Services) -> bool:
    with services.ledger.transaction() as tx:
        return not arrivals.is_waiting(tx, ArrivalKind.AUTHORIZATION)


def _newest_case(services: Services) -> CaseId | None:
    with services.ledger.transaction() as tx:
        subject = arrivals.newest_subject(tx, ArrivalKind.REFERRAL)
        return CaseId(subject) if subject else None


def _asks(services: Services, case: CaseId, code: HoldCode) -> bool:
    with services.ledger.transaction() as tx:
        return any(opened.code == code for opened in tx.case(case).holds.values())


def _compare(stage: _Stage, case: CaseId) -> None:
    """A person looks at what the archive found, beside the patient."""
    officer = Actor(person="demo", rights=RIGHTS[Role.OFFICER], is_claimed=True)
    asked = next(
        one for one in desk.holds(stage.services, actor=officer, case=case) if one.code is HoldCode.WHOSE_ANSWER
    )
    stage.tell("Mercy Imaging found somebody under a number nobody here has seen; a records officer compares both")
    seen = desk.hold(stage.services, asked.hold, actor=officer).comparison
    if seen:
        stage.tell(f"  decision {asked.hold}: {seen.match_rule.replace('-', ' ')}, {seen.deciders} person decides")
    did = desk.resolve(stage.services, asked.hold, HoldAnswer.OURS, actor=officer)
    stage.tell(f"  ours: {sentence(did)}")


def _choose_list(stage: _Stage, case: CaseId, disease: str) -> None:
    """No code picks some lists: a person does."""
    clerk = Actor(person="demo", rights=RIGHTS[Role.CLERK], is_claimed=True)
    if _asks(stage.services, case, HoldCode.DIAGNOSIS_UNKNOWN) or not stage.services.checklists[disease].codes:
        stage.tell(f"No code of the referral picks a list; a clerk picks {disease}")
        desk.change(stage.services, case, checklist=disease, actor=clerk)


def _name_records(stage: _Stage, case: CaseId) -> bool:
    """Once nobody owes anything more, a person says which record answers a line, or that there is none. True."""
    if not _asks(stage.services, case, HoldCode.NEEDS_UNANSWERED):
        return True
    officer = Actor(person="demo", rights=RIGHTS[Role.OFFICER], is_claimed=True)
    for need in desk.dossier(stage.services, case, actor=officer).needs:
        if not need.is_required or NeedState(need.state) in (*SETTLED, NeedState.AWAITED_MATERIAL):
            continue
        record = next(reversed(need.records), None)
        word = WaiverKind.ANSWERED_BY if record else WaiverKind.ABSENT
        desk.waive(stage.services, case, need.line, word, actor=officer, record=record)
        stage.tell(f"  a records officer says of {need.line}: {word.replace('-', ' ')} {record or ''}".rstrip())
    return True


def _receive_slides(stage: _Stage, case: CaseId, chart: Mapping[str, Any]) -> None:
    slides = len(chart["pathology"]["slides"])
    accession = chart["pathology"]["accession"]["value"]
    clerk = Actor(person="demo", rights=RIGHTS[Role.CLERK], is_claimed=True)
    for one in desk.dossier(stage.services, case, actor=clerk).materials:
        count = 1 if one.pieces == MaterialKind.BLOCK else slides
        stage.tell(f"A courier brings {count} {one.pieces}s from Prairie Pathology; a clerk counts them in")
        desk.receive_material(
            *(stage.services, case),
            pieces=count,
            announced=count,
            accession=accession,
            actor=clerk,
            material=one.material,
        )


def _arrived(stage: _Stage, case: CaseId) -> Any:
    mine = [one for one in stage.order("center", "packets", method="GET") if one["packet"].startswith(case)]
    return next((one for one in mine if one["state"] == "done"), None)


def _has_receipt(services: Services, case: CaseId) -> bool:
    with services.ledger.transaction() as tx:
        newest = tx.case(case).newest_packet
        return newest is not None and newest.receipt is not None


# --- what the audience sees -------------------------------------------------------------------------------------------


@contextmanager
def _watching(stage: _Stage, case: CaseId) -> Iterator[Callable[[], bool]]:
    """A function that prints each new fact of the case once and returns True."""
    told = 0

    def look() -> bool:
        nonlocal told
        with stage.services.ledger.transaction() as tx:
            lines = tx.lines(Chain.case(case))[told:]
        for line in lines:
            if sentence := _sentence(stage.services, line.fact):
                stage.tell(f"  {sentence}")
        told += len(lines)
        return True

    yield look


def _sentence(services: Services, fact: facts.Fact) -> str | None:
    match fact:
        case facts.CaseOpened():
            return f"case opened with the checklist {fact.checklist} for {services.institutions[fact.receiver].name}"
        case facts.RequestMoved(state="asking"):
            return f"asking, on the basis of {fact.basis}"
        case facts.RecordCollected():
            also = ", a copy of one we have" if fact.copy_of else ""
            return f"{fact.document} from {services.institutions[fact.institution].name}, {fact.size:,} bytes{also}"
        case facts.MaterialReceived():
            return f"{fact.received} of {fact.expected} pieces counted in"
        case facts.PacketAssembled():
            return f"packet {fact.packet} put together: {len(fact.records)} records, {fact.size:,} bytes, signed"
        case facts.DisclosureBegun():
            return (
                f"handing it to {services.institutions[fact.recipient].name}, on the basis of {', '.join(fact.bases)}"
            )
        case facts.DisclosureSettled():
            return f"handed over: {fact.outcome}"
        case facts.ReceiptRecorded():
            return f"receipt of the center: {fact.status}"
    return None


def _conclude(stage: _Stage, case: CaseId, arrived: Mapping[str, Any], started_at: float) -> Summary:
    folder = stage.settings.var / "demo"
    folder.mkdir(mode=0o700, exist_ok=True)
    keys = folder / "jwks.json"
    keys.write_text(json.dumps(jwks([wiring.signer(wiring.keys(stage.settings))])), encoding="utf-8")
    packet = Path(arrived["folder"])
    verification = verify(packet, json.loads(keys.read_text(encoding="utf-8")))
    runs = stage.until("all runs are finished and noted", lambda: _finished_runs(stage, case))
    summary = Summary(
        case_id=case,
        packet=str(packet),
        jwks=str(keys),
        runs=[[run["dag_id"], run["dag_run_id"], run["state"]] for run in runs],
        tasks=sum(_task_count(stage, run) for run in runs),
        verified=verification.outcome is VerificationOutcome.VERIFIED,
        seconds=round(time.time() - started_at, 1),
    )
    (folder / "summary.json").write_text(json.dumps(asdict(summary), indent=2) + "\n", encoding="utf-8")
    if not summary.verified:
        raise DemoFailed(f"the packet did not verify: {verification.outcome}")
    for run in runs:
        stage.tell(f'  run {run["dag_id"]} {run["dag_run_id"]}: {run["state"]}, "{run["note"]}"')
    return summary


def _finished_runs(stage: _Stage, case: CaseId) -> list[dict[str, Any]] | None:
    """All runs of the case once each has ended and carries its note."""
    found = stage.airflow(f"/dags/~/dagRuns?run_id_pattern={case}%25&limit=100&order_by=run_after")["dag_runs"]
    mine: list[dict[str, Any]] = [run for run in found if run["dag_run_id"].startswith(case)]
    over = all(run["state"] in ("success", "failed") and run["note"] for run in mine)
    with stage.services.ledger.transaction() as tx:
        owed = [one for one, _ in rounds.of_case(tx, case) if one.state is not RoundState.DONE]
    return mine if mine and over and not owed else None


def _task_count(stage: _Stage, run: Mapping[str, Any]) -> int:
    path = f"/dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances?limit=100"
    return int(stage.airflow(path)["total_entries"])
