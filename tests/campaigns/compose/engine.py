"""A Docker Engine of its own: a network, a process tree and mounts that nobody else sees, and that end with it.

Its processes are in namespaces without names. When the first of them ends, however it ends, the kernel ends all others
and takes the mounts and networks away. The machine's own network, firewall and engine, if it has one, stay as they are.
"""

import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns.compose.machine import DOCKER

#: slirp4netns forwards questions to whom the machine asks; nothing else of the machine is reached through it
NAME_SERVER = "10.0.2.3"
#: seconds until the engine must answer, and until it must have ended
START_SECONDS, STOP_SECONDS = 60.0, 60.0
#: also where this process is killed and can end nothing itself
_ENDS_WITH_US = ("setpriv", "--pdeathsig", "KILL")
_NAMESPACES = ("unshare", "--mount", "--net", "--pid", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc")


class EngineFailed(Exception):
    """The engine, or a command it was given, failed. The message holds the end of what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running engine. `init` is the machine's number of its first process; its containers are in the control group
    `group`; images and volumes lie in `data`.
    """

    host: str
    folder: Path
    data: Path
    group: str
    init: int

    def environment(self) -> dict[str, str]:
        """For docker and docker-compose: no configuration and no variable of whoever calls."""
        return {
            "DOCKER_HOST": self.host,
            "DOCKER_CONFIG": str(self.folder / "config"),
            "DOCKER_BUILDKIT": "1",
            "BUILDKIT_PROGRESS": "plain",
            "HOME": str(self.folder),
            "PATH": os.environ["PATH"],
        }

    def docker(
        self, *words: str, said: bytes | None = None, is_tried: bool = False, timeout: float = 600
    ) -> subprocess.CompletedProcess[bytes]:
        """Run docker; `said` goes to its standard input. A failure is an `EngineFailed` unless it is only tried."""
        return run([str(DOCKER), *words], self.environment(), said=said, is_tried=is_tried, timeout=timeout)

    def text(self, *words: str) -> str:
        """What docker said, without the white space around it."""
        return self.docker(*words).stdout.decode().strip()

    def inspected(self, container: str) -> dict[str, object]:
        """What the engine knows of a container."""
        found: dict[str, object] = json.loads(self.text("inspect", container))[0]
        return found


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    *,
    said: bytes | None = None,
    is_tried: bool = False,
    timeout: float = 600,
    at: Path | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run a program in the folder `at` and catch what it prints; `said` goes to its standard input.

    Raises:
        EngineFailed: it ended with another code than 0, unless it is only tried, or took longer than `timeout` seconds.
    """
    try:
        done = subprocess.run(
            words, env=dict(environment), input=said or b"", cwd=at, capture_output=True, timeout=timeout
        )
    except subprocess.TimeoutExpired:
        raise EngineFailed(f"{_shown(words)} took longer than {timeout:.0f} s") from None
    if done.returncode and not is_tried:
        text = (done.stderr + done.stdout).decode(errors="replace")
        raise EngineFailed(f"{_shown(words)} ended with {done.returncode}:\n{text[-3000:]}")
    return done


def patiently(act: Callable[[], object]) -> None:
    """Do it again where it failed: what asks a registry may stumble, and nobody is there to begin anew.

    Raises:
        EngineFailed: it failed three times.
    """
    for pause in (5, 20):
        try:
            act()
        except EngineFailed:
            time.sleep(pause)
        else:
            return
    act()


def _shown(words: Sequence[str]) -> str:
    """Enough to tell which command it was."""
    return " ".join([Path(words[0]).name, "...", *words[-4:]])


@contextmanager
def an_engine(data: Path, *more: str) -> Iterator[Engine]:
    """Start an engine that keeps its images in `data`, and end it with all it runs, whatever happens. `more` are
    further words of dockerd's.

    Raises:
        EngineFailed: it does not start.
    """
    folder = Path(tempfile.mkdtemp(prefix="rt-compose-"))  # a socket's path is short
    data.mkdir(parents=True, exist_ok=True)
    group = f"/transfer-{os.getpid()}"
    engine = ["dockerd", f"--host=unix://{folder}/docker.sock", f"--data-root={data}", f"--exec-root={folder}/exec"]
    engine += [f"--pidfile={folder}/dockerd.pid", f"--dns={NAME_SERVER}", f"--cgroup-parent={group}"]
    engine += ["--oom-score-adjust=0", "--log-level=warn", *more]
    # It waits for a line: its way out is laid from outside first.
    inner = ["sh", "-c", 'read _ && exec "$@"', "sh", *engine]
    outer = [*_ENDS_WITH_US, *_NAMESPACES]
    with (folder / "engine.log").open("wb") as log:
        first = subprocess.Popen(
            [*outer, "tini", "-g", "--", *inner], stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True
        )
    way_out: subprocess.Popen[bytes] | None = None
    init = 0
    try:
        init = _child_of(first)
        way_out = _way_out(init, folder)
        assert first.stdin
        with first.stdin as line:
            line.write(b"\n")
        found = Engine(host=f"unix://{folder}/docker.sock", folder=folder, data=data, group=group, init=init)
        _await_answer(found, first)
        with _weighted(group):
            yield found
    finally:
        _end(init, first)
        if way_out:
            way_out.terminate()
            way_out.wait()
        _remove_groups(group)
        shutil.rmtree(folder, ignore_errors=True)


def _child_of(outer: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + 10
    while time.monotonic() < until and outer.poll() is None:
        with suppress(OSError):
            found = Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text().split()
            if found and Path(f"/proc/{found[0]}/comm").read_text() == "tini\n":
                return int(found[0])
        time.sleep(0.02)
    raise EngineFailed("the engine's first process did not start")


def _way_out(init: int, folder: Path) -> subprocess.Popen[bytes]:
    """The network of process `init` reaches the registries, and nothing of this machine's own loopback."""
    reading, writing = os.pipe()
    words = [*_ENDS_WITH_US, "slirp4netns", "--configure", "--mtu=1400", "--disable-host-loopback"]
    words += [f"--ready-fd={writing}", str(init), "tap0"]
    with (folder / "slirp.log").open("wb") as log:
        given = {"stdin": subprocess.DEVNULL, "pass_fds": [writing], "start_new_session": True}
        started: subprocess.Popen[bytes] = subprocess.Popen(words, stdout=log, stderr=log, **given)  # type: ignore[call-overload]
    os.close(writing)
    try:
        is_ready = select.select([reading], [], [], 20)[0] and os.read(reading, 1)
    finally:
        os.close(reading)
    if not is_ready:
        started.kill()
        started.wait()
        raise EngineFailed(f"no way out: {(folder / 'slirp.log').read_text()[-500:]}")
    return started


def _await_answer(engine: Engine, first: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while engine.docker("version", is_tried=True).returncode:
        if first.poll() is not None or time.monotonic() > until:
            said = (engine.folder / "engine.log").read_text(errors="replace")
            raise EngineFailed(f"the engine does not answer:\n{said[-3000:]}")
        time.sleep(0.1)


def _end(init: int, outer: subprocess.Popen[bytes]) -> None:
    """Ask it to end; the kernel ends whatever is left in its namespaces when its first process does."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        if init:
            os.kill(init, signal.SIGTERM)
            outer.wait(STOP_SECONDS)
            return
    outer.kill()
    outer.wait()


@contextmanager
def _weighted(group: str) -> Iterator[None]:
    """All containers together would have one process's share of a busy machine's processors."""
    folder = Path("/sys/fs/cgroup/cpu") / group[1:]
    with suppress(OSError):
        folder.mkdir(exist_ok=True)
        (folder / "cpu.shares").write_text("8192")
    yield


def _remove_groups(group: str) -> None:
    for hierarchy in Path("/sys/fs/cgroup").iterdir():
        for folder in sorted((hierarchy / group[1:]).rglob("*"), reverse=True):
            if folder.is_dir():
                with suppress(OSError):
                    folder.rmdir()
        with suppress(OSError):
            (hierarchy / group[1:]).rmdir()
