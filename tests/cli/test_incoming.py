"""`transfer incoming`: papers at the command line. No store listens here, so what needs bytes is tried in the flow."""

import json

import pytest

from tests.kit import builders as b
from tests.kit.papers import a_pdf
from tests.kit.staff import BEN
from transfer.flow import desk

pytestmark = pytest.mark.servers


@pytest.fixture
def paper(services) -> str:
    return str(desk.upload_paper(services, a_pdf(4), actor=BEN).fields["incoming"])


def test_papers_are_listed_taken_and_left_out(services, transfer, paper, tmp_path):
    listed = transfer("incoming", "list")
    refused = transfer("incoming", "open", paper, str(tmp_path / "copy.pdf"))
    taken = transfer("incoming", "take", paper)
    left_out = transfer("incoming", "leave-out", paper, "1,3-4")
    misdirected = transfer("incoming", "leave-out", paper, "2", "--misdirected")
    (everything,) = json.loads(transfer("incoming", "list", "--all", "--json").stdout)

    assert paper in listed.stdout
    assert (refused.exit_code, f"transfer incoming take {paper}" in refused.output) == (4, True)
    assert [one.exit_code for one in (taken, left_out, misdirected)] == [0, 0, 0]
    assert (everything["state"], everything["taken_by"], everything["left"]) == ("done", "ann", [])
    assert [(part["pages"], part["became"]) for part in everything["parts"]] == [
        ("1, 3-4", "left-out"),
        ("2", "misdirected"),
    ]
    assert "to send back" in transfer("incoming", "list").stdout
    sent_back = [transfer("incoming", "sent-back", paper, how) for how in ("fax", "fax")]
    assert [one.exit_code for one in sent_back] == [0, 0]
    assert paper not in transfer("incoming", "list").stdout
    assert "1, 3-4: left-out; 2: misdirected; sent back: fax" in transfer("incoming", "list", "--all").stdout


@pytest.mark.parametrize(
    ("pages", "day", "code"), [("0", "2026", 4), ("1-9", "2026", 4), ("1", "May", 2)], ids=["none", "too many", "day"]
)
def test_what_is_wrong_is_said(services, transfer, paper, pages, day, code):
    case = b.a_case(services)

    result = transfer("incoming", "index", paper, pages, case, "--kind", "note", "--from", b.LAKESIDE, "--day", day)

    assert result.exit_code == code


def test_what_is_no_paper_is_refused(transfer, tmp_path):
    file = tmp_path / "words.txt"
    file.write_text("no paper")

    result = transfer("incoming", "add", str(file))

    assert (result.exit_code, "Save it as PDF" in result.output) == (4, True)
