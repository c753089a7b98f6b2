"""Towards sources and receivers: whom we trust and what we show stands in the institution's file."""

import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.kit.peers.certificates import Certificates, certificates
from tests.kit.scripted_fhir import WHO
from transfer import wiring
from transfer.adapters.tls import BadFile
from transfer.errors import Unavailable, Unexpected, Unheard
from transfer.flow.services import Services
from transfer.identifiers import CaseId, PacketId
from transfer.institutions import DicomwebSource
from transfer.settings import BadSetting, Settings

#: an institution answers over TLS, and everything of ours is wired to ask it
pytestmark = pytest.mark.servers

PACKET = PacketId.of(CaseId("c00000000000"), 1)
#: what is listed where; nothing is found anywhere
ANSWERS = {
    "Patient": {"resourceType": "Bundle", "type": "searchset"},
    "List": {"resourceType": "Bundle", "type": "searchset"},
}
ASKING: dict[str, Callable[[Services], object]] = {
    "fhir": lambda services: services.ask_documents(source(services, "office")).find_patient(
        WHO, services.institutions["riverside"]
    ),
    "dicomweb": lambda services: services.ask_archive(source(services, "films")).studies(
        WHO, services.institutions["riverside"]
    ),
    "receiving": lambda services: services.hand_to(services.institutions["riverside"].receives).has(PACKET),  # type: ignore[arg-type]
}
NOTHING = {"fhir": None, "dicomweb": [], "receiving": False}


class _Institution(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        kind = self.path.partition("?")[0].removesuffix("/_search").rpartition("/")[2]
        body = json.dumps(ANSWERS.get(kind, [])).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - named by the standard library

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's word
        pass


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Who is turned away in the handshake ends here."""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return certificates(tmp_path_factory.mktemp("tls") / "known")


@pytest.fixture(scope="module")
def address(known: Certificates) -> Iterator[str]:
    """An institution that speaks TLS and wants a certificate of its own authority."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=known.files["authority"])
    context.load_cert_chain(known.files["certificate"], known.files["key"])
    context.verify_mode = ssl.CERT_REQUIRED
    server = _Server(("127.0.0.1", 0), _Institution)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"https://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


def source(services: Services, department: str) -> object:
    return services.institutions["riverside"].department(department).asked


@contextmanager
def services(folder: Path, address: str, tls: dict[str, object] | None) -> Iterator[Services]:
    """All that is wired, for one institution whose file says this."""
    said = {"tls": tls} if tls is not None else {}
    departments = [
        {"id": name, "name": name, "holds": [kind], "asked": {"by": by, "base_url": f"{address}/{path}", **said}}
        for name, kind, by, path in (("office", "note", "fhir", "fhir"), ("films", "images", "dicomweb", "dicom-web"))
    ]
    file = {
        "id": "riverside",
        "name": "Riverside",
        "time_zone": "UTC",
        "grants": ["packets"],
        "issuers": {"MRN": "urn:mrn"},
        "departments": departments,
        "receives": {"fhir_url": f"{address}/fhir", "token": "t", **said},
    }
    (folder / "institutions").mkdir()
    (folder / "institutions" / "riverside.yaml").write_text(json.dumps(file))  # which is YAML, too
    names = {
        "TRANSFER_DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "TRANSFER_S3_ENDPOINT": "http://127.0.0.1:9",
        "TRANSFER_S3_ACCESS_KEY": "k",
        "TRANSFER_S3_SECRET_KEY": "s",
        "TRANSFER_PUBLIC_URL": "https://transfer.example",
        "TRANSFER_INSTITUTIONS": str(folder / "institutions"),
    }
    with wiring.connect(Settings.load(names, folder / "var"), wiring.origin("test")) as connected:
        yield connected


def shown(known: Certificates, name: str = "client") -> dict[str, object]:
    folder = known.folder
    return {
        "authority": str(folder / "authority.pem"),
        "certificate": str(folder / f"{name}.pem"),
        "key": str(folder / f"{name}.key"),
    }


def test_by_the_files_its_yaml_names_an_institution_is_reached(tmp_path: Path, known: Certificates, address: str):
    with services(tmp_path, address, shown(known)) as connected:
        assert {who: ask(connected) for who, ask in ASKING.items()} == NOTHING


@pytest.mark.parametrize("lacking", ["certificate", "trust", "everything"])
def test_without_them_it_is_told_nothing(tmp_path: Path, known: Certificates, address: str, lacking: str):
    others = certificates(tmp_path / "others")
    said = {
        "certificate": {"authority": str(known.files["authority"])},
        "trust": {**shown(known), "authority": str(others.files["authority"])},
        "everything": None,
    }[lacking]
    with services(tmp_path, address, said) as connected:
        for ask in ASKING.values():
            with pytest.raises((Unexpected, Unavailable)):
                ask(connected)


def test_tls_that_fails_before_a_submission_is_a_refusal_and_after_it_nobody_knows(
    tmp_path: Path, known: Certificates, address: str
):
    others = certificates(tmp_path / "others")
    wrong = {
        "trust": {"authority": str(others.files["authority"])},
        "none": {"authority": str(known.files["authority"])},
    }
    submitting = {}
    for name, tls in wrong.items():
        (tmp_path / name).mkdir()
        with services(tmp_path / name, address, tls) as connected:
            receives = connected.institutions["riverside"].receives
            assert receives
            with pytest.raises((Unexpected, Unheard)) as caught:
                connected.hand_to(receives).submit(b"{}")
            submitting[name] = caught.value

    assert isinstance(submitting["trust"], Unexpected)
    # that it wants a certificate is told when we have spoken (RFC 8446 section 4.4.2.4)
    assert isinstance(submitting["none"], Unheard)
    assert submitting["none"].maybe_received


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path, address: str):
    careless = certificates(tmp_path / "careless")
    (careless.folder / "client.key").chmod(0o644)

    with services(tmp_path, address, shown(careless)) as connected:
        for ask in ASKING.values():
            with pytest.raises(BadFile, match="read by others"):
                ask(connected)


@pytest.mark.parametrize("name", ["authority", "certificate", "key"])
def test_a_file_that_is_missing_or_not_pem_is_named(tmp_path: Path, known: Certificates, address: str, name: str):
    (tmp_path / "not-pem").write_text("nothing")
    (tmp_path / "not-pem").chmod(0o600)
    for wrong in ("not-pem", "not-there", "n" * 300):  # the system raises at a name so long, as at a folder shut to us
        folder = tmp_path / f"with-{wrong[:9]}"
        folder.mkdir()
        said = {**shown(known), name: str(tmp_path / wrong)}
        with (
            services(folder, address, said) as connected,
            pytest.raises(BadFile, match=rf"tls\.{name}|tls\.certificate"),
        ):
            ASKING["fhir"](connected)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:9", {"authority": "ca.pem"}),
        ("https://127.0.0.1:9", {"certificate": "ours.pem"}),
        ("https://127.0.0.1:9", {"key": "ours.key"}),
        ("https://127.0.0.1:9", {"authority": "ca.pem", "insecure": True}),
        ("http://archive.example:9", {}),
        ("http://10.1.2.3:9", {}),
        ("http://127.0.0.1.example:9", {}),
        ("archive.example:9", {}),
        ("ftp://127.0.0.1:9", {}),
        ("https://", {}),
    ],
)
def test_half_of_it_or_plain_text_to_another_machine_is_a_mistake_of_the_file(
    tmp_path: Path, address: str, said: dict[str, object]
):
    with pytest.raises(BadSetting, match=r"riverside\.yaml"), services(tmp_path, address, said):
        pass


def test_plain_text_to_another_machine_is_said_where_it_is_meant(tmp_path: Path):
    file = {"base_url": "http://archive.example:9/dicom-web", "by": "dicomweb"}

    assert DicomwebSource.model_validate({**file, "plain_text": True}).base_url == file["base_url"]
    with pytest.raises(ValueError, match="plain text"):
        DicomwebSource.model_validate(file)


def test_empty_settings_are_none_given(tmp_path: Path):
    with services(tmp_path, "http://127.0.0.1:9", dict.fromkeys(("authority", "certificate", "key"), "")) as connected:
        assert connected.institutions["riverside"].receives
