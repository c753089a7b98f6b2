"""Trying the doors of institutions harmlessly: the same questions that the product asks, about nobody.

Nothing is written anywhere, no message is sent, and what is answered is not looked at. Each door has seconds.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode, urlsplit

from transfer.adapters import tls as tls_files
from transfer.adapters import trying
from transfer.adapters.dimse import DimsePeer
from transfer.adapters.dimse.echo import echo
from transfer.adapters.fhir.codes import PACKET
from transfer.adapters.http import ShownAuthorization, basic, bearer
from transfer.adapters.trying import Tried
from transfer.credentials import Tls
from transfer.errors import TransferError, TurnedAway
from transfer.flow.asking_parts import stands
from transfer.institutions import DicomwebSource, DimseSource, FhirSource, Institution, Receiving
from transfer.media_types import FHIR_JSON
from transfer.operation import DoorStep, DoorTried, PartState

#: seconds that one door may take in all
_SECONDS: Final = 25.0
#: doors tried at once
_AT_ONCE: Final = 8
#: a number that nobody has: a search for it is the search that we make for patients, and finds none
_NOBODY: Final = {"identifier": "urn:uuid:00000000-0000-0000-0000-000000000000|nobody"}


@dataclass(frozen=True, slots=True)
class _Door:
    name: str
    how: str
    ask: Callable[[], Tried]


#: what is shown at a FHIR source: a bearer token, or who gets one
Show = Callable[[FhirSource], str | ShownAuthorization | None]


def try_doors(institutions: Iterable[Institution], show: Show) -> tuple[DoorTried, ...]:
    """Try every door of these institutions that we go to, in their order; those that come to us have none to try.

    Trying twice is harmless. It takes as long as the slowest of several at once, at most half a minute each.
    """
    doors = [door for institution in institutions for door in _doors(institution, show)]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="try") as pool:
        return tuple(pool.map(_tried, doors))


def try_ours(addresses: Sequence[tuple[str, str, int]]) -> tuple[DoorTried, ...]:
    """Connect to doors of ours, each a kind (`http`, `mllp`), a host and a port, and hang up. No message is sent."""
    doors = [
        _Door(f"our own door at port {port}", how, lambda host=host, port=port: trying.line(host, port, None))  # type: ignore[misc]
        for how, host, port in addresses
    ]
    return tuple(_tried(door) for door in doors)


def _tried(door: _Door) -> DoorTried:
    found: list[Tried] = []
    part = stands(door.name, lambda: found.append(door.ask()), _SECONDS)
    if part.state is not PartState.UP:
        return DoorTried(name=door.name, how=door.how, failed=DoorStep.ANSWER, why=part.note)
    one = found[0]
    return DoorTried(
        name=door.name,
        how=door.how,
        failed=one.failed,
        why=one.why,
        certificate_ends=one.certificate_ends,
        ahead=one.ahead,
    )


def _doors(institution: Institution, show: Show) -> Iterator[_Door]:
    for department in institution.departments:
        name, asked = f"{institution.id}, {department.id}", department.asked
        if isinstance(asked, FhirSource | DicomwebSource | DimseSource):
            yield _Door(name, asked.by, lambda asked=asked: _source(asked, show))  # type: ignore[misc]
    receives = institution.receives
    if receives and receives.endpoint:
        yield _Door(f"{institution.id}, receives", "receives", lambda receives=receives: _receiver(receives))  # type: ignore[misc]


def _source(asked: FhirSource | DicomwebSource | DimseSource, show: Show) -> Tried:
    if isinstance(asked, FhirSource):
        said = show(asked)
        shown = bearer(said) if said is None or isinstance(said, str) else said
        return _http(asked.base_url, f"/Patient?{urlencode(_NOBODY)}", shown, FHIR_JSON, asked.tls)
    if isinstance(asked, DicomwebSource):
        shown = bearer(asked.token) or basic(asked.user, asked.password)
        # a study of a UID that nobody makes (PS3.5 B.2: of a UUID that is all zeros)
        path = "/studies?StudyInstanceUID=2.25.0&limit=1"
        return _http(asked.base_url, path, shown, "application/dicom+json", asked.tls)
    return _dimse(asked)


def _receiver(receives: Receiving) -> Tried:
    assert receives.endpoint  # asked before
    url, token = receives.endpoint
    path = f"/List?{urlencode({'identifier': f'{PACKET}|nobody'})}"
    return _http(url, path, bearer(token), FHIR_JSON, receives.tls)


def _http(
    base: str, path: str, authorization: str | ShownAuthorization | None, accept: str, files: Tls | None
) -> Tried:
    there = urlsplit(base)
    assert there.hostname  # the file was checked
    is_tls = there.scheme == "https"
    try:
        shown = tls_files.required(files) if is_tls else None
    except TransferError as error:
        return Tried(failed=DoorStep.FILE, why=str(error))
    reached = trying.line(there.hostname, there.port or (443 if is_tls else 80), shown)
    if reached.failed:
        return reached
    answered = trying.question(base, path, authorization, accept, shown)
    return replace(answered, certificate_ends=reached.certificate_ends)


def _dimse(asked: DimseSource) -> Tried:
    try:
        shown = None if asked.is_plain else tls_files.required(asked.tls)
    except TransferError as error:
        return Tried(failed=DoorStep.FILE, why=str(error))
    reached = trying.line(asked.host, asked.port, shown)
    if reached.failed:
        return reached
    peer = DimsePeer(
        host=asked.host,
        port=asked.port,
        called_ae_title=asked.called_ae_title,
        calling_ae_title=asked.calling_ae_title,
        tls=shown,
    )
    try:
        echo(peer)
    except TransferError as error:
        step = DoorStep.CREDENTIAL if isinstance(error, TurnedAway) else DoorStep.ANSWER
        return replace(reached, failed=step, why=str(error))
    return reached
