"""A chart's images, as the stand-in archive makes them, without a process of its own."""

from typing import Any

from transfer.sandbox.archive.series import study


def images_of(chart: dict[str, Any]) -> list[bytes]:
    """DICOM files, series by series, in the order of their numbers."""
    return [
        b"".join(series.instance(number))
        for series in study(dict(chart), slices=None, rows=128).series
        for number in range(1, series.instances + 1)
    ]
