"""What a patient says against it: stop, and what is done with the authorizations then."""

from collections.abc import Callable, Sequence
from typing import Final

from transfer.errors import Unknown
from transfer.flow import desk
from transfer.flow.desk import Dossier
from transfer.identifiers import CaseId, PermissionId
from transfer.pages.desk.case_acts.act import CaseAct, Field, nothing
from transfer.pages.forms import Problems
from transfer.pages.routes import Asked
from transfer.permissions import End
from transfer.rights import Right

_PAUSED: Final = (End.PAUSED.value, "By telephone: stop for now. Nothing is destroyed, and it can be resumed")
_REVOKED: Final = (End.REVOKED.value, "In writing: it ends for good. Somebody confirms what is destroyed")


def _stop_fields(asked: Asked, _found: Dossier) -> Sequence[Field]:
    choices = (_PAUSED, _REVOKED) if asked.actor.may(Right.REVOKE) else (_PAUSED,)
    return (Field(kind="radios", name="how", label="How the patient said it", choices=choices),)


def _stop(asked: Asked, case: CaseId, problems: Problems) -> Callable[[], object]:
    how = asked.fields.one_of("how", (_PAUSED[0], _REVOKED[0]), problems, needed="Choose how the patient said it")
    return lambda: desk.stop_everything(asked.services, case, End(how), actor=asked.actor)


def _permission(asked: Asked, found: Dossier) -> str:
    """The authorization of the path, which is one of this patient."""
    name = asked.path["permission"]
    if name not in {one.permission for one in found.permissions}:
        raise Unknown("there is no such page")
    return f"Authorization {name}"


def _resume(asked: Asked, _case: CaseId, _problems: Problems) -> Callable[[], object]:
    permission = asked.id(PermissionId, "permission")
    return lambda: desk.resume(asked.services, permission, actor=asked.actor)


def _resume_all(asked: Asked, case: CaseId, _problems: Problems) -> Callable[[], object]:
    return lambda: desk.resume_everything(asked.services, case, actor=asked.actor)


def _revoke(asked: Asked, _case: CaseId, _problems: Problems) -> Callable[[], object]:
    permission = asked.id(PermissionId, "permission")
    return lambda: desk.revoke(asked.services, permission, actor=asked.actor)


ACTS: Final = (
    CaseAct(
        path="stop",
        right=Right.STOP,
        title="The patient says stop",
        button="Stop now",
        follows=(
            "Nothing more goes to anybody, at once; downloads that are open are cut.",
            "What left before has left.",
        ),
        fields=_stop_fields,
        does=_stop,
    ),
    CaseAct(
        path="resume",
        right=Right.RELEASE,
        title="The patient lets it go on",
        button="Resume everything",
        follows=(
            "All that was stopped at once goes on: it is requested again, and may be sent.",
            "An authorization that was paused by itself before stays paused.",
        ),
        fields=nothing,
        does=_resume_all,
        is_grave=True,
    ),
    CaseAct(
        path="resume/{permission}",
        right=Right.RELEASE,
        title="Resume an authorization",
        button="Resume it",
        follows=("What it covers is requested again, and may be sent.",),
        fields=nothing,
        does=_resume,
        about=_permission,
        is_grave=True,
    ),
    CaseAct(
        path="revoke/{permission}",
        right=Right.REVOKE,
        title="Revocation of an authorization",
        button="Revoke it",
        follows=(
            "Nothing more goes under it, at once, and for good.",
            "Somebody confirms what is destroyed of what nothing else covers.",
        ),
        fields=nothing,
        does=_revoke,
        about=_permission,
        is_grave=True,
    ),
)
