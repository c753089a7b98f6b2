"""What processes write: our own lines as they are, of everybody else's where they were said and nothing more."""

import asyncio
import io
import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.kit.loggers import handed_back
from transfer import logs
from transfer.serving.http import server
from transfer.settings import BadSetting

ROOT = Path(__file__).parents[2]
SECRET = "Ottilie Zwiebelkuchen"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a configured process writes. Everything is as it was afterwards."""
    with handed_back():
        warnings.simplefilter("always")
        logs.configure()
        (handler,) = logging.getLogger().handlers
        assert isinstance(handler, logging.StreamHandler)
        text = io.StringIO()
        handler.setStream(text)
        yield text


def failing() -> None:
    raise ValueError(SECRET)


def test_our_own_line_is_written_as_it_is(written: io.StringIO):
    logging.getLogger("transfer.gateway").warning("post %s: %s", "c0123456789a.1", "not now")

    assert written.getvalue().endswith("WARNING transfer.gateway post c0123456789a.1: not now\n")


def test_whoever_makes_us_log_without_end_is_counted_and_does_not_fill_the_disk(
    written: io.StringIO, monkeypatch: pytest.MonkeyPatch
):
    def refuse(number: int) -> None:
        logging.getLogger("transfer.gateway.mllp").warning("refused %d", number)

    for number in range(1000):
        refuse(number)
    logging.getLogger("transfer.gateway.egress").warning("cut")
    monkeypatch.setattr(logs, "_LINES_SECONDS", 0.0)
    refuse(1000)

    lines = written.getvalue().splitlines()
    assert len(lines) == 50 + 1 + 1
    assert lines[-2].endswith("cut")
    assert lines[-1].endswith("refused 1000 (and 950 such lines before it)")


def test_our_own_line_about_an_exception_says_its_kind_and_places(written: io.StringIO):
    try:
        failing()
    except ValueError:
        logging.getLogger("transfer.gateway").exception("storing failed", stack_info=True)

    assert SECRET not in written.getvalue()
    assert "storing failed" in written.getvalue()
    assert "ValueError at tests/transfer/test_logs.py:" in written.getvalue()
    assert str(ROOT) not in written.getvalue()


@pytest.mark.parametrize(
    "name", ["httpx", "urllib3.connectionpool", "botocore.hooks", "psycopg.pool", "pynetdicom.pdu_items", "a.stranger"]
)
def test_of_a_library_s_line_only_where_it_was_said_is_written(written: io.StringIO, name: str):
    logging.getLogger(name).warning("GET /Patient?family=%s", SECRET)
    logging.getLogger(name).warning(f"GET /Patient?family={SECRET}")
    logging.getLogger(name).debug(SECRET)

    lines = written.getvalue().splitlines()
    assert len(lines) == 2
    assert all(f"{name} at tests/transfer/test_logs.py:" in line for line in lines)
    assert SECRET not in written.getvalue()


def test_a_way_out_that_somebody_gave_to_a_part_of_a_library_is_closed(written: io.StringIO):
    apart, own = logging.getLogger("uvicorn.error"), io.StringIO()
    apart.addHandler(logging.StreamHandler(own))
    apart.propagate = False
    logs.tame(threads=False)
    apart.error(SECRET)

    assert own.getvalue() == ""
    assert "uvicorn.error at tests/transfer/test_logs.py:" in written.getvalue()


def test_a_library_that_logs_an_exception_as_its_message_says_its_kind(written: io.StringIO):
    logging.getLogger("uvicorn.error").error(OSError(98, SECRET))

    assert "OSError EADDRINUSE at no place" in written.getvalue()
    assert SECRET not in written.getvalue()


def test_a_warning_says_its_kind_and_place(written: io.StringIO):
    warnings.warn(SECRET, UserWarning, stacklevel=1)

    assert "UserWarning at tests/transfer/test_logs.py:" in written.getvalue()
    assert SECRET not in written.getvalue()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_ends_a_thread_or_the_process_is_told_by_kind_and_place(written: io.StringIO):
    thread = threading.Thread(target=failing, name=SECRET)
    thread.start()
    thread.join()
    try:
        failing()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)

    assert written.getvalue().count("ended by ValueError at") == 2
    assert SECRET not in written.getvalue()


def test_a_setting_that_ends_the_process_is_named(written: io.StringIO):
    sys.excepthook(BadSetting, BadSetting("TRANSFER_ZONE", "names no time zone", "It is UTC."), None)

    assert "ended by BadSetting" in written.getvalue()
    assert written.getvalue().endswith(": TRANSFER_ZONE names no time zone. It is UTC.\n")


def test_causes_are_told_and_what_was_suppressed_is_not():
    try:
        try:
            failing()
        except ValueError as error:
            raise KeyError(SECRET) from error
    except KeyError as error:
        assert " after ValueError at " in logs.told(error)
    try:
        try:
            failing()
        except ValueError:
            raise KeyError(SECRET) from None
    except KeyError as error:
        assert "ValueError" not in logs.told(error)


def test_a_ring_of_causes_has_an_end():
    one, other = ValueError(SECRET), KeyError(SECRET)
    one.__cause__, other.__cause__ = other, one

    assert SECRET not in logs.told(one)


def test_a_mistake_within_a_door_leaves_nothing_of_the_request_in_the_log(written: io.StringIO):
    async def fails(request: Request) -> Response:
        raise ValueError(await request.body())

    async def asked() -> bytes:
        app = Starlette(routes=[Route("/{name}", fails, methods=["POST"])])
        served = server(app, "127.0.0.1", 0)
        running = asyncio.create_task(served.serve())
        while not served.started:
            await asyncio.sleep(0.01)
        host, port = served.servers[0].sockets[0].getsockname()
        answers = b""
        for raw in (
            f"POST /Ottilie HTTP/1.1\r\nHost: x\r\nContent-Length: {len(SECRET)}\r\n\r\n{SECRET}",
            f"{SECRET}\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(host, port)
            writer.write(raw.encode())
            answers += await reader.read(65536)
            writer.close()
        served.should_exit = True
        await running
        return answers

    answers = asyncio.run(asked())

    assert b" 500 " in answers
    assert b" 400 " in answers
    assert "uvicorn.error at uvicorn/" in written.getvalue()
    assert "ValueError at tests/transfer/test_logs.py:" in written.getvalue()
    assert "Ottilie" not in written.getvalue()
    assert b"Ottilie" not in answers


def test_a_coroutine_nobody_waited_for_is_told_without_its_words(written: io.StringIO):
    async def lose() -> None:
        async def fail() -> None:
            failing()

        lost = asyncio.ensure_future(fail())
        await asyncio.sleep(0.01)
        del lost

    asyncio.run(lose())

    assert "asyncio at asyncio/base_events.py:" in written.getvalue()
    assert SECRET not in written.getvalue()


@pytest.mark.servers
def test_every_library_that_logs_in_our_processes_is_named():
    """A subprocess, because a test run has imported much else."""
    script = """if True:
        import importlib, logging, pkgutil, sys, transfer
        for module in pkgutil.walk_packages(transfer.__path__, "transfer."):
            if not module.name.startswith(("transfer.sandbox", "transfer.embedded")) and "__main__" not in module.name:
                importlib.import_module(module.name)
        import transfer.gateway.__main__, fhir.resources.R4B.patient, hl7apy.parser
        print(*{name.partition(".")[0] for name in logging.root.manager.loggerDict})
    """
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True)

    assert set(done.stdout.split()) - {"transfer", *logs.LIBRARIES} == set()
