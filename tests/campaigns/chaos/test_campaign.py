"""A small campaign without Airflow: each part killed once while two cases run. `make chaos` is the large one."""

import shutil
import tempfile
from pathlib import Path

import pytest

from tests.campaigns.chaos.campaign import Campaign, Wanted
from tests.campaigns.chaos.campaign_worker import a_worker
from tests.campaigns.chaos.kills import Moment, Planned, Target
from tests.kit.house import a_house

pytestmark = pytest.mark.servers

SIX = (
    Planned(target=Target.GATEWAY, moment=Moment.STORING),
    Planned(target=Target.TASK, moment=Moment.FETCHING),
    Planned(target=Target.POSTGRES, moment=Moment.TAKEN),
    Planned(target=Target.STORE, moment=Moment.WRITING),
    Planned(target=Target.ARCHIVE, moment=Moment.FETCHING),
    Planned(target=Target.CENTER, moment=Moment.DOWNLOADING),
)


def test_each_part_may_be_killed_while_cases_run_and_everything_is_there_once() -> None:
    folder = Path(tempfile.mkdtemp(prefix="rt-"))
    with a_house(folder / "var", cold=True) as house, a_worker(house) as worker:
        campaign = Campaign(house, Wanted(planned=SIX, seed=4, at_once=2, pace=0.5, rest=0.0), worker=worker)
        outcome = campaign.run()

    assert not outcome.faults, "\n".join(outcome.lines())
    assert {kill.target for kill in outcome.kills} == {one.target for one in SIX}
    assert outcome.cases >= 3
    assert sum(kill.moment is not Moment.RANDOM for kill in outcome.kills) >= len(SIX) / 2
    shutil.rmtree(folder, ignore_errors=True)
