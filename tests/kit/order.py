"""In which order files of tests run, and which of them in one process: `pytest -n 3 --dist loadfile`.

By itself pytest-xdist begins with the files of most tests, and the few long ones are left to one process at the end.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler.loadfile import LoadFileScheduling

#: these share a server that takes as long to start as a hundred tests take
TOGETHER = {
    "tests/journeys/test_airflow.py": "airflow",
    "tests/embedded/test_airflow.py": "airflow",
    "tests/journeys/test_referral_life.py": "airflow",
    "tests/journeys/test_answers.py": "airflow",
    "tests/journeys/test_doctor.py": "airflow",
    "tests/journeys/test_connections.py": "airflow",
    "tests/journeys/test_auditor_in_airflow.py": "airflow",
    "tests/campaigns/leak/test_withheld_in_airflow.py": "airflow",
    "tests/peers/test_hapi_receiver.py": "hapi",
    "tests/peers/test_hapi_source.py": "hapi",
    "tests/contracts/test_documents.py": "hapi",
}

#: what takes longest comes first, the longest of all alone; every other file is done within some seconds
SLOWEST_FIRST = (
    "airflow",
    "tests/campaigns/hostile/test_hostile.py",
    "hapi",
    "tests/ledger/test_outage.py",
    "tests/journeys/test_inbox.py",
    "tests/journeys/test_delivery.py",
    "tests/journeys/test_imaging.py",
    "tests/campaigns/chaos/test_points.py",
    "tests/campaigns/chaos/test_campaign.py",
    "tests/journeys/test_permission.py",
    "tests/embedded/test_supervisor.py",
    "tests/flow/test_backup.py",
    "tests/flow/test_desk.py",
    "tests/campaigns/leak/test_the_search.py",
    "tests/adapters/test_s3_vault.py",
    "tests/embedded/test_postgres.py",
    "tests/cli/test_at_the_desk.py",
)
_PLACES = {group: place for place, group in enumerate(SLOWEST_FIRST)}


def group_of(nodeid: str) -> str:
    """The file, or what it shares with others."""
    file = nodeid.split("::", 1)[0]
    return TOGETHER.get(file, file)


def place_of(item: pytest.Item) -> int:
    return _PLACES.get(group_of(item.nodeid), len(_PLACES))


class ByGroup(LoadFileScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """A group stays in one process; groups are given out in the order in which they were collected."""

    def __init__(self, config: pytest.Config, log: Producer | None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
