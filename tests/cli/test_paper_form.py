"""`transfer permission file` and `dispute`: a paper form at the command line."""

import json
from pathlib import Path

import pytest

from tests.kit import builders as b
from tests.kit.consents import FORMS
from tests.kit.paper_forms import SCAN, fields, fields_for

pytestmark = pytest.mark.servers


@pytest.fixture
def form(tmp_path: Path):
    """A FIELDS file and a scan, as arguments of the command."""
    scan = tmp_path / "form.pdf"
    scan.write_bytes(SCAN)

    def written(said: bytes) -> tuple[object, ...]:
        told = tmp_path / "fields.yaml"
        told.write_bytes(said)
        return told, "--scan", scan, "--from", b.LAKESIDE

    return written


def test_a_form_is_entered_once_told_in_json_and_shown_with_its_case(services, transfer, form):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)

    first = transfer("permission", "file", case, *form(fields_for(chart)), "--json")
    again = transfer("permission", "file", case, *form(fields_for(chart)), "--json")

    said = json.loads(first.stdout)
    assert (said["code"], said["findings"], said["changed"]) == ("paper-form-filed", [], True)
    assert json.loads(again.stdout)["changed"] is False
    assert said["permission"] in transfer("case", "show", case).stdout


def test_what_is_wrong_with_it_is_told_in_sentences(services, transfer, form):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)

    result = transfer("permission", "file", case, *form(fields_for(chart, purposes="missing", disputes=["false"])))

    assert result.exit_code == 0
    assert "The form names no purpose (164.508(c)(1)(iv)). A new form is needed." in result.stdout
    assert "Something material on the form is known to be false" in result.stdout


def test_a_mistake_in_the_fields_names_the_field_and_the_template(services, transfer, form):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)

    result = transfer("permission", "file", case, *form(fields_for(chart, signature__kind="ink")))

    assert result.exit_code not in (0, 2)
    assert "signature.kind" in result.stderr
    assert "transfer permission file --template" in result.stderr


def test_a_dispute_and_its_withdrawal_are_told_and_shown(services, transfer, form):
    chart = b.a_chart()
    case = b.a_case(services, chart, form=False)
    filed = json.loads(transfer("permission", "file", case, *form(fields_for(chart)), "--json").stdout)["permission"]

    disputed = transfer("permission", "dispute", filed, "wrong-patient", "--note", typed="It is her sister's.\n")
    shown = transfer("case", "show", case).stdout
    withdrawn = transfer("permission", "dispute", filed, "wrong-patient", "--withdraw")

    assert "permits nothing while it is disputed" in disputed.stdout
    assert "patient-mismatch (disputed: wrong-patient)" in shown
    assert "her sister" not in shown
    assert "her sister" in transfer("case", "show", case, "--notes").stdout
    assert withdrawn.exit_code == 0
    assert "disputed" not in transfer("case", "show", case).stdout


def test_the_template_is_printed_without_any_installation_and_is_a_form(transfer, tmp_path, monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TRANSFER_VAR", str(tmp_path / "nothing"))
        printed = transfer("permission", "file", "--template")

    assert printed.exit_code == 0
    assert not (tmp_path / "nothing").exists()
    told = tmp_path / "fields.yaml"
    told.write_text(printed.stdout)
    release = ("--source", b.LAKESIDE, "--recipient", b.SUMMIT, "--purpose", "TREAT", "--record", "note")
    checked = transfer("permission", "check", told, *release, "--at", "2026-06-15T15:00Z", "--json")
    assert json.loads(checked.stdout)["decision"] == "permit"


def test_fields_are_checked_against_a_release_before_anybody_enters_them(transfer, tmp_path, monkeypatch):
    monkeypatch.setenv("TRANSFER_INSTITUTIONS", str(FORMS / "institutions"))
    told = tmp_path / "fields.yaml"
    told.write_bytes(fields(disputes=["compound"]))
    release = ("--source", "lakeside", "--recipient", "summit", "--purpose", "TREAT", "--record", "note")

    result = transfer("permission", "check", told, *release, "--at", "2026-06-15T15:00Z", "--json")

    assert (result.exit_code, json.loads(result.stdout)["findings"]) == (1, ["compound"])
