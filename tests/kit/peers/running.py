"""A peer's process: started, waited for until it answers, ended politely, never left behind."""

import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import urllib3

from transfer.embedded.process import inherited, spawn, stop_session


@contextmanager
def running(
    command: Sequence[str | Path],
    *,
    folder: Path,
    answers: Callable[[], bool],
    seconds: float = 10.0,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Path]:
    """Run `command` in `folder` while the block lasts; gives its log. It must answer within `seconds` and end when
    told to within ten.
    """
    log = folder / "log"
    environment = inherited(TMPDIR=str(folder), **(environment or {}))
    process = spawn(
        [str(word) for word in command], log=log, environment=environment, folder=folder, dies_with_us=signal.SIGTERM
    )
    try:
        until = time.monotonic() + seconds
        while not answers():
            assert process.poll() is None, f"it ended with {process.returncode}: {_tail(log)}"
            assert time.monotonic() < until, f"no answer in {seconds} s: {_tail(log)}"
            time.sleep(0.05)
        yield log
    finally:
        _end(process, folder)


def _end(process: subprocess.Popen[bytes], folder: Path) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
    stop_session(process.pid, folder)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]


def says_ok(url: str, tls: ssl.SSLContext | None = None) -> bool:
    """A GET there is answered with 200."""
    try:
        with urllib3.PoolManager(ssl_context=tls) as http:
            return http.request("GET", url, retries=False, timeout=2.0, redirect=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False
