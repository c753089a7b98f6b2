"""Bounded processes are forks of one that has their libraries, and as alone as if each had started by itself."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.kit import unreadable as u
from transfer.adapters import warm_process
from transfer.adapters.opening import OpeningProcess
from transfer.adapters.opening.opener import COMMAND
from transfer.institutions import Institution

OFFICE = Institution(id="office", name="Office", time_zone="UTC")
PDF = u.a_pdf(2)


@contextmanager
def a_warm_process() -> Iterator[int]:
    """One of these tests' own, by its number."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warm_process, "_line", None)
        patch.setattr(warm_process, "_process", None)
        warm_process.begin()
        line, process = warm_process._line, warm_process._process
        assert line is not None
        assert process is not None
        yield process.pid
        line.close()
        process.wait(60)


@pytest.fixture(scope="module")
def warm() -> Iterator[int]:
    with a_warm_process() as number:
        yield number


def running_below(process: int) -> set[int]:
    """Its own children that have not ended."""
    with suppress(OSError):
        below = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        return {int(one) for one in below if is_running(int(one))}
    return set()


def children(process: int) -> set[int]:
    """All that stand below it and have not ended."""
    below = running_below(process)
    return below.union(*map(children, below))


def is_running(process: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def comes(holds: Callable[[], object]) -> bool:
    """Whether it holds within a minute."""
    ends = time.monotonic() + 60
    while not holds():
        if time.monotonic() >= ends:
            return False
        time.sleep(0.01)
    return True


@contextmanager
def begun() -> "Iterator[subprocess.Popen[bytes]]":
    """A process that opens documents and waits for one."""
    way, pipe = warm_process.way(COMMAND), subprocess.PIPE
    with subprocess.Popen(way.args, pass_fds=way.pass_fds, stdin=pipe, stdout=pipe, env={}) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        try:
            yield process
        finally:
            process.kill()


def one_below(watcher_of: int) -> int:
    """The fork that reads: what stands below the one that watches it.

    What the test before began may still be ending, so all but these two is waited for."""
    assert comes(lambda: len(children(watcher_of)) == 2)
    (watcher,) = running_below(watcher_of)
    (found,) = running_below(watcher)
    return found


def test_a_document_is_opened_as_by_a_process_that_started_by_itself(warm: int, monkeypatch: pytest.MonkeyPatch):
    def found() -> list[object]:
        opening = OpeningProcess()
        try:
            sent = [u.WAYS[way]() for way in sorted(u.WAYS)]
            return [opening.document(one.content_type, len(one.data), [one.data], OFFICE) for one in sent]
        finally:
            opening.close()

    by_forks = found()
    assert warm_process.way(COMMAND) != warm_process.ProcessStart(COMMAND)
    assert is_running(warm)
    monkeypatch.setattr(warm_process, "_line", None)

    assert by_forks == found()


def test_a_fork_has_its_three_channels_and_no_setting_of_ours(warm: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRANSFER_DATABASE_URL", "postgresql://somebody:secret@nowhere")
    with begun():
        fork = one_below(warm)

        assert {int(one.name) for one in Path(f"/proc/{fork}/fd").iterdir()} == {0, 1, 2}
        assert b"TRANSFER" not in Path(f"/proc/{fork}/environ").read_bytes()


def test_a_fork_bounds_itself(warm: int):
    with begun():
        limits = Path(f"/proc/{one_below(warm)}/limits").read_text()

    assert [line.split()[3] for line in limits.splitlines() if "Max file size" in line] == ["0"]
    assert [line.split()[3] for line in limits.splitlines() if "Max address space" in line] == [str(2 << 30)]


def test_the_end_of_who_asked_ends_the_fork(warm: int):
    with begun() as process:
        fork = one_below(warm)
        process.kill()

        assert comes(lambda: not is_running(fork))
    assert comes(lambda: not children(warm))


def test_the_end_of_a_fork_ends_who_asked_with_its_code(warm: int):
    with begun() as process:
        os.kill(one_below(warm), signal.SIGKILL)

        assert process.wait(60) == 128 + signal.SIGKILL


def test_a_document_is_opened_where_the_warm_process_has_ended():
    opening = OpeningProcess()
    try:
        with a_warm_process() as number:
            os.kill(number, signal.SIGKILL)
            assert not opening.document("application/pdf", len(PDF), [PDF], OFFICE).flaws
    finally:
        opening.close()


def test_a_process_begins_while_a_fork_of_a_warm_process_that_ended_is_still_at_work():
    with a_warm_process() as number, begun() as process:
        os.kill(number, signal.SIGKILL)
        with begun():  # nobody answers: it loads its libraries itself
            assert process.poll() is None


def test_it_ends_when_nobody_can_ask_it_any_more():
    asks = "from transfer.adapters import warm_process as w; w.begin(); print(w._process.pid)"
    said = subprocess.run([sys.executable, "-c", asks], capture_output=True, text=True, check=True, timeout=60)

    assert comes(lambda: not is_running(int(said.stdout)))


def test_what_may_be_no_fork_of_it_starts_by_itself(warm: int):
    other = (sys.executable, "-I", "-m", "transfer.adapters.disc.process")

    assert warm
    assert warm_process.way(other) == warm_process.ProcessStart(other)


def test_a_process_starts_by_itself_where_the_line_was_closed(monkeypatch: pytest.MonkeyPatch):
    ours, its = socket.socketpair()
    monkeypatch.setattr(warm_process, "_line", ours)
    os.close(ours.fileno())

    assert warm_process.way(COMMAND) == warm_process.ProcessStart(COMMAND)
    ours.detach()
    its.close()


#: what a fork would load to draw a page, and the faces that it would parse
_DRAWS = """
import sys
from datetime import UTC, datetime
from transfer.adapters import warm_process
from transfer.adapters.packet import pdf_faces, pdf_text
warm_process._load()
before, parsed = {*sys.modules}, [one.cache_info().misses for one in (pdf_text._glyphs, pdf_faces._common)]
pages = pdf_text.Pages(created_at=datetime(2026, 11, 20, tzinfo=UTC), footer="page")
pages.write_line("Hgb → 13.1 g/dL", bold=True)
pages.finished()
assert parsed == [one.cache_info().misses for one in (pdf_text._glyphs, pdf_faces._common)]
print(sorted(one for one in {*sys.modules} - before if one.partition(".")[0] not in sys.stdlib_module_names))
"""


def test_a_fork_finds_loaded_what_pages_are_drawn_with():
    said = subprocess.run([sys.executable, "-c", _DRAWS], capture_output=True, text=True, timeout=120)

    assert (said.stdout, said.stderr) == ("[]\n", "")


#: what a fork would load to open these
_OPENS = """
import base64, json, sys
from transfer.adapters import warm_process
warm_process._load()
before = {*sys.modules}
from transfer.adapters.opening import child
for kind, data in json.load(sys.stdin):
    data = base64.b64decode(data)
    source = {"id": "office", "name": "Office", "time_zone": "UTC"}
    child._found({"content_type": kind, "length": len(data), "source": source}, data)
print(sorted(one for one in {*sys.modules} - before if one.partition(".")[0] not in sys.stdlib_module_names))
"""


def test_a_fork_finds_loaded_what_documents_are_opened_with():
    sent = [u.WAYS[way]() for way in sorted(u.WAYS)]
    given = json.dumps([(one.content_type, base64.b64encode(one.data).decode()) for one in sent])
    command = [sys.executable, "-c", _OPENS]
    said = subprocess.run(command, input=given, capture_output=True, text=True, check=True, timeout=120)

    assert said.stdout == "[]\n"
