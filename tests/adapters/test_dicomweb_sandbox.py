"""From the stand-in archive, another process that shares no code with us, into the real store."""

import hashlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
import urllib3

from tests.kit.builders import a_setting
from tests.kit.series import missing
from transfer import institutions
from transfer.adapters.dicomweb import DicomwebClient
from transfer.adapters.http import HttpLimits
from transfer.adapters.vault import S3Vault
from transfer.errors import TurnedAway, Unreachable
from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.sandbox.charts import draw_chart
from transfer.sources import Ending

pytestmark = pytest.mark.servers

FILES = Path(__file__).parents[2] / "institutions"


class Mercy:
    """The archive's process, one patient in it, and what we know of both."""

    def __init__(self, folder):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        config = {
            "port": port,
            "folder": str(folder),
            "control_token": "control",
            "accepts_token": "shown",
            "gateway_url": "http://127.0.0.1:9",
            "gateway_token": "g",
            "gateway_mllp_port": 9,
        }
        (folder / "archive.json").write_text(json.dumps(config))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "transfer.sandbox", "archive", "--config", str(folder / "archive.json")]
        )
        text = (FILES / "mercy-imaging.yaml").read_text()
        settings = {name: a_setting(name) for name in re.findall(r"\$\{(\w+)\}", text)} | {
            "SANDBOX_ARCHIVE_TOKEN": "x",
            "SANDBOX_ARCHIVE_URL": self.url,
            "SANDBOX_ARCHIVE_USER": "",
            "SANDBOX_ARCHIVE_PASSWORD": "",
        }
        (folder / "mercy-imaging.yaml").write_text(text)
        self.institution = institutions.load(folder, settings)["mercy-imaging"]
        self.base = self.institution.department("film-room").asked.base_url
        self.client = DicomwebClient(self.base, "shown", http=HttpLimits(connect_seconds=2, silence_seconds=5))

    def holds(self, chart):
        self.control("patients", chart)
        number, person = chart["numbers"]["mercy-imaging"], chart["patient"]
        issuer = next(uri for uri in self.institution.issuers.values() if uri == number["system"])
        self.imaging = chart["imaging"]
        self.patient = Demographics(
            names=(PersonName(person["family"], tuple(person["given"])),),
            birth_date=date.fromisoformat(person["birth_date"]),
            identifiers=(IssuedIdentifier(issuer, number["value"]),),
        )

    def control(self, action, body):
        answer = urllib3.request(
            "POST", f"{self.url}/_sandbox/{action}", json=body, headers={"Authorization": "Bearer control"}
        )
        assert answer.status == 200

    def await_up(self):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                if urllib3.request("GET", f"{self.url}/_sandbox/health", retries=False).status == 200:
                    return
            except urllib3.exceptions.HTTPError:
                time.sleep(0.05)
        raise AssertionError("the archive did not start")


@pytest.fixture
def mercy(tmp_path):
    mercy = Mercy(tmp_path)
    try:
        mercy.await_up()
        mercy.holds(draw_chart())
        yield mercy
    finally:
        mercy.process.kill()
        mercy.process.wait()


@pytest.fixture
def vault(store):
    vault = S3Vault(
        endpoint=store.endpoint,
        region="us-east-1",
        access_key=store.access_key,
        secret_key=store.secret_key,
        bucket="images",
    )
    vault.ensure_bucket()
    return vault


def ct(mercy):
    """The CT series: the study's largest."""
    [study] = mercy.client.studies(mercy.patient, mercy.institution)
    listed = {
        each: mercy.client.instances(study.study_instance_uid, each.uid)
        for each in mercy.client.series(study.study_instance_uid)
    }
    series = max(listed, key=lambda each: len(listed[each]))
    return study, series, listed[series]


def fetch(mercy, vault, study, series, expected, wanted=None):
    return mercy.client.fetch_series(
        study.study_instance_uid,
        series.uid,
        expected=expected,
        wanted=wanted,
        institution=mercy.institution,
        vault=vault,
        keep_going=lambda: None,
    )


def test_a_study_is_found_and_its_series_lies_in_the_store_image_by_image(mercy, vault):
    study, series, expected = ct(mercy)

    found = fetch(mercy, vault, study, series, expected)

    assert study.study_instance_uid == mercy.imaging["study_uid"]
    assert found.complete
    assert found.stated == (study.patient,)
    for entry in found.index:
        content = b"".join(vault.read(found.locate(entry)))
        assert hashlib.sha256(content).hexdigest() == entry.sha256
        assert pydicom.dcmread(BytesIO(content), stop_before_pixels=True).SOPInstanceUID == entry.sop_instance_uid


def test_who_is_known_there_under_no_number_of_ours_is_found_by_name(mercy):
    unnumbered = Demographics(names=mercy.patient.names, birth_date=mercy.patient.birth_date)

    [study] = mercy.client.studies(unnumbered, mercy.institution)

    assert study.study_instance_uid == mercy.imaging["study_uid"]
    assert mercy.patient.identifiers[0] in study.patient.identifiers


def test_an_unknown_patient_is_not_found(mercy):
    unknown = Demographics(names=(PersonName("Nobody"),), birth_date=date(1901, 1, 1))

    assert mercy.client.studies(unknown, mercy.institution) == []


@pytest.mark.parametrize("death", [{"die_after_bytes": 200_000}, {"die_after_instances": 5}])
def test_an_archive_that_dies_midway_is_resumed_by_the_missing_images(mercy, vault, death):
    study, series, expected = ct(mercy)
    mercy.control("behaviour", {**death, "deaths": 1})

    first = fetch(mercy, vault, study, series, expected)
    second = fetch(mercy, vault, study, series, expected, missing(expected, first))

    assert (first.complete, first.ending) == (False, Ending.DIED)
    assert 0 < len(first.index) < len(expected)
    assert second.complete
    assert not first.instances & second.instances
    assert missing(expected, first, second) == frozenset()


def test_an_archive_that_is_killed_midway_leaves_a_partial_object(mercy, vault):
    mercy.control("behaviour", {"slices": 60, "bytes_per_second": 1_000_000})
    study, series, expected = ct(mercy)
    begun = time.monotonic()

    def kill_soon():
        if time.monotonic() - begun > 1:
            mercy.process.send_signal(signal.SIGKILL)

    found = mercy.client.fetch_series(
        study.study_instance_uid,
        series.uid,
        expected=expected,
        institution=mercy.institution,
        vault=vault,
        keep_going=kill_soon,
    )

    assert not found.complete
    assert 0 < len(found.index) < len(expected)
    assert all(b"".join(vault.read(found.locate(entry))) for entry in found.index)


def test_its_refusals_are_told_apart(mercy):
    with pytest.raises(TurnedAway):
        DicomwebClient(mercy.base, "a wrong token").studies(mercy.patient, mercy.institution)
    mercy.control("behaviour", {"answer": "forbidden"})
    with pytest.raises(TurnedAway):
        mercy.client.studies(mercy.patient, mercy.institution)
    mercy.control("behaviour", {"answer": "error-503", "retry_after": 9})
    with pytest.raises(Unreachable) as busy:
        mercy.client.studies(mercy.patient, mercy.institution)
    assert busy.value.retry_after == 9
    mercy.control("behaviour", {"answer": "empty"})
    assert mercy.client.studies(mercy.patient, mercy.institution) == []
