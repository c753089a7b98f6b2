"""What was measured of the installation last, as metrics: disks, certificates, backups, parts."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from transfer.flow.ledger_metrics import gauge
from transfer.operation import Measured, PartState

#: what was measured longer ago is not said: another process measures now
_OLD: Final = timedelta(minutes=5)


class InstallationMetrics(Collector):
    """Says what `measured` is. Asking costs nothing: whoever looks for what is wrong has measured."""

    def __init__(self) -> None:
        self.measured: Measured | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: else a collector is asked when it is registered."""
        return ()

    def collect(self) -> Iterable[Metric]:
        found = self.measured
        if found is None or datetime.now(UTC) - found.at > _OLD:
            return
        yield gauge(
            "transfer_part_up",
            "1 where a part that is asked works",
            {
                (one.name,): int(one.state is PartState.UP)
                for one in found.parts
                if one.state is not PartState.NOT_ASKED
            },
            "part",
        )
        yield gauge("transfer_disk_free_bytes", "Free", {(one.name,): one.free for one in found.volumes}, "disk")
        yield gauge("transfer_disk_size_bytes", "Size", {(one.name,): one.size for one in found.volumes}, "disk")
        yield gauge(
            "transfer_certificate_ends_timestamp_seconds",
            "Until when a certificate holds",
            {(one.name,): one.ends.timestamp() for one in found.certificates if one.ends},
            "certificate",
        )
        backups = found.ledger.backed_up if found.ledger else None
        if backups and backups.made:
            yield gauge("transfer_backup_timestamp_seconds", "The last whole backup", {(): backups.made.timestamp()})
