"""A marked patient, and whether anything of theirs stands in a log or in the database's files."""

import os
from pathlib import Path

from tests.campaigns.compose import cases
from tests.campaigns.compose.stack import PROJECT, Stack

MARK = "ZEBRA7Q"
#: a day nobody else was born on, as it is written in FHIR, HL7 v2 and DICOM
BORN = "1911-11-13"
#: where nothing of a patient may stand
VOLUMES = ("postgres", "airflow-logs", "edge")
#: where records lie as they came: the store encrypts its disk (docs/decisions/0007-keys-and-purging.md). What is found
#: there shows that the search finds
CONTROL = "store"
SECONDS = 300
_PIECE = 1 << 20


def a_case(stack: Stack) -> cases.Case:
    """Play the marked patient's case to its end."""
    chart = cases.a_chart(MARK)
    chart["patient"]["birth_date"] = BORN
    case = cases.begin(stack, chart)
    cases.finish(stack, [case], SECONDS)
    return case


def hits(stack: Stack) -> list[str]:
    """Where the mark or the birth date stands: files below the volumes, and containers' logs. The log of the stand-in
    institutions is their own.

    Raises:
        AssertionError: the search finds nothing where the records lie.
    """
    checkpoint = "PGPASSWORD=$(cat /run/secrets/postgres_password) psql --username=postgres --command=CHECKPOINT"
    stack.inside("postgres", "sh", "-c", checkpoint)
    words = [MARK.encode(), BORN.encode(), BORN.replace("-", "").encode()]
    assert _in_volume(stack, CONTROL, words), "the search finds nothing even where the records lie"
    found = [hit for volume in VOLUMES for hit in _in_volume(stack, volume, words)]
    own = {one for name in ("sandbox", "orthanc", "hapi-fhir") for one in stack.containers(name)}
    for container in stack.engine.text("ps", "--all", "--quiet").split():
        if container in own:
            continue
        logged = stack.engine.docker("logs", container)
        if any(word in logged.stdout + logged.stderr for word in words):
            found.append(f"log of {stack.engine.text('inspect', '--format', '{{.Name}}', container)}")
    return found


def _in_volume(stack: Stack, volume: str, words: list[bytes]) -> list[str]:
    folder = stack.engine.data / "volumes" / f"{PROJECT}_{volume}" / "_data"
    return [f"{volume}: {path.relative_to(folder)}" for path in _files(folder) if _holds(path, words)]


def _files(folder: Path) -> list[Path]:
    return [Path(at) / name for at, _, names in os.walk(folder) for name in names if (Path(at) / name).is_file()]


def _holds(path: Path, words: list[bytes]) -> bool:
    """Whether one of the words stands in the file, also where a piece ends within it."""
    longest = max(map(len, words))
    rest = b""
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            if any(word in rest + piece for word in words):
                return True
            rest = piece[-longest:]
    return False
