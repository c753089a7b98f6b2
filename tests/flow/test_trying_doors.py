"""A door is tried as it is asked, about nobody: an archive by DIMSE and by DICOMweb, a center, and our own."""

import socket
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.kit.peers.certificates import certificates
from tests.kit.scripted_dimse import GET, ScriptedDimse, Talk, pdu, scripted_dimse
from tests.kit.scripted_fhir import Said, an_office
from transfer.flow.trying_doors import try_doors, try_ours
from transfer.institutions import Institution
from transfer.operation import DoorStep, DoorTried

pytestmark = pytest.mark.servers

#: an A-ASSOCIATE-RJ (PS3.8 9.3.4): called AE title not recognized
NOT_KNOWN = pdu(3, bytes((0, 1, 1, 7)))


@pytest.fixture
def archive():
    with scripted_dimse() as archive:
        yield archive


def tried(**asked: object) -> DoorTried:
    said = {"id": "riverside", "name": "Riverside", "time_zone": "America/Chicago"}
    department = {"id": "films", "name": "Films", "holds": ["images"], "asked": asked}
    (found,) = try_doors(
        [Institution.model_validate({**said, "departments": [department]})], lambda source: source.token
    )
    return found


def by_dimse(archive: ScriptedDimse) -> DoorTried:
    return tried(
        by="dimse",
        host="127.0.0.1",
        port=archive.port,
        called_ae_title="RIVERSIDE",
        calling_ae_title="TRANSFER",
    )


def test_an_archive_by_dimse_is_sent_a_c_echo_and_no_question(archive: ScriptedDimse):
    found = by_dimse(archive)

    assert (found.failed, archive.echoes, archive.asked) == (None, 1, [])
    proposed = archive.proposals[-1].to_primitive().presentation_context_definition_list
    assert GET not in {str(one.abstract_syntax) for one in proposed}


def test_an_archive_that_offers_no_verification_was_spoken_with_all_the_same(archive: ScriptedDimse):
    archive.agrees = lambda one: str(one.abstract_syntax) != "1.2.840.10008.1.1"

    assert (by_dimse(archive).failed, archive.echoes) == (None, 0)


def test_an_archive_that_offers_no_search_does_not_answer_as_it_promises(archive: ScriptedDimse):
    archive.agrees = lambda one: str(one.abstract_syntax) == "1.2.840.10008.1.1"

    assert by_dimse(archive).failed is DoorStep.ANSWER


def test_an_ae_title_that_it_does_not_know_is_a_credential_that_is_refused(archive: ScriptedDimse):
    def reject(talk: Talk) -> None:
        talk.read()
        talk.send(NOT_KNOWN)

    archive.associating = reject

    found = by_dimse(archive)

    assert (found.failed, found.why) == (DoorStep.CREDENTIAL, "the archive does not know itself by the called AE title")


@pytest.mark.parametrize(("status", "step"), [(0x0124, DoorStep.CREDENTIAL), (0xA700, DoorStep.ANSWER)])
def test_a_c_echo_that_is_refused_says_why(archive: ScriptedDimse, status: int, step: DoorStep):
    archive.echo_status = status

    assert by_dimse(archive).failed is step


class _Archive(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.asked = self.path  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_an_archive_by_dicomweb_is_asked_for_a_study_that_nobody_made():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Archive)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()

    found = tried(by="dicomweb", base_url=f"http://127.0.0.1:{server.server_port}/rs", token="t")
    server.shutdown()
    server.server_close()

    assert (found.failed, server.asked) == (None, "/rs/studies?StudyInstanceUID=2.25.0&limit=1")  # type: ignore[attr-defined]


def test_our_own_doors_are_connected_to_and_no_byte_is_sent():
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        (found,) = try_ours([("mllp", "127.0.0.1", port)])
        line, _ = door.accept()
        with line:
            assert (found.failed, line.recv(1)) == (None, b"")
    (found,) = try_ours([("mllp", "127.0.0.1", port)])
    assert (found.failed, found.why) == (DoorStep.PORT, "the port is closed")


def test_who_comes_to_us_has_no_door_to_try():
    said = {"id": "prairie", "name": "Prairie", "time_zone": "America/Chicago"}
    department = {"id": "lab", "name": "Laboratory", "holds": ["pathology-report"], "asked": {"by": "push"}}

    assert try_doors([Institution.model_validate({**said, "departments": [department]})], lambda _: None) == ()


@pytest.mark.parametrize(
    ("said", "step", "why"),
    [
        (Said(429, headers={"Retry-After": "120"}), DoorStep.BUSY, "HTTP 429, and asks us to wait 120 s"),
        (Said(429, headers={"Retry-After": "later"}), DoorStep.BUSY, "HTTP 429"),
        (Said(500), DoorStep.BUSY, "HTTP 500"),
        (Said(403), DoorStep.CREDENTIAL, "HTTP 403"),
        (Said(404), DoorStep.ANSWER, "HTTP 404"),
        (Said(501), DoorStep.ANSWER, "HTTP 501"),
        (
            Said(302, headers={"Location": "https://elsewhere.example/"}),
            DoorStep.ANSWER,
            "HTTP 302, which leads elsewhere: no redirect is followed",
        ),
        (Said(200, b"<html>", "text/html; charset=utf-8"), DoorStep.ANSWER, "HTTP 200 with a page for people"),
        (Said(200, b"{}"), None, ""),
        (Said(400, b"{}"), None, ""),
    ],
)
def test_what_a_server_answers_says_who_has_to_do_something(said: Said, step: DoorStep | None, why: str):
    with an_office(lambda _: said) as office:
        found = tried(by="fhir", base_url=office.base, token="s3cr3t")

    assert (found.failed, found.why) == (step, why)
    assert len(office.asked) == 1


@pytest.mark.parametrize(
    ("shown", "trusted", "days", "step", "why"),
    [
        ("server", "authority", 30, None, ""),
        ("authority", "authority", 30, DoorStep.TLS_NAME, "its certificate is for another address"),
        ("server", "authority", 0, DoorStep.TLS_ENDED, "its certificate has ended"),
        ("server", "client", 30, DoorStep.TLS, "the authority that signed its certificate is not one we trust"),
        (None, "authority", 30, DoorStep.TLS_NONE, "no TLS that both speak, or it wants a certificate of ours"),
    ],
)
def test_why_tls_fails_says_who_has_to_do_something(
    tmp_path: Path, shown: str | None, trusted: str, days: int, step: DoorStep | None, why: str
):
    made = certificates(tmp_path / "tls", days=days).folder
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Archive)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # whoever does not trust us hangs up
    if shown:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made / f"{shown}.pem", made / f"{shown}.key")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    tls = {"authority": str(made / f"{trusted}.pem")}

    found = tried(by="dicomweb", base_url=f"https://127.0.0.1:{server.server_port}/rs", token="t", tls=tls)
    server.shutdown()
    server.server_close()

    assert (found.failed, found.why) == (step, why)
