"""What the desk does not start with: it says which setting, or which place in the file."""

from pathlib import Path

import pytest

from transfer.pages.__main__ import address_of, ways
from transfer.settings import BadSetting, Settings
from transfer.wiring import connect, origin

HERE = {"TRANSFER_DESK_HTTP": "127.0.0.1:8000", "TRANSFER_DESK_URL": "http://127.0.0.1:8000"}
PROVIDER = {
    "TRANSFER_OIDC_ISSUER": "https://login.example.org",
    "TRANSFER_OIDC_CLIENT_ID": "desk",
    "TRANSFER_OIDC_CLIENT_SECRET": "s",
}


def test_it_is_reached_on_this_machine_or_where_something_ends_tls_before_it(tmp_path: Path):
    edge = {"TRANSFER_DESK_HTTP": "0.0.0.0:8080", "TRANSFER_DESK_URL": "https://desk.example.org/"}

    assert address_of(Settings.load(HERE, tmp_path)).is_plain
    assert not address_of(Settings.load({**edge, "TRANSFER_TLS_TERMINATED": "1"}, tmp_path)).is_plain
    with pytest.raises(BadSetting, match="TRANSFER_DESK_HTTP"):
        address_of(Settings.load(edge, tmp_path))


def test_its_address_is_a_host_alone(tmp_path: Path):
    with pytest.raises(BadSetting, match="TRANSFER_DESK_URL"):
        address_of(Settings.load({**HERE, "TRANSFER_DESK_URL": "https://example.org/hospital"}, tmp_path))


def test_a_mistake_in_the_file_of_groups_is_named_by_its_place(tmp_path: Path):
    (tmp_path / "desk.yaml").write_text("roles: {clerk: [x], boss: [y]}")
    settings = Settings.load({**HERE, **PROVIDER, "TRANSFER_DESK_GROUPS": str(tmp_path / "desk.yaml")}, tmp_path)

    with pytest.raises(BadSetting, match=r"desk\.yaml: roles\.boss"):
        ways(None, settings, address_of(settings))


def test_without_a_provider_there_is_no_way_by_one(tmp_path: Path):
    settings = Settings.load(HERE, tmp_path)
    with_provider = Settings.load({**HERE, **PROVIDER}, tmp_path)

    assert ways(None, settings, address_of(settings)) == ()
    assert [way.path for way in ways(None, with_provider, address_of(with_provider))] == ["/desk/sign-in"]


def test_a_mistake_in_an_institutions_file_or_a_folder_that_is_not_there_is_named(tmp_path: Path):
    partners = tmp_path / "partners"
    settings = Settings.load({**HERE, "TRANSFER_INSTITUTIONS": str(partners)}, tmp_path)

    with pytest.raises(BadSetting, match="TRANSFER_INSTITUTIONS names no folder"), connect(settings, origin("desk")):
        pass
    partners.mkdir()
    (partners / "lakeside.yaml").write_text("id: lakeside\n")
    with pytest.raises(BadSetting, match=r"lakeside\.yaml: name: Field required"), connect(settings, origin("desk")):
        pass
