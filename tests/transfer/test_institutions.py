"""What a reviewed file may say of how an image archive is asked."""

from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from transfer.institutions import (
    AskedForDocuments,
    AskedForImages,
    Asking,
    Department,
    DicomwebSource,
    DimseSource,
    Institution,
    load,
)
from transfer.pages.desk.case import HOW


def an_archive(**credential: str) -> DicomwebSource:
    return DicomwebSource(by="dicomweb", base_url="https://archive.example.org/dicom-web", **credential)


def test_an_archive_takes_a_token_or_a_user_with_a_password_or_nothing():
    assert an_archive(token="t").token == "t"
    assert (an_archive(user="u", password="p").user, an_archive(user="u", password="p").password) == ("u", "p")
    assert an_archive().token is None


def test_an_empty_setting_is_none_given():
    source = an_archive(token="", user="u", password="p")

    assert (source.token, source.user) == (None, "u")
    assert an_archive(token="t", user="", password="").user is None


@pytest.mark.parametrize(
    "credential",
    [
        {"user": "u"},
        {"password": "p"},
        {"token": "t", "user": "u", "password": "p"},
        {"user": "u:v", "password": "p"},
    ],
)
def test_half_a_credential_or_two_are_a_mistake_of_the_file(credential):
    with pytest.raises(ValidationError):
        an_archive(**credential)


def by_dimse(**changed: object) -> DimseSource:
    file = {
        "by": "dimse",
        "host": "pacs.example.org",
        "port": 2762,
        "called_ae_title": "PACS",
        "calling_ae_title": "US",
    }
    return DimseSource.model_validate(file | changed)


WEB = {"base_url": "https://there.example.org/"}


@pytest.mark.parametrize(
    ("asked", "is_fetched", "gives"),
    [
        ({"by": "fhir", **WEB}, True, ("imaging-report", "images")),
        ({"by": "dicomweb", **WEB}, True, ("images",)),
        (by_dimse(), True, ("images",)),
        ({"by": "push"}, False, ("imaging-report", "images")),
        ({"by": "hand"}, False, ("imaging-report", "images")),
    ],
)
def test_each_kind_of_source_says_whether_we_fetch_and_what_comes_then(asked, is_fetched, gives):
    department = Department(id="films", name="Films", holds=("imaging-report", "images"), asked=asked)

    assert department.is_fetched is is_fetched
    assert department.gives == gives


def test_a_source_that_is_fetched_is_one_of_documents_or_of_images():
    kinds = get_args(Department.model_fields["asked"].annotation)

    assert {kind.is_fetched for kind in kinds} == {True, False}
    assert all(kind.is_fetched == issubclass(kind, AskedForDocuments | AskedForImages) for kind in kinds)


@pytest.mark.parametrize(
    ("said", "is_plain"),
    [
        ({}, False),
        ({"tls": {}}, False),
        ({"tls": {"authority": "theirs.pem"}}, False),
        ({"plain_text": True}, True),
        ({"host": "localhost"}, True),
        ({"host": "127.0.0.1", "tls": {"authority": ""}}, True),
        ({"host": "::1"}, True),
        ({"host": "localhost", "tls": {"authority": "theirs.pem"}}, False),
    ],
)
def test_dimse_goes_over_tls_but_to_this_machine_or_where_the_file_says_plain_text(said, is_plain):
    assert by_dimse(**said).is_plain is is_plain


def test_spaces_around_an_ae_title_mean_nothing_and_a_port_may_come_from_a_setting():
    source = by_dimse(called_ae_title=" FILM ROOM ", port="11112")

    assert (source.called_ae_title, source.port) == ("FILM ROOM", 11112)


@pytest.mark.parametrize(
    "mistake",
    [
        {"host": ""},
        {"host": "https://pacs.example.org"},
        {"host": "pacs.example.org:2762"},
        {"host": "pacs example"},
        {"host": "pacs..example"},
        {"host": "1::2::3"},
        {"host": f"{'p' * 64}.example"},
        {"host": "pacs\n"},
        {"port": 0},
        {"port": 65536},
        {"port": ""},
        {"called_ae_title": ""},
        {"called_ae_title": "   "},
        {"called_ae_title": "SEVENTEEN_LETTERS"},
        {"calling_ae_title": "A\\B"},
        {"calling_ae_title": "TRÄNS"},
        {"calling_ae_title": "A\nB"},
        {"base_url": "https://pacs.example.org"},
        {"plain_text": True, "tls": {"authority": "theirs.pem"}},
        {"tls": {"certificate": "ours.pem"}},
    ],
)
def test_what_cannot_be_meant_of_an_archive_by_dimse_is_a_mistake_of_the_file(mistake):
    with pytest.raises(ValidationError):
        by_dimse(**mistake)


def test_a_mistake_is_told_with_its_file_and_place_and_without_its_value(tmp_path: Path):
    asked = "{by: dimse, host: pacs.example.org, port: 2762, called_ae_title: SEVENTEEN_LETTERS, calling_ae_title: US}"
    (tmp_path / "riverside.yaml").write_text(
        "id: riverside\nname: R\ntime_zone: UTC\ndepartments:\n"
        f"  - {{id: films, name: Films, holds: [images], asked: {asked}}}\n"
    )

    with pytest.raises(ValueError, match=r"riverside\.yaml: .*called_ae_title: .*16 characters") as told:
        load(tmp_path, {})
    assert "SEVENTEEN" not in str(told.value)


# --- how much it is asked ---------------------------------------------------------------------------------------------

NIGHT = {"from": "22:00", "to": "06:00"}


def test_a_department_is_asked_as_its_institution_says_or_as_it_says_itself(tmp_path: Path):
    (tmp_path / "mercy.yaml").write_text("""
id: mercy
name: Mercy
time_zone: America/New_York
asking:
  at_once: 4
  quiet_hours: [{from: "01:00", to: "05:30"}]
departments:
  - {id: film-room, name: Film room, holds: [images], asked: {by: dicomweb, base_url: "https://pacs.example/"}}
  - id: office
    name: Office
    holds: [note]
    asked: {by: fhir, base_url: "https://fhir.example/"}
    asking: {at_once: 9, kept_for_stat: 1}
""")
    mercy = load(tmp_path, {})["mercy"]

    assert mercy.asking_of("film-room").at_once == 4
    assert [str(hours.begin) for hours in mercy.asking_of("film-room").quiet_hours] == ["01:00:00"]
    assert (mercy.asking_of("office").at_once, mercy.asking_of("office").quiet_hours) == (9, ())


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"at_once": 0}, "greater than or equal to 1"),
        ({"at_once": 65}, "less than or equal to 64"),
        ({"at_once": 2, "kept_for_stat": 2}, "must be less than at_once"),
        ({"quiet_hours": [{"from": 1320, "to": "06:00"}]}, "in quotes"),
        ({"quiet_hours": [{"from": "24:00", "to": "06:00"}]}, "in quotes"),
        ({"quiet_hours": [{"from": "06:00", "to": "06:00"}]}, "two times"),
        ({"quiet_hours": [NIGHT, {"from": "05:00", "to": "23:00"}]}, "whole day"),
        ({"quiet_hours": [NIGHT] * 9}, "at most 8"),
        ({"in_flight": 3}, "Extra inputs"),
    ],
)
def test_nonsense_about_turns_is_refused_with_what_is_right(said: dict[str, object], why: str):
    with pytest.raises(ValidationError, match=why):
        Asking.model_validate(said)


def test_turns_at_a_department_that_is_not_fetched_are_a_mistake_of_the_file():
    desk = {"id": "desk", "name": "Desk", "holds": ["pathology-report"], "asked": {"by": "push"}}
    file = {"id": "lab", "name": "Lab", "time_zone": "UTC", "departments": [desk]}
    with pytest.raises(ValidationError, match="leave it out"):
        Department.model_validate({**desk, "asking": {"at_once": 1}})
    with pytest.raises(ValidationError, match="leave it out"):
        Institution.model_validate({**file, "asking": {"at_once": 1}})
    assert Institution.model_validate(file).asking.at_once == 2


def test_the_desk_has_words_for_each_way_of_asking():
    ways = {
        way
        for one in get_args(Department.model_fields["asked"].annotation)
        for way in get_args(one.__annotations__["by"])
    }

    assert set(HOW) == ways


@pytest.mark.parametrize("is_folder", [False, True])
def test_what_is_called_as_a_file_and_is_none_is_named(tmp_path: Path, is_folder: bool):
    path = tmp_path / "river.yaml"
    path.mkdir() if is_folder else path.symlink_to("nowhere")

    with pytest.raises(ValueError, match=r"river\.yaml: there is no such file"):
        load(tmp_path, {})
