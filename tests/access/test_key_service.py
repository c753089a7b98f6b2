"""The key service as others may meet it: killed, silent, not trusted, empty, or somebody else at its address."""

import asyncio
import shutil
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from tests.kit.key_services import KeyService, a_key_service
from tests.kit.peers.certificates import certificates
from tests.kit.stream_server import a_stream_server
from transfer.adapters import key_places, service_keys
from transfer.adapters.http import HttpLimits
from transfer.adapters.service_keys import KeysTurnedAway
from transfer.embedded import ports
from transfer.errors import OutOfOrder
from transfer.identifiers import PatientId
from transfer.sealing import SITE, KeyGone, KeyName
from transfer.settings import BadSetting, Settings

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyService]:
    with a_key_service(tmp_path_factory.mktemp("keys") / "service") as service:
        yield service


def a_name() -> KeyName:
    return KeyName.patient(PatientId.draw())


def test_a_service_killed_in_the_middle_loses_no_key_that_was_made_and_draws_none_twice(tmp_path: Path):
    with a_key_service(tmp_path / "service") as service:
        made: dict[KeyName, bytes] = {}
        ended = threading.Event()

        def make() -> None:
            mine = service.client()
            while not ended.is_set():
                name = a_name()
                try:
                    mine.make(name)
                    made[name] = mine.hmac(name, b"x")
                except OutOfOrder:
                    ended.wait(0.05)

        makers = [threading.Thread(target=make) for _ in range(4)]
        for maker in makers:
            maker.start()
        for _ in range(4):
            before = len(made)
            while len(made) < before + 20:
                ended.wait(0.02)
            service.kill()
            service.start(begun=False)
        ended.set()
        for maker in makers:
            maker.join()

        after = service.client()
        assert len(made) >= 80
        assert {name: after.hmac(name, b"x") for name in made} == made
        assert all(len(after.fetch(name)) == 32 for name in after.names())


def test_a_connection_that_broke_costs_no_answer(service: KeyService):
    client, name = service.client(), a_name()
    client.make(name)
    service.kill()
    service.start(begun=False)

    assert client.has(name)


def test_a_service_that_is_away_is_not_a_key_that_is_gone(tmp_path: Path):
    with a_key_service(tmp_path / "service") as service:
        client, name = service.client(), a_name()
        client.make(name)
        service.kill()
        other = service.client()
        for ask in (other.has, other.make, other.destroy, other.was_destroyed, other.fetch):
            with pytest.raises(OutOfOrder, match="did not answer"):
                ask(name)


def test_a_service_that_says_nothing_is_given_up(service: KeyService, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(service_keys, "_LIMITS", HttpLimits(connect_seconds=1, silence_seconds=1, page_seconds=2))
    for context in (None, _as_the_service(service)):
        with a_silent_server(context) as port:
            client = key_places.key_service(service.settings(), f"https://localhost:{port}")
            with pytest.raises(OutOfOrder):
                client.fetch(SITE)


def test_who_is_not_trusted_gets_nothing_and_is_told_to_come_again(service: KeyService, tmp_path: Path):
    strangers = certificates(tmp_path / "strangers")
    theirs = {
        "TRANSFER_KEYS_CERTIFICATE": str(strangers.folder / "client.pem"),
        "TRANSFER_KEYS_KEY": str(strangers.folder / "client.key"),
    }
    with pytest.raises(OutOfOrder):
        service.client(**theirs).fetch(SITE)
    with pytest.raises(KeysTurnedAway):
        service.client(TRANSFER_KEYS_AUTHORITY=str(strangers.files["authority"])).fetch(SITE)
    no_certificate = ssl.create_default_context(cafile=service.known.files["authority"])
    with pytest.raises(urllib3.exceptions.HTTPError), urllib3.PoolManager(ssl_context=no_certificate) as http:
        http.request("GET", f"{service.url}/secrets/site", retries=False)
    with pytest.raises(urllib3.exceptions.HTTPError), urllib3.PoolManager() as http:
        http.request("GET", f"http://localhost:{service.port}/secrets/site", retries=False)
    assert service.client().fetch(SITE)


def test_a_renewed_certificate_needs_no_restart(service: KeyService, tmp_path: Path):
    files = {name: tmp_path / f"client.{name}" for name in ("pem", "key")}
    strangers = certificates(tmp_path / "strangers")
    for ending, path in files.items():
        shutil.copy(strangers.folder / f"client.{ending}", path)
    authority = tmp_path / "authority.pem"
    shutil.copy(strangers.files["authority"], authority)
    client = service.client(
        TRANSFER_KEYS_CERTIFICATE=str(files["pem"]),
        TRANSFER_KEYS_KEY=str(files["key"]),
        TRANSFER_KEYS_AUTHORITY=str(authority),
    )
    with pytest.raises(KeysTurnedAway):
        client.fetch(SITE)
    for ending, path in files.items():
        shutil.copy(service.known.folder / f"client.{ending}", path)
    shutil.copy(service.known.files["authority"], authority)

    assert client.fetch(SITE)


@pytest.mark.parametrize("status", ["404 Not Found", "200 OK", "204 No Content", "301 Moved", "503 Unavailable"])
def test_what_somebody_else_answers_at_its_address_means_nothing(service: KeyService, status: str):
    with a_silent_server(_as_the_service(service), says=f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n") as port:
        client = key_places.key_service(service.settings(), f"https://localhost:{port}")
        for ask in (client.fetch, client.has, client.destroy, client.was_destroyed):
            with pytest.raises(OutOfOrder):
                ask(a_name())


def test_an_empty_folder_is_not_taken_for_one_whose_keys_are_gone(tmp_path: Path):
    """Its disk may not be mounted: nothing is drawn, nothing is called purged, and nothing is begun by a message."""
    with a_key_service(tmp_path / "service", begun=False) as service:
        client, name = service.client(), a_name()
        for ask in (client.fetch, client.has, client.make, client.destroy, client.was_destroyed):
            with pytest.raises(OutOfOrder, match="no keys"):
                ask(name)
        with pytest.raises(OutOfOrder, match="no keys"):
            client.hmac(SITE, b"x")
        assert list(service.keys.rglob("*")) == []

        assert key_places.begin_keys(service.settings())
        assert not key_places.begin_keys(service.settings())
        with pytest.raises(KeyGone):
            client.fetch(name)


def test_it_is_ready_while_it_has_keys_and_live_without(tmp_path: Path):
    with a_key_service(tmp_path / "service", begun=False) as service:
        assert service.says("live") == (200, '{"status": "ok"}\n')
        assert service.says("ready") == (503, '{"status": "unavailable", "away": ["keys"]}\n')
        key_places.begin_keys(service.settings())
        in_time(lambda: service.says("ready")[0] == 200)

        service.keys.rename(tmp_path / "unmounted")
        service.keys.mkdir(mode=0o700)
        in_time(lambda: service.says("ready")[0] == 503)
        assert service.says("live")[0] == 200


def test_it_answers_what_it_was_asked_before_it_ends(tmp_path: Path):
    with a_key_service(tmp_path / "service") as service:
        assert service.process
        known = service.known.client()
        line = known.wrap_socket(socket.create_connection(("127.0.0.1", service.port), 10), server_hostname="localhost")
        name = a_name()
        head = f"PUT /secrets/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 32\r\n\r\n"
        line.sendall(head.encode() + b"k" * 16)
        in_time(lambda: service.says("live")[0] == 200)
        service.process.send_signal(signal.SIGTERM)
        in_time(lambda: service.says("ready") == (503, '{"status": "unavailable", "away": ["stopping"]}\n'))
        line.sendall(b"k" * 16)

        assert line.recv(4096).startswith(b"HTTP/1.1 200")
        line.close()
        assert service.process.wait(30) == 0
        assert (service.keys / name).read_bytes() == b"k" * 32


def in_time(is_so: Callable[[], bool], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it does not come to be"
        time.sleep(0.05)


@pytest.mark.parametrize(
    "path",
    [
        *("destroyed", "ended/m000000000000001", "patient", "patient/", "patient/A", "patient/%2e%2e/site", "copied"),
        *("%2e%2e/service.log", "..%2fservice.log", "patient/.new", "day/x/2026-1-1", "x", "moved", "site%00", "site/"),
    ],
)
def test_a_name_that_is_none_leads_nowhere(service: KeyService, path: str):
    known = service.known.client()
    with urllib3.PoolManager(ssl_context=known, retries=False) as http:
        for method in ("GET", "PUT", "DELETE"):
            answer = http.request(method, f"{service.url}/secrets/{path}", body=b"x" * 32 if method == "PUT" else None)
            assert answer.status in (307, 400, 404, 405), method
        assert http.request("DELETE", f"{service.url}/secrets/site").status == 400  # all would be lost with it
    assert service.client().fetch(SITE)
    assert not (service.folder / "service.log").read_text().count("Traceback")


@pytest.mark.parametrize("body", [b"", bytes(32), b"x" * (16 << 10) + b"x"])
def test_a_secret_that_is_none_is_not_kept(service: KeyService, body: bytes):
    name = a_name()
    with urllib3.PoolManager(ssl_context=service.known.client(), retries=False) as http:
        assert http.request("PUT", f"{service.url}/secrets/{name}", body=body).status == 400

    assert not service.client().has(name)


def test_neither_keys_nor_names_stand_in_its_log(service: KeyService):
    client, name = service.client(), a_name()
    client.make(name)
    key = client.fetch(name)
    client.destroy(name)
    with pytest.raises(KeyGone):
        client.fetch(name)

    said = service.log.read_bytes()
    assert key not in said
    assert key.hex().encode() not in said
    assert name.encode() not in said


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"TRANSFER_KEYS": "http://localhost:1"}, "TRANSFER_KEYS"),
        ({"TRANSFER_KEYS": "https://localhost:1/here"}, "TRANSFER_KEYS"),
        ({"TRANSFER_KEYS": "s3://keys"}, "TRANSFER_KEYS"),
        ({"TRANSFER_KEYS_CERTIFICATE": ""}, "TRANSFER_KEYS_CERTIFICATE"),
        ({"TRANSFER_KEYS_KEY": "/nowhere"}, "TRANSFER_KEYS_KEY"),
        ({"TRANSFER_KEYS_AUTHORITY": "/nowhere"}, "TRANSFER_KEYS_AUTHORITY"),
        ({"TRANSFER_KEYS_LISTEN": "8743"}, "TRANSFER_KEYS_LISTEN"),
    ],
)
def test_a_setting_that_cannot_be_right_is_named_at_once(service: KeyService, changed: dict[str, str], named: str):
    with pytest.raises(BadSetting, match=rf"^{named} "):
        key_places.keys(service.settings(**changed))


def test_a_key_file_that_others_can_read_is_refused(service: KeyService, tmp_path: Path):
    key = tmp_path / "client.key"
    shutil.copy(service.known.folder / "client.key", key)
    key.chmod(0o640)
    with pytest.raises(BadSetting, match="others can read"):
        key_places.keys(service.settings(TRANSFER_KEYS_KEY=str(key)))


def test_a_service_needs_a_folder_of_its_own(service: KeyService):
    with pytest.raises(BadSetting, match="has to be a folder"):
        key_places.folder_keys(Settings.load({"TRANSFER_KEYS": service.url}, service.folder))


def _as_the_service(service: KeyService) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(service.known.files["certificate"], service.known.files["key"])
    return context


@contextmanager
def a_silent_server(context: ssl.SSLContext | None, says: str = "") -> Iterator[int]:
    """It takes connections, and says one thing to each request, or nothing."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while says and await reader.readuntil(b"\r\n\r\n"):
            writer.write(says.encode())
        await asyncio.sleep(60)

    with a_stream_server(answer, ports.free(["silent"])["silent"], context) as port:
        yield port
