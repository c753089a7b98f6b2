"""An installation to look at: the ledger of a test, a scripted Airflow or none, and one institution that is away."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from transfer.adapters.airflow_api import AirflowApi
from transfer.adapters.keys import FolderKeys
from transfer.flow.measuring import Site
from transfer.institutions import Institution
from transfer.ledger import Ledger
from transfer.operation import FaultLimits
from transfer.settings import Settings

#: at a port that is closed
NOWHERE = {
    "id": "riverside",
    "name": "Riverside",
    "time_zone": "America/Chicago",
    "departments": [
        {
            "id": "office",
            "name": "Office",
            "holds": ["note"],
            "asked": {"by": "fhir", "base_url": "http://127.0.0.1:9", "token": "secret-token"},
        }
    ],
}


def a_site(ledger: Ledger, var: Path, *, airflow: AirflowApi | None = None, **names: str) -> Site:
    """Without a store, and with processes only where `names` say; keys lie in `keys` of the folder."""
    keys = var / "keys"
    return Site(
        settings=Settings(var=var, names={"TRANSFER_KEYS": str(keys), **names}),
        limits=FaultLimits(free_percent=0),
        version="0.1.0 (0123456789ab)",
        keys=FolderKeys(keys),
        ledger=ledger,
        vault=None,
        airflow=airflow,
        institutions=[Institution.model_validate(NOWHERE)],
        show=lambda source: source.token,
    )


def looking_at(site: Site) -> Callable[[], Any]:
    """What `Services.site` is given."""

    @contextmanager
    def look() -> Iterator[Site]:
        yield site

    return look
