"""Trying the doors of an institution for whoever asks at the port on which the gateway tells how it is.

Airflow's test buttons ask (plugins/transfer_airflow/connections.py): its API server reaches no institution and knows no
setting of ours, and the gateway does. What is tried stands in the reviewed files, so nobody can have us go elsewhere.
"""

import threading
from datetime import UTC, datetime

from transfer.errors import Unknown
from transfer.flow.trying_doors import Show, try_doors
from transfer.institutions import Institution, Institutions
from transfer.operation import DoorsOf, DoorTried, FaultLimits, faults_of_doors
from transfer.sentences.operation import REMEDIES, fault_sentence


class DoorTries:
    """Tries one institution at a time. Safe to ask from any thread; asking again tries again, and is harmless."""

    def __init__(self, institutions: Institutions, show: Show, limits: FaultLimits) -> None:
        self._institutions = institutions
        self._show = show
        self._limits = limits
        self._one_at_a_time = threading.Lock()

    def answer(self, path: str) -> tuple[int, object]:
        """What was tried, and what is wrong with each, in sentences: `/sources/INSTITUTION`,
        `/sources/INSTITUTION/DEPARTMENT` or `/centers/INSTITUTION`. It takes half a minute at the most.

        404: there is none of that name; `unknown` says of what. 429: another try is under way.
        """
        what, _, name = path.removeprefix("/").partition("/")
        name, _, department = name.partition("/")
        if what not in set(DoorsOf) or (what == DoorsOf.CENTERS and department):
            return 404, {"unknown": "path"}
        try:
            institution = self._institutions[name]
        except Unknown:
            return 404, {"unknown": "institution"}
        if department and all(one.id != department for one in institution.departments):
            return 404, {"unknown": "department"}
        if not self._one_at_a_time.acquire(blocking=False):
            return 429, {"status": "busy"}
        try:
            tried = try_doors([_only(institution, what, department)], self._show)
        finally:
            self._one_at_a_time.release()
        now = datetime.now(UTC)
        return 200, {"doors": [self._told(one, now) for one in tried]}

    def _told(self, one: DoorTried, now: datetime) -> dict[str, object]:
        found = faults_of_doors([one], now, self._limits)
        said = [f"{fault_sentence(fault)}. {REMEDIES[fault.code].says}: {REMEDIES[fault.code].page}" for fault in found]
        return {"name": one.name, "how": one.how, "faults": said}


def _only(institution: Institution, what: str, department: str) -> Institution:
    """With nothing to be tried but what was asked for."""
    if what == DoorsOf.CENTERS:
        return institution.model_copy(update={"departments": ()})
    kept = tuple(one for one in institution.departments if department in ("", one.id))
    return institution.model_copy(update={"departments": kept, "receives": None})
