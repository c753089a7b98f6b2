"""Synthetic patients: each run another, one seed the same."""

import json
import re
from typing import Any

import pytest

from transfer.sandbox.charts import draw_chart


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def _uids(chart: dict[str, Any]) -> list[str]:
    return [text for text in _texts(chart) if text.startswith("2.25.")]


def _numbers(chart: dict[str, Any]) -> set[str]:
    own = [number["value"] for number in chart["numbers"].values()]
    return {*own, chart["pathology"]["accession"]["value"], chart["imaging"]["accession"]["value"], chart["id"]}


def test_no_two_runs_share_a_number_or_a_uid() -> None:
    one, other = draw_chart(), draw_chart()

    assert not _numbers(one) & _numbers(other)
    assert not set(_uids(one)) & set(_uids(other))


def test_all_uids_of_a_chart_differ_and_are_valid() -> None:
    uids = _uids(draw_chart())

    assert len(uids) == len(set(uids)) == 4
    assert all(re.fullmatch(r"2\.25\.[1-9]\d{38}", uid) for uid in uids)


def test_one_seed_gives_one_patient() -> None:
    assert draw_chart(7) == draw_chart(7)
    assert draw_chart(7) != draw_chart(8)


def test_a_chart_survives_being_sent_as_json() -> None:
    chart = draw_chart()

    assert json.loads(json.dumps(chart)) == chart


def test_the_packet_is_needed_before_the_appointment_and_the_form_is_signed_by_now() -> None:
    chart = draw_chart()

    assert chart["drawn_on"] < chart["referral"]["needed_by"] < chart["referral"]["appointment_at"][:10]
    assert chart["form"]["signed_at"][:10] < chart["drawn_on"] < chart["form"]["expires_on"]
    assert max(chart["course"].values()) < chart["drawn_on"]


def test_a_marked_chart_carries_the_word_in_every_name_number_and_free_text() -> None:
    chart = draw_chart(marked="ZEBRA7")

    marked = [chart["patient"]["family"], *chart["patient"]["given"], chart["remark"], chart["referral"]["question"]]
    assert all("ZEBRA7" in text for text in [*marked, *(_numbers(chart) - {chart["id"]})])
    assert "ZEBRA7" not in chart["id"]
    # DICOM keeps 16 characters of an accession number
    assert len(chart["imaging"]["accession"]["value"]) <= 16


def test_a_marker_word_that_would_not_survive_every_format_is_refused() -> None:
    with pytest.raises(ValueError, match="marker"):
        draw_chart(marked="too long a word")


def test_the_number_of_slices_is_chosen() -> None:
    assert [series["instances"] for series in draw_chart(slices=400)["imaging"]["series"]] == [2, 400]


def test_an_accession_has_as_many_slides_as_its_list_and_every_slide_its_block() -> None:
    material = draw_chart(3)["pathology"]

    assert {slide["block"] for slide in material["slides"]} == set(material["blocks"])
    assert len({slide["id"] for slide in material["slides"]}) == len(material["slides"])
