"""What a person expects of up and down: it comes up, heals, ends without a trace, and lets others be."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import psycopg
import pytest

from tests.kit.clusters import copied
from transfer.embedded import ports
from transfer.embedded.process import CHECKOUT, Handle
from transfer.embedded.system import System
from transfer.errors import Unavailable
from transfer.settings import Settings

pytestmark = pytest.mark.servers


def a_system(folder, **more):
    """PostgreSQL and the store: what these tests are about holds for every component alike."""
    return System(
        folder, **{"sandbox": False, "airflow": False, "gateway": False, "desk": False, "dies_with_us": True, **more}
    )


@pytest.fixture
def system(short_folder):
    """One that was up before, as far as PostgreSQL is concerned."""
    copied(short_folder / "var" / "postgres")
    system = a_system(short_folder / "var")
    yield system
    system.down()


@pytest.fixture(scope="module")
def running():
    """One that is up, for tests that leave it so."""
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    copied(folder / "var" / "postgres")
    system = a_system(folder / "var")
    system.up()
    yield system
    system.down()
    shutil.rmtree(folder, ignore_errors=True)


def processes_of(var):
    """All live processes that work below a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            works_in = (process / "cwd").readlink()
        except OSError:
            continue
        if works_in.is_relative_to(var) and Handle.of(int(process.name)):
            found.append(int(process.name))
    return found


def ports_of(var):
    settings = Settings.load({}, var)
    return [int(value) for name, value in settings.names.items() if name.endswith("_PORT") and value.isdigit()]


def states(system):
    return {component.name: component.state for component in system.status()}


def test_up_tells_what_it_does_and_down_leaves_no_process_and_no_open_port(short_folder):
    system, said = a_system(short_folder / "var"), []

    system.up(said.append)

    assert any(line.startswith("postgres is up") for line in said)
    assert states(system) == {"postgres": "up", "store": "up", "ledger": "done", "bucket": "done"}
    settings = Settings.load({}, system.var)
    psycopg.connect(settings.database_url).close()
    listening = ports_of(system.var)
    assert any(ports.answers(port) for port in listening)

    system.down()

    assert processes_of(system.var) == []
    assert not any(ports.answers(port) for port in listening)
    assert system.status() == []
    system.down()


def test_up_while_it_is_up_keeps_what_runs(running):
    before = running.pid("postgres"), running.pid("store")

    running.up()
    a_system(running.var).up()

    assert (running.pid("postgres"), running.pid("store")) == before


class _Slower(System):
    """One that looked before the other had begun."""

    looks = 0

    def is_running(self) -> bool:
        self.looks += 1
        return self.looks > 1 and super().is_running()


def test_two_ups_at_once_come_to_one_that_is_up(running):
    before = running.pid("postgres"), running.pid("store")
    slower = _Slower(running.var, sandbox=False, airflow=False, gateway=False, desk=False, dies_with_us=True)

    slower.up(seconds=30)

    assert (running.pid("postgres"), running.pid("store")) == before
    assert not slower.is_ours


@pytest.mark.parametrize("why", [KeyboardInterrupt, Unavailable])
def test_whoever_only_waits_for_what_another_started_never_stops_it(running, monkeypatch, why):
    before = running.pid("postgres"), running.pid("store")
    waiting = a_system(running.var)

    def gives_up(*_: object) -> None:
        raise why("now")

    monkeypatch.setattr(waiting, "_await_up", gives_up)
    with pytest.raises(why):
        waiting.up()

    assert (running.pid("postgres"), running.pid("store")) == before


@pytest.mark.parametrize("name", ["postgres", "store"])
def test_a_component_that_is_killed_is_started_again(running, eventually, name):
    before = running.pid(name)

    os.kill(before, signal.SIGKILL)

    eventually(lambda: is_up_as_another(running, name, before), 20)
    assert next(c.restarts for c in running.status() if c.name == name) >= 1
    psycopg.connect(Settings.load({}, running.var).database_url).close()
    assert f"{name} ended with SIGKILL" in (running.var / "log" / "supervisor.log").read_text()


def is_up_as_another(system, name, before):
    return any(c.name == name and c.state == "up" and c.pid != before for c in system.status())


def supervisor_of(system):
    return next(pid for pid in processes_of(system.var) if b"transfer.embedded.supervisor" in command_of(pid))


def command_of(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes()


@pytest.mark.parametrize("after", ["up", "down"])
def test_all_ends_with_a_killed_supervisor_and_what_could_not_is_found_and_stopped(system, eventually, after):
    """A component that is stopped (SIGSTOP) cannot end with its supervisor, as one that hangs could not."""
    system.up()
    store = Handle.of(system.pid("store"))
    supervisor = supervisor_of(system)
    os.kill(store.pid, signal.SIGSTOP)
    eventually(lambda: "State:\tT" in Path(f"/proc/{store.pid}/status").read_text())
    os.kill(supervisor, signal.SIGKILL)
    eventually(lambda: processes_of(system.var) == [store.pid], 40)

    system.down() if after == "down" else system.up()

    assert not store.is_alive
    assert len(states(system)) == (0 if after == "down" else 4)
    assert after == "up" or not list((system.var / "run").glob("*.json"))


def test_a_recorded_number_that_is_another_process_by_now_is_left_alone(system):
    with subprocess.Popen(["sleep", "60"]) as stranger:
        run = system.var / "run"
        run.mkdir(parents=True, mode=0o700)
        handle = Handle.of(stranger.pid)
        (run / "store.json").write_text(
            f'{{"pid": {handle.pid}, "started": {handle.started - 1}, "boot": "{handle.boot}"}}'
        )

        system.down()

        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.parametrize("text", ["", "{", "3", '{"pid": 1}'])
def test_a_record_that_is_not_whole_is_none(short_folder, text):
    """A crash of the machine can leave such a file."""
    run = short_folder / "var" / "run"
    run.mkdir(parents=True)
    for name in ("supervisor", "system", "store"):
        (run / f"{name}.json").write_text(text)

    system = a_system(short_folder / "var")

    assert not system.is_running()
    assert system.status() == []
    system.down()
    assert list(run.glob("*.json")) == []


def test_two_installations_run_side_by_side(short_folder):
    first, second = a_system(short_folder / "a" / "var"), a_system(short_folder / "b" / "var")
    for system in (first, second):
        copied(system.var / "postgres")
    try:
        first.up()
        second.up()
        assert not set(ports_of(first.var)) & set(ports_of(second.var))
        first.down()
        assert second.pid("postgres") in processes_of(second.var)
        psycopg.connect(Settings.load({}, second.var).database_url).close()
    finally:
        first.down()
        second.down()


def test_the_next_start_keeps_addresses_and_secrets_but_leaves_a_port_to_a_program_that_took_it(system):
    system.up()
    before = Settings.load({}, system.var).names
    system.down()
    port = before["TRANSFER_STORE_PORT"]
    said = []
    with socket.create_server(("127.0.0.1", int(port))):
        system.up(said.append)

    after = Settings.load({}, system.var).names
    assert f"port {port} is taken by another program: store gets a new one" in said
    changed = {name for name in before if name in after and before[name] != after[name]}
    assert changed == {"TRANSFER_STORE_PORT", "TRANSFER_S3_ENDPOINT"}


def test_everything_written_lies_under_var_and_only_we_can_open_it(running):
    assert stat.S_IMODE(running.var.stat().st_mode) == 0o700
    for file in ("settings.env", "owner.env", "sandbox/oncology.json", "log/supervisor.log", "run/system.json"):
        assert stat.S_IMODE((running.var / file).stat().st_mode) == 0o600, file
    for folder in ("keys", "log", "run", "tmp", "postgres", "store"):
        assert stat.S_IMODE((running.var / folder).stat().st_mode) == 0o700, folder
    assert "OWNER" not in (running.var / "settings.env").read_text()


def test_a_component_that_cannot_come_up_is_named_with_its_log_and_the_rest_is_stopped(short_folder):
    var = short_folder / "var"
    copied(var / "postgres")
    system = a_system(var)
    (var / "store" / "data").mkdir(parents=True)
    (var / "store" / "data" / "etc").write_text("in the way")

    with pytest.raises(Unavailable, match=r"store .*log/store\.log"):
        system.up()

    assert processes_of(var) == []


def test_a_database_of_somebody_else_is_used_and_not_started(short_folder, postgres):
    outside = {
        "TRANSFER_DATABASE_URL": postgres.url("app"),
        "TRANSFER_OWNER_DATABASE_URL": postgres.url("owner"),
    }
    system = a_system(short_folder / "var", environ=outside)
    try:
        system.up()
        assert set(states(system)) == {"store", "ledger", "bucket"}
        assert Settings.load({}, system.var).database_url == postgres.url("app")
        system.down()
        # and it is remembered
        system = a_system(system.var)
        system.up()
        assert set(states(system)) == {"store", "ledger", "bucket"}
    finally:
        system.down()
    assert postgres.is_running()


def test_it_ends_when_the_test_that_started_it_is_killed(short_folder, eventually):
    script = f"""
        import os
        from pathlib import Path
        from transfer.embedded.system import System
        left_out = dict.fromkeys(("sandbox", "airflow", "gateway", "desk"), False)
        System(Path({str(short_folder)!r}) / "var", **left_out, dies_with_us=True).up()
        os.kill(os.getpid(), 9)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], cwd=CHECKOUT, check=False)

    eventually(lambda: processes_of(short_folder) == [], 40)
