"""What was written at 223db1f is read by the code of today, and says what it said."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from tests.stored import then
from transfer import facts
from transfer.case import fold
from transfer.facts import Chain, LedgerLine
from transfer.identifiers import CaseId


def chains() -> dict[Chain, list[LedgerLine]]:
    read = [facts.read(*line) for line in then.lines()]
    return {chain: list(lines) for chain, lines in groupby(read, key=lambda line: line.chain)}


def test_every_line_is_read_says_what_it_said_and_keeps_the_bytes_it_was_stored_as():
    for text, previous, digest in then.lines():
        line = facts.read(text, previous, digest)

        assert (line.text, line.previous, line.hash) == (text, previous, digest)
        assert not values(then.today(json.loads(text)["body"])) - values(line.fact.body())


def values(body: Mapping[str, object]) -> Counter[str]:
    """What a fact says, whatever its fields are called."""
    return Counter(json.dumps(value) for value in body.values())


def test_every_chain_is_whole():
    for chain, lines in chains().items():
        stored = [(chain, line.sequence, line.text, line.previous, line.hash) for line in lines]

        assert facts.first_broken(stored) is None


def test_every_case_comes_to_what_it_came_to_then():
    expected = then.expected("cases.json")
    found = {str(chain).removeprefix("case:"): lines for chain, lines in chains().items() if chain.startswith("case:")}

    assert {case: then.told(fold(CaseId(case), lines)) for case, lines in found.items()} == expected


def test_a_packet_verifies(tmp_path: Path):
    then.unpack("packet.tar.xz", tmp_path)
    (packet,) = tmp_path.iterdir()
    command = [Path(sys.executable).parent / "transfer", "verify", "--jwks", then.THEN / "jwks.json", packet]

    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
