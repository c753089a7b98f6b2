"""What a process of the product reads once, one that runs tests would read hundreds of times: here it does so once."""

from collections.abc import Callable
from copy import deepcopy
from functools import cache
from pathlib import Path

import botocore.session


@cache
def service_models() -> None:
    """From now on botocore keeps its descriptions of S3 for every session, not for one."""
    botocore.session.create_loader = cache(botocore.session.create_loader)


def each_version(read: Callable[[Path], object]) -> Callable[[Path], object]:
    """The same reading, which is done anew where the file was written since."""

    @cache
    def known(path: Path, _written: int) -> object:
        return read(path)

    return lambda path: deepcopy(known(path, path.stat().st_mtime_ns))
