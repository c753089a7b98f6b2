"""`python -m tests.kit.worker VAR`: a worker of an installation, which processes what is owed until nothing is.

It says at its end how much memory it had at the most, in KiB.
"""

import re
import sys
from pathlib import Path

from tests.kit.processing import process_all
from transfer import wiring
from transfer.settings import Settings


def main() -> None:
    settings = Settings.load({}, Path(sys.argv[1]))
    with wiring.connect(settings, wiring.origin("test")) as services:
        process_all(services)
    (peak,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    sys.stdout.write(peak)


if __name__ == "__main__":
    main()
