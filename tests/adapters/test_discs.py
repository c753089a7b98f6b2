"""What is on a disc: read by its files, whatever its directory says, in a process that may die."""

import os
import sys
import zipfile
from pathlib import Path

import pytest
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit

from tests.kit.discs import CAPTURE, ROOT, a_directory, a_folder, a_zip, an_image, in_a_circle
from transfer.adapters.disc import DiscPlace, given, listed, placed
from transfer.adapters.disc.members import Folder, Zipped
from transfer.adapters.disc.process import listed_of
from transfer.discs import Beside, DirectoryState, DiscRefused, ListedDisc, WhyNoDisc
from transfer.errors import Unavailable

#: of a JPEG image as its transfer syntax has it: an empty table of offsets, one fragment, the end (PS3.5 A.4)
FRAGMENTS = b"\xfe\xff\x00\xe0\0\0\0\0\xfe\xff\x00\xe0\x04\0\0\0\xff\xd8\xff\xd9\xfe\xff\xdd\xe0\0\0\0\0"


def of_folder(root: Path, files: dict[str, bytes]) -> ListedDisc:
    return listed_of(Folder(str(a_folder(root, files))))


def of_zip(files: dict[str, bytes]) -> ListedDisc:
    return listed_of(Zipped(a_zip(files)))


def refused(place: DiscPlace, **how) -> WhyNoDisc:
    with pytest.raises(DiscRefused) as error:
        listed(place, **how)
    return error.value.why


class TestListing:
    def test_each_patient_is_told_with_studies_series_and_counts(self, tmp_path):
        files = {f"DICOM/I{n}": an_image("1", n, series=1 + n // 3) for n in range(1, 5)}
        files["DICOM/X1"] = an_image("2", 1, name="Ashgrove^Tobias", sex="M")

        found = of_folder(tmp_path, files)

        told = [
            (one.study.patient.name, one.study.uid, [len(s.instances) for s in one.study.series])
            for one in found.studies
        ]
        assert told == [
            ("Ashgrove^Tobias", f"{ROOT}.2", [1]),
            ("Quillfeather^Odalys", f"{ROOT}.1", [2, 2]),
        ]
        assert (found.studies[1].study.day, found.studies[1].study.modalities) == ("20260501", ("CT",))
        assert found.notes.directory is DirectoryState.NONE

    def test_a_study_whose_files_name_two_patients_is_two(self, tmp_path):
        found = of_folder(tmp_path, {"a": an_image("1", 1), "b": an_image("1", 2, name="Ashgrove^Tobias")})

        assert [(one.study.uid, one.study.count) for one in found.studies] == [(f"{ROOT}.1", 1)] * 2

    def test_folder_and_zip_file_of_the_same_images_are_the_same_disc(self, tmp_path):
        files = {"A/1": an_image("1", 1), "A/2": an_image("1", 2)}

        assert of_folder(tmp_path / "a", files).digest == of_zip({**files, "viewer.exe": b"MZ"}).digest

    def test_what_lies_beside_is_told_and_nothing_of_it_is_taken(self):
        beside = {
            "autorun.inf": b"[autorun]\nopen=viewer.exe",
            "viewer.exe": b"MZ\x90",
            "report.pdf": b"%PDF-1.4",
            "more.zip": a_zip({"1": an_image("9", 1)}).getvalue(),
            "readme.txt": b"read me",
        }

        found = of_zip({"1": an_image("1", 1), **beside})

        assert found.notes.beside == {Beside.PROGRAM: 2, Beside.PDF: 1, Beside.ARCHIVE: 1, Beside.OTHER: 1}
        assert [one.study.uid for one in found.studies] == [f"{ROOT}.1"]

    def test_a_missing_image_that_the_directory_names_is_told(self, tmp_path):
        named = [("1", 1, 1, "DICOM/I1"), ("1", 1, 2, "DICOM/I2"), ("7", 1, 1, "DICOM/I3")]
        files = {"DICOMDIR": a_directory(named), "DICOM/I1": an_image("1", 1)}

        found = of_folder(tmp_path, files)

        (series,) = found.studies[0].study.series
        assert (found.notes.directory, found.notes.missing) == (DirectoryState.READ, 1)
        assert (series.instances, series.missing) == ((f"{ROOT}.1.1.1",), (f"{ROOT}.1.1.2",))

    def test_a_directory_below_a_folder_of_a_zip_file_is_read_and_case_does_not_matter(self):
        files = {"CD/dicomdir": a_directory([("1", 1, 1, "DICOM/I1")]), "CD/dicom/i1": an_image("1", 1)}

        found = of_zip(files)

        assert (found.notes.directory, found.studies[0].study.missing) == (DirectoryState.READ, 0)

    @pytest.mark.parametrize("cut", [200, 400])
    def test_a_broken_directory_costs_no_image(self, tmp_path, cut):
        broken = a_directory([("1", 1, 1, "I1"), ("1", 1, 2, "I2")])[:cut]

        found = of_folder(tmp_path, {"DICOMDIR": broken, "I1": an_image("1", 1), "I2": an_image("1", 2)})

        assert (found.notes.directory, found.studies[0].study.count) == (DirectoryState.BROKEN, 2)

    def test_a_directory_that_leads_in_a_circle_is_broken(self, tmp_path):
        body = a_directory([("1", 1, 1, "I1"), ("1", 1, 2, "I2")])
        found = of_folder(tmp_path, {"DICOMDIR": in_a_circle(body), "I1": an_image("1", 1)})

        assert found.notes.directory is DirectoryState.BROKEN

    def test_one_number_twice_is_a_copy_or_a_question(self, tmp_path):
        one, other = an_image("1", 1), an_image("1", 1, pixels=b"\1\1\1\1")

        same = of_folder(tmp_path / "a", {"1": one, "2": one})
        differing = of_folder(tmp_path / "b", {"1": one, "2": other})

        both = same, differing
        assert [(len(x.studies[0].files), x.studies[0].study.conflicting) for x in both] == [
            (1, 0),
            (2, 1),
        ]

    def test_compressed_images_and_private_classes_are_images(self, tmp_path):
        files = {
            "1": an_image("1", 1, sop_class=CAPTURE, syntax=JPEGBaseline8Bit, pixels=FRAGMENTS),
            "2": an_image("1", 2, sop_class="1.3.46.670589.11.0.0.12.1"),
        }

        assert of_folder(tmp_path, files).studies[0].study.count == 2

    def test_what_begins_as_an_image_and_is_none_is_counted(self, tmp_path):
        found = of_folder(tmp_path, {"1": an_image("1", 1), "2": bytes(128) + b"DICM" + b"\xff" * 400})

        assert found.notes.unreadable == 1

    def test_links_lead_nowhere(self, tmp_path):
        (tmp_path / "else.dcm").write_bytes(an_image("2", 1))
        root = a_folder(tmp_path / "disc", {"1": an_image("1", 1)})
        (root / "link").symlink_to(tmp_path / "else.dcm")
        (root / "loop").symlink_to(root)
        os.mkfifo(root / "pipe")

        assert [one.study.uid for one in listed_of(Folder(str(root))).studies] == [f"{ROOT}.1"]


class TestRefusing:
    def test_what_is_no_disc_says_why(self, tmp_path):
        (tmp_path / "a.txt").write_bytes(b"no disc")
        (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 broken")
        locked = a_zip({"1": an_image("1", 1)}).getvalue()
        at = locked.index(b"PK\x01\x02") + 8  # the general purpose flags of the central directory
        (tmp_path / "c.zip").write_bytes(locked[:at] + b"\x01" + locked[at + 1 :])

        assert refused(placed(tmp_path / "a.txt")) is WhyNoDisc.NO_DISC
        assert refused(placed(tmp_path / "b.zip")) is WhyNoDisc.UNREADABLE
        assert refused(placed(tmp_path / "c.zip")) is WhyNoDisc.PASSWORD
        assert refused(placed(a_folder(tmp_path / "d", {"x": b"nothing"}))) is WhyNoDisc.NO_IMAGES

    def test_a_member_that_breaks_off_costs_itself_alone(self, tmp_path):
        body = bytearray(a_zip({"1": an_image("1", 1), "2": an_image("1", 2)}).getvalue())
        with zipfile.ZipFile(a_zip({"1": an_image("1", 1)})) as packed:
            packed.infolist()
        body[60:80] = bytes(20)  # within the first member
        (tmp_path / "x.zip").write_bytes(body)

        found = listed(placed(tmp_path / "x.zip"))

        assert (found.notes.unreadable, found.studies[0].study.count) == (1, 1)

    def test_too_many_studies_are_refused(self, tmp_path):
        files = {str(n): an_image(str(n), 1) for n in range(1, 102)}

        assert refused(placed(a_folder(tmp_path, files))) is WhyNoDisc.TOO_MANY_STUDIES

    def test_a_process_that_dies_or_says_nonsense_is_a_refusal(self, tmp_path):
        root = placed(a_folder(tmp_path, {"1": an_image("1", 1)}))
        dies = (sys.executable, "-c", "raise SystemExit(1)")
        lies = (sys.executable, "-c", "import sys; sys.stdout.write('no frame at all, but long')")

        assert [refused(root, command=one) for one in (dies, lies)] == [WhyNoDisc.UNREADABLE] * 2
        with pytest.raises(Unavailable):
            listed(root, command=("/nowhere/at/all",))

    def test_what_changed_since_it_was_listed_is_not_given(self, tmp_path):
        root = a_folder(tmp_path, {"1": an_image("1", 1)})
        found = listed(placed(root))
        (root / "1").write_bytes(an_image("1", 1, pixels=b"\1\1\1\1"))

        with pytest.raises(DiscRefused):
            list(given(placed(root), found.studies[0].files))

    def test_the_images_are_given_as_they_are(self, tmp_path):
        files = {str(n): an_image("1", n, pixels=os.urandom(3 << 20)) for n in (1, 2)}
        body = a_zip(files)
        (tmp_path / "x.zip").write_bytes(body.getvalue())
        with (tmp_path / "x.zip").open("rb") as file:
            found = listed(placed(file))
            came = dict[int, bytes]()
            for one, piece in given(placed(file), found.studies[0].files):
                came[one.number] = came.get(one.number, b"") + piece

        assert [came[n] for n in sorted(came)] == list(files.values())


def test_a_jpeg_2000_study_is_listed_as_any_other(tmp_path):
    found = of_folder(tmp_path, {"1": an_image("1", 1, syntax=JPEG2000Lossless, pixels=FRAGMENTS)})

    assert found.studies[0].study.count == 1
