"""Every code a person can meet has its three sentences, and none of them tells what was withheld."""

import re
from enum import StrEnum

import pytest

from transfer.completeness import NeedState, WaitCode
from transfer.flaws import Flaw
from transfer.holds import HoldCode
from transfer.links import LinkEnd
from transfer.materials import Discrepancy
from transfer.permissions import Finding
from transfer.permissions.notices import PermissionNotice
from transfer.requests import RequestState
from transfer.sentences import SENTENCES

#: the families of codes a person can meet
FAMILIES: tuple[type[StrEnum], ...] = (
    Finding,
    PermissionNotice,
    RequestState,
    WaitCode,
    NeedState,
    HoldCode,
    Discrepancy,
    LinkEnd,
    Flaw,
)
CODES = [(family, code) for family in FAMILIES for code in family]

#: the categories of v3-ActCode in words a person might use
CATEGORIES = re.compile(
    r"\b(hiv|aids|mental|psych\w*|psychiatr\w*|behaviou?r\w*|substance|alcohol|drug\w*|opioid\w*|addict\w*|part 2|"
    r"genetic\w*|sexual\w*|std|reproductive|abortion|sickle\w*|violence|abuse|sensitiv\w*|special\w*|withheld|restricted|categor\w*)\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize(("family", "code"), CODES, ids=lambda value: str(value))
def test_each_code_has_a_sentence_for_staff_patient_and_institution(family, code):
    said = SENTENCES[code]

    for sentence in (said.staff, said.patient, said.institution):
        assert sentence[0].isupper()
        assert sentence.endswith((".", "?"))
        assert "  " not in sentence
        assert len(sentence) <= 140


@pytest.mark.parametrize(("family", "code"), CODES, ids=lambda value: str(value))
def test_no_sentence_for_the_outside_names_a_category(family, code):
    said = SENTENCES[code]

    assert not CATEGORIES.search(said.patient)
    assert not CATEGORIES.search(said.institution)


def test_the_search_for_categories_would_find_one():
    assert CATEGORIES.search("Your mental health records are withheld.")


def test_no_two_families_use_one_word():
    codes = [code.value for _, code in CODES]

    assert len(codes) == len(set(codes)) == len(SENTENCES)


def test_outside_a_missing_express_release_reads_like_any_form_that_does_not_cover():
    ordinary = SENTENCES[Finding.NOT_THIS_INFORMATION]

    for told in (Finding.SPECIAL_CATEGORY_NOT_AUTHORIZED, Finding.COMPOUND, Finding.PURPOSE_MISMATCH):
        assert (SENTENCES[told].patient, SENTENCES[told].institution) == (ordinary.patient, ordinary.institution)
        assert told.outside is Finding.NOT_THIS_INFORMATION


def test_what_is_said_outside_never_names_a_category_even_as_a_code():
    assert not [finding for finding in Finding if CATEGORIES.search(finding.outside.replace("-", " "))]
