"""What a disease's checklist asks for, and how a mistake in the file is told."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.checklist import Checklists, Necessity, load
from transfer.errors import NeedsReview, Unknown
from transfer.records import RecordKind

SHIPPED = Path(__file__).parents[2] / "checklists"
LOADED = load(SHIPPED)

GOOD = """
id: sarcoma
disease: sarcoma
version: "1"
title: Sarcoma
codes: [icd-10-cm|C49]
lines:
  - {key: notes, label: Notes, kinds: [note], necessity: required}
"""


def written(folder: Path, text: str, name: str = "sarcoma.yaml") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder


def test_the_shipped_checklists_load():
    colorectal = load(SHIPPED)["colorectal"]

    required = {line.key for line in colorectal.lines if line.necessity is Necessity.REQUIRED}
    assert required == {"oncology-notes", "pathology-report", "slides", "images"}
    assert colorectal.line("slides").counted
    assert colorectal.line("slides").kinds == {RecordKind.MATERIAL}
    assert colorectal.line("recent-labs").max_age_days == 30


def test_the_colorectal_checklist_asks_for_everything_its_sources_name():
    asked = {line.key for line in load(SHIPPED)["colorectal"].lines}

    common = {"referral-letter", "oncology-notes", "imaging-reports", "images", "recent-labs", "systemic-therapy"}
    common |= {"radiation-summary", "history", "performance-status", "slides", "identity-document", "operative-note"}
    of_the_disease = {
        "colonoscopy-report",
        "pathology-report",
        "resection-pathology",
        "cea",
        "rectal-imaging",
        "molecular",
    }
    assert asked == common | of_the_disease


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_line_says_where_it_comes_from(path: Path):
    lines = [line for line in path.read_text().splitlines() if "- key:" in line]

    assert lines
    assert all("# S" in line or "# D" in line for line in lines)


@pytest.mark.parametrize(
    "code",
    [
        "C18.7",
        "C187",
        "c18.9",
        "C19",
        "C20",
        "icd-10-cm|C18.2",
        "http://hl7.org/fhir/sid/icd-10-cm|C18.2",
        "363406005",
        "http://snomed.info/sct|363406005",
        "snomed|93761005",
        " Colorectal ",
    ],
)
def test_cancer_of_colon_or_rectum_picks_the_colorectal_checklist(code):
    assert load(SHIPPED).for_disease(code).id == "colorectal"


@pytest.mark.parametrize(
    "code",
    [
        "C50.9",
        "C21.0",
        "C1",
        "C180000000",
        "",
        "|",
        "snomed|C18",
        "icd-10-cm|363406005",
        "urn:other|C18",
        "C18.7 OR 1=1",
        "3634060051",
    ],
)
def test_any_other_disease_is_for_a_person(code):
    """Of one file, so that another disease's may be added."""
    colorectal = Checklists([load(SHIPPED)["colorectal"]])

    with pytest.raises(NeedsReview):
        colorectal.for_disease(code)


@given(st.text(max_size=200))
def test_no_text_from_a_referral_breaks_the_choice_or_is_repeated(code):
    with suppress(NeedsReview):
        LOADED.for_disease(code)
    with pytest.raises(NeedsReview) as told:
        LOADED.for_disease(f"marked|{code}")

    assert "marked" not in str(told.value)


def test_what_is_not_there_is_unknown(tmp_path: Path):
    checklists = load(written(tmp_path, GOOD))

    assert "sarcoma" in checklists
    assert list(checklists) == ["sarcoma"]
    assert len(checklists) == 1
    with pytest.raises(Unknown):
        checklists["breast"]
    with pytest.raises(Unknown):
        checklists["sarcoma"].line("glass-eye")


def test_a_good_file_loads(tmp_path):
    assert load(written(tmp_path, GOOD)).for_disease("C49.1").title == "Sarcoma"


@pytest.mark.parametrize(
    ("wrong", "right", "place"),
    [
        ("kinds: [note]", "kinds: [notes]", "lines.0.kinds"),
        ("kinds: [note]", "kinds: []", "lines.0.kinds"),
        ("necessity: required", "necessity: optional", "no line is required"),
        ("necessity: required", "necessity: required, condition: perhaps", "lines.0"),
        ("necessity: required", "necessity: conditional", "lines.0"),
        ("necessity: required", "necessity: required, counted: true", "lines.0"),
        ("kinds: [note]", "kinds: [material]", "lines.0"),
        ("necessity: required", "necessity: required, max_age_days: 0", "lines.0.max_age_days"),
        ("necessity: required", "necessity: required, colour: red", "lines.0.colour"),
        ("key: notes", "key: The Notes", "lines.0.key"),
        ("codes: [icd-10-cm|C49]", "codes: [C49]", "codes.0"),
        ("codes: [icd-10-cm|C49]", "codes: []", "codes"),
        ('version: "1"', "version: 1", "version"),
        ("title: Sarcoma", "title: [", "line"),
        ("id: sarcoma", "id: breast", "not named by its id"),
        (GOOD, "", "sarcoma.yaml"),
        (GOOD, "just text", "sarcoma.yaml"),
    ],
)
def test_a_mistake_is_told_by_file_and_place(tmp_path, wrong, right, place):
    with pytest.raises(ValueError, match=r"^sarcoma\.yaml: ") as told:
        load(written(tmp_path, GOOD.replace(wrong, right)))

    assert place in str(told.value)


def test_a_key_belongs_to_one_line(tmp_path):
    twice = GOOD + "  - {key: notes, label: More notes, kinds: [note], necessity: optional}\n"

    with pytest.raises(ValueError, match="same key"):
        load(written(tmp_path, twice))


def test_material_is_counted_on_one_line(tmp_path):
    slides = "  - {{key: {0}, label: Glass, kinds: [material], necessity: optional, counted: true}}\n"

    with pytest.raises(ValueError, match="counted on one line"):
        load(written(tmp_path, GOOD + slides.format("slides") + slides.format("blocks")))


def test_two_checklists_do_not_claim_one_disease(tmp_path):
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("sarcoma", "soft-tissue"), "soft-tissue.yaml")

    with pytest.raises(ValueError, match=r"soft-tissue\.yaml: shares .* with sarcoma\.yaml"):
        load(tmp_path)
