"""Every code has a sentence for each who is shown it, and none of them tells what was withheld."""

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


#: what a page shows to the patient, and to the institution that was asked
TO_PATIENT, TO_INSTITUTION = (WaitCode, Finding), (RequestState,)


@pytest.mark.parametrize(("family", "code"), CODES, ids=lambda value: str(value))
def test_each_code_has_a_sentence_for_each_who_is_shown_it(family, code):
    said = SENTENCES[code]

    assert (bool(said.patient), bool(said.institution)) == (family in TO_PATIENT, family in TO_INSTITUTION)
    for sentence in filter(None, (said.staff, said.patient, said.institution)):
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
        assert SENTENCES[told].patient == ordinary.patient
