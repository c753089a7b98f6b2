"""The stand-in institutions have a patient of every disease that there is a list for."""

from pathlib import Path

import pytest

from transfer.checklist import load
from transfer.cli.demo import DISEASES
from transfer.sandbox import charts, diseases, narratives

LISTS = load(Path(__file__).parents[2] / "checklists")


def test_every_list_but_the_common_one_has_a_patient_and_the_demo_names_them():
    assert {"colorectal", *diseases.DISEASES} == set(LISTS) - {"common"} == set(DISEASES)


@pytest.mark.parametrize("disease", diseases.DISEASES)
def test_nothing_of_the_colon_is_told_of_another_patient(disease):
    chart = charts.draw_chart(disease=disease)

    parts = (narratives.pathology, narratives.progress, narratives.imaging, narratives.molecular, narratives.treatment)
    told = str([part(chart) for part in parts] + [narratives.consultation(chart), narratives.operation(chart)]).lower()
    assert chart["diagnosis"]["site"] in told
    assert not {"colon", "bowel", "kras", "stapled", "mesentery", "cecum"} & set(told.replace(",", " ").split())
