"""The embedded PostgreSQL: shut to all but its three roles, silent about what it holds, found again after a crash."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import psycopg
import pytest

from tests.kit.clusters import copied
from transfer.embedded.postgres import MAX_SOCKET_PATH_BYTES, Postgres
from transfer.errors import Unavailable

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def postgres():
    """One as the product makes it, in place of the copy that other tests have."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    postgres = Postgres(folder / "postgres")
    postgres.start()
    yield postgres
    postgres.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def new_postgres(short_folder):
    """There is no cluster yet."""
    postgres = Postgres(short_folder / "postgres")
    yield postgres
    postgres.stop()


@pytest.fixture
def own_postgres(short_folder):
    """A cluster that is there already and does not run."""
    postgres = copied(short_folder / "postgres")
    yield postgres
    postgres.stop()


def test_each_role_reaches_its_own_database(postgres):
    for role, expected in (
        ("owner", ("transfer_owner", "transfer")),
        ("app", ("transfer_app", "transfer")),
        ("airflow", ("airflow", "airflow")),
    ):
        with psycopg.connect(postgres.url(role)) as connection:
            assert connection.execute("SELECT current_user::text, current_database()::text").fetchone() == expected


@pytest.mark.parametrize(
    ("role", "database"),
    [("airflow", "transfer"), ("airflow", "postgres"), ("app", "airflow"), ("owner", "airflow"), ("app", "postgres")],
)
def test_no_role_reaches_another_database(postgres, role, database):
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(postgres.url(role, database))


def test_the_app_role_may_do_nothing_until_it_is_granted(postgres):
    with psycopg.connect(postgres.url("app")) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE t (n int)")


def test_nobody_comes_in_without_the_password(postgres):
    url = postgres.url("app")
    password = url.split(":")[2].split("@")[0]

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url.replace(password, "guess"))


def test_whoever_connects_pays_for_no_rounds_that_a_random_password_does_not_need(postgres):
    with psycopg.connect(postgres.url("superuser")) as connection:
        rows = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname IN ('transfer_owner', 'transfer_app', 'airflow')"
        ).fetchall()

    assert len(rows) == 3
    assert all(verifier.startswith("SCRAM-SHA-256$1:") for (verifier,) in rows)


def test_the_ledgers_database_is_open_to_owner_and_app_and_to_airflow_closed(postgres):
    psycopg.connect(postgres.url("owner", "transfer")).close()
    psycopg.connect(postgres.url("app", "transfer")).close()
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        psycopg.connect(postgres.url("airflow", "transfer"))


def test_it_is_durable_and_counts_in_utc(postgres):
    with psycopg.connect(postgres.url("app")) as connection:
        for setting, value in (("fsync", "on"), ("synchronous_commit", "on"), ("TimeZone", "UTC"), ("port", "5432")):
            assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == (value,)
        assert connection.execute("SELECT current_setting('listen_addresses')").fetchone() == ("",)
        assert connection.execute("SHOW server_version_num").fetchone()[0].startswith("18")


def test_what_a_failed_statement_carried_is_not_in_the_log(postgres):
    with psycopg.connect(postgres.url("owner"), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS secretive (n int PRIMARY KEY, t text)")
        for statement, values in (
            ("SELECT %s::date", ["ZZMARKER"]),
            ("SELECT 'ZZMARKER'::int", []),
            ("SELECT ZZMARKER", []),
            ("INSERT INTO secretive VALUES (1, %s), (1, %s)", ["ZZMARKER", "ZZMARKER"]),
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(statement, values)

    log = (postgres.folder / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "ZZMARKER" not in log


def test_only_we_can_open_its_folders_and_files(postgres):
    for folder in (postgres.folder, postgres.data, Path((postgres.folder / "socket").read_text())):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    for file in ("passwords.json", "postgres.log"):
        assert stat.S_IMODE((postgres.folder / file).stat().st_mode) == 0o600


def test_starting_twice_keeps_the_running_one_and_what_it_holds_survives_a_stop(own_postgres):
    own_postgres.start()
    first = own_postgres.pid
    own_postgres.start()
    assert own_postgres.pid == first
    with psycopg.connect(own_postgres.url("owner")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS n")

    own_postgres.stop()
    assert not own_postgres.is_running()
    own_postgres.stop()
    own_postgres.start()

    with psycopg.connect(own_postgres.url("owner")) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_a_folder_too_deep_for_a_socket_gets_a_short_one_that_is_removed_on_stop(short_folder):
    deep = Postgres(short_folder / ("d" * MAX_SOCKET_PATH_BYTES) / "postgres")
    deep.start()
    try:
        sockets = Path((deep.folder / "socket").read_text())
        assert sockets.parent != deep.folder
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        psycopg.connect(deep.url("app")).close()
    finally:
        deep.stop()
    assert not sockets.exists()


def test_an_interrupted_first_start_is_begun_again(new_postgres):
    half = new_postgres.folder / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")

    new_postgres.start()

    assert new_postgres.is_running()
    assert not half.exists()


def answers(server: Postgres) -> bool:
    """It lets our application in and works out what it is asked."""
    with psycopg.connect(server.url("app")) as connection:
        return connection.execute("SELECT 6 * 7").fetchone() == (42,)


def test_a_server_killed_outright_comes_up_again(own_postgres):
    own_postgres.start()
    os.kill(own_postgres.pid, signal.SIGKILL)

    own_postgres.stop()
    own_postgres.start()

    assert answers(own_postgres)


def start_and_be_killed(folder: Path, where: str) -> None:
    """A process that starts a server there (in its main thread, or in another one) and is killed outright."""
    script = f"""
        import os, threading
        from pathlib import Path
        from transfer.embedded.postgres import Postgres
        start = Postgres(Path({str(folder)!r})).start
        if {where!r} == "thread":
            thread = threading.Thread(target=start)
            thread.start()
            thread.join()
        else:
            start()
        os.kill(os.getpid(), 9)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL


def test_it_ends_with_the_process_that_started_it(own_postgres, eventually):
    start_and_be_killed(own_postgres.folder, "main")

    eventually(lambda: not own_postgres.is_running())
    with pytest.raises(psycopg.OperationalError):
        answers(own_postgres)


def test_an_orphan_is_found_again_and_stopped(own_postgres):
    start_and_be_killed(own_postgres.folder, "thread")
    assert own_postgres.is_running()
    orphan = own_postgres.pid

    own_postgres.start()
    assert own_postgres.pid == orphan
    assert answers(own_postgres)

    own_postgres.stop()
    assert not own_postgres.is_running()


def test_a_stale_lock_that_names_another_process_by_now_is_not_believed(own_postgres):
    own_postgres.start()
    lock = own_postgres.data / "postmaster.pid"
    lines = lock.read_text().split("\n")
    os.kill(own_postgres.pid, signal.SIGKILL)
    own_postgres.stop()
    with subprocess.Popen(["sleep", "60"]) as stranger:
        lock.write_text("\n".join([str(stranger.pid), *lines[1:]]))
        assert not own_postgres.is_running()

        own_postgres.stop()
        own_postgres.start()

        assert own_postgres.is_running()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a way around being root")
def test_root_without_namespaces_or_another_account_is_told_what_to_do(new_postgres, monkeypatch):
    monkeypatch.setenv("PATH", "")

    with pytest.raises(Unavailable, match="as an ordinary user, or allow user namespaces"):
        new_postgres.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a way around being root")
def test_where_namespaces_are_forbidden_it_runs_under_another_account(new_postgres, tmp_path, monkeypatch):
    forbidding = tmp_path / "unshare"
    forbidding.write_text("#!/bin/sh\nexit 1\n")
    forbidding.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    new_postgres.start()

    assert answers(new_postgres)
    assert Path(f"/proc/{new_postgres.pid}").stat().st_uid != 0
    monkeypatch.undo()
    new_postgres.stop()
    new_postgres.start()
    assert answers(new_postgres)
