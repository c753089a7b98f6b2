"""What is looked for as people say it finds who is meant, and nothing that could be nobody is looked for."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.patients import Demographics, IssuedIdentifier, PersonName
from transfer.searching import dates_meant, sought, terms_of

THEODORA = Demographics(
    names=(PersonName("O'Donnell-Smith", ("Theodora", "Renée")),),
    birth_date=date(1958, 12, 22),
    identifiers=(IssuedIdentifier("urn:oid:1.2.3", "P 6635-266"),),
)


def is_found(name: str = "", born: str = "", number: str = "", numbers: tuple[str, ...] = ()) -> bool:
    wanted = sought(name, born, number)
    terms = terms_of([THEODORA], numbers)
    return all(group & terms for group in wanted.groups) and wanted.rank([THEODORA]) is not None


@pytest.mark.parametrize(
    "name",
    [
        *("O'Donnell-Smith", "odonnell", "ODONNEL", "smith", "Smyth", "smi", "Theodora O'Donnell", "ODonnell, Theo"),
        *("renee", "René", "theadora", "donnell", "T. O'Donnell", "Theadora Smyth"),
    ],
)
def test_any_spelling_finds_her(name: str):
    assert is_found(name)


@pytest.mark.parametrize("name", ["Ibarra", "odonahue", "smithers", "Theodora Ibarra"])
def test_another_name_does_not(name: str):
    assert not is_found(name)


@pytest.mark.parametrize(
    ("family", "given", "said"),
    [
        *(("李", "明", one) for one in ("李", "李 明", "李明", "明")),
        *(("김", "민수", one) for one in ("김", "김민수", "민수")),
        ("さとう", "はな", "さとうはな"),
        ("مريم", "أحمد", "مريم"),
    ],
)
def test_a_name_of_any_script_is_found_by_one_sign_and_with_or_without_a_blank(family: str, given: str, said: str):
    known = Demographics(names=(PersonName(family, (given,)),), birth_date=None, sex=None, identifiers=())
    terms = terms_of([known], ())
    wanted = sought(said)

    assert all(group & terms for group in wanted.groups)
    assert wanted.rank([known]) is not None


@pytest.mark.parametrize(
    "born",
    [
        *("1958-12-22", "12/22/1958", "22.12.1958", "22 Dec 1958", "December 22, 1958", "Dec 22 1958", "19581222"),
        *("12221958", "22-dec-1958", " 12-22-1958 "),
    ],
)
def test_a_date_in_any_order_is_her_birth_date(born: str):
    assert is_found("smith", born)


def test_a_date_that_may_mean_two_days_means_both_the_usual_first():
    assert dates_meant("03/04/1957") == (date(1957, 3, 4), date(1957, 4, 3))
    assert dates_meant("1957-03-04") == (date(1957, 3, 4),)
    assert not is_found("smith", "03/04/1957")


@pytest.mark.parametrize(
    "born", ["12/22/58", "1958", "yesterday", "31/31/1958", "1958-13-40", "1 2 3 1958", "Dec May 1958"]
)
def test_what_can_be_no_date_is_refused(born: str):
    with pytest.raises(ValueError, match="da"):
        dates_meant(born)


@pytest.mark.parametrize("number", ["P6635266", "p 6635-266", "S26-10071", "s26 10071"])
def test_a_number_is_hers_however_it_is_written(number: str):
    assert is_found(number=number, numbers=("S26-10071",))


@pytest.mark.parametrize("said", [{}, {"name": "T"}, {"name": " , "}, {"number": "--"}, {"name": "x" * 201}])
def test_what_finds_nobody_is_not_looked_for(said: dict[str, str]):
    with pytest.raises(ValueError, match=r"nothing is looked for|too long"):
        sought(**said)


def test_the_nearest_comes_first():
    ranks = [sought(name).rank([THEODORA]) for name in ("smith", "theo", "smyth", "ibarra")]

    assert ranks == [0, 1, 2, None]


@given(st.text(max_size=60), st.text(max_size=40), st.text(max_size=40))
def test_whatever_is_written_is_looked_for_or_refused(name: str, born: str, number: str):
    try:
        wanted = sought(name, born, number)
    except ValueError:
        return
    assert 0 < len(wanted.groups) <= 8
    assert sum(map(len, wanted.groups)) <= 40
