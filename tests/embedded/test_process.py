"""Processes are known by more than a number, and their files are ours alone."""

import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys

from transfer.embedded import ports, private
from transfer.embedded.process import Handle, spawn, stop, stop_session


def test_a_handle_of_a_live_process_is_alive_until_it_ends(tmp_path, eventually):
    process = spawn(["sleep", "60"], log=tmp_path / "log")
    eventually(lambda: b"sleep" in command_of(process.pid))
    handle = Handle.of(process.pid)

    assert handle.is_alive
    assert Handle(**json.loads(json.dumps(handle.as_dict()))) == handle
    assert stop(handle, ((signal.SIGTERM, 5.0),))
    assert process.wait() == -signal.SIGTERM
    assert not handle.is_alive


def command_of(pid):
    with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
        return file.read()


def test_a_process_that_has_the_number_of_another_is_not_signalled(tmp_path):
    process = spawn(["sleep", "60"], log=tmp_path / "log")
    another = dataclasses.replace(Handle.of(process.pid), started=1)

    assert stop(another, ((signal.SIGKILL, 0.2),))

    assert process.poll() is None
    process.kill()
    process.wait()


def test_a_halted_process_can_be_ended_politely(tmp_path):
    process = spawn(["sleep", "60"], log=tmp_path / "log")
    os.kill(process.pid, signal.SIGSTOP)

    assert stop(Handle.of(process.pid), ((signal.SIGTERM, 5.0),))

    assert process.wait() == -signal.SIGTERM


def test_one_that_will_not_listen_is_ended_outright(tmp_path, eventually):
    deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    process = spawn([sys.executable, "-c", deaf], log=tmp_path / "log")
    eventually(lambda: "deaf" in (tmp_path / "log").read_text())

    assert stop(Handle.of(process.pid), ((signal.SIGTERM, 0.2), (signal.SIGKILL, 5.0)))

    assert process.wait() == -signal.SIGKILL


def test_what_a_process_left_in_its_session_is_ended_if_it_works_in_our_folder(tmp_path, eventually):
    folder = tmp_path / "ours"
    folder.mkdir()
    process = spawn(["sh", "-c", "sleep 60 & echo $!"], log=tmp_path / "log", folder=folder)
    process.wait()
    left = Handle.of(int((tmp_path / "log").read_text()))
    assert left.is_alive

    stop_session(process.pid, tmp_path / "elsewhere")
    assert left.is_alive
    stop_session(process.pid, folder)

    assert not left.is_alive


def test_its_log_and_what_it_writes_are_ours_alone(tmp_path):
    spawn(["touch", "made"], log=tmp_path / "log", folder=tmp_path).wait()

    for file in ("log", "made"):
        assert stat.S_IMODE((tmp_path / file).stat().st_mode) == 0o600


def test_it_ends_with_its_starter(tmp_path, eventually):
    script = f"""
import os, signal
from pathlib import Path
from transfer.embedded.process import spawn
process = spawn(["sleep", "60"], log=Path({str(tmp_path)!r}) / "log", dies_with_us=signal.SIGTERM)
while b"sleep" not in Path(f"/proc/{{process.pid}}/cmdline").read_bytes(): pass
print(process.pid, flush=True)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    eventually(lambda: Handle.of(int(done.stdout)) is None)


def test_secrets_are_drawn_once_and_new_ones_join_the_old(tmp_path):
    first = private.kept(tmp_path / "f", lambda: {"a": "1"})

    assert private.kept(tmp_path / "f", lambda: {"a": "2", "b": "3"}) == {"a": first["a"], "b": "3"}
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o600


def test_ports_are_free_and_none_is_drawn_twice():
    drawn = ports.free([str(n) for n in range(20)])

    assert len(set(drawn.values())) == 20
    assert all(ports.is_free(port) and not ports.answers(port) for port in drawn.values())
