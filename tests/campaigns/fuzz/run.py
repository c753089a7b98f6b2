"""One target under atheris, in a process of its own: `python -m tests.campaigns.fuzz.run TARGET`, then flags of
libFuzzer.
"""

import hashlib
import logging
import sys
import warnings
from pathlib import Path
from random import Random

import atheris

from tests.campaigns.fuzz import json_trees
from tests.campaigns.fuzz.watched import WATCHED

_KEPT = "-artifact_prefix="


def main(name: str, *flags: str) -> None:
    with atheris.instrument_imports(include=list(WATCHED[name])):
        from tests.campaigns.fuzz.contract import target

        one = target(name)
    logging.disable()
    warnings.simplefilter("ignore")
    prefix = next(flag for flag in flags if flag.startswith(_KEPT)).removeprefix(_KEPT)

    def kept(data: bytes) -> None:
        """Atheris ends the process at an exception before libFuzzer can keep the input; named as that would."""
        try:
            one(data)
        except BaseException:
            Path(f"{prefix}crash-{hashlib.sha1(data, usedforsecurity=False).hexdigest()}").write_bytes(data)
            raise

    def mutated(data: bytes, most: int, seed: int) -> bytes:
        """Bytes that still are JSON more often than not, where that is what the parsers read."""
        found = json_trees.mutated(data, Random(seed)) if one.is_json and seed % 4 else None
        return found if found is not None and len(found) <= most else bytes(atheris.Mutate(data, most))

    atheris.Setup([sys.argv[0], *flags], kept, custom_mutator=mutated)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
