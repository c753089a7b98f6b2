"""What the stand-ins send is understood by our adapters as what it is meant to be."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.kit.builders import a_setting
from transfer.adapters.fhir import consents, referrals
from transfer.adapters.hl7v2 import documents as sent_documents
from transfer.diagnoses import CodeSystem
from transfer.institutions import Institutions, load
from transfer.permissions import FormStatus, SignerRole, Statement
from transfer.records import DocumentStatus, RecordKind
from transfer.sandbox.charts import draw_chart
from transfer.sandbox.oncology import letters
from transfer.sandbox.oncology.resources import of
from transfer.sandbox.pathology import messages

_FOLDER = Path(__file__).parents[2] / "institutions"


@pytest.fixture(scope="module")
def partners() -> Institutions:
    named = {name for path in _FOLDER.glob("*.yaml") for name in re.findall(r"\$\{(\w+)\}", path.read_text())}
    settings = {name: a_setting(name) for name in named}
    return load(_FOLDER, settings | {"SANDBOX_ARCHIVE_USER": "", "SANDBOX_ARCHIVE_PASSWORD": ""})


def test_the_release_form_is_complete_and_signed(partners: Institutions) -> None:
    chart = draw_chart()
    form = consents.read(letters.release_form(chart, {}), [], partners["lakeside-oncology"], partners)

    assert form.status is FormStatus.ACTIVE
    assert form.disclosers == {"lakeside-oncology", "prairie-pathology", "mercy-imaging"}
    assert form.recipients == {"summit-cancer-center"}
    assert (form.described, form.information, form.statements) == (True, None, frozenset(Statement))
    assert (form.signed_by, form.signed_on) == (SignerRole.PATIENT, date.fromisoformat(chart["form"]["signed_at"][:10]))
    assert form.expires_on == date.fromisoformat(chart["form"]["expires_on"])


@pytest.mark.parametrize(
    ("overrides", "read"),
    [
        ({"status": "inactive"}, ("status", FormStatus.REVOKED)),
        ({"status": "entered-in-error"}, ("status", FormStatus.ENTERED_IN_ERROR)),
        ({"expires_on": None}, ("expires_on", None)),
        ({"signed_at": None}, ("signed_by", None)),
        ({"codes": ["11526-1"]}, ("information", frozenset({RecordKind.PATHOLOGY_REPORT}))),
        ({"statements": ["revoke"]}, ("statements", frozenset({Statement.REVOKE}))),
        ({"disclosers": ["mercy-imaging"]}, ("disclosers", frozenset({"mercy-imaging"}))),
        ({"type": "deny"}, ("denies", True)),
        ({"representative": {"name": "Ann Other", "authority": "daughter"}}, ("signed_by", SignerRole.REPRESENTATIVE)),
    ],
)
def test_what_is_changed_on_the_form_is_read_from_it(
    partners: Institutions, overrides: dict[str, Any], read: tuple[str, Any]
) -> None:
    form = letters.release_form(draw_chart(), overrides)

    found = consents.read(form, [], partners["lakeside-oncology"], partners)

    assert getattr(found, read[0]) == read[1]


def test_a_form_that_releases_a_category_releases_the_ordinary_records_too(partners: Institutions) -> None:
    form = letters.release_form(draw_chart(), {"special": ["HIV"]})

    assert consents.read(form, [], partners["lakeside-oncology"], partners).provision.labels == {"HIV", "N"}


def test_the_referral_names_disease_center_sources_and_days(partners: Institutions) -> None:
    chart = draw_chart()
    bundle = letters.referral(chart, {})
    held = {entry["resource"]["resourceType"]: entry["resource"] for entry in bundle["entry"]}

    referral = referrals.read(
        held["ServiceRequest"], held["Task"], bundle["entry"], partners["lakeside-oncology"], partners
    )

    assert {code.system for code in referral.diagnoses[0].codes} >= {CodeSystem.ICD_10_CM}
    assert referral.receiver == "summit-cancer-center"
    assert referral.sources == ("lakeside-oncology", "prairie-pathology", "mercy-imaging")
    assert referral.needed_by == date.fromisoformat(chart["referral"]["needed_by"])
    assert referral.question == chart["referral"]["question"]
    assert len(referral.patient.identifiers) == 3


@pytest.mark.parametrize(
    ("status", "meant"),
    [("P", DocumentStatus.PRELIMINARY), ("F", DocumentStatus.FINAL), ("C", DocumentStatus.CORRECTED)],
)
def test_the_pathology_report_has_the_number_under_which_the_office_files_it(
    partners: Institutions, status: str, meant: DocumentStatus
) -> None:
    chart = draw_chart()
    message = messages.report(chart, control_id="C1", status=status, form="oru")
    [sent] = sent_documents(message, partners["prairie-pathology"])
    filed = next(r for r in of("DiagnosticReport", chart, "") if "LP7839-6" in str(r["category"]))

    assert (sent.document.kind, sent.document.status) == (RecordKind.PATHOLOGY_REPORT, meant)
    numbers = {(number.issuer, number.value) for number in sent.document.identifiers}
    assert numbers & {(number["system"], number["value"]) for number in filed["identifier"]}
    assert sent.document.patient.identifiers[0].value == chart["numbers"]["prairie-pathology"]["value"]
