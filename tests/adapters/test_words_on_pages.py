"""The words on a page, read by tesseract in a bounded process; whatever it does, the desk goes on."""

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.kit.papers import a_fax, a_pdf, a_scan
from tests.kit.peers import installed
from transfer.adapters.paper import words_on
from transfer.errors import Unavailable
from transfer.media_types import PDF

TIFF = "image/tiff"
REPORT = "Surgical pathology report\nPatient: Vandermeer, Theodora\nBorn: 12/22/1958"


@pytest.fixture
def tesseract() -> Path:
    return installed.program("tesseract")


def a_program(folder: Path, says: str) -> Path:
    """A program in the place of tesseract: a shell script."""
    made = folder / "tesseract"
    made.write_text(f"#!/bin/sh\ncat >/dev/null\n{says}\n")
    made.chmod(0o700)
    return made


def a_word(said: str) -> str:
    """Prints the row of a word, as tesseract has it, with what a command of the shell says."""
    return r"printf '5\t1\t1\t1\t1\t1\t0\t0\t9\t9\t96.5\t%s\n' " + f'"$({said})"'


class TestTesseract:
    def test_the_words_of_each_page_by_themselves_a_line_in_each_line(self, tesseract: Path):
        fax = a_scan([REPORT, "Operative report"])

        assert words_on(TIFF, fax, 1, tesseract) == REPORT
        assert words_on(TIFF, fax, 2, tesseract) == "Operative report"

    def test_a_page_that_lies_upside_down_is_read(self, tesseract: Path):
        long = REPORT + "\nThe specimen is received fresh and labelled with the name of the patient." * 4
        turned = io.BytesIO()
        with Image.open(io.BytesIO(a_scan([long]))) as page:
            page.rotate(180).save(turned, "TIFF")

        assert REPORT.splitlines()[0] in words_on(TIFF, turned.getvalue(), 1, tesseract)

    def test_pages_of_a_pdf_are_read_as_they_look(self, tesseract: Path):
        assert words_on(PDF, a_pdf(3), 3, tesseract) == "page 3"

    def test_a_page_without_words_says_nothing(self, tesseract: Path):
        assert words_on(TIFF, a_fax(1), 1, tesseract) == ""

    @pytest.mark.parametrize(
        "body", [b"", b"II*\0" + b"\xff" * 4000, b"%PDF-1.7\n" + b"\xff" * 4000, b"/etc/passwd\nhttp://127.0.0.1/\n"]
    )
    def test_what_is_no_page_says_nothing(self, tesseract: Path, body: bytes):
        assert words_on(PDF if body.startswith(b"%PDF") else TIFF, body, 1, tesseract) == ""


class TestBounds:
    def test_it_has_no_setting_of_ours_and_our_bounds(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("TRANSFER_S3_SECRET_KEY", "hidden")
        says = a_word("echo $(cat /proc/$$/environ) $(ulimit -t; ulimit -v; ulimit -f)")

        assert words_on(PDF, a_pdf(1), 1, a_program(tmp_path, says)) == f"OMP_THREAD_LIMIT=1 30 {3 << 20} 0"

    @pytest.mark.parametrize(
        "does",
        ["exit 1", "kill -SEGV $$", "printf '\\377\\376 no table'", "yes 5 | head -c 5000000", "printf '5\\t1\\t\\n'"],
        ids=["fails", "crashes", "says anything", "never ends", "cut short"],
    )
    def test_whatever_it_does_the_page_has_no_words(self, tmp_path: Path, does: str):
        assert words_on(PDF, a_pdf(1), 1, a_program(tmp_path, does)) == ""

    def test_a_word_of_which_it_is_not_sure_is_none(self, tmp_path: Path):
        says = a_word("echo sure") + "\n" + a_word("echo perhaps").replace("96.5", "41.0")

        assert words_on(PDF, a_pdf(1), 1, a_program(tmp_path, says)) == "sure"

    def test_without_the_program_nothing_is_said_of_the_page(self, tmp_path: Path):
        with pytest.raises(Unavailable, match="reads text"):
            words_on(PDF, a_pdf(1), 1, tmp_path / "tesseract")
        barred = a_program(tmp_path, "true")
        barred.chmod(0)
        with pytest.raises(Unavailable, match="reads text"):
            words_on(PDF, a_pdf(1), 1, barred)
