"""The doors of institutions by their names, as the reviewed files have them, without the settings that they name.

Airflow's set-up makes a connection of each (`transfer.embedded.airflow_setup`); it has none of these settings.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from transfer import reviewed
from transfer.identifiers import DepartmentId, InstitutionId
from transfer.institutions import Department

#: what stands under `asked.by` of a department that we go to
_FETCHED: Final = frozenset(
    by
    for source in get_args(Department.model_fields["asked"].annotation)
    if source.is_fetched
    for by in get_args(source.model_fields["by"].annotation)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDoor:
    """A department that we go to; without one, the endpoint to which packets are announced."""

    institution: InstitutionId
    department: DepartmentId | None
    #: what people call it
    title: str


def named_doors(folder: Path) -> tuple[NamedDoor, ...]:
    """Of all files in `folder`, in their order. A file that cannot be read has none: the doors do not open with it, and
    say what is wrong.
    """
    return tuple(door for path in reviewed.files(folder) for door in _of(path))


def _of(path: Path) -> tuple[NamedDoor, ...]:
    try:
        return tuple(_named(reviewed.read(path), InstitutionId(path.stem)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ()


def _named(said: Any, institution: InstitutionId) -> Iterator[NamedDoor]:
    name = str(said["name"])
    ids = [one["id"] for one in said.get("departments", ())]
    if len(ids) > len(set(ids)):
        raise ValueError("two departments have one id")
    for department in said.get("departments", ()):
        if department["asked"]["by"] in _FETCHED:
            place = DepartmentId(department["id"])
            yield NamedDoor(institution=institution, department=place, title=f"{name}, {department['name']}")
    if (said.get("receives") or {}).get("fhir_url"):
        yield NamedDoor(institution=institution, department=None, title=name)
