"""What a disease's checklist asks for, and how a mistake in the file is told."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.adapters.loinc import LOINC_KINDS
from transfer.arrivals import Priority
from transfer.checklist import Checklists, Necessity, load
from transfer.diagnoses import Diagnosis, DiagnosisCode
from transfer.errors import Unknown
from transfer.records import RecordKind

SHIPPED = Path(__file__).parents[2] / "checklists"
LOADED = load(SHIPPED)

GOOD = """
id: sarcoma
version: "1"
title: Sarcoma
confirmed_by:
codes: [icd-10-cm|C49]
lines:
  - {key: notes, label: Notes, kinds: [note], necessity: required}
"""


@pytest.mark.parametrize("known", LOADED.values(), ids=lambda known: known.id)
def test_a_document_with_a_code_of_a_line_comes_as_a_kind_of_that_line(known):
    for line in known.lines:
        for code in line.codes:
            assert LOINC_KINDS[code.removeprefix("loinc|")] in line.kinds, (line.key, code)


def test_the_shipped_lists_are_for_each_disease_and_one_waits_for_a_person():
    assert set(LOADED) == {path.stem for path in SHIPPED.glob("*.yaml")}
    assert len(LOADED) >= 15
    assert [known.id for known in LOADED.values() if not known.codes] == ["rare"]


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
    assert all(re.search(r"# [SLD]\b", line) for line in lines)


ICD, SCT = "http://hl7.org/fhir/sid/icd-10-cm", "http://snomed.info/sct"


def a_diagnosis(*codes: str, system: str = ICD) -> Diagnosis:
    """`codes` as a message has them; digits alone are SNOMED CT."""
    read = (DiagnosisCode.read(SCT if code.isdigit() else system, code) for code in codes)
    return Diagnosis(codes=tuple(code for code in read if code), words="in words")


def picked(*listed: Diagnosis, lists: Checklists = LOADED) -> str | None:
    chosen = lists.for_diagnoses(listed)
    return chosen.checklist.id if chosen else None


@pytest.mark.parametrize("code", ["C18.7", "C187", "c18.9", " C19", "C20", "363406005", "93761005"])
def test_cancer_of_colon_or_rectum_picks_the_colorectal_checklist(code):
    assert picked(a_diagnosis(code)) == "colorectal"


@pytest.mark.parametrize("system", ["http://hl7.org/fhir/sid/icd-10", "urn:oid:2.16.840.1.113883.6.90"])
def test_a_code_system_has_several_names(system):
    assert picked(a_diagnosis("C18.7", system=system)) == "colorectal"


@pytest.mark.parametrize("code", ["J45", "C1", "C180000000", "", "|", "C18.7 OR 1=1", "3634060051", "C18|", "C18.75"])
def test_a_code_of_no_list_picks_none(code):
    colorectal = Checklists([LOADED["colorectal"]])

    assert picked(a_diagnosis(code), lists=colorectal) == ("colorectal" if code == "C18.75" else None)
    assert picked(a_diagnosis("C18.7", system="urn:other"), lists=colorectal) is None
    assert picked(lists=colorectal) is None


@given(st.text(max_size=200))
def test_no_text_from_a_referral_breaks_the_choice(code):
    of_no_system = Diagnosis(codes=tuple(filter(None, [DiagnosisCode.read(code, code)])), words="in words")
    chosen = picked(a_diagnosis(code), a_diagnosis(code, system=SCT), of_no_system)

    assert chosen is None or chosen in LOADED
    assert picked(of_no_system) is None


def three(folder: Path) -> Checklists:
    """As a list of each could be written: the most specific stands in none of the first files."""
    for name, codes in (("hepatobiliary", "C22"), ("sarcoma", "C49, icd-10-cm|C22.3"), ("zgist", "C49.A")):
        text = GOOD.replace("sarcoma", name).replace("icd-10-cm|C49", f"icd-10-cm|{codes}")
        written(folder, text, f"{name}.yaml")
    return load(folder)


@pytest.mark.parametrize(
    ("code", "of"), [("C22.3", "sarcoma"), ("C22.0", "hepatobiliary"), ("C49.A2", "zgist"), ("C49.10", "sarcoma")]
)
def test_the_longest_code_of_a_list_wins(tmp_path, code, of):
    assert picked(a_diagnosis(code), lists=three(tmp_path)) == of


def test_icd_10_cm_decides_before_snomed_ct(tmp_path):
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("sarcoma", "other").replace("icd-10-cm|C49", "snomed|254837009"), "other.yaml")
    lists = load(tmp_path)

    assert picked(a_diagnosis("254837009", "C49.1"), lists=lists) == "sarcoma"
    assert picked(a_diagnosis("254837009", "J45"), lists=lists) == "other"


def test_the_first_diagnosis_that_fits_decides_and_the_others_are_told(tmp_path):
    lists = three(tmp_path)

    chosen = lists.for_diagnoses(
        [a_diagnosis("I10"), a_diagnosis("C49.A1"), a_diagnosis("C22.0"), a_diagnosis("C49.A")]
    )

    assert chosen is not None
    assert (chosen.checklist.id, chosen.others) == ("zgist", ("hepatobiliary",))


def test_a_diagnosis_that_says_only_cancer_decides_last():
    unknown, colon = a_diagnosis("363346000"), a_diagnosis("C18.7")

    chosen = LOADED.for_diagnoses([unknown, colon])

    assert chosen is not None
    assert (chosen.checklist.id, chosen.others) == ("colorectal", ())
    assert picked(unknown) == "common"


def test_a_list_may_be_more_urgent_than_its_referral(tmp_path):
    urgent = "priority_default: {priority: urgent, codes: [icd-10-cm|C49.0]}\ncodes:"
    of = load(written(tmp_path, GOOD.replace("codes:", urgent)))["sarcoma"]

    assert of.at_least(Priority.ROUTINE, [a_diagnosis("I10"), a_diagnosis("C49.01")]) is Priority.URGENT
    assert of.at_least(Priority.STAT, [a_diagnosis("C49.01")]) is Priority.STAT
    assert of.at_least(Priority.ROUTINE, [a_diagnosis("C49.1")]) is Priority.ROUTINE
    assert LOADED["common"].at_least(Priority.ASAP, [a_diagnosis("C49.01")]) is Priority.ASAP


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
    lists = load(written(tmp_path, GOOD))

    assert picked(a_diagnosis("C49.1"), lists=lists) == "sarcoma"
    assert lists["sarcoma"].confirmed_by is None


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
        ("codes: [icd-10-cm|C49]", "codes: [icd-10-cm|C49A]", "codes.0"),
        ("necessity: required", "necessity: required, modalities: [mammogram]", "lines.0.modalities"),
        ("necessity: required", "necessity: required, body: [knee]", "lines.0.body"),
        ("necessity: required", "necessity: required, codes: [2857-1]", "lines.0.codes"),
        ("necessity: required", "necessity: required, pieces: block", "lines.0"),
        ("necessity: required", "necessity: required, digital_slides: true", "lines.0"),
        ("necessity: required", "necessity: required, max_days_from: {line: notes, days: 14}", "notes: max_days_from"),
        ("necessity: required", "necessity: required, max_days_from: {line: none, days: 14}", "notes: max_days_from"),
        ("necessity: required", "necessity: required, one_of: imaging", "one_of"),
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


def test_several_lines_may_count_material(tmp_path):
    slides = "  - {{key: {0}, label: Glass, kinds: [material], necessity: optional, counted: true}}\n"

    lists = load(written(tmp_path, GOOD + slides.format("slides") + slides.format("blocks")))

    assert [line.key for line in lists["sarcoma"].lines if line.counted] == ["slides", "blocks"]


@pytest.mark.parametrize("more", ["every: true", "modalities: [SM]", "instead: {unstained: 15, micron: 4}"])
def test_what_is_of_records_is_not_of_pieces_and_sections_are_taken_for_a_block(tmp_path, more):
    line = "  - {key: slides, label: Glass, kinds: [material], necessity: optional, counted: true, %s}\n"

    with pytest.raises(ValueError, match=r"lines\.1"):
        load(written(tmp_path, GOOD + line % more))


def test_two_checklists_do_not_claim_one_disease(tmp_path):
    written(tmp_path, GOOD)
    written(tmp_path, GOOD.replace("sarcoma", "soft-tissue"), "soft-tissue.yaml")

    with pytest.raises(ValueError, match=r"soft-tissue\.yaml: shares a code with sarcoma\.yaml"):
        load(tmp_path)
