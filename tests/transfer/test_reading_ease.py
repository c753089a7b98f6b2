"""What patients read is plain: Flesch-Kincaid's grade of every sentence list is at most eight.

Kincaid et al. 1975, Derivation of New Readability Formulas, Research Branch Report 8-75:
0.39 words a sentence + 11.8 syllables a word - 15.59.
"""

import re

import pyphen
import pytest

from transfer.sentences import SENTENCES
from transfer.sentences.own_pages import OWN, STAGES

GRADE = 8.0
_HYPHENS = pyphen.Pyphen(lang="en_US", left=1, right=1)
PATIENT = sorted({one.patient for one in SENTENCES.values()})
#: that is what it is called on the form, in the letter and on the telephone
_NAMES = ("PDF, TIFF, JPEG or PNG", "K7Q4-9M2P-4TXW", "0, O, 1, I, L or U")


def grade(text: str) -> float:
    for name in _NAMES:
        text = text.replace(name, "it")
    sentences = [one for one in re.split(r"[.?!]+", text) if one.strip()]
    words = re.findall(r"[A-Za-z']+", text)
    syllables = sum(len(_HYPHENS.inserted(word).split("-")) for word in words)
    return 0.39 * len(words) / max(1, len(sentences)) + 11.8 * syllables / max(1, len(words)) - 15.59


@pytest.mark.parametrize("text", [*OWN.values(), *STAGES.values()])
def test_a_sentence_of_the_patients_page_is_plain(text: str):
    # a label of few words says little about its grade
    assert len(text.split()) < 6 or grade(text) <= GRADE


def test_what_a_code_says_to_a_patient_is_plain():
    assert grade(" ".join(PATIENT)) <= GRADE
    # one by one a long word weighs too much: "We are making sure which institution has your records."
    assert [one for one in PATIENT if grade(one) > GRADE + 4] == []


def test_the_measure_tells_hard_from_plain():
    assert grade("The authorization on file is insufficient to effectuate disclosure to the designated recipient.") > 12
    assert grade("We have your form. We ask for your records now.") < 4


def test_no_sentence_is_put_together_of_pieces():
    """Each stands as it is for a translator: no blank to fill, no half."""
    for text in (*OWN.values(), *STAGES.values(), *PATIENT):
        assert not re.search(r"[{}%]", text)
        assert text == text.strip()
