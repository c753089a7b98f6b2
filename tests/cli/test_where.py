"""What is printed at the end leads somewhere: to the desk, to a case there, and to who can sign in."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from transfer.cli import main
from transfer.cli.installation import how_to_sign_in
from transfer.demo import Summary
from transfer.embedded.installation import PEOPLE, Installation
from transfer.pages.app import EVERYTHING
from transfer.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    installation = Installation(tmp_path / "var", {})
    installation.complete()
    return installation.settings


def test_the_demo_ends_with_a_link_that_opens_its_case(settings: Settings, monkeypatch: pytest.MonkeyPatch):
    played = Summary(case_id="c1x", packet="p", jwks="j", runs=[], tasks=1, verified=True, seconds=1.0)
    monkeypatch.setattr("transfer.demo.run", lambda *_, **__: played)

    said = CliRunner().invoke(main, ["demo", "--var", str(settings.var)])

    assert said.exit_code == 0, said.output
    assert f"{settings.desk_url}/desk/cases/c1x" in said.output.splitlines()[-2]
    assert "/desk/cases/{case}" in {one.path for one in EVERYTHING}
    assert all(name in said.output for name in PEOPLE)


def test_how_to_sign_in_names_the_file_of_passwords_or_the_hospital_s_account(settings: Settings):
    passwords = settings.var / "sandbox" / "passwords.json"

    assert str(passwords) in how_to_sign_in(settings)
    assert passwords.stat().st_mode & 0o077 == 0
    own = Settings.load({**settings.names, "TRANSFER_OIDC_ISSUER": "https://login.example.org"}, settings.var)
    assert how_to_sign_in(own) == "sign in with your hospital account"
