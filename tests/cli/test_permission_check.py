"""`transfer permission check`: a form in a file, without any installation."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from transfer.cli import main
from transfer.permissions import Finding
from transfer.sandbox.charts import draw_chart
from transfer.sandbox.oncology import letters

FORMS = Path(__file__).parents[1] / "samples" / "consents"
RELEASE = ("--source", "lakeside", "--recipient", "summit", "--purpose", "TREAT", "--record", "note")
AT = ("--at", "2026-06-15T15:00Z")


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run the command where nothing runs and no installation is."""
    monkeypatch.setenv("TRANSFER_INSTITUTIONS", str(FORMS / "institutions"))
    monkeypatch.setenv("TRANSFER_VAR", str(tmp_path / "nothing"))

    def run(form: str | Path, *options: str, release: tuple[str, ...] = RELEASE) -> Result:
        return CliRunner().invoke(main, ["permission", "check", str(FORMS / form), *release, *options])

    yield run
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize(
    ("form", "options", "code", "decision", "findings"),
    [
        ("c000.json", (), 0, "permit", []),
        ("c081.json", ("--label", "HIV", "--label", "R"), 1, "refuse", ["special-category-not-authorized"]),
        ("c067.json", (), 4, "person", ["perhaps-not-covered"]),
        ("c067.json", ("--dated", "2024-05-05"), 0, "permit", []),
        ("c052.json", (), 4, "person", ["words-say-more"]),
    ],
)
def test_the_decision_is_told_in_json_and_by_the_exit_code(check, form, options, code, decision, findings):
    result = check(form, *AT, *options, "--json")
    said = json.loads(result.stdout)

    assert (result.exit_code, said["decision"], said["findings"]) == (code, decision, findings)
    assert set(said) == {"decision", "findings", "provisions"}


def test_each_provision_says_whether_it_is_about_the_release(check):
    said = json.loads(check("c063.json", *AT, "--json").stdout)

    assert said["provisions"] == [
        {"path": "provision", "type": "deny", "applies": "yes", "because": []},
        {"path": "provision.provision[0]", "type": "permit", "applies": "yes", "because": []},
    ]


def test_people_read_sentences(check):
    result = check("c040.json", "--at", "2026-06-15T00:00-05:00")

    assert result.exit_code == 1
    assert "Refused.\n  The form has expired" in result.stdout


def test_without_a_moment_it_is_now(check):
    assert check("c022.json").exit_code == 1
    assert check("c102.json", "--json").exit_code == 1


def test_what_the_source_requires_stands_in_its_file(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("lakeside", "prairie", "summit"):
        text = (FORMS / "institutions" / f"{name}.yaml").read_text()
        (tmp_path / f"{name}.yaml").write_text(f"{text}requires: treatment\n")
    monkeypatch.setenv("TRANSFER_INSTITUTIONS", str(tmp_path))

    assert check("c102.json", *AT).exit_code == 0
    assert check("c105.json", *AT).exit_code == 1


def test_a_source_that_asks_for_no_purpose_finds_no_provision_lacking_for_one(
    check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    for name in ("lakeside", "prairie", "summit"):
        text = (FORMS / "institutions" / f"{name}.yaml").read_text()
        (tmp_path / f"{name}.yaml").write_text(f"{text}requires: access-directive\n")
    monkeypatch.setenv("TRANSFER_INSTITUTIONS", str(tmp_path))

    release = ("--source", "lakeside", "--recipient", "summit", "--purpose", "HRESCH", "--record", "note")
    said = json.loads(check("c000.json", *AT, "--json", release=release).stdout)

    assert said["decision"] == "permit"
    assert [(one["applies"], one["because"]) for one in said["provisions"]] == [("yes", [])]


def test_how_partners_are_reached_does_not_matter(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Their files name settings of an installation, and there is none."""
    monkeypatch.setenv("TRANSFER_INSTITUTIONS", str(Path(__file__).parents[2] / "institutions"))
    form = tmp_path / "form.json"
    form.write_text(json.dumps(letters.release_form(draw_chart(), {})))
    release = ("--source", "lakeside-oncology", "--recipient", "summit-cancer-center", *RELEASE[4:])

    assert json.loads(check(form, "--json", release=release).stdout)["decision"] == "permit"


def test_a_mistake_in_a_partners_file_is_said(check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "lakeside.yaml").write_text("id: lakeside\nname: Lakeside\ntime_zone: Mars\n")
    monkeypatch.setenv("TRANSFER_INSTITUTIONS", str(tmp_path))

    result = check("c000.json")

    assert result.exit_code == 2
    assert "lakeside.yaml: time_zone" in result.stderr


def test_a_message_of_hl7_v2_is_read_by_its_consent_segment(check, tmp_path: Path):
    message = tmp_path / "mdm.hl7"
    head = "MSH|^~\\&|A|B|C|D|20260105||MDM^T02|1|P|2.5.1\rPID|1||1^^^LAKE||Quillfeather^Odalys||19610203\rTXA|1|PR\r"
    message.write_text(f"{head}CON|1|001||7||||||W|R||20260302||||||||N\r")

    said = json.loads(check(message, *AT, "--json").stdout)

    assert (said["decision"], said["findings"]) == ("refuse", [Finding.DENIED])


@pytest.mark.parametrize(
    "body", [b"", b"\0", b"{", b"[]", b'{"resourceType":"Patient"}', b"MSH", b"MSH|^~\\&|", b"\xff"]
)
def test_what_is_no_form_is_a_persons(check, tmp_path: Path, body: bytes):
    form = tmp_path / "form"
    form.write_bytes(body)

    result = check(form, *AT, "--json")

    assert (result.exit_code, json.loads(result.stdout)["decision"]) == (4, "person")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--at", "2026-06-15T15:00"), "with its offset"),
        (("--at", "tomorrow"), "with its offset"),
        (("--dated", "2024"), "a day is written"),
        (("--source", "nobody"), "no such institution"),
        (("--recipient", "nobody"), "no such institution"),
        (("--purpose", "FUN"), "no purpose"),
        (("--record", "diary"), "one of: note"),
    ],
)
def test_what_is_not_understood_is_said(check, options, says):
    result = check("c000.json", *options)

    assert result.exit_code == 2
    assert says in result.stderr


def test_a_file_that_is_not_there_is_said(check):
    assert check("nothing.json").exit_code == 2
