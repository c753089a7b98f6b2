"""Verifying: a packet against sha256sum of the same file, and the trail, in facts a second.

python -m tests.campaigns.bench.verifying [ROUNDS]
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.campaigns.bench.ledgers import bench_ledger
from tests.campaigns.bench.measure import Contest, Line, interleaved, tell
from tests.kit.fakes import MemoryVault
from tests.kit.packets import a_signer, an_item, contents, made
from transfer import facts
from transfer.facts import Chain
from transfer.identifiers import CaseId
from transfer.ledger import Ledger, trail
from transfer.records import RecordKind
from transfer.verify import VerificationOutcome, verify

MEBIBYTES = 128
CHAINS, LINES = 20, 1000


def a_packet(rounds: int) -> None:
    vault = MemoryVault()
    items = tuple(
        an_item(vault, os.urandom(1 << 20), number, content_type="application/zip", kind=RecordKind.OTHER)
        for number in range(1, MEBIBYTES + 1)
    )
    packet = made(contents(items), vault, a_signer())
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "packet.tar"
        file.write_bytes(packet.tar)
        size = file.stat().st_size / 1e6

        def ours() -> float:
            began = time.perf_counter()
            assert verify(file, packet.jwks).outcome is VerificationOutcome.VERIFIED
            return size / (time.perf_counter() - began)

        def theirs() -> float:
            began = time.perf_counter()
            subprocess.run(["sha256sum", file], check=True, capture_output=True)
            return size / (time.perf_counter() - began)

        name_ = f"verify a packet of {size:.0f} MB"
        interleaved(
            [Contest(name=name_, unit="MB/s", ours=ours, other=theirs, against="sha256sum", wanted=">= 0.8")], rounds
        )


def the_trail(rounds: int) -> None:
    with bench_ledger() as made_:
        _fill(made_.ledger)
        rates = []
        for _ in range(rounds):
            began = time.perf_counter()
            with made_.ledger.transaction() as tx:
                chains = trail.chains(tx)
                walked = [trail.walk(tx, chain) for chain in chains]
            assert not any(one.broken for one in walked)
            rates.append(sum(one.lines for one in walked) / (time.perf_counter() - began))
        tell(Line(name="verify the trail", figure=max(rates), unit="facts/s", wanted=">= 100,000"))


def _fill(ledger: Ledger) -> None:
    note = facts.NoteAdded(note="n" * 120, hmac="0" * 64)
    for _ in range(CHAINS):
        with ledger.transaction() as tx:
            tx.append_all(Chain.case(CaseId.draw()), [note] * LINES)


def main(rounds: int = 3) -> None:
    a_packet(rounds)
    the_trail(rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
