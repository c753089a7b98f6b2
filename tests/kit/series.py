"""Series: fetched from an archive into memory, and what is asked of those that came."""

from typing import Any

from tests.kit.fakes import MemoryVault
from transfer.institutions import Institution
from transfer.sources import Ending, ImageArchive, SeriesObject


def missing(expected: frozenset[str], *have: SeriesObject) -> frozenset[str]:
    """The instances that none of the objects holds."""
    return expected.difference(*(each.instances for each in have))


def fetch(client: ImageArchive, study: str, series: str, vault: MemoryVault, **how: Any) -> SeriesObject | None:
    expected = how.pop("expected", None)
    plain: dict[str, Any] = {
        "keep_going": lambda: None,
        "institution": Institution(id="mercy", name="M", time_zone="UTC"),
    }
    return client.fetch_series(
        study,
        series,
        expected=client.instances(study, series) if expected is None else expected,
        vault=vault,
        **(plain | how),
    )


def fetched(client: ImageArchive, study: str) -> dict[str, bytes]:
    """Every file of every series as it lies in the vault, by SOP Instance UID."""
    vault, found = MemoryVault(), {}
    for series in client.series(study):
        came = fetch(client, study, series.uid, vault)
        assert came
        assert came.complete
        assert came.ending is Ending.CLOSED
        for entry in came.index:
            found[entry.sop_instance_uid] = b"".join(vault.read(came.locate(entry)))
    return found


def largest(client: ImageArchive, study: str) -> tuple[str, frozenset[str]]:
    series = {each.uid: client.instances(study, each.uid) for each in client.series(study)}
    return max(series.items(), key=lambda item: len(item[1]))
