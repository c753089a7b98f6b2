"""What set-up writes: ports chosen once, addresses that follow them, and what a person set otherwise kept."""

import hashlib
import json
import os
import shutil
import socket

import pytest
import yaml

from transfer.embedded.airflow import MAX_FETCHES, SLOTS
from transfer.embedded.installation import PEOPLE, SANDBOX, Installation
from transfer.embedded.named_doors import named_doors
from transfer.embedded.process import CHECKOUT
from transfer.institutions import load
from transfer.settings import BadSetting, Settings, read


def set_up(var, **environ):
    installation = Installation(var, environ)
    installation.complete()
    return installation


def test_a_second_set_up_changes_nothing(tmp_path):
    set_up(tmp_path / "var")
    first = (tmp_path / "var" / "settings.env").read_text()

    set_up(tmp_path / "var")

    assert (tmp_path / "var" / "settings.env").read_text() == first


def test_somebody_new_at_the_stand_in_provider_gets_a_password_and_all_others_keep_theirs(tmp_path):
    file = set_up(tmp_path / "var").staff_passwords
    first = json.loads(file.read_text())
    file.write_text(json.dumps({name: said for name, said in first.items() if name != "operator"}))

    set_up(tmp_path / "var")

    second = json.loads(file.read_text())
    assert list(second) == list(PEOPLE)
    assert second["operator"] != first["operator"]
    assert {**second, "operator": ""} == {**first, "operator": ""}


def test_a_configured_port_is_taken_and_the_links_follow_it(tmp_path):
    settings = set_up(tmp_path / "var", TRANSFER_GATEWAY_PORT="18123").settings

    assert settings.gateway_http == ("127.0.0.1", 18123)
    assert settings.public_url == "http://127.0.0.1:18123"


@pytest.mark.parametrize("port", ["words", "-1", "0", "1.5", " 80", "65536", "9" * 5000])
def test_what_is_no_port_is_refused_before_anything_is_written(tmp_path, port):
    with pytest.raises(BadSetting, match="TRANSFER_STORE_PORT is no port"):
        set_up(tmp_path / "var", TRANSFER_STORE_PORT=port)

    assert not (tmp_path / "var" / "settings.env").exists()


def test_dags_that_are_not_there_are_refused(tmp_path):
    with pytest.raises(BadSetting, match="TRANSFER_DAGS names no folder"):
        set_up(tmp_path / "var", TRANSFER_DAGS=str(tmp_path / "none"))


def test_a_public_address_that_a_person_wrote_into_the_file_is_kept(tmp_path):
    set_up(tmp_path / "var")
    file = tmp_path / "var" / "settings.env"
    lines = [line for line in file.read_text().splitlines() if not line.startswith("TRANSFER_PUBLIC_URL")]
    file.write_text("\n".join([*lines, "TRANSFER_PUBLIC_URL=https://records.example.org"]))

    assert set_up(tmp_path / "var").settings.public_url == "https://records.example.org"


def test_a_port_taken_meanwhile_is_chosen_anew_and_the_links_follow(tmp_path):
    before = set_up(tmp_path / "var").settings
    with socket.create_server(before.gateway_http):
        installation = set_up(tmp_path / "var")

    assert installation.settings.gateway_http != before.gateway_http
    assert installation.settings.public_url.endswith(str(installation.settings.gateway_http[1]))
    assert "gateway gets a new one" in installation.remarks[0]


def test_no_two_parts_get_the_same_port(tmp_path):
    values = read(set_up(tmp_path / "var").var / "settings.env")
    chosen = [value for name, value in values.items() if name.endswith("_PORT")]

    assert len(chosen) == len(set(chosen)) == 13


def test_every_institution_file_finds_its_settings(tmp_path):
    settings = Settings.load({}, set_up(tmp_path / "var").var)

    known = load(CHECKOUT / "institutions", settings.names)

    assert len(known) == 4


@pytest.mark.parametrize("name", SANDBOX)
def test_a_stand_in_and_the_gateway_know_the_same_tokens(tmp_path, name):
    installation = set_up(tmp_path / "var")
    names = installation.settings.names
    told = json.loads(installation.sandbox_file(name).read_text())

    assert told["accepts_token"] == names[f"SANDBOX_{name.upper()}_TOKEN"]
    known = names[f"SANDBOX_{name.upper()}_DOOR_TOKEN_SHA256"]
    assert hashlib.sha256(told["gateway_token"].encode()).hexdigest() == known
    assert told["gateway_token"] not in (installation.var / "settings.env").read_text()
    assert told["gateway_url"] == installation.settings.public_url
    assert names[f"SANDBOX_{name.upper()}_URL"] == f"http://127.0.0.1:{told['port']}"
    assert ("gateway_mllp_port" in told) == (name == "pathology")
    assert len({told["accepts_token"], told["gateway_token"], told["control_token"]}) == 3


def test_orthanc_is_shown_a_user_and_the_stand_in_archive_a_token(tmp_path):
    def shown(*, orthanc):
        installation = Installation(tmp_path / "var", {}, orthanc=orthanc)
        installation.complete()
        known = load(CHECKOUT / "institutions", Settings.load({}, installation.var).names)
        return known["mercy-imaging"].department("film-room").asked

    token = shown(orthanc=False)
    user = shown(orthanc=True)
    again = shown(orthanc=False)

    assert (bool(token.token), token.user) == (True, None)
    assert (user.token, bool(user.user), bool(user.password)) == (None, True, True)
    assert (bool(again.token), again.user) == (True, None)
    assert token.base_url == user.base_url == again.base_url


def test_parts_are_given_all_settings_but_the_owners(tmp_path):
    installation = set_up(tmp_path / "var")

    given = installation.environment()

    assert given["TRANSFER_VAR"] == str(tmp_path / "var")
    assert given["TMPDIR"].startswith(given["TRANSFER_VAR"])
    assert "transfer_app" in given["TRANSFER_DATABASE_URL"]
    assert not [value for value in given.values() if "transfer_owner" in value]
    assert "transfer_owner" in installation.settings.owner_database_url


def test_a_store_of_somebody_else_is_remembered_as_theirs(tmp_path):
    theirs = {"TRANSFER_S3_ENDPOINT": "https://s3.example.org", "TRANSFER_S3_ACCESS_KEY": "theirs"}
    assert not set_up(tmp_path / "var", **theirs).is_embedded("store")

    again = set_up(tmp_path / "var")

    assert not again.is_embedded("store")
    assert again.is_embedded("postgres")
    assert again.settings.s3_endpoint == "https://s3.example.org"
    assert again.settings.s3_access_key == "theirs"


def test_airflow_is_configured_for_loopback_and_without_the_owner(tmp_path):
    environment = set_up(tmp_path / "var").airflow.environment()

    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert environment["AIRFLOW__API__BASE_URL"].startswith("http://127.0.0.1:")
    assert environment["AIRFLOW__CORE__LOAD_EXAMPLES"] == "False"
    assert not [name for name in environment if "OWNER" in name]
    assert "127.0.0.1" in environment["NO_PROXY"]
    assert environment["PATH"] == os.environ["PATH"]


@pytest.mark.parametrize(
    ("said", "slots"),
    [
        # the records office and the film room, two requests each; the laboratory writes by itself
        (lambda file: None, SLOTS + 4),
        (lambda file: file.update(asking={"at_once": 5}), SLOTS + 7),
        (lambda file: file["departments"][0].update(asking={"at_once": 7}), SLOTS + 9),
        (lambda file: file.update(asking={"at_once": 64}), SLOTS + MAX_FETCHES),
        # its doors do not open, and say why; Airflow is not what fails
        (lambda file: file.update(asking={"at_once": 0}), SLOTS),
    ],
)
def test_airflow_has_a_slot_for_each_request_that_the_institutions_files_allow(tmp_path, said, slots):
    folder = tmp_path / "institutions"
    shutil.copytree(CHECKOUT / "institutions", folder)
    path = folder / "lakeside-oncology.yaml"
    file = yaml.safe_load(path.read_text())
    said(file)
    path.write_text(yaml.safe_dump(file))

    installation = set_up(tmp_path / "var", TRANSFER_INSTITUTIONS=str(folder))

    assert installation.airflow.environment()["AIRFLOW__CORE__PARALLELISM"] == str(slots)


def test_airflow_is_prepared_anew_where_the_files_name_other_doors(tmp_path):
    folder = tmp_path / "institutions"
    shutil.copytree(CHECKOUT / "institutions", folder)
    airflow = set_up(tmp_path / "var", TRANSFER_INSTITUTIONS=str(folder)).airflow
    airflow.prepared()
    assert airflow.is_prepared()
    assert airflow.preparation()[-1] == str(folder)

    (folder / "broken.yaml").write_text("id: [")
    assert airflow.is_prepared(), "a file that cannot be read has no doors"
    (folder / "mercy-imaging.yaml").unlink()
    assert not airflow.is_prepared()


def test_doors_are_named_as_the_files_have_them_without_their_settings(tmp_path):
    file = (CHECKOUT / "institutions" / "lakeside-oncology.yaml").read_text()
    (tmp_path / "lakeside-oncology.yaml").write_text(file.replace("id: records-office", "id: Records Office"))
    (tmp_path / "summit.yaml").write_text("name: Summit\nreceives: {fhir_url: '${URL}', token: '${TOKEN}'}\n")
    (tmp_path / "called.yaml").write_text("name: Called\ndepartments: [{id: a-b, name: B, asked: {by: hand}}]\n")
    (tmp_path / "odd.yaml").write_text("[1, 2]\n")
    pacs = "{id: pacs, name: PACS, asked: {by: dicomweb}}"
    (tmp_path / "twice.yaml").write_text(f"name: Twice\ndepartments: [{pacs}, {pacs}]\n")
    (tmp_path / "uphill.yaml").write_text(f"name: Uphill\ndepartments: [{pacs}]\nreceives:\n")

    assert [(one.institution, one.department, one.title) for one in named_doors(tmp_path)] == [
        ("summit", None, "Summit"),
        ("uphill", "pacs", "Uphill, PACS"),
    ]


def test_the_desk_and_the_stand_in_provider_know_the_same_client(tmp_path):
    installation = set_up(tmp_path / "var")
    told = json.loads(installation.sandbox_file("openid").read_text())

    settings = installation.settings
    assert settings.oidc_client == ("desk", told["client_secret"])
    assert settings.oidc_issuer == f"http://127.0.0.1:{told['port']}"
    assert settings.desk_url == told["desk_url"]


def test_another_provider_is_kept_with_its_client_and_the_stand_in_s_is_not_offered_to_it(tmp_path):
    own = {"TRANSFER_OIDC_ISSUER": "https://login.example.org", "TRANSFER_OIDC_CLIENT_ID": "records"}
    set_up(tmp_path / "var", **own, TRANSFER_OIDC_CLIENT_SECRET="theirs")

    settings = set_up(tmp_path / "var").settings

    assert (settings.oidc_issuer, settings.oidc_client) == ("https://login.example.org", ("records", "theirs"))
