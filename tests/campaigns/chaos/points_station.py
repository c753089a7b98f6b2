"""Where one crash point after another is run: a ledger, keys, a bucket and a receiving center of its own.

A *situation* is an installation as it stood at one moment. A *station* is put into it again for every point, which
takes a tenth of a second, so that each point is the only thing that ever went wrong there.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.kit import acts, clusters
from tests.kit.house import House
from transfer import wiring
from transfer.delivery import Delivery
from transfer.embedded.ports import free
from transfer.embedded.postgres import Postgres, binaries
from transfer.sandbox.center import SummitCancerCenter
from transfer.sandbox.institution import Config
from transfer.sandbox.serving import listen

#: seconds after which a process that does not end is taken for stuck
LONGEST = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is at rest at one moment, and what the verbs tried in it have to know."""

    name: str
    database: str
    #: by the ledger's clock, UTC
    at: datetime
    keys: Path
    objects: dict[str, bytes]
    known: dict[str, Any]


def in_haste(house: House) -> None:
    """Processes are killed here and the machine is not: nothing has to reach the disk."""
    with psycopg.connect(Postgres(house.var / "postgres").url("superuser"), autocommit=True) as admin:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            admin.execute(f"ALTER SYSTEM SET {name} = off")
        admin.execute("SELECT pg_reload_conf()")


def emptied(house: House) -> None:
    """Nothing in the ledger, nothing in the vault, nobody's key but the site's; every institution behaves normally."""
    with psycopg.connect(house.settings.owner_database_url, autocommit=True) as owner:
        clusters.emptied(owner)
    for folder in ("patient", "day"):
        shutil.rmtree(house.settings.keys / folder, ignore_errors=True)
    for key in acts.objects(house):
        house.services.vault.remove(key)
    house.behave("oncology", answer="normal", page_size=4)
    house.behave("archive", answer="normal", slices=None, rows=128)
    house.behave("center", answer="normal", receipt="none", fetch=False)


def kept(house: House, folder: Path, name: str, known: dict[str, Any]) -> Situation:
    """The house as it stands, to be had again."""
    postgres, database = Postgres(house.var / "postgres"), f"at_{name.replace('-', '_')}"
    with house.services.ledger.transaction() as tx:
        at = tx.now()
    with psycopg.connect(postgres.url("superuser"), autocommit=True) as superuser:
        superuser.execute(f"DROP DATABASE IF EXISTS {database}")
        superuser.execute(f"CREATE DATABASE {database} OWNER transfer_owner")
        superuser.execute(f"GRANT CONNECT ON DATABASE {database} TO transfer_app")
    tools = binaries()
    dump = subprocess.run(
        [str(tools / "pg_dump"), postgres.url("superuser", "transfer")], check=True, capture_output=True
    )
    load = [str(tools / "psql"), "-q", "-v", "ON_ERROR_STOP=1", "-o", os.devnull, postgres.url("superuser", database)]
    subprocess.run(load, check=True, input=dump.stdout, capture_output=True)
    keys = folder / f"keys-{name}"
    shutil.copytree(house.settings.keys, keys)
    client = house.services.vault._client  # type: ignore[attr-defined]
    bucket = house.settings.s3_bucket
    objects = {key: client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in acts.objects(house)}
    return Situation(name=name, database=database, at=at, keys=keys, objects=objects, known=known)


class Station:
    """One of them. What it connects to is used only in processes forked off, each of which finds it untouched."""

    def __init__(self, house: House, folder: Path, number: int) -> None:
        self._var = folder / f"s{number}"
        self._database = f"station_{number}"
        self._postgres = Postgres(house.var / "postgres")
        (self._var / "sandbox").mkdir(parents=True)
        for path in (house.var / "sandbox").glob("*.json"):
            shutil.copy(path, self._var / "sandbox")
        self._ports = free(["center", "http", "mllp"])
        self._center: int | None = None
        settings = replace(house.settings, var=self._var, names=self._names(house))
        self._admin = psycopg.connect(self._postgres.url("superuser"), autocommit=True)
        self._house = house
        self.settings = settings
        self._point_institutions_at_us()
        self._stack = contextlib.ExitStack()

    def _names(self, house: House) -> dict[str, str]:
        names = dict(house.settings.names)
        names |= {
            "TRANSFER_VAR": str(self._var),
            "TRANSFER_KEYS": str(self._var / "keys"),
            "TRANSFER_DATABASE_URL": self._postgres.url("app", self._database),
            "TRANSFER_OWNER_DATABASE_URL": self._postgres.url("owner", self._database),
            "TRANSFER_S3_BUCKET": f"station-{self._var.name}",
            "TRANSFER_GATEWAY_HTTP": f"127.0.0.1:{self._ports['http']}",
            "TRANSFER_PUBLIC_URL": self._gateway,
            "SANDBOX_PATHOLOGY_MLLP_PORT": str(self._ports["mllp"]),
            "SANDBOX_CENTER_URL": f"http://127.0.0.1:{self._ports['center']}",
        }
        return names

    @property
    def _gateway(self) -> str:
        return f"http://127.0.0.1:{self._ports['http']}"

    def _point_institutions_at_us(self) -> None:
        """What the institutions know of the doors, as far as a test reads it from their files."""
        for path in (self._var / "sandbox").glob("*.json"):
            said = json.loads(path.read_text()) | {"gateway_url": self._gateway}
            if said.get("gateway_mllp_port"):
                said["gateway_mllp_port"] = self._ports["mllp"]
            path.write_text(json.dumps(said))

    def __enter__(self) -> "Station":
        services = self._stack.enter_context(wiring.connect(self.settings, wiring.origin("test"), connections=8))
        house = House(system=self._house.system, settings=self.settings, services=services)
        self.house = house.delivering(Delivery.WHEN_ALL)
        self.forked(lambda: services.vault.ensure_bucket())  # type: ignore[attr-defined]
        return self

    def __exit__(self, *_: object) -> None:
        self._end_center()
        self._stack.close()
        self._admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(self._database)))
        self._admin.close()

    def put_into(self, situation: Situation) -> None:
        """The ledger and the keys as they were, the center as if it had never heard of us. The bucket is `filled`."""
        fresh, of = sql.Identifier(self._database), sql.Identifier(situation.database)
        self._admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(fresh))
        self._admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER transfer_owner").format(fresh, of))
        # Its clock goes on from then. Otherwise leases that were live in it lapse while other points are run.
        with psycopg.connect(self._postgres.url("superuser", self._database)) as theirs:
            theirs.execute("UPDATE transfer.clock SET ahead = %s - clock_timestamp()", [situation.at])
        shutil.rmtree(self.settings.keys, ignore_errors=True)
        shutil.copytree(situation.keys, self.settings.keys)
        shutil.rmtree(self._var / "tmp", ignore_errors=True)
        (self._var / "tmp").mkdir()
        self._begin_center()

    def filled(self, objects: dict[str, bytes]) -> None:
        """Make the bucket hold these objects and no others. In a process of its own."""
        client, bucket = self.house.services.vault._client, self.settings.s3_bucket  # type: ignore[attr-defined]
        there = acts.objects(self.house)
        for key in there - objects.keys():
            self.house.services.vault.remove(key)
        for key in objects.keys() - there:
            client.put_object(Bucket=bucket, Key=key, Body=objects[key])

    def alone(self, seconds: float = 60.0) -> None:
        """Wait until the database has noticed that whoever was connected to it is dead."""
        until = time.monotonic() + seconds
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        while (self._admin.execute(count, [self._database]).fetchone() or (0,))[0]:
            assert time.monotonic() < until, "a dead process's session goes on"
            time.sleep(0.005)

    # --- processes ----------------------------------------------------------------------------------------------------

    def forked(self, work: Callable[[], object]) -> Any:
        """What the work returns, done in a process of its own.

        Raises:
            AssertionError: it failed, or did not end.
        """
        reading, writing = os.pipe()
        child = self.begun(lambda: _told(writing, work()))
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            said = file.read()
        code = ended(child)
        assert code == 0, f"a process of ours failed ({code}): {self.what_it_said()}"
        return json.loads(said)

    def begun(self, work: Callable[[], object]) -> int:
        """Begin it in a process of its own, which ends with 0 where it comes to its end. Its id."""
        child = os.fork()
        if child:
            return child
        code = 1
        try:
            log = os.open(self._var / "said.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(log, 2)
            signal.alarm(LONGEST)
            work()
            code = 0
        except BaseException:  # noqa: BLE001  it must not run on as a second test process
            traceback.print_exc()
        finally:
            os._exit(code)

    def what_it_said(self) -> str:
        """The last words of the process that ended last."""
        return (self._var / "said.log").read_text(errors="replace")[-1500:]

    @contextmanager
    def living(self, work: Callable[[], object]) -> Iterator[int]:
        """A process that serves until we are done with it."""
        child = self.begun(work)
        try:
            yield child
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)

    def _begin_center(self) -> None:
        """A receiving center that knows nothing yet, and fetches nothing by itself."""
        self._end_center()
        folder = self._var / "center"
        shutil.rmtree(folder, ignore_errors=True)
        path = self._var / "sandbox" / "center.json"
        said = json.loads(path.read_text()) | {"folder": str(folder), "port": self._ports["center"]}
        path.write_text(json.dumps(said))
        center = SummitCancerCenter(Config.read(path))
        center.behaviour |= {"fetch": False, "receipt": "none"}
        server = listen(center)
        self._center = self.begun(lambda: _serve_beside_us(server))
        server.socket.close()

    def _end_center(self) -> None:
        if self._center is not None:
            os.kill(self._center, signal.SIGKILL)
            os.waitpid(self._center, 0)
            self._center = None


def _serve_beside_us(server: ThreadingHTTPServer) -> None:
    """Until whoever began this process is gone."""
    parent = os.getppid()
    signal.alarm(0)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    while os.getppid() == parent:
        time.sleep(0.5)


def ended(child: int) -> int:
    """Its exit code; negative where a signal ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _told(to: int, what: object) -> None:
    with os.fdopen(to, "w") as file:
        json.dump(what, file)
