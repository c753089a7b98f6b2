"""Who does something at the desk, and what they may.

A right is one thing that somebody may do with any case; a role is the rights of one kind of work. Whoever hears a
patient say "stop" may stop; what goes on again needs the right to release.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

#: how a member of the staff is referred to: an account, not a full name
_ACCOUNT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class Right(StrEnum):
    """What an act at the desk needs."""

    #: lists, cases, decisions: identifiers and states, nothing of the patient
    SEE_CASES = "see-cases"
    #: who the patient is: names, birth date, numbers
    SEE_IDENTITY = "see-identity"
    #: the same of one case, once they said why
    SEE_IDENTITY_FOR_REASON = "see-identity-for-reason"
    #: what people wrote and what the referral asks
    SEE_CONTENT = "see-content"
    #: receive slides, write down answers and notes, enter a referral, end a case
    WORK_ON_CASES = "work-on-cases"
    #: whose a message is, and what is to become of what came
    DECIDE_WHOSE = "decide-whose"
    #: let a packet go, say that a line is not needed, declare an emergency, enter a release form on paper, let a paused
    #: or disputed one go on
    RELEASE = "release"
    #: pause a permission, dispute a release form
    STOP = "stop"
    #: end a permission for good, and destroy what nothing else covers
    REVOKE = "revoke"
    #: say of a patient that who looks must say why
    FLAG_PATIENTS = "flag-patients"
    #: say how people sign in; whoever runs the installation does, and no role
    MANAGE_SIGN_IN = "manage-sign-in"
    #: take in that somebody asked for an accounting of disclosures, and give it
    ACCOUNT = "account"
    #: see how the installation runs: parts, disks, certificates; nothing of a case
    OPERATE = "operate"
    #: prove that nothing written was altered, and see who looked at whom
    AUDIT = "audit"


class Role(StrEnum):
    """Kinds of work at the desk."""

    CLERK = "clerk"
    #: of health information management
    OFFICER = "officer"
    PRIVACY = "privacy"
    AUDITOR = "auditor"
    #: of whoever runs the installation
    OPERATOR = "operator"


#: what each role may
RIGHTS: Final[Mapping[Role, frozenset[Right]]] = MappingProxyType(
    {
        Role.CLERK: frozenset({Right.SEE_CASES, Right.SEE_IDENTITY, Right.WORK_ON_CASES, Right.STOP}),
        Role.OFFICER: frozenset(Right) - {Right.ACCOUNT, Right.AUDIT, Right.MANAGE_SIGN_IN, Right.OPERATE},
        Role.PRIVACY: frozenset(Right) - {Right.WORK_ON_CASES, Right.RELEASE, Right.MANAGE_SIGN_IN, Right.OPERATE},
        Role.AUDITOR: frozenset({Right.SEE_CASES, Right.SEE_IDENTITY_FOR_REASON, Right.AUDIT}),
        Role.OPERATOR: frozenset({Right.OPERATE}),
    }
)


def roles_with(right: Right) -> tuple[Role, ...]:
    """The roles that hold a right: whom to ask."""
    return tuple(role for role in Role if right in RIGHTS[role])


def is_account(text: str) -> bool:
    """Whether facts may name a person so: letters, digits and . _ @ -, at most 64."""
    return bool(_ACCOUNT.fullmatch(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody at the desk. `is_claimed`: they said who they are and nobody made sure, as on the command line.

    Raises:
        ValueError: person or account is not an account name: letters, digits and . _ @ -, at most 64.
    """

    person: str
    rights: frozenset[Right]
    is_claimed: bool
    #: of the operating system, on the command line; None: they signed in
    account: str | None = None

    def __post_init__(self) -> None:
        if not all(map(is_account, (self.person, self.account or self.person))):
            raise ValueError("a person is an account name: letters, digits and . _ @ - only")
        if not self.rights <= frozenset(Right):
            raise ValueError("a right that there is not")

    @property
    def counts_as(self) -> str:
        """Who it is where two people must say the same. A name that was only claimed makes nobody a second person: two
        people are two sign-ins, or two accounts of the operating system.
        """
        return self.account or self.person

    def may(self, right: Right) -> bool:
        return right in self.rights
