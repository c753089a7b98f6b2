"""Which roles the groups of the hospital's identity provider give: the reviewed file `desk.yaml`."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field

from transfer import reviewed
from transfer.reviewed import ReviewedPart
from transfer.rights import Role

_Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^\S(.*\S)?$")]

#: says of which claims that they are elsewhere (OpenID Connect Core 1.0, section 5.6.2). Entra ID says so of groups
#: where somebody is in too many: https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
_ELSEWHERE: Final = "_claim_names"


class NoRole(StrEnum):
    """Why somebody whom the provider knows has no role here."""

    #: the token says that groups are to be asked for elsewhere; they are not guessed
    GROUPS_ELSEWHERE = "groups-elsewhere"
    #: the token names no group
    NO_GROUPS = "no-groups"
    #: none of the groups stands in `desk.yaml`
    NO_GROUP_OF_OURS = "no-group-of-ours"


class StaffGroups(ReviewedPart):
    """What `desk.yaml` says. Groups are compared letter by letter, as the provider writes them."""

    #: claims of the ID token that name groups: of Entra ID `groups` or `roles`, of AD FS `group` or `role`
    claims: Annotated[tuple[_Name, ...], Field(min_length=1)] = ("groups",)
    #: a group may stand at several roles; who is in several groups has all their roles
    roles: Annotated[Mapping[Role, tuple[_Name, ...]], Field(min_length=1)]

    def roles_of(self, token: Mapping[str, object]) -> frozenset[Role] | NoRole:
        """The roles of somebody with the claims of this token, or why there are none. A claim is a text or several."""
        named = {group for claim in self.claims for group in _texts(token.get(claim))}
        if found := frozenset(role for role, groups in self.roles.items() if named.intersection(groups)):
            return found
        elsewhere = token.get(_ELSEWHERE)
        if isinstance(elsewhere, Mapping) and any(claim in elsewhere for claim in self.claims):
            return NoRole.GROUPS_ELSEWHERE
        return NoRole.NO_GROUP_OF_OURS if named else NoRole.NO_GROUPS


def _texts(claim: object) -> list[str]:
    if isinstance(claim, str):
        return [claim]
    return [one for one in claim if isinstance(one, str)] if isinstance(claim, list) else []


def load(path: Path) -> StaffGroups:
    """Read `desk.yaml`.

    Raises:
        ValueError: it is not there, or names the place in it and what is wrong; values are not repeated.
    """
    return reviewed.load(StaffGroups, path)
