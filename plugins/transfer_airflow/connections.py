"""What Airflow's test buttons do: a source or a receiving center is tried, harmlessly, as `transfer doctor` tries it.

A connection names an institution of the reviewed files, and nothing else. Address and credential stay where they are,
and no DAG reads a connection. The gateway tries: it reaches institutions, and Airflow's API server does not.
"""

import json
import os
from typing import Any, ClassVar
from urllib.parse import quote

import urllib3
from airflow.sdk import BaseHook

from transfer.airflow_provider import CENTER, SOURCE, TITLES
from transfer.health import PROCESSES, address_of
from transfer.operation import DoorsOf

#: seconds: the gateway gives each door 25, and tries several at once
_TIMEOUT = urllib3.Timeout(connect=5.0, read=60.0)
#: bytes of its answer that are read
_MOST_BYTES = 64 << 10
#: characters of a result that Airflow keeps
_MOST_CHARACTERS = 1900

_UNKNOWN = {
    "institution": "There is no institution of that name: it is the name of a file in institutions/, without .yaml",
    "department": "That institution has no department of that name: its file in institutions/ lists them",
}


class _Tried(Exception):
    """Why nothing could be tried, with what to do."""


class _TryingHook(BaseHook):  # type: ignore[misc]  # Airflow is not read by the type checker
    """Airflow makes one for a connection, and asks it. Trying again is harmless."""

    conn_name_attr = "conn_id"
    #: what the gateway calls it
    _what: ClassVar[DoorsOf]
    #: said where an institution has none that we go to
    _none: ClassVar[str]

    def __init__(self, conn_id: str) -> None:
        super().__init__()
        self._conn_id = conn_id

    def test_connection(self) -> tuple[bool, str]:
        """Whether every door of it that we go to answers as it should, and what is wrong with those that do not.

        Nothing is asked about anybody. It takes half a minute at the most; the gateway must be there.
        """
        try:
            doors = _ask(f"/{self._what}/{self._path()}")
        except _Tried as why:
            return False, str(why)
        if not doors:
            return False, self._none
        faults = [str(fault) for door in doors for fault in door["faults"]]
        if faults:
            return False, " ".join(f"{fault}." for fault in faults)[:_MOST_CHARACTERS]
        names = "; ".join(str(door["name"]) for door in doors)
        return True, f"{names}: name, port, TLS, credential and clock are as they should be."[:_MOST_CHARACTERS]

    def _path(self) -> str:
        said = self.get_connection(self._conn_id).extra_dejson
        institution, department = (str(said.get(name) or "").strip() for name in ("institution", "department"))
        if not institution:
            raise _Tried("No institution is named: give the name of its file in institutions/, without .yaml")
        return "/".join(quote(name, safe="") for name in (institution, department) if name)


class SourceHook(_TryingHook):
    """The departments of an institution that we ask: by FHIR, DICOMweb or DIMSE."""

    conn_type = SOURCE
    hook_name = TITLES[SOURCE]
    _what = DoorsOf.SOURCES
    _none = (
        "There is no door to try: it sends by itself, or a person asks there. `transfer institution try` says what a "
        "message of theirs would do"
    )


class CenterHook(_TryingHook):
    """The FHIR endpoint of a receiving center to which packets are announced (ITI-65)."""

    conn_type = CENTER
    hook_name = TITLES[CENTER]
    _what = DoorsOf.CENTERS
    _none = "There is no door to try: it has no fhir_url, so its packets stand ready at our pages"


def _ask(path: str) -> list[dict[str, Any]]:
    """What the gateway tried. Raises: `_Tried`."""
    address = address_of("gateway", os.environ)
    if address is None:
        raise _Tried(
            f"{PROCESSES['gateway']} does not say where the gateway tells how it is: docs/operations.md#health"
        )
    try:
        answer = urllib3.request(
            "POST", f"http://{address}{path}", retries=False, timeout=_TIMEOUT, preload_content=False
        )
        said = json.loads(answer.read(_MOST_BYTES))
        answer.release_conn()
    except (urllib3.exceptions.HTTPError, OSError, ValueError):
        raise _Tried("The gateway does not answer: `transfer status` says how it is") from None
    if answer.status == 429:
        raise _Tried("Another try is under way: press again in half a minute")
    if answer.status == 404:
        raise _Tried(_UNKNOWN.get(said.get("unknown"), "The gateway is of another version: restart it"))
    if answer.status != 200:
        raise _Tried("The gateway cannot try it now: its log says why")
    return list(said["doors"])
