"""`transfer referral enter`: a referral by fax or telephone at the command line."""

from pathlib import Path

import pytest

from tests.kit.staff import ANN
from transfer.flow import desk

pytestmark = pytest.mark.servers


@pytest.fixture
def fields(transfer, tmp_path: Path):
    """The template filled in, with other words in it."""

    def written(**differing: str) -> Path:
        text = transfer("referral", "enter", "--template").stdout
        for was, now in differing.items():
            text = text.replace(was, now)
        file = tmp_path / "fields.yaml"
        file.write_text(text)
        return file

    return written


def test_the_template_is_a_referral_and_the_same_again_is_the_same_case(services, transfer, fields):
    first, again = (transfer("referral", "enter", fields()) for _ in range(2))

    assert (first.exit_code, again.exit_code) == (0, 0), first.output
    (case,) = desk.list_cases(services, actor=ANN)
    assert case.case in first.stdout
    assert case.case in again.stdout


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [("birth_date:", "born:", "birth_date"), ("female", "f", "sex"), ("sources: [", "sources: 7 #", "sources")],
)
def test_a_mistake_names_its_field_and_repeats_no_value(transfer, fields, was: str, now: str, says: str):
    result = transfer("referral", "enter", fields(**{was: now}))

    assert result.exit_code == 2
    assert says in result.stderr
    assert "Sample" not in result.output


def test_pages_go_with_their_paper(transfer, fields):
    result = transfer("referral", "enter", fields(), "--pages", "1-2")

    assert (result.exit_code, "go together" in result.stderr) == (2, True)
