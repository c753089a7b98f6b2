"""Verifying what was made to do harm takes bounded memory, whatever it says it is."""

import os
import tracemalloc

import pytest
from click.testing import CliRunner

from tests.kit import bombs
from tests.kit.packets import a_packet
from transfer.cli import main
from transfer.verify import VerificationOutcome, verify
from transfer.verify.reading import read_tar


def test_texts_that_could_be_manifests_are_not_all_kept(tmp_path):
    manifest, tar = bombs.manifest(6 << 20), tmp_path / "packet.tar"
    bombs.many(tar, a_packet().files, ((f"data/m{number}.txt", manifest) for number in range(8)))

    inventory = read_tar(tar, lambda _: None)

    assert sum(map(len, inventory.texts.values())) < 20 << 20
    assert len(inventory.files) == len(a_packet().files) + 8


def test_a_manifest_beyond_all_measure_is_altered_and_not_held(tmp_path):
    tar = tmp_path / "packet.tar"
    bombs.many(tar, a_packet().files | {"manifest-sha256.txt": bombs.manifest(40 << 20)}, ())
    tracemalloc.start()
    found = verify(tar, a_packet().jwks)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found.outcome is VerificationOutcome.ALTERED
    assert most < 80 << 20


@pytest.mark.timeout(30)
def test_pinned_keys_of_eight_gigabytes_are_not_read(tmp_path):
    keys, tar = tmp_path / "jwks.json", tmp_path / "packet.tar"
    tar.write_bytes(a_packet().tar)
    keys.touch()
    os.truncate(keys, 8 << 30)

    said = CliRunner().invoke(main, ["verify", "--jwks", str(keys), str(tar)])

    assert said.exit_code == 2
    assert "not JSON" in said.output
