"""What a receiving center wants otherwise than the lists say, and how a mistake in its file is told."""

from datetime import date, time
from pathlib import Path

import pytest
from pydantic import ValidationError

from transfer.center_needs import CenterNeeds, check
from transfer.checklist import Checklist, load
from transfer.materials import MaterialKind
from transfer.records import RecordKind

LISTS = load(Path(__file__).parents[2] / "checklists")


def has(key: str = "breast", **said) -> Checklist:
    """The list as a center with this in its file has it."""
    needs = CenterNeeds.model_validate({"version": "3", **said})
    check(needs, "summit", LISTS)
    return needs.of(LISTS[key], "summit")


def test_a_center_that_says_nothing_has_the_lists_as_they_are_and_takes_glass():
    check(CenterNeeds(), "summit", LISTS)
    for known in LISTS.values():
        found = CenterNeeds().of(known, "summit")

        assert found.version == known.version
        assert [line.key for line in found.lines] == [line.key for line in known.lines]
        assert not any(line.digital_slides for line in found.lines)


def test_no_images_means_no_line_of_images_and_lines_of_more_keep_the_rest():
    found = has("head-and-neck", without=["images", "procedure-report"])

    assert not any(line.kinds & {RecordKind.IMAGES, RecordKind.PROCEDURE_REPORT} for line in found.lines)
    assert found.line("swallowing").kinds == {RecordKind.IMAGING_REPORT}


def test_a_line_is_required_optional_or_not_wanted_and_has_another_age():
    change = {"lines": {"germline": "required", "mammogram": "optional"}, "max_age_days": {"recent-labs": 14}}

    found = has(lists={"breast": change}, every_list={"lines": {"history": "not-wanted", "germline": "optional"}})

    assert found.line("germline").is_required  # what is said of one list goes before
    assert found.line("germline").condition is None
    assert not found.line("mammogram").is_required
    assert found.line("recent-labs").max_age_days == 14
    assert "history" not in {line.key for line in found.lines}
    assert "history" not in {line.key for line in has("lung", every_list={"lines": {"history": "not-wanted"}}).lines}


def test_what_speaks_of_a_line_that_is_not_wanted_falls_with_it():
    leukaemia = has("leukaemia", lists={"leukaemia": {"lines": {"marrow-report": "not-wanted"}}})
    prostate = has("prostate", lists={"prostate": {"lines": {"psma-pet": "not-wanted"}}})

    assert leukaemia.line("blood-count").max_days_from is None
    assert prostate.line("bone-scan").one_of is None
    assert LISTS["prostate"].line("bone-scan").one_of == "staging"


def test_slides_by_file_and_sections_for_a_block():
    found = has("lymphoma", digital_slides=True, instead_of_block={"unstained": 10, "micron": 5})

    assert found.line("slides").digital_slides
    assert found.line("block").pieces is MaterialKind.BLOCK
    assert found.line("block").asks == "Tissue block; without a block 10 unstained sections of 5 µm"
    assert found.version == "1, summit 3"


@pytest.mark.parametrize(
    ("appointment", "said", "needed_by"),
    [
        (date(2027, 3, 4), None, date(2027, 3, 2)),  # a Thursday, and the Tuesday before
        (date(2027, 3, 4), date(2027, 3, 1), date(2027, 3, 1)),
        (date(2027, 3, 4), date(2027, 3, 4), date(2027, 3, 2)),
        (date(2027, 3, 2), None, date(2027, 2, 23)),  # on the day itself it is too late
        (date(2027, 3, 1), None, date(2027, 2, 23)),
        (None, date(2027, 3, 4), date(2027, 3, 4)),
        (None, None, None),
    ],
)
def test_a_cut_off_is_the_last_such_day_before_the_appointment(appointment, said, needed_by):
    assert CenterNeeds(version="1", cut_off="tuesday").needed_by(appointment, said) == needed_by
    assert CenterNeeds().needed_by(appointment, said) == said


def test_a_cut_off_has_a_time_on_its_own_days_alone():
    needs = CenterNeeds(version="1", cut_off="tuesday", cut_off_at="12:00")

    assert needs.until(date(2027, 3, 2)) == time(12)
    assert needs.until(date(2027, 3, 3)) is None
    assert CenterNeeds(version="1", cut_off="tuesday").until(date(2027, 3, 2)) is None


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"lists": {"brest": {}}}, "no such checklist: brest"),
        ({"lists": {"breast": {"lines": {"psa-history": "required"}}}}, "no such line: psa-history"),
        ({"lists": {"breast": {"max_age_days": {"psa": 3}}}}, "no such line: psa"),
        ({"every_list": {"lines": {"psa": "required"}}}, "no such line: psa"),
        ({"without": [*RecordKind]}, "at least 1 item"),
        (
            {"every_list": {"add": [{"key": "slides", "label": "More", "kinds": ["note"], "necessity": "optional"}]}},
            "two lines have the same key",
        ),
    ],
)
def test_a_file_that_fits_no_list_is_refused_by_its_name(said, why):
    with pytest.raises(ValueError, match=rf"summit\.yaml: needs: .*{why}"):
        has(**said)


@pytest.mark.parametrize(
    "said",
    [
        {"version": None, "digital_slides": True},
        {"digital_slides": True, "without": ["images"]},
        {"cut_off": "someday"},
        {"cut_off_at": "12:00"},
        {"cut_off": "tuesday", "cut_off_at": 720},
        {"cut_off": "tuesday", "cut_off_at": "12:00+01:00"},
        {"lists": {"breast": {"lines": {"slides": "conditional"}}}},
        {"colour": "red"},
    ],
)
def test_a_file_that_contradicts_itself_is_refused(said):
    with pytest.raises(ValidationError):
        has(**said)
