"""Seeds of the synthetic patients that tests draw: each test draws the same ones in every run.

So what one run shows, another shows again, by the name of the test alone. `TRANSFER_SEED=1 make test` draws others.
"""

import hashlib
import os
import secrets
from collections import Counter

_DRAWN: Counter[str] = Counter()


def a_seed() -> int:
    """The next seed of the test that runs, in its fixtures too. Outside of tests, in a campaign: one by chance."""
    running = os.environ.get("PYTEST_CURRENT_TEST")
    if running is None:
        return secrets.randbits(64)
    test = running.rpartition(" (")[0]
    _DRAWN[test] += 1
    text = f"{os.environ.get('TRANSFER_SEED', '0')} {test} {_DRAWN[test]}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
