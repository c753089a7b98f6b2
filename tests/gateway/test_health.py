"""How a process says on a port of its own how it is, and who asks it."""

import asyncio
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST

from tests.kit.loggers import our_messages
from transfer import health, probe
from transfer.health import HealthCheck, Readiness, Scrape
from transfer.serving.budget import ConnectionBudget, ConnectionLimits
from transfer.serving.listening import Entrance, Listener

SECRET = "Testperson-Marked"


@contextmanager
def telling(readiness: Readiness, is_live: HealthCheck = lambda: True, metrics: Scrape | None = None) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with health.served(("127.0.0.1", port), readiness, is_live=is_live, metrics=metrics):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question is asked anew; what is kept for a second has a test of its own."""
    monkeypatch.setattr(health, "CACHE_SECONDS", 0.0)


def test_all_well_is_ready():
    with telling(Readiness({"ledger": lambda: True})) as url:
        assert probe.ask(f"{url}/ready") == (200, '{"status": "ok"}\n')
        assert probe.ask(f"{url}/live")[0] == 200
        assert probe.ask(f"{url}/anything")[0] == 404


def test_what_is_away_is_named_and_no_more_is_said(caplog):
    def fails() -> bool:
        raise RuntimeError(SECRET)

    checks = {"ledger": fails, "keys": lambda: True, "store": lambda: False}
    with telling(Readiness(checks)) as url:
        status, body = probe.ask(f"{url}/ready")
        assert probe.ask(f"{url}/live")[0] == 200, "a service that waits for another is not started anew"

    assert (status, json.loads(body)) == (503, {"status": "unavailable", "away": ["ledger", "store"]})
    assert our_messages(caplog) == ["ready: no, ledger, store"]


def test_it_is_ready_again_once_all_is_back():
    are_back: list[bool] = []
    with telling(Readiness({"ledger": lambda: bool(are_back)})) as url:
        assert probe.ask(f"{url}/ready")[0] == 503
        are_back.append(True)
        assert probe.ask(f"{url}/ready")[0] == 200


def test_a_check_that_hangs_is_away_and_is_not_begun_again(monkeypatch):
    monkeypatch.setattr(health, "MAX_CHECK_SECONDS", 0.05)
    begun, over = [], threading.Event()

    def hangs() -> bool:
        begun.append(1)
        return over.wait(30)

    with telling(Readiness({"store": hangs, "ledger": lambda: True})) as url:
        for _ in range(3):
            assert json.loads(probe.ask(f"{url}/ready")[1])["away"] == ["store"]
        assert len(begun) == 1
        over.set()


def test_an_answer_is_kept_for_a_moment_whoever_asks(monkeypatch):
    monkeypatch.setattr(health, "CACHE_SECONDS", 3600.0)
    asked: list[int] = []
    readiness = Readiness({"ledger": lambda: not asked.append(1)})

    callers = [threading.Thread(target=readiness.away) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()

    assert len(asked) == 1


def test_who_stops_is_not_ready_at_once_also_while_an_answer_is_kept(monkeypatch):
    monkeypatch.setattr(health, "CACHE_SECONDS", 3600.0)
    readiness = Readiness({"ledger": lambda: True})
    with telling(readiness) as url:
        assert probe.ask(f"{url}/ready")[0] == 200
        readiness.stop()
        assert json.loads(probe.ask(f"{url}/ready")[1])["away"] == [health.STOPPING]


def test_a_process_that_is_stuck_is_not_live():
    with telling(Readiness({}), is_live=lambda: False) as url:
        assert probe.ask(f"{url}/live") == (503, '{"status": "stuck"}\n')


def test_callers_who_say_nothing_keep_nobody_from_the_answer():
    with telling(Readiness({})) as url:
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        silent = [socket.create_connection(address, timeout=5) for _ in range(8)]
        assert probe.ask(f"{url}/live")[0] == 200
        for line in silent:
            line.close()


def test_a_full_port_hangs_up_on_whoever_came_first_and_answers_who_asks():
    """Else a supervisor would take a process for dead whose port is only full."""
    with telling(Readiness({})) as url:
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        silent = [socket.create_connection(address, timeout=5) for _ in range(health._CALLERS + 4)]
        for line in silent:
            line.sendall(b"G")
        assert probe.ask(f"{url}/live")[0] == 200
        assert [line.recv(1) for line in silent[:5]] == [b""] * 5
        for line in silent:
            line.close()


def test_what_the_process_counts_is_given_to_whoever_scrapes_it():
    with telling(Readiness({}), metrics=lambda: b"# EOF\n") as url, urllib3.PoolManager() as http:
        answer = http.request("GET", f"{url}/metrics")
    assert (answer.status, answer.data) == (200, b"# EOF\n")
    assert answer.headers["content-type"] == CONTENT_TYPE_LATEST


def test_a_scrape_that_fails_says_no_more_than_that(caplog):
    def fails() -> bytes:
        raise RuntimeError(SECRET)

    with telling(Readiness({}), metrics=fails) as url:
        assert probe.ask(f"{url}/metrics") == (503, '{"status": "unavailable"}\n')
        assert probe.ask(f"{url}/live")[0] == 200
    assert our_messages(caplog) == ["metrics: RuntimeError"]


def test_without_an_address_nothing_listens():
    before = threading.active_count()
    with health.served(None, Readiness({})):
        assert threading.active_count() == before


def test_the_probe_ends_with_0_only_where_all_is_well(capsys):
    with telling(Readiness({"ledger": lambda: False})) as url:
        assert probe.main(f"{url}/live") == 0
        assert probe.main(f"{url}/ready") == 1
    assert probe.main(f"{url}/live") == 1  # nobody listens any more
    assert probe.main("https://127.0.0.1:1/live") == 1
    assert capsys.readouterr().out.splitlines()[1].endswith('"away": ["ledger"]}')


def test_the_probe_loads_next_to_nothing():
    """A container engine runs it every few seconds. What it loads is what it costs."""
    code = "import sys; before = {*sys.modules}; import transfer.probe; print(*({*sys.modules} - before))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()

    assert {"transfer.probe", "socket"} <= set(loaded)
    assert len(loaded) < 20


@given(st.binary(max_size=200))
def test_whatever_answers_the_probe_it_says_so_or_refuses(heard):
    for answer in (heard, b"HTTP/1.0 200 OK\r\n" + heard, b"HTTP/1.1 " + heard):
        try:
            status, _ = probe.read(answer)
        except ValueError:
            continue
        assert status == int(answer.partition(b"\r\n")[0].split(b" ")[1])


def test_a_port_that_another_program_took_is_named_in_the_log(caplog):
    """The process ends, and whoever reads its log sees why."""

    async def listen(port: int) -> None:
        entrance = Entrance(budget=ConnectionBudget("http", ConnectionLimits()))
        Listener(entrance, "127.0.0.1", port, lambda _: asyncio.Protocol()).open()

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match="in use"):
            asyncio.run(listen(port))
        with pytest.raises(OSError, match="in use"), health.served(("127.0.0.1", port), Readiness({})):
            pass

    said = our_messages(caplog)
    assert f"port {port} cannot be listened at: Address already in use" in said
    assert f"port {port} of TRANSFER_HEALTH cannot be listened at: Address already in use" in said
