"""Our FHIR adapters and the stand-in institutions, as processes of their own, over real sockets."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import urllib3

from tests.kit.builders import a_setting
from tests.kit.scripted_fhir import an_office, as_json
from transfer.adapters.fhir import inbound
from transfer.adapters.fhir.inbound import Form
from transfer.adapters.fhir.receiver import ReceiverClient, Submitted
from transfer.adapters.fhir.source import FhirSourceClient
from transfer.adapters.fhir.submission import DownloadLink, submission
from transfer.adapters.http import HttpLimits
from transfer.arrivals import ReceiptStatus
from transfer.errors import TurnedAway, Unheard, Unreachable
from transfer.identifiers import CaseId, PacketId
from transfer.institutions import load
from transfer.permissions import FormStatus, SignerRole, Statement
from transfer.records import RecordKind
from transfer.source_answers import Fee, SaidBy
from transfer.sources import Found

pytestmark = pytest.mark.servers

ROOT = Path(__file__).parent.parent.parent
CONTROL, TOKEN = "control-token", "the-token"
LIMITS = HttpLimits(silence_seconds=2)


@contextmanager
def a_gateway():
    """Whatever is posted to us is kept and answered as stored."""
    posted = []

    def answers(asked):
        if asked.method == "POST":
            posted.append(asked.body)
        return as_json({"resourceType": "OperationOutcome", "issue": []}, status=201)

    with an_office(answers) as door:
        yield door, posted


class Running:
    def __init__(self, name, folder, gateway_url):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = {
            "port": port,
            "folder": str(folder),
            "control_token": CONTROL,
            "accepts_token": TOKEN,
            "gateway_url": gateway_url,
            "gateway_token": "shown",
        }
        path = folder / "config.json"
        path.write_text(json.dumps(config))
        self.url = f"http://127.0.0.1:{port}"
        self.pool = urllib3.PoolManager(retries=False)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "transfer.sandbox", name, "--config", str(path)], cwd=ROOT, env=os.environ
        )

    def control(self, action, said=None):
        answer = self.pool.request(
            "POST" if said is not None else "GET",
            f"{self.url}/_sandbox/{action}",
            json=said,
            headers={"Authorization": f"Bearer {CONTROL}"},
            timeout=10,
        )
        assert answer.status == 200, answer.data
        return answer.json()

    def wait(self):
        for _ in range(200):
            try:
                return self.control("health")
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
        raise AssertionError("it never answered")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def chart():
    made = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json; from transfer.sandbox.charts import draw_chart; print(json.dumps(draw_chart()))",
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return json.loads(made.stdout)


@pytest.fixture(scope="module")
def gateway():
    with a_gateway() as running:
        yield running


@pytest.fixture(scope="module")
def lakeside(tmp_path_factory, gateway, chart):
    running = Running("oncology", tmp_path_factory.mktemp("oncology"), gateway[0].url)
    running.wait()
    running.control("patients", chart)
    yield running
    running.stop()


@pytest.fixture
def behaving(lakeside):
    """Behaviour for one test."""
    yield lambda **knobs: lakeside.control("behaviour", knobs)
    lakeside.control("behaviour", {"answer": "normal", "page_size": 4})


@pytest.fixture(scope="module")
def partners(lakeside):
    text = "".join(path.read_text() for path in (ROOT / "institutions").glob("*.yaml"))
    settings = {name: a_setting(name) for name in re.findall(r"\$\{([A-Z0-9_]+)\}", text)}
    one_kind = {"SANDBOX_ARCHIVE_USER": "", "SANDBOX_ARCHIVE_PASSWORD": ""}  # the archive takes a token
    return load(ROOT / "institutions", settings | one_kind | {"SANDBOX_ONCOLOGY_URL": lakeside.url})


@pytest.fixture
def client(lakeside):
    with closing(FhirSourceClient(f"{lakeside.url}/fhir", TOKEN, http=LIMITS)) as running:
        yield running


@pytest.fixture
def posted(lakeside, gateway, chart):
    def post(action, **said):
        gateway[1].clear()
        lakeside.control(action, {"chart": chart["id"], **said})
        return gateway[1][-1]

    return post


@pytest.fixture
def who(posted, partners):
    return inbound.referral(posted("send-referral"), partners["lakeside-oncology"], partners).patient


def test_the_office_gives_every_document_once_whatever_its_pages(client, who, partners, behaving):
    office = partners["lakeside-oncology"]
    for size in (1, 4, 100):
        behaving(page_size=size)
        patient = client.find_patient(who, office)
        found = list(client.documents(patient, office, frozenset(RecordKind)))

        assert all(isinstance(each, Found) for each in found)
        assert sorted(each.document.kind for each in found) == sorted(
            [
                "note",
                "note",
                "operative-note",
                "procedure-report",
                "treatment-summary",
                "other",
                "laboratory",
                "imaging-report",
                "molecular",
                "pathology-report",
            ]
        )
        assert [len(each.sources) for each in found].count(2) == 1
        assert all(b"".join(file.read()) for each in found for file in each.files)


@pytest.mark.parametrize("answer", ["empty", "no-records"])
def test_an_office_that_finds_nothing_has_not_failed(client, who, partners, behaving, answer):
    behaving(answer=answer)

    assert client.find_patient(who, partners["lakeside-oncology"]) is None


@pytest.mark.parametrize(
    ("answer", "failure"), [("forbidden", TurnedAway), ("silent", Unreachable), ("error-503", Unreachable)]
)
def test_an_office_that_does_not_answer_is_told_apart(client, who, partners, behaving, answer, failure):
    behaving(answer=answer)

    with pytest.raises(failure):
        client.find_patient(who, partners["lakeside-oncology"])


def test_no_name_stands_in_an_address_at_the_office(client, who, partners, lakeside):
    patient = client.find_patient(who, partners["lakeside-oncology"])
    list(client.documents(patient, partners["lakeside-oncology"], frozenset(RecordKind)))

    log = [entry for entry in lakeside.control("access-log") if entry["method"] == "GET"]

    assert log
    assert not [entry for entry in log if {"family", "identifier", "birthdate"} & set(entry.get("parameters", []))]


def test_its_release_form_is_complete(posted, partners, who):
    body = posted("send-release-form")
    form = inbound.authorization(body, partners["lakeside-oncology"], partners)

    assert inbound.sort(body).form is Form.RELEASE_FORM
    assert set(form.patient.identifiers) & set(who.identifiers)
    assert form.recipients == {"summit-cancer-center"}
    assert "lakeside-oncology" in form.disclosers
    assert (form.status, form.described, form.signed_by) == (FormStatus.ACTIVE, True, SignerRole.PATIENT)
    assert form.statements == set(Statement)
    assert form.purposes == {"TREAT"}
    assert None not in (form.reference, form.signed_on, form.expires_on)


def test_its_revocation_is_of_the_same_form(posted, partners):
    office = partners["lakeside-oncology"]
    filed, revoked = posted("send-release-form"), posted("revoke")

    assert inbound.sort(revoked).form is Form.REVOCATION
    assert inbound.sort(filed).key != inbound.sort(revoked).key
    assert (
        inbound.authorization(filed, office, partners).reference
        == inbound.authorization(revoked, office, partners).reference
    )
    assert inbound.authorization(revoked, office, partners).status is FormStatus.REVOKED


def test_its_referral_names_who_when_and_whom_to_ask(posted, partners):
    body = posted("send-referral")
    referral = inbound.referral(body, partners["lakeside-oncology"], partners)

    assert inbound.sort(body).form is Form.REFERRAL
    assert [code.system for code in referral.diagnoses[0].codes] == ["icd-10-cm", "snomed"]
    assert referral.receiver == "summit-cancer-center"
    assert {"prairie-pathology", "mercy-imaging"} <= set(referral.sources)
    assert referral.references
    assert None not in (referral.question, referral.needed_by, referral.appointment_at)


FEE = Fee(amount=Decimal("12.5"), currency="USD")


@pytest.mark.parametrize(
    ("status", "code", "more", "found"),
    [
        ("rejected", "no-records", {}, {}),
        (
            "on-hold",
            "fee-required",
            {"fee": {"value": 12.5, "currency": "USD"}},
            {"fee": FEE},
        ),
        ("in-progress", "ready-on", {"day": "2026-12-04"}, {"day": date(2026, 12, 4)}),
        ("rejected", "held-elsewhere", {"elsewhere": "prairie-pathology"}, {"elsewhere": "prairie-pathology"}),
        ("rejected", "policy", {}, {"reason": "policy"}),
        ("on-hold", "form-required", {"person": "Jo", "number": "R-7", "words": "Form 12"}, {}),
    ],
)
def test_its_answer_to_a_request_is_understood(posted, partners, status, code, more, found):
    body = posted("answer-request", request="q0123456789abcde", status=status, code=code, **more)
    heard = inbound.request_answer(body, partners["lakeside-oncology"], partners)

    assert inbound.sort(body).form is Form.REQUEST_ANSWER
    assert (heard.request, heard.said.answer) == ("q0123456789abcde", "refused" if code == "policy" else code)
    assert {name: getattr(heard.said, name) for name in found} == found
    if "person" in more:
        assert heard.said.by == SaidBy(person="Jo", reference="R-7", words="Form 12")


def test_a_document_it_pushes_comes_with_its_bytes(posted, partners, who):
    body = posted("push-document", document="operation")
    (sent,) = inbound.pushed_documents(body, partners["lakeside-oncology"])

    assert inbound.sort(body).form is Form.DOCUMENTS
    assert set(sent.document.patient.identifiers) & set(who.identifiers)
    assert sent.document.kind is RecordKind.OPERATIVE_NOTE
    (file,) = sent.files
    assert file.content.startswith(b"<?xml")


def test_the_center_takes_a_submission_knows_it_again_and_sends_a_receipt(tmp_path, partners, who):
    packet = PacketId.of(CaseId.draw(), 1)
    with a_gateway() as (door, _):
        center = Running("center", tmp_path, door.url)
        try:
            center.wait()
            tar = DownloadLink(
                path="packet.tar", url=f"{door.url}/packets/{packet}/packet.tar", content_type="application/x-tar"
            )
            how = {
                "receiver": partners["summit-cancer-center"],
                "source": "urn:oid:1.2.3",
                "created": datetime.now(UTC),
            }
            bundle = submission(packet, tar, [], patient=who, **how)
            with closing(ReceiverClient(f"{center.url}/fhir", TOKEN, LIMITS)) as receiver:
                assert receiver.has(packet) is False
                assert receiver.submit(bundle) == Submitted(created=2, known=0)
                assert receiver.has(packet) is True

                center.control("behaviour", {"answer": "silent-after-taking"})
                with pytest.raises(Unheard) as caught:
                    receiver.submit(bundle)
                assert caught.value.maybe_received is True
                center.control("behaviour", {"answer": "error-503"})
                with pytest.raises(Unheard) as caught:
                    receiver.submit(bundle)
                assert caught.value.maybe_received is False
        finally:
            center.stop()


def test_the_centers_receipt_is_read():
    """As `transfer.sandbox.center.submission` writes it; the journey that ends in one is in tests/journeys."""
    from transfer.sandbox.center.submission import receipt

    for status, word in (("accepted", ReceiptStatus.ACCEPTED), ("rejected", ReceiptStatus.DECLINED)):
        body = json.dumps(receipt("c0123456789a-p1", status, ["wrong-patient"])).encode()
        assert inbound.receipt(body).status is word
        assert inbound.sort(body).packet == "c0123456789a-p1"
