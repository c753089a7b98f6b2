"""Codes on letters: read out, typed in any way, and a slip of the pen is seen."""

import re
import secrets
from dataclasses import replace

import pytest

from transfer import letter_codes
from transfer.identifiers import CaseId, RequestId
from transfer.letter_codes import CodeHolder, LetterCode

SIGNS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
OF_SOURCE = LetterCode(
    holder=CodeHolder.SOURCE,
    case=CaseId("c0123456789a"),
    request=RequestId("q0123456789abcde"),
)


def a_code() -> str:
    return letter_codes.of(secrets.token_bytes(32))


def test_a_code_is_three_groups_of_signs_that_nobody_takes_for_others():
    assert all(re.fullmatch(f"[{SIGNS}]{{4}}(-[{SIGNS}]{{4}}){{2}}", a_code()) for _ in range(200))


@pytest.mark.parametrize("write", [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code} . "])
def test_it_is_read_however_it_is_typed(write):
    code = a_code()

    assert letter_codes.grouped(letter_codes.read(write(code)) or "") == code


def test_one_wrong_sign_anywhere_is_seen():
    code = letter_codes.read(a_code())

    assert code
    for place, right in enumerate(code):
        for sign in SIGNS.replace(right, ""):
            assert letter_codes.read(code[:place] + sign + code[place + 1 :]) is None


@pytest.mark.parametrize("typed", ["", "K7Q4-9M2P", "O" * 12, "K7Q4-9M2P-4TXW-2222", "é" * 12, "1" * 12])
def test_what_is_no_code_is_none(typed):
    assert letter_codes.read(typed) is None


def test_codes_differ():
    assert len({a_code() for _ in range(1000)}) == 1000


@pytest.mark.parametrize("change", [{"request": None}, {"holder": CodeHolder.PATIENT}])
def test_a_sources_code_is_for_a_request_and_any_other_for_a_case(change):
    with pytest.raises(ValueError, match="for a request"):
        replace(OF_SOURCE, **change)
