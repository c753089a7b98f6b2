"""Which roles somebody has: as the provider writes their groups, and never by a guess."""

from pathlib import Path

import pytest

from transfer.rights import Role
from transfer.staff_groups import NoRole, StaffGroups, load

ROOT = Path(__file__).parents[2]
CLERKS, OFFICERS = "4f1c6ad4-6d6e-4d53-a2a1-0b9b1c6c1a11", "7d0a7f3e-0b52-4a39-9a52-ff9d1a1d6c22"
ENTRA = StaffGroups.model_validate({"claims": ["groups", "roles"], "roles": {"clerk": [CLERKS], "officer": [OFFICERS]}})
AD_FS = StaffGroups.model_validate(
    {"claims": ["group", "role"], "roles": {"clerk": ["HOSP\\Clerks"], "auditor": ["A"]}}
)
ELSEWHERE = {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example.org"}}}


@pytest.mark.parametrize(
    ("said", "token", "found"),
    [
        (ENTRA, {"groups": [CLERKS, "0b0c"]}, {Role.CLERK}),
        (ENTRA, {"groups": [CLERKS, OFFICERS]}, {Role.CLERK, Role.OFFICER}),
        (ENTRA, {"groups": [CLERKS.upper()]}, NoRole.NO_GROUP_OF_OURS),
        (ENTRA, {"groups": []}, NoRole.NO_GROUPS),
        (ENTRA, {}, NoRole.NO_GROUPS),
        (ENTRA, {"group": [CLERKS]}, NoRole.NO_GROUPS),
        (ENTRA, ELSEWHERE, NoRole.GROUPS_ELSEWHERE),
        (ENTRA, {**ELSEWHERE, "roles": [OFFICERS]}, {Role.OFFICER}),
        (ENTRA, {"groups": ["0b0c"], **ELSEWHERE}, NoRole.GROUPS_ELSEWHERE),
        (ENTRA, {"_claim_names": {"wids": "src1"}}, NoRole.NO_GROUPS),
        (ENTRA, {"_claim_names": "groups"}, NoRole.NO_GROUPS),
        (AD_FS, {"group": "HOSP\\Clerks"}, {Role.CLERK}),
        (AD_FS, {"group": ["HOSP\\Clerks", "X"], "role": "A"}, {Role.CLERK, Role.AUDITOR}),
        (AD_FS, {"group": "HOSP\\Clerks2"}, NoRole.NO_GROUP_OF_OURS),
        (AD_FS, {"group": {"HOSP\\Clerks": 1}, "role": [7, None]}, NoRole.NO_GROUPS),
    ],
)
def test_roles_are_those_of_the_groups_that_the_token_names(said, token, found):
    assert said.roles_of(token) == found


def test_the_file_of_the_stand_in_provider_gives_each_of_its_people_one_role():
    from transfer.sandbox.openid import PEOPLE

    said = load(ROOT / "desk.yaml")

    assert {name: said.roles_of({"groups": groups}) for name, (_, groups) in PEOPLE.items()} == {
        role.value: frozenset({role}) for role in Role
    }


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("roles: {clerk: [x], boss: [x]}", "roles.boss"),
        ("roles: {clerk: x}", "roles.clerk"),
        ("roles: {clerk: ['']}", "roles.clerk.0"),
        ("roles: {clerk: [' x']}", "roles.clerk.0"),
        ("roles: {}", "roles"),
        ("claims: []\nroles: {clerk: [x]}", "claims"),
        ("groups: {clerk: [x]}", "groups"),
        ("- clerk", "desk.yaml"),
        ("roles: {clerk: [secret-x], clerk: [y]}", "line 1"),
    ],
)
def test_a_mistake_in_the_file_is_named_by_its_place_and_no_value_is_repeated(tmp_path, text, wrong):
    path = tmp_path / "desk.yaml"
    path.write_text(text)

    with pytest.raises(ValueError, match=wrong) as caught:
        load(path)

    assert "secret-x" not in str(caught.value)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        load(tmp_path / "desk.yaml")
