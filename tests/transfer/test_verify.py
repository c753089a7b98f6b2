"""One byte changed anywhere, and it is found and named."""

import atexit
import hashlib
import io
import json
import os
import shutil
import tarfile
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
import rfc8785
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import RSAKey

from tests.kit.packets import a_packet, a_signer
from transfer import bag
from transfer.adapters.packet.signature import KeySigner, jwks
from transfer.cli import main
from transfer.verify import FileFindingKind, VerificationOutcome, verify
from transfer.verify.keys import holds

SMALL = (*bag.CONTROL, "notice.txt")


@pytest.fixture
def folder(tmp_path):
    return a_packet().unpack(tmp_path / "packet")


@cache
def _scratch() -> Path:
    """One folder for all the tests that put back what they change."""
    kept = mkdtemp()
    atexit.register(shutil.rmtree, kept, ignore_errors=True)
    return a_packet().unpack(Path(kept) / "packet")


def check(path: Path):
    return verify(path, a_packet().jwks)


def check_tar(tar: bytes):
    file = _scratch().parent / "packet.tar"
    file.write_bytes(tar)
    return check(file)


def owner(offset: int) -> str:
    """The file whose header, bytes or padding stand at this place of the tar."""
    at = 0
    for entry in a_packet().plan.entries:
        size = entry.location.length
        at += bag.BLOCK + size + bag.padding(size)
        if offset < at:
            return entry.path
    return "(end of the tar)"


def named(verification) -> list[str]:
    return [finding.path for finding in verification.findings]


def test_a_packet_is_verified_as_folder_and_as_tar(folder):
    for verification in (check(folder), check_tar(a_packet().tar)):
        assert verification.outcome is VerificationOutcome.VERIFIED
        assert verification.findings == ()
        assert verification.packet == "c00000000001-p1"


def test_another_signer_is_intact_but_unknown(folder):
    assert verify(folder, jwks([a_signer("theirs")])).outcome is VerificationOutcome.UNKNOWN_SIGNER
    assert verify(folder, {"keys": []}).outcome is VerificationOutcome.UNKNOWN_SIGNER


def test_a_packet_signed_anew_by_somebody_else_is_not_taken_for_ours(folder):
    """Their key and their signature over the same files are whole, and theirs."""
    theirs = a_signer("theirs")
    key = rfc8785.dumps(theirs.public_jwk())
    tags = bag.listed(a_packet().files[bag.TAG_MANIFEST]) | {bag.SIGNER: hashlib.sha256(key).hexdigest()}
    (folder / bag.SIGNER).write_bytes(key)
    (folder / bag.TAG_MANIFEST).write_bytes(bag.manifest(tags))
    (folder / bag.SIGNATURE).write_text(theirs.sign(bag.manifest(tags)))

    assert check(folder).outcome is VerificationOutcome.UNKNOWN_SIGNER
    assert verify(folder, jwks([theirs])).outcome is VerificationOutcome.VERIFIED


@pytest.mark.parametrize("path", SMALL)
def test_every_single_byte_of_a_small_file_counts(path):
    file = _scratch() / path
    whole = file.read_bytes()
    for place in range(0, len(whole), 1 if len(whole) < 200 else 3):
        changed = bytearray(whole)
        changed[place] ^= 1 << (place % 8)
        file.write_bytes(changed)
        found = check(_scratch())
        assert (found.outcome, named(found)) == (VerificationOutcome.ALTERED, [path]), place
    file.write_bytes(whole)

    assert check(_scratch()).outcome is VerificationOutcome.VERIFIED


@given(st.data())
def test_a_flipped_byte_in_any_file_names_that_file(data):
    path = data.draw(st.sampled_from(sorted(a_packet().files)))
    file = _scratch() / path
    whole = file.read_bytes()
    place = data.draw(st.integers(0, len(whole) - 1))
    file.write_bytes(whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :])
    found = check(_scratch())
    file.write_bytes(whole)

    assert (found.outcome, named(found)) == (VerificationOutcome.ALTERED, [path])


@given(st.data())
def test_a_flipped_byte_anywhere_in_the_tar_names_the_file_it_belongs_to(data):
    tar = a_packet().tar
    # headers and padding are few among the bytes of files: half the draws go there
    headers = [at for at in range(0, len(tar), bag.BLOCK) if tar[at + 257 : at + 262] == b"ustar"]
    anywhere = st.integers(0, len(tar) - 1)
    place = data.draw(anywhere | st.builds(int.__add__, st.sampled_from(headers), st.integers(0, bag.BLOCK - 1)))
    changed = tar[:place] + bytes([tar[place] ^ data.draw(st.integers(1, 255))]) + tar[place + 1 :]
    found = check_tar(changed)

    assert (found.outcome, set(named(found))) == (VerificationOutcome.ALTERED, {owner(place)})


def test_every_byte_of_one_header_and_of_the_end_counts():
    tar = a_packet().tar
    header = next(at for at in range(0, len(tar), 512) if tar[at : at + 19] == b"data/documents/0002")
    for place in (*range(header, header + bag.BLOCK), *range(len(tar) - 1024, len(tar), 37)):
        changed = tar[:place] + bytes([tar[place] ^ 4]) + tar[place + 1 :]
        found = check_tar(changed)
        assert (found.outcome, set(named(found))) == (VerificationOutcome.ALTERED, {owner(place)}), place


def test_a_removed_file_is_named(folder):
    for path, data in a_packet().files.items():
        (folder / path).unlink()
        found = check(folder)
        (folder / path).write_bytes(data)

        assert found.outcome is VerificationOutcome.ALTERED
        assert [(finding.kind, finding.path) for finding in found.findings] == [(FileFindingKind.MISSING, path)]


@pytest.mark.parametrize("path", ["data/documents/0009-note.pdf", "autorun.inf", "extra/deep/file", ".DS_Store"])
def test_an_added_file_is_named(folder, path):
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(b"new")
    found = check(folder)

    assert found.outcome is VerificationOutcome.ALTERED
    assert [(finding.kind, finding.path) for finding in found.findings] == [(FileFindingKind.ADDED, path)]


@given(st.data())
def test_two_files_that_changed_places_are_named_as_swapped(data):
    files = st.sampled_from(sorted(a_packet().files))
    one, other = sorted(data.draw(st.lists(files, min_size=2, max_size=2, unique=True)))
    first, second = (_scratch() / one).read_bytes(), (_scratch() / other).read_bytes()
    (_scratch() / one).write_bytes(second)
    (_scratch() / other).write_bytes(first)
    found = check(_scratch())
    (_scratch() / one).write_bytes(first)
    (_scratch() / other).write_bytes(second)

    assert found.outcome is VerificationOutcome.ALTERED
    assert [(f.kind, f.path, f.other) for f in found.findings] == [(FileFindingKind.SWAPPED, one, other)]


def test_a_renamed_file_is_missing_there_and_added_here(folder):
    (folder / "notice.txt").rename(folder / "note.txt")

    assert named(check(folder)) == ["notice.txt", "note.txt"]


def test_a_manifest_rewritten_to_fit_an_altered_file_does_not_help(folder):
    document = "data/documents/0002-note.txt"
    (folder / document).write_bytes(b"benign")
    files = {path: (folder / path).read_bytes() for path in a_packet().files}
    payload = {path: hashlib.sha256(data).hexdigest() for path, data in files.items() if bag.is_payload(path)}
    (folder / bag.PAYLOAD_MANIFEST).write_bytes(bag.manifest(payload))
    assert bag.PAYLOAD_MANIFEST in named(check(folder))

    files[bag.PAYLOAD_MANIFEST] = bag.manifest(payload)
    tags = {
        path: hashlib.sha256(data).hexdigest()
        for path, data in files.items()
        if not bag.is_payload(path) and path not in bag.UNLISTED
    }
    (folder / bag.TAG_MANIFEST).write_bytes(bag.manifest(tags))
    found = check(folder)
    assert found.outcome is VerificationOutcome.ALTERED
    assert named(found) == [bag.SIGNATURE]


def test_links_and_pipes_in_a_folder_are_reported_and_not_followed(folder):
    notice = folder / "notice.txt"
    data = notice.read_bytes()
    (folder.parent / "outside").write_bytes(data)
    notice.unlink()
    notice.symlink_to(folder.parent / "outside")
    assert named(check(folder)) == ["notice.txt"]

    notice.unlink()
    os.mkfifo(notice)
    assert named(check(folder)) == ["notice.txt"]

    notice.unlink()
    notice.write_bytes(data)
    (folder / "more").symlink_to(folder)
    (folder / "empty").mkdir()
    assert set(named(check(folder))) == {"more", "empty/"}


def _tar_with(*members: tarfile.TarInfo, form: int = tarfile.USTAR_FORMAT) -> bytes:
    made_ = io.BytesIO()
    with tarfile.open(fileobj=made_, mode="w", format=form) as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(bytes(member.size)) if member.isreg() else None)
    return made_.getvalue()


def _member(name: str, type_: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = type_, size, link
    return member


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"\0" * 1024,
        b"\xff" * 5000,
        bytes(range(256)) * 40,
        _tar_with(_member("../../etc/passwd", size=10)),
        _tar_with(_member("/etc/passwd", size=10)),
        _tar_with(_member("bagit.txt", tarfile.SYMTYPE, link="/etc/passwd")),
        _tar_with(_member("bagit.txt", tarfile.CHRTYPE), _member("bag-info.txt", tarfile.FIFOTYPE)),
        _member("bagit.txt", tarfile.GNUTYPE_SPARSE, size=8**11 - 1).tobuf(tarfile.GNU_FORMAT) + bytes(1024),
        _tar_with(_member("x" * 5000, size=3), form=tarfile.GNU_FORMAT),
        _tar_with(_member("x" * 5000, size=3), form=tarfile.PAX_FORMAT),
        bag.header("bagit.txt", 8**11 - 1) + b"short",
        bag.header("bagit.txt", 3)[:200],
    ],
)
def test_a_hostile_tar_is_altered_never_a_crash(hostile):
    assert check_tar(hostile).outcome is VerificationOutcome.ALTERED


@given(st.integers(0, 200), st.binary(max_size=700), st.integers(0, 700))
def test_a_tar_with_a_piece_put_in_or_cut_out_is_altered(block, piece, cut):
    tar = a_packet().tar
    at = block * 97
    changed = tar[:at] + piece + tar[at + cut :]
    if changed != tar:
        assert check_tar(changed).outcome is VerificationOutcome.ALTERED


def test_a_file_that_stands_twice_or_out_of_its_place_is_named():
    tar = a_packet().tar
    twice = bag.header("notice.txt", 0)
    assert "notice.txt" in named(check_tar(tar[:-1024] + twice + bag.END))

    at = tar.index(b"bag-info.txt")
    moved = tar[at : at + 1024] + tar[:at] + tar[at + 1024 :]
    assert "bagit.txt" in named(check_tar(moved))


def test_a_tar_cut_short_names_what_is_missing():
    tar = a_packet().tar
    found = check_tar(tar[: len(tar) // 2])

    assert found.outcome is VerificationOutcome.ALTERED
    assert "data/documents/0003-other.zip" in named(found)


def test_a_private_use_of_the_key_file_is_not_accepted(folder):
    """A key file with other members, spaces or another kind of key is never the signer's."""
    text = (folder / bag.SIGNER).read_bytes()
    for other in (text.replace(b",", b", "), text.replace(b'"RSA"', b'"oct"'), b"[]", b'{"alg":' * 400):
        (folder / bag.SIGNER).write_bytes(other)
        found = check(folder)
        assert (found.outcome, named(found)) == (VerificationOutcome.ALTERED, [bag.SIGNER])


def test_a_signature_has_one_spelling():
    """The signature of a 2048-bit key leaves four bits of its last character unused: none of them may be set."""
    key = RSAKey.generate_key(2048)
    signature = KeySigner(key).sign(b"payload").encode()
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    held = [last for last in alphabet if holds(signature[:-1] + bytes([last]), b"payload", key)]

    assert held == [signature[-1]]


class TestCommand:
    @pytest.fixture
    def run(self, tmp_path):
        keys = tmp_path / "jwks.json"
        keys.write_text(json.dumps(a_packet().jwks))
        return lambda *args: CliRunner().invoke(main, ["verify", "--jwks", str(keys), *map(str, args)])

    def test_verified_is_zero(self, run, folder):
        result = run(folder)

        assert result.exit_code == 0
        assert "Verified" in result.output

    def test_altered_is_one_and_names_the_file(self, run, folder):
        (folder / "notice.txt").write_bytes(b"?")
        result = run(folder)

        assert result.exit_code == 1
        assert "notice.txt" in result.output

    def test_unknown_signer_is_three(self, folder, tmp_path):
        keys = tmp_path / "other.json"
        keys.write_text(json.dumps(jwks([a_signer("theirs")])))

        assert CliRunner().invoke(main, ["verify", "--jwks", str(keys), str(folder)]).exit_code == 3

    def test_what_is_no_key_set_is_two(self, folder, tmp_path):
        keys = tmp_path / "other.json"
        for text in ("[]", "{", '{"keys": 3}'):
            keys.write_text(text)
            assert CliRunner().invoke(main, ["verify", "--jwks", str(keys), str(folder)]).exit_code == 2

    def test_json_says_the_same_for_programs(self, run, folder):
        shutil.rmtree(folder / "fhir")
        said = json.loads(run("--json", folder).output)

        assert said["outcome"] == "altered"
        assert said["findings"][0]["path"] == "fhir/submission.json"

    def test_a_name_that_would_steer_the_terminal_is_escaped(self, run, folder):
        (folder / "\x1b[2Jx").write_bytes(b"")

        assert "\x1b" not in run(folder).output
