"""What pages may be by their words: by whom, of what kind, of which day; and when nothing is suggested."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transfer.adapters.packet.layout import SECTIONS
from transfer.page_suggestions import (
    MOST_CHARACTERS,
    birth_dates,
    day_of,
    kind_of,
    lines_in,
    names_patient,
)
from transfer.patients import Demographics, PersonName
from transfer.records import DOCUMENTS, RecordKind

TODAY = date(2026, 11, 29)
BORN = date(1958, 12, 22)
THEODORA = Demographics(names=(PersonName("O'Donnell", ("Theodora", "Renée")),), birth_date=BORN)

REPORT = """Prairie Pathology
Surgical pathology report S26-489791
Patient: O'Donnell, Theodora Renee   Born: 12/22/1958
Collected: 10/5/2026  Reported: 10/7/2026
Invasive melanoma."""


def read(text: str) -> tuple[str, ...]:
    return lines_in(text)


class TestWhose:
    def test_name_and_birth_date_name_the_patient_and_say_where(self):
        assert names_patient(read(REPORT), [THEODORA]) == "Patient: O'Donnell, Theodora Renee Born: 12/22/1958"

    @pytest.mark.parametrize(
        "text",
        [
            "Theodora O'Donnell\nDOB 22 Dec 1958",
            "ODONNELL THEODORA   1958-12-22",
            "Patient name:\nO’Donnell, Theodora\nDate of birth: December 22, 1958",
            "Re: Theodora O DONNELL, d.o.b. 12-22-1958, seen 11/1/2026",
            "O'Donnell, Théodora  Bom: 12/22/1958",
        ],
    )
    def test_however_they_are_written(self, text):
        assert names_patient(read(text), [THEODORA])

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "no words"),
            ("Patient: O'Donnell, Theodora", "no birth date"),
            ("Born: 12/22/1958", "no name"),
            ("Patient: O'Donnell, T.  Born: 12/22/1958", "an initial"),
            ("Patient: O'Donnell, Theodora  Born: 12/23/1958", "another birth date"),
            ("O'Donnell, Theodora  DOB: 1/2/1960\nseen 12/22/1958", "a day that is no birth date"),
            ("O'Donnell, Theodora DOB: 12/22/1958\nMiller, Ann DOB: 1/2/1960", "two people"),
            ("Patient: Ibarra, Luz\ncc: Theodora O'Donnell 12/22/1958", "somebody else's page"),
            ("Patient: O'Donnell, Theodora  Born: 12/22/1958\nPatient: Ibarra, Luz", "a page of two"),
            ("O'Donnell\nTheodora\n12/22/1958", "nothing says that these are one name"),
        ],
    )
    def test_what_contradicts_or_lacks_something_names_nobody(self, text, why):
        assert names_patient(read(text), [THEODORA]) is None, why

    def test_a_former_name_counts(self):
        former = Demographics(names=(PersonName("Lund", ("Theodora",)),), birth_date=BORN)

        assert names_patient(read("Lund, Theodora 12/22/1958"), [THEODORA, former])

    def test_twins_are_both_named_where_both_stand_there(self):
        twin = Demographics(names=(PersonName("O'Donnell", ("Thomas",)),), birth_date=BORN)
        page = read("O'Donnell, Theodora and O'Donnell, Thomas, born 12/22/1958")

        assert all(names_patient(page, [one]) for one in (THEODORA, twin))

    def test_a_birth_date_that_is_written_as_such_goes_before_other_dates(self):
        assert birth_dates(read(REPORT)) == {BORN}
        assert birth_dates(read("5/12/2026 and 12/22/1958")) == {date(2026, 5, 12), date(2026, 12, 5), BORN}


class TestKind:
    @pytest.mark.parametrize(
        ("title", "kind"),
        [
            ("SURGICAL PATHOLOGY REPORT", RecordKind.PATHOLOGY_REPORT),
            ("Pathology consultation", RecordKind.PATHOLOGY_REPORT),
            ("Molecular pathology report", RecordKind.MOLECULAR),
            ("Operative Report", RecordKind.OPERATIVE_NOTE),
            ("Colonoscopy report", RecordKind.PROCEDURE_REPORT),
            ("CT Chest Abdomen Pelvis Report", RecordKind.IMAGING_REPORT),
            ("Laboratory results", RecordKind.LABORATORY),
            ("Radiation treatment summary", RecordKind.TREATMENT_SUMMARY),
            ("Oncology consultation", RecordKind.NOTE),
            ("History and Physical", RecordKind.NOTE),
        ],
    )
    def test_a_title_says_it(self, title, kind):
        said = kind_of(read(f"Lakeside Oncology\n{title}\nsome text"))

        assert said
        assert (said.kind, said.words) == (kind, title)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "Prairie Pathology Laboratory\n12 slides",
            "The surgical pathology report was sent to the office of Dr. Lund on the day of the visit",
            "Operative report\nPathology report",
            "\n".join(["text"] * 13 + ["Pathology report"]),
        ],
        ids=["no words", "a letterhead", "a sentence", "two kinds", "too far down"],
    )
    def test_no_title_or_two_say_nothing(self, text):
        assert kind_of(read(text)) is None

    def test_the_titles_that_a_packet_has_say_their_kind(self):
        """A packet of ours that comes on paper is read as any other."""
        titled = {kind: kind_of([title]) for kind, title in SECTIONS.items() if kind in DOCUMENTS - {RecordKind.OTHER}}

        assert {kind: said and said.kind for kind, said in titled.items()} == {kind: kind for kind in titled}


class TestDay:
    @pytest.mark.parametrize(
        ("text", "day"),
        [
            (REPORT, date(2026, 10, 5)),
            ("Report date: 10/7/2026", date(2026, 10, 7)),
            ("Date: October 7, 2026", date(2026, 10, 7)),
            ("Date of service 2026-10-07\nDictated 10/9/2026", date(2026, 10, 7)),
            ("Collected on 13/10/2026", date(2026, 10, 13)),
        ],
    )
    def test_a_labelled_date_says_it_and_collection_goes_first(self, text, day):
        said = day_of(read(text), TODAY)

        assert said
        assert said.day == day

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "seen 10/7/2026",
            "Date of birth: 12/22/1958",
            "Collected: 10/5/2026\nCollected: 10/6/2026",
            "Report date: 12/1/2026",
            "Report date: 2/30/2026",
            "Date: 10/7/26",
        ],
        ids=["none", "no label", "of birth", "two", "to come", "no such day", "two digits"],
    )
    def test_what_is_not_clear_says_nothing(self, text):
        assert day_of(read(text), TODAY) is None


#: text as machines read it: words of pages, cut anywhere, among anything
PIECES = st.sampled_from([*REPORT.split(), "\n", "DOB:", "Patient:", "12/22/1958", "1/1/2000", "Date:", "99/99/9999"])
TEXTS = st.lists(PIECES | st.text(max_size=8), max_size=80).map(" ".join) | st.text(max_size=400)


class TestAnyText:
    @given(TEXTS)
    def test_whatever_a_machine_reads_each_suggestion_rests_on_words_of_the_page(self, text):
        lines = read(text)
        said = [one.words for one in (kind_of(lines), day_of(lines, TODAY)) if one]
        named = names_patient(lines, [THEODORA])

        assert all(words in lines for words in said)
        assert all(words in lines for words in (named or "").split(" … ") if words)
        if named:
            assert BORN in birth_dates(lines)

    @given(TEXTS, st.dates(date(1900, 1, 1), date(2026, 1, 1)))
    def test_a_page_whose_birth_date_is_another_names_nobody(self, text, other):
        if other not in birth_dates(read("DOB 12/22/1958")):
            page = read(f"{text}\nDOB: {other:%B} {other.day}, {other.year}")

            assert names_patient(page, [THEODORA]) is None

    @given(TEXTS)
    def test_no_day_is_suggested_that_has_not_come(self, text):
        said = day_of(read(text), TODAY)

        assert said is None or said.day <= TODAY

    def test_a_page_full_of_anything_is_read_to_its_bound(self):
        assert sum(map(len, read("1/1/2000 " * MOST_CHARACTERS))) <= MOST_CHARACTERS
        assert len(birth_dates(read("\n".join(f"{day}/1/2000" for day in range(1, 13)) * 40))) < 40
