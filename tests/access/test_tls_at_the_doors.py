"""TLS at the doors: who may come in by which certificate, and when plain text is refused."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest
import urllib3
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.kit.memory_message_store import MemoryMessageStore
from tests.kit.peers.certificates import Certificates, certificates
from transfer.doors import MllpDoor
from transfer.embedded import ports
from transfer.gateway.callers import fingerprint
from transfer.gateway.mllp import MllpServer
from transfer.gateway.tls import doors_context
from transfer.identifiers import InstitutionId
from transfer.institutions import Institution
from transfer.serving.http import certificate_of, server
from transfer.settings import BadSetting, Settings

pytestmark = pytest.mark.servers

LAB, OTHER = InstitutionId("commhosp-lab"), InstitutionId("prairie-pathology")
DOOR = MllpDoor(port=0, sending_application="LISAPP", sending_facility="COMMHOSP")
MESSAGE = b"MSH|^~\\&|LISAPP|COMMHOSP|R|R|20260105101500||ORU^R01^ORU_R01|1|P|2.5.1\rPID|1\r"


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls") / "known", "lab", "other")


@pytest.fixture(scope="module")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Certificates in the same names, by another authority."""
    return certificates(tmp_path_factory.mktemp("tls") / "strangers", "lab", "other")


def settings(folder: Path, known: Certificates | None = None, **more: object) -> Settings:
    names = {"TRANSFER_GATEWAY_HTTP": "127.0.0.1:8080"}
    if known:
        names |= {
            "TRANSFER_TLS_CERTIFICATE": str(known.files["certificate"]),
            "TRANSFER_TLS_KEY": str(known.files["key"]),
            "TRANSFER_TLS_CLIENT_AUTHORITIES": str(known.files["authority"]),
        }
    return Settings.load(names | {name: str(value) for name, value in more.items()}, folder)


def a_lab(*certificates: str) -> dict[str, Institution]:
    return {LAB: Institution(id=LAB, name="Lab", time_zone="UTC", mllp_door=DOOR, certificates=frozenset(certificates))}


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_without_tls_the_doors_open_for_this_machine_alone(tmp_path: Path, host: str):
    assert doors_context(settings(tmp_path, TRANSFER_GATEWAY_HTTP=f"{host}:8080"), {}) is None


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.7", "gateway", "localhost.example.org"])  # noqa: S104
def test_towards_other_machines_plain_text_is_refused_unless_a_proxy_is_said_to_end_tls(tmp_path: Path, host: str):
    address = {"TRANSFER_GATEWAY_HTTP": f"{host}:8080"}
    with pytest.raises(BadSetting, match="plain text"):
        doors_context(settings(tmp_path, **address), {})

    assert doors_context(settings(tmp_path, **address, TRANSFER_TLS_TERMINATED=1), {}) is None


def test_with_tls_the_doors_open_for_other_machines(tmp_path: Path, known: Certificates):
    context = doors_context(settings(tmp_path, known, TRANSFER_GATEWAY_HTTP="0.0.0.0:8080"), {})

    assert context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


@pytest.mark.parametrize("left", ["TRANSFER_TLS_KEY", "TRANSFER_TLS_CERTIFICATE"])
def test_half_a_certificate_is_a_mistake_and_not_plain_text(tmp_path: Path, known: Certificates, left: str):
    with pytest.raises(BadSetting, match="TRANSFER_TLS"):
        doors_context(settings(tmp_path, known, **{left: ""}), {})


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, known: Certificates, mode: int):
    key = tmp_path / "server.key"
    shutil.copy(known.files["key"], key)
    key.chmod(mode)

    with pytest.raises(BadSetting, match="others can read"):
        doors_context(settings(tmp_path, known, TRANSFER_TLS_KEY=key), {})


def test_a_file_that_is_missing_or_none_of_its_kind_is_named(tmp_path: Path, known: Certificates):
    for name, wrong in (
        ("TRANSFER_TLS_KEY", tmp_path / "none"),
        ("TRANSFER_TLS_CERTIFICATE", tmp_path / "none"),
        ("TRANSFER_TLS_CERTIFICATE", known.folder / "client.pem"),  # another's: not of this key
        ("TRANSFER_TLS_CLIENT_AUTHORITIES", known.files["key"]),
    ):
        with pytest.raises(BadSetting, match="TRANSFER_TLS"):
            doors_context(settings(tmp_path, known, **{name: wrong}), {})


def test_certificates_that_could_never_be_shown_are_a_mistake(tmp_path: Path, known: Certificates):
    authorities = {"TRANSFER_TLS_CLIENT_AUTHORITIES": known.files["authority"]}
    for of_the_doors in (
        settings(tmp_path),
        settings(tmp_path, known, TRANSFER_TLS_CLIENT_AUTHORITIES=""),
        settings(tmp_path, **authorities),
    ):
        with pytest.raises(BadSetting, match="lists certificates"):
            doors_context(of_the_doors, a_lab(known.fingerprint("lab")))


# --- MLLP -------------------------------------------------------------------------------------------------------------


def said_at_the_mllp_door(
    folder: Path, known: Certificates, institutions: dict[str, Institution], client: ssl.SSLContext | None
) -> str:
    """What a sender gets for one good message: the acknowledgement's code, or that it was turned away."""

    async def run() -> str:
        listed = {InstitutionId(each.id): each.certificates for each in institutions.values()}
        context = doors_context(settings(folder, known), institutions)
        door = MllpServer({LAB: DOOR}, MemoryMessageStore(), ssl_context=context, certificates=listed)
        await door.start()
        try:
            how = {"ssl": client, "server_hostname": "localhost"} if client else {}
            reader, writer = await asyncio.open_connection("127.0.0.1", door.port(LAB), **how)
            writer.write(b"\x0b" + MESSAGE + b"\x1c\r")
            answer = await asyncio.wait_for(reader.readuntil(b"\x1c\r"), 5)
            writer.transport.abort()
            return answer.split(b"MSA|")[1][:2].decode()
        except (OSError, EOFError):
            return "turned away"
        finally:
            await door.close(grace=0)

    return asyncio.run(run())


def test_a_laboratory_that_lists_its_certificate_must_show_that_one(
    tmp_path: Path, known: Certificates, strangers: Certificates
):
    lab = a_lab(known.fingerprint("lab"))
    in_their_name = known.client(shows_certificate=False)
    in_their_name.load_cert_chain(strangers.folder / "lab.pem", strangers.folder / "lab.key")

    assert said_at_the_mllp_door(tmp_path, known, lab, known.client("lab")) == "AA"
    for client in (known.client("other"), known.client(shows_certificate=False), in_their_name, None):
        assert said_at_the_mllp_door(tmp_path, known, lab, client) == "turned away"


def test_old_and_new_certificate_are_valid_together(tmp_path: Path, known: Certificates):
    lab = a_lab(known.fingerprint("lab"), known.fingerprint("other"))

    assert said_at_the_mllp_door(tmp_path, known, lab, known.client("other")) == "AA"


def test_a_laboratory_without_a_certificate_comes_by_tls_alone_and_shows_nobody_elses(
    tmp_path: Path, known: Certificates
):
    assert said_at_the_mllp_door(tmp_path, known, a_lab(), known.client(shows_certificate=False)) == "AA"
    assert said_at_the_mllp_door(tmp_path, known, a_lab(), known.client("other")) == "turned away"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_older_tls_is_not_spoken(tmp_path: Path, known: Certificates, version: ssl.TLSVersion):
    old = known.client("lab")
    old.minimum_version = old.maximum_version = version
    old.set_ciphers("ALL:@SECLEVEL=0")

    assert said_at_the_mllp_door(tmp_path, known, a_lab(), old) == "turned away"


# --- HTTP -------------------------------------------------------------------------------------------------------------


async def _who(request: Request) -> PlainTextResponse:
    shown = certificate_of(request.scope)
    return PlainTextResponse(f"{request.url.scheme} {fingerprint(shown) if shown else 'nobody'}")


@contextmanager
def an_http_door(context: ssl.SSLContext | None) -> Iterator[int]:
    port = ports.free(["door"])["door"]
    door = server(Starlette(routes=[Route("/", _who)]), "127.0.0.1", port, context)
    thread = Thread(target=lambda: asyncio.run(door.serve()))
    thread.start()
    while not door.started:
        thread.join(0.01)
    try:
        yield port
    finally:
        door.should_exit = True
        thread.join()


def seen_at_the_http_door(port: int, client: ssl.SSLContext | None) -> str:
    scheme = "https" if client else "http"
    # what a proxy would say is not believed
    says = {"X-Forwarded-Proto": "gopher", "X-Forwarded-For": "192.0.2.1", "X-SSL-Client-Cert": "of another"}
    try:
        with urllib3.PoolManager(retries=False, timeout=5, ssl_context=client) as http:
            return http.request("GET", f"{scheme}://localhost:{port}/", headers=says).data.decode()
    except urllib3.exceptions.HTTPError:
        return "turned away"


def test_the_certificate_a_caller_shows_reaches_the_http_doors_and_no_header_does(
    tmp_path: Path, known: Certificates, strangers: Certificates
):
    with an_http_door(doors_context(settings(tmp_path, known), {})) as port:
        assert seen_at_the_http_door(port, known.client("lab")) == f"https {known.fingerprint('lab')}"
        assert seen_at_the_http_door(port, known.client(shows_certificate=False)) == "https nobody"
        theirs = known.client(shows_certificate=False)
        theirs.load_cert_chain(strangers.folder / "lab.pem", strangers.folder / "lab.key")
        assert seen_at_the_http_door(port, theirs) == "turned away"
        assert seen_at_the_http_door(port, strangers.client("lab")) == "turned away"
        assert seen_at_the_http_door(port, None) == "turned away"


def test_plain_text_carries_no_certificate(tmp_path: Path):
    with an_http_door(doors_context(settings(tmp_path), {})) as port:
        assert seen_at_the_http_door(port, None) == "http nobody"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_1_2_and_1_3_are_spoken(tmp_path: Path, known: Certificates, version: ssl.TLSVersion):
    client = known.client("lab")
    client.minimum_version = client.maximum_version = version
    with an_http_door(doors_context(settings(tmp_path, known), {})) as port:
        assert seen_at_the_http_door(port, client) == f"https {known.fingerprint('lab')}"


def test_a_caller_that_begins_no_handshake_holds_up_nobody(tmp_path: Path, known: Certificates):
    with an_http_door(doors_context(settings(tmp_path, known), {})) as port:
        with socket.create_connection(("127.0.0.1", port)) as silent:
            assert seen_at_the_http_door(port, known.client("lab")).startswith("https")
            silent.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert not silent.recv(1024).startswith(b"HTTP/1.1 200")
