"""Mercy answers as a DICOMweb archive does: as streams without a length, and sometimes with less than it began."""

import contextlib
import io
import re
import time
from pathlib import Path
from typing import Any

import pydicom
import pytest
import urllib3

from transfer.sandbox.charts import draw_chart

pytestmark = pytest.mark.servers

_DICOM = {"Accept": 'multipart/related; type="application/dicom"; transfer-syntax=*'}


def _value(described: dict[str, Any], tag: str) -> Any:
    return described[tag]["Value"][0]


def _parts(answer: urllib3.BaseHTTPResponse, body: bytes) -> tuple[list[bytes], bool]:
    """The parts that came whole, and whether the closing delimiter did."""
    boundary = re.search(r"boundary=(\S+)", answer.headers["Content-Type"])
    assert boundary
    mark = b"--" + boundary[1].encode()
    assert body.startswith(mark)
    pieces = (b"\r\n" + body).split(b"\r\n" + mark)[1:]
    closed = pieces[-1] == b"--\r\n"
    return [piece.partition(b"\r\n\r\n")[2] for piece in (pieces[:-1] if closed else pieces)], closed


@pytest.fixture
def held(start: Any) -> tuple[Any, dict[str, Any], str]:
    """An archive, a patient whose study it holds, and the URL of the CT series."""
    return _held_by(start("archive"))


def _held_by(archive: Any) -> tuple[Any, dict[str, Any], str]:
    chart = draw_chart()
    archive.control("patients", chart)
    imaging = chart["imaging"]
    return archive, chart, f"/dicom-web/studies/{imaging['study_uid']}/series/{imaging['series'][1]['uid']}"


def test_a_study_is_found_by_number_and_issuer_and_by_name(held: Any) -> None:
    archive, chart, _ = held
    number, who = chart["numbers"]["mercy-imaging"]["value"], chart["patient"]
    born = who["birth_date"].replace("-", "")

    by_number = archive.ask(f"/dicom-web/studies?PatientID={number}&IssuerOfPatientID=MERCY").json()
    family = re.sub("[^A-Za-z]+", "*", who["family"])
    by_name = archive.ask(f"/dicom-web/studies?PatientName={family.lower()}*&00100030={born}").json()

    assert [_value(s, "0020000D") for s in by_number] == [chart["imaging"]["study_uid"]]
    assert by_name == by_number
    assert (_value(by_number[0], "00201206"), _value(by_number[0], "00201208")) == (2, 26)
    assert archive.ask("/dicom-web/studies").json() != by_number


def test_an_escaped_query_means_what_the_plain_one_does(held: Any) -> None:
    archive, chart, _ = held
    accession = chart["imaging"]["accession"]["value"]
    escaped = "".join(f"%{ord(character):02X}" for character in accession)

    found = archive.ask(f"/dicom-web/studies?AccessionNumber={escaped}").json()

    assert [_value(s, "00080050") for s in found] == [accession]


def test_nothing_found_is_204_or_an_empty_list(held: Any) -> None:
    archive, _, _ = held

    assert archive.ask("/dicom-web/studies?PatientID=NOBODY").status == 204
    assert archive.ask("/dicom-web/studies?PatientID=NOBODY&IssuerOfPatientID=OTHER").status == 204
    archive.control("behaviour", {"nothing_found": 200})
    empty = archive.ask("/dicom-web/studies?PatientID=NOBODY")
    assert (empty.status, empty.json()) == (200, [])
    assert archive.ask("/dicom-web/studies?NoSuchAttribute=1").status == 400


def test_a_series_streams_every_instance_its_list_names(held: Any) -> None:
    archive, chart, series = held
    listed = {_value(one, "00080018") for one in archive.ask(f"{series}/instances").json()}

    answer = archive.ask(series, headers=_DICOM)
    files, closed = _parts(answer, answer.data)
    images = [pydicom.dcmread(io.BytesIO(file)) for file in files]

    assert "Content-Length" not in answer.headers
    assert closed
    assert {str(image.SOPInstanceUID) for image in images} == listed
    assert {str(image.file_meta.MediaStorageSOPInstanceUID) for image in images} == listed
    assert len(images) == len(listed) == 24
    assert {str(image.PatientName).split("^")[0] for image in images} == {chart["patient"]["family"]}
    assert {(image.PatientID, image.IssuerOfPatientID) for image in images} == {
        (chart["numbers"]["mercy-imaging"]["value"], "MERCY")
    }
    assert [int(image.InstanceNumber) for image in images] == list(range(1, 25))
    assert len({image.PixelData for image in images}) == 24
    assert all(len(image.PixelData) == image.Rows * image.Columns * 2 for image in images)


def test_one_instance_is_the_same_bytes_alone_and_in_its_series(held: Any) -> None:
    archive, chart, series = held
    uid = _value(archive.ask(f"{series}/instances").json()[4], "00080018")

    alone = archive.ask(f"{series}/instances/{uid}", headers=_DICOM)
    whole = archive.ask(series, headers=_DICOM)

    assert _parts(alone, alone.data)[0] == [_parts(whole, whole.data)[0][4]]
    assert archive.ask(f"{series}/instances/1.2.3", headers=_DICOM).status == 404
    assert archive.ask(series, headers={"Accept": "application/zip"}).status == 406
    metadata = archive.ask(f"{series}/metadata").json()
    assert [_value(one, "00080018") for one in metadata][4] == uid
    assert _value(metadata[0], "00100020") == chart["numbers"]["mercy-imaging"]["value"]


def test_a_death_at_an_instance_shows_only_by_the_missing_delimiter(held: Any) -> None:
    archive, _, series = held
    archive.control("behaviour", {"die_after_instances": 7, "deaths": 1})

    answer = archive.ask(series, headers=_DICOM)
    files, closed = _parts(answer, answer.data)

    assert answer.status == 200
    assert not closed
    assert len([pydicom.dcmread(io.BytesIO(file)) for file in files]) == 7
    again = archive.ask(series, headers=_DICOM)
    assert _parts(again, again.data)[1]


def test_a_death_after_bytes_sends_exactly_so_many(held: Any) -> None:
    archive, _, series = held
    archive.control("behaviour", {"die_after_bytes": 100_000})

    for _ in range(2):
        answer = archive.ask(series, headers=_DICOM)
        assert len(answer.data) == 100_000
    assert archive.control("access-log")[-1]["bytes"] == 100_000


def test_a_killed_archive_holds_its_patients_when_it_is_back(start: Any, held: Any) -> None:
    archive, chart, series = held
    archive.control("behaviour", {"bytes_per_second": 200_000})
    answer = archive.ask(series, headers=_DICOM, preload_content=False)
    beginning = answer.read(50_000)
    archive.process.kill()
    archive.process.wait()
    rest = b""
    with contextlib.suppress(urllib3.exceptions.HTTPError):
        rest = answer.read()
    assert not _parts(answer, beginning + rest)[1]

    back = start("archive", port=archive.config["port"], folder=archive.config["folder"])

    whole = back.ask(series, headers=_DICOM)
    assert _parts(whole, whole.data)[1]
    assert chart["id"] in {path.stem for path in (back.folder / "charts").iterdir()}


def test_a_large_study_is_made_as_it_is_sent(start: Any) -> None:
    archive, _, series = _held_by(start("archive", cold=True))
    archive.control("behaviour", {"slices": 400, "rows": 512})

    began, received = time.monotonic(), 0
    answer = archive.ask(series, headers=_DICOM, preload_content=False)
    tail = b""
    while block := answer.read(1 << 20):
        received += len(block)
        tail = (tail + block)[-100:]
    memory = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{archive.process.pid}/status").read_text())

    assert received > 400 * 512 * 512 * 2
    assert tail.endswith(b"--\r\n")
    assert memory
    assert int(memory[1]) < 150_000
    assert time.monotonic() - began < 60


def test_speed_and_delay_are_as_told(held: Any) -> None:
    archive, chart, series = held
    uid = chart["imaging"]["series"][0]["uid"]
    scout = f"{series.rpartition('/')[0]}/{uid}"
    archive.control("behaviour", {"bytes_per_second": 100_000, "delay_seconds": 0.3})

    began = time.monotonic()
    answer = archive.ask(scout, headers=_DICOM)

    assert 0.6 < time.monotonic() - began < 20
    assert _parts(answer, answer.data)[1]
