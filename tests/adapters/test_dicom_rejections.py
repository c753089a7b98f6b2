"""What a rejection note says, whatever its bytes."""

from contextlib import suppress
from io import BytesIO

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.rejection_notes import a_note
from transfer.adapters.dicom.rejections import MOST_REJECTED, rejected
from transfer.adapters.document_statuses import MEANINGS, Vocabulary
from transfer.errors import Unreadable

STUDY, SERIES, OWN = "2.25.7", "2.25.7.2", "2.25.7.3"
TITLES = sorted(MEANINGS[Vocabulary.REJECTION_NOTE])
NOTE = a_note(OWN, ["2.25.1", "2.25.2"], title="113001", study=STUDY, series=SERIES)


@pytest.mark.parametrize("title", TITLES)
def test_each_reason_to_reject_rejects_what_it_names(title: str):
    note = a_note(OWN, ["2.25.1", "2.25.2"], title=title, study=STUDY, series=SERIES)

    assert rejected(note, STUDY) == {"2.25.1", "2.25.2"}


def test_a_note_of_another_title_rejects_nothing():
    assert rejected(a_note(OWN, ["2.25.1"], title="113000", study=STUDY, series=SERIES), STUDY) == frozenset()


@pytest.mark.parametrize("count", [0, MOST_REJECTED + 1])
def test_a_note_that_rejects_nothing_or_too_much_is_a_persons(count: int):
    note = a_note(OWN, [f"2.25.{n}" for n in range(1, count + 1)], title="113001", study=STUDY, series=SERIES)

    with pytest.raises(Unreadable):
        rejected(note, STUDY)


def test_a_note_on_images_of_another_study_is_a_persons():
    with pytest.raises(Unreadable):
        rejected(NOTE, "2.25.8")


@given(st.integers(0, len(NOTE) - 1), st.binary(max_size=6), st.integers(0, len(NOTE)))
def test_broken_bytes_are_unreadable_or_say_something(at: int, put: bytes, end: int):
    broken = (NOTE[:at] + put + NOTE[at + len(put) :])[:end]

    with suppress(Unreadable):
        assert all(isinstance(one, str) for one in rejected(broken, STUDY))


def test_a_deflated_note_is_not_inflated():
    with pytest.raises(Unreadable, match="deflated"):
        rejected(NOTE.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"), STUDY)


def test_a_code_of_another_system_is_no_reason():
    note = pydicom.dcmread(BytesIO(NOTE))
    note.ConceptNameCodeSequence[0].CodingSchemeDesignator = "99LOCAL"
    file = BytesIO()
    note.save_as(file)

    assert rejected(file.getvalue(), STUDY) == frozenset()
