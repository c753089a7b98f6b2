"""`transfer doctor` names what is wrong, with its remedy: each fault is planted, a real one where a server is here."""

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import psycopg
import pytest
import yaml
from click.testing import CliRunner, Result

from tests.kit import read_once
from tests.kit.peers import installed
from tests.kit.peers.certificates import Certificates, certificates
from tests.kit.scripted_airflow import ScriptedAirflow
from transfer import facts, health
from transfer.adapters.keys import FolderKeys
from transfer.adapters.vault import S3Vault
from transfer.cli import main
from transfer.embedded.postgres import Postgres
from transfer.embedded.store import Store
from transfer.health import Readiness
from transfer.ledger import Ledger
from transfer.rounds import Dag

pytestmark = pytest.mark.servers

NOBODY = "http://127.0.0.1:9"


class _Door(BaseHTTPRequestHandler):
    server: "Office"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.send_response_only(self.server.status)
        self.send_header("Date", format_datetime(datetime.now(UTC) + self.server.ahead, usegmt=True))
        body = b'{"resourceType": "Bundle", "type": "searchset"}'
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Office(ThreadingHTTPServer):
    """An institution's FHIR server, by TLS. It answers with `status`, by a clock that is `ahead`."""

    def __init__(self, known: Certificates) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(known.files["certificate"], known.files["key"])
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.status, self.ahead = 200, timedelta(0)
        self.asked: list[str] = []

    def handle_error(self, *_: object) -> None:
        """Whoever does not trust us hangs up."""


@dataclass
class Installation:
    """One in which all is well, until somebody plants a fault."""

    var: Path
    keys: Path
    owner: str
    ledger: Ledger
    airflow: ScriptedAirflow
    office: Office
    known: Certificates
    settings: dict[str, str]
    file: dict[str, object]
    institutions: Path
    #: processes of ours that tell how they are
    processes: dict[str, ExitStack] = field(default_factory=dict)

    def doctor(self, *arguments: str) -> Result:
        (self.institutions / "riverside.yaml").write_text(yaml.safe_dump(self.file))
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.settings.items():
                patch.setenv(name, value)
            result = CliRunner().invoke(main, ["doctor", "--var", str(self.var), *arguments])
        assert result.exit_code != 70, result.stderr
        return result

    def faults(self, *arguments: str) -> set[tuple[str, str]]:
        return {(one["code"], one["about"]) for one in json.loads(self.doctor("--json", *arguments).stdout)["faults"]}

    def asked(self) -> dict[str, object]:
        (department,) = self.file["departments"]  # type: ignore[misc]
        return department["asked"]  # type: ignore[index,no-any-return,call-overload]

    def sql(self, statement: str) -> None:
        with psycopg.connect(self.owner, autocommit=True, options="-csearch_path=transfer") as owner:
            owner.execute(statement.encode())


@contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def a_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls") / "known", days=90)


@pytest.fixture
def here(
    ledger: Ledger, migrated: Postgres, keys: FolderKeys, store: Store, known: Certificates, tmp_path: Path
) -> Iterator[Installation]:
    read_once.service_models()
    vault = {"region": "us-east-1", "access_key": store.access_key, "secret_key": store.secret_key}
    S3Vault(endpoint=store.endpoint, bucket="doctor", **vault).ensure_bucket()
    (tmp_path / "var").mkdir(mode=0o700)
    (tmp_path / "institutions").mkdir()
    airflow, office = ScriptedAirflow(), Office(known)
    with ledger.transaction() as tx:
        tx.append(facts.SYSTEM, facts.BackupBegun(backup="b", lapses="2026-12-01"))
        tx.append(facts.SYSTEM, facts.BackedUp(backup="b", lapses="2026-12-01", objects=0))
        tx.append(facts.SYSTEM, facts.RestoreTested(backup="b", taken="2026-11-01", objects=0, chains=1))
    installation = Installation(
        var=tmp_path / "var",
        keys=tmp_path / "keys",
        owner=migrated.url("owner"),
        ledger=ledger,
        airflow=airflow,
        office=office,
        known=known,
        institutions=tmp_path / "institutions",
        settings={
            "TRANSFER_DATABASE_URL": migrated.url("app"),
            "TRANSFER_KEYS": str(tmp_path / "keys"),
            "TRANSFER_S3_ENDPOINT": store.endpoint,
            "TRANSFER_S3_ACCESS_KEY": store.access_key,
            "TRANSFER_S3_SECRET_KEY": store.secret_key,
            "TRANSFER_S3_BUCKET": "doctor",
            "TRANSFER_AIRFLOW_URL": airflow.url,
            "TRANSFER_AIRFLOW_PASSWORD": "secret",
            "TRANSFER_INSTITUTIONS": str(tmp_path / "institutions"),
            "TRANSFER_DISK_FREE_PERCENT": "0",
            "TRANSFER_TLS_CERTIFICATE": str(known.files["certificate"]),
        },
        file={
            "id": "riverside",
            "name": "Riverside",
            "time_zone": "America/Chicago",
            "departments": [
                {
                    "id": "office",
                    "name": "Office",
                    "holds": ["note"],
                    "asked": {
                        "by": "fhir",
                        "base_url": f"https://localhost:{office.server_port}",
                        "token": "secret-token",
                        "tls": {"authority": str(known.files["authority"])},
                    },
                }
            ],
        },
    )
    with ExitStack() as running, serving(airflow), serving(office):
        for name in ("gateway", "dispatcher", "desk"):
            port = a_port()
            installation.settings[f"TRANSFER_{name.upper()}_HEALTH"] = f"127.0.0.1:{port}"
            installation.processes[name] = running.enter_context(ExitStack())
            installation.processes[name].enter_context(health.served(("127.0.0.1", port), Readiness({})))
        yield installation


def test_where_nothing_is_wrong_it_says_so_and_what_it_asked_is_about_nobody(here: Installation):
    said = here.doctor()

    assert (said.exit_code, said.output.splitlines()[-1][:17]) == (0, "Nothing is wrong:")
    assert [path.partition("?")[0] for path in here.office.asked] == ["/Patient"]
    assert here.office.asked[0].endswith("%7Cnobody")


# --- what is planted --------------------------------------------------------------------------------------------------


def _database_is_down(here: Installation) -> None:
    here.settings["TRANSFER_DATABASE_URL"] = "postgresql://app:topsecret@127.0.0.1:1/x?connect_timeout=1"


def _store_is_down(here: Installation) -> None:
    here.settings["TRANSFER_S3_ENDPOINT"] = NOBODY


def _disk_is_nearly_full(here: Installation) -> None:
    here.settings["TRANSFER_DISK_FREE_PERCENT"] = "100"


def _dag_is_paused(here: Installation) -> None:
    here.airflow.dags[Dag.OPEN_CASE]["is_paused"] = True


def _dag_has_import_errors(here: Installation) -> None:
    here.airflow.dags[Dag.OPEN_CASE] |= {"has_import_errors": True, "is_stale": True}  # as Airflow keeps it


def _dag_is_stale(here: Installation) -> None:
    here.airflow.dags[Dag.OPEN_CASE]["is_stale"] = True


def _dag_is_gone(here: Installation) -> None:
    del here.airflow.dags[Dag.OPEN_CASE]


def _airflow_is_away(here: Installation) -> None:
    here.settings["TRANSFER_AIRFLOW_URL"] = NOBODY


def _scheduler_is_silent(here: Installation) -> None:
    here.airflow.is_healthy = False


def _our_certificate_ends(here: Installation) -> None:
    soon = certificates(here.var.parent / "soon", days=5)
    here.settings["TRANSFER_TLS_CERTIFICATE"] = str(soon.files["certificate"])


def _chain_is_wrong(here: Installation) -> None:
    other = certificates(here.var.parent / "other", days=90)
    here.asked()["tls"] = {"authority": str(other.files["authority"])}


def _credential_is_refused(here: Installation) -> None:
    here.office.status = 401


def _name_does_not_resolve(here: Installation) -> None:
    here.asked()["base_url"] = "https://nobody.invalid"


def _port_is_closed(here: Installation) -> None:
    here.asked()["base_url"] = f"https://localhost:{a_port()}"


def _their_clock_is_wrong(here: Installation) -> None:
    here.office.ahead = timedelta(minutes=-10)


def _path_is_wrong(here: Installation) -> None:
    here.office.status = 404


def _backup_is_too_old(here: Installation) -> None:
    here.settings["TRANSFER_BACKUP_HOURS"] = "1"
    here.sql("UPDATE clock SET ahead = ahead + interval '2 hours'")


def _there_was_no_backup(here: Installation) -> None:
    here.sql("ALTER TABLE facts DISABLE TRIGGER ALL; DELETE FROM facts; ALTER TABLE facts ENABLE TRIGGER ALL")


def _key_is_unreadable(here: Installation) -> None:
    (here.keys / "site").write_bytes(b"x")


def _keys_are_others(here: Installation) -> None:
    with here.ledger.transaction() as tx:  # the ledger knows its keys from now on
        tx.now()
    (here.keys / "site").write_bytes(b"x" * 32)


def _dispatcher_is_not_running(here: Installation) -> None:
    here.processes["dispatcher"].close()


def _worker_takes_nothing(here: Installation) -> None:
    here.sql(
        "INSERT INTO due_runs (dag_id, subject, round, state, not_before, posted_at) VALUES ('open_case', "
        "'c0123456789a', 1, 'posted', now() - interval '10 minutes', now() - interval '10 minutes')"
    )


def _arrival_is_unattended(here: Installation) -> None:
    here.sql(
        "INSERT INTO arrivals (arrival, institution, door, kind, dedupe, content_type, size, sha256, key, received_at) "
        "VALUES ('a0123456789abcde', 'riverside', 'fhir', 'answer', 'x', 'text/plain', 1, 'x', 'day/x', "
        "now() - interval '20 minutes')"
    )


def _scans_are_not_read(here: Installation) -> None:
    here.settings["TRANSFER_TESSERACT"] = "/nowhere/tesseract"


def _file_has_a_mistake(here: Installation) -> None:
    here.file["grants"] = ["everything"]


PLANTED: dict[str, tuple[Callable[[Installation], None], tuple[str, str], str]] = {
    "PostgreSQL is down": (_database_is_down, ("part-away", "ledger"), "transfer status"),
    "the store is down": (_store_is_down, ("part-away", "store"), "transfer status"),
    "the disk is nearly full": (_disk_is_nearly_full, ("disk-fills", "var"), "#when-a-disk-fills"),
    "a DAG is paused": (_dag_is_paused, ("dag-paused", "open_case"), "Unpause"),
    "a DAG has import errors": (_dag_has_import_errors, ("dag-unreadable", "open_case"), "Mend its file"),
    "a DAG's file is gone": (_dag_is_stale, ("dag-unknown", "open_case"), "folder of DAGs"),
    "a DAG is gone": (_dag_is_gone, ("dag-unknown", "open_case"), "folder of DAGs"),
    "Airflow is away": (_airflow_is_away, ("part-away", "airflow"), "transfer status"),
    "the scheduler is silent": (_scheduler_is_silent, ("part-away", "airflow-scheduler"), "transfer status"),
    "our certificate ends in 5 days": (
        _our_certificate_ends,
        ("certificate-ends", "TRANSFER_TLS_CERTIFICATE"),
        "#when-a-certificate-ends",
    ),
    "a chain is wrong": (_chain_is_wrong, ("door-tls", "riverside, office"), "under tls in its file"),
    "a credential is refused": (_credential_is_refused, ("door-credential", "riverside, office"), "accept us"),
    "a name does not resolve": (_name_does_not_resolve, ("door-name", "riverside, office"), "resolver"),
    "a port is closed": (_port_is_closed, ("door-port", "riverside, office"), "firewalls"),
    "their clock is wrong": (_their_clock_is_wrong, ("door-clock-differs", "riverside, office"), "NTP"),
    "a path is wrong": (_path_is_wrong, ("door-answer", "riverside, office"), "Compare the address"),
    "the backup is too old": (_backup_is_too_old, ("backup-old", ""), "transfer backup"),
    "there was no backup": (_there_was_no_backup, ("no-backup", ""), "transfer backup"),
    "a key is unreadable": (_key_is_unreadable, ("keys-away", "keys"), "transfer keys restore"),
    "the keys are another's": (_keys_are_others, ("keys-away", "keys"), "transfer keys restore"),
    "the dispatcher does not run": (_dispatcher_is_not_running, ("part-away", "dispatcher"), "transfer status"),
    "no worker takes a run": (_worker_takes_nothing, ("runs-wait", ""), "scheduler and workers"),
    "an arrival is unattended": (_arrival_is_unattended, ("arrivals-wait", ""), "transfer status"),
    "the program that reads scans is gone": (_scans_are_not_read, ("scans-unread", "tesseract"), "TRANSFER_TESSERACT"),
    "a reviewed file has a mistake": (_file_has_a_mistake, ("file-mistaken", ""), "Correct it"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_fault_is_named_with_its_remedy_and_no_other_is(here: Installation, case: str):
    plant, fault, remedy = PLANTED[case]
    plant(here)

    said = here.doctor("--json")

    (named,) = json.loads(said.stdout)["faults"]
    assert (said.exit_code, (named["code"], named["about"])) == (1, fault)
    assert remedy in " ".join(filter(None, (named["remedy"], named["command"], named["page"])))
    assert "secret" not in said.output


def test_for_programs_it_tells_what_was_measured_too(here: Installation):
    here.office.ahead = timedelta(seconds=-50)

    said = json.loads(here.doctor("--json").stdout)

    ledger = next(one for one in said["measured"]["parts"] if one["name"] == "ledger")
    assert (said["faults"], ledger["state"]) == ([], "up")
    assert -53 < said["doors"][0]["ahead"] < -49


def test_a_pending_migration_is_named(here: Installation):
    here.sql("DELETE FROM public.migrations WHERE number = '0047'")
    try:
        assert here.faults("--no-doors") == {("migrations-pending", "ledger")}
    finally:
        here.sql("INSERT INTO public.migrations VALUES ('0047', now())")


def test_since_when_stands_in_the_line_where_it_is_known(here: Installation):
    _arrival_is_unattended(here)

    said = here.doctor("--no-doors").output

    assert said.startswith("Messages that are stored and read by nobody yet: 1 (since 20")
    assert ": transfer status; docs/operations.md#what-a-red-run-means\n" in said


def test_that_no_text_is_read_from_scans_is_said_and_is_no_fault(here: Installation):
    said = here.doctor("--no-doors")

    assert "No text is read from scans: TRANSFER_TESSERACT is not set here." in said.output
    assert said.exit_code == 0

    here.settings["TRANSFER_TESSERACT"] = str(installed.program("tesseract"))
    said = here.doctor("--no-doors")
    assert "scans" not in said.output
    assert said.exit_code == 0


def test_doors_of_one_institution_alone_are_tried_and_of_none(here: Installation):
    here.office.status = 401

    assert here.faults("riverside") == {("door-credential", "riverside, office")}
    assert here.faults("--no-doors") == set()
    assert here.doctor("summit").exit_code == 2


def test_where_nothing_is_set_up_it_cannot_look(tmp_path: Path):
    said = CliRunner().invoke(main, ["doctor", "--var", str(tmp_path / "var")])

    assert said.exit_code == 2
