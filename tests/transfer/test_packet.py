"""A packet is a plan: the same bytes for the same contents, any range of them, nothing copied."""

import hashlib
import io
import tarfile
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.kit.fakes import MemoryVault
from tests.kit.packets import a_packet, a_pdf, a_signer, an_item, contents
from transfer import bag
from transfer.adapters.packet.assembly import assemble
from transfer.errors import Unreadable
from transfer.identifiers import PacketId
from transfer.packet import Contents, Plan, PlanEntry, tar_stream
from transfer.staging import Location

NOWHERE = "0" * 64


class Asking(MemoryVault):
    """Which objects were asked for."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def read_range(self, location, start, stop):
        self.asked.append(location.key)
        return super().read_range(location, start, stop)


def test_the_tar_is_as_long_as_the_plan_says():
    assert len(a_packet().tar) == a_packet().plan.tar_length


def test_any_tar_program_reads_the_files_as_they_were_kept():
    with tarfile.open(fileobj=io.BytesIO(a_packet().tar)) as tar:
        read = {member.name: tar.extractfile(member).read() for member in tar}

    assert read == a_packet().files


@given(st.data())
def test_any_range_is_the_slice_of_the_whole(data):
    packet = a_packet()
    start = data.draw(st.integers(0, len(packet.tar)))
    stop = data.draw(st.integers(start, len(packet.tar)))

    assert b"".join(tar_stream(packet.plan, packet.vault, start, stop)) == packet.tar[start:stop]


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (5, 4), (0, 10**9)])
def test_a_range_outside_the_packet_is_refused(start, stop):
    with pytest.raises(ValueError, match="range"):
        tar_stream(a_packet().plan, a_packet().vault, start, stop)


def test_only_the_part_that_is_asked_for_is_read():
    packet = a_packet()
    first = packet.plan.document(1)[1].location.key
    without = MemoryVault()
    without.objects = {key: data for key, data in packet.vault.objects.items() if key != first}

    assert b"".join(tar_stream(packet.plan, without, 0, 2000)) == packet.tar[:2000]


def test_bytes_that_rotted_in_the_store_are_not_delivered_as_whole():
    packet = a_packet()
    rotten = MemoryVault()
    rotten.objects = dict(packet.vault.objects)
    key = packet.plan.document(1)[1].location.key
    rotten.objects[key] = rotten.objects[key][:-1] + b"?"

    with pytest.raises(Unreadable):
        b"".join(tar_stream(packet.plan, rotten))


def test_a_byte_that_rotted_in_what_we_add_is_noticed_in_its_file():
    packet = a_packet()
    rotten, entry = MemoryVault(), packet.plan.entry("manifest.json")
    rotten.objects = dict(packet.vault.objects)
    held = bytearray(rotten.objects[entry.location.key])
    held[entry.location.offset] ^= 1
    rotten.objects[entry.location.key] = bytes(held)

    with pytest.raises(Unreadable):
        b"".join(tar_stream(packet.plan, rotten))


def test_what_we_add_comes_from_the_store_in_few_requests():
    packet, asking = a_packet(), Asking()
    asking.objects = packet.vault.objects

    assert b"".join(tar_stream(packet.plan, asking)) == packet.tar

    (whole,) = packet.plan.generated_keys
    assert asking.asked.count(whole) < 4 < sum(entry.generated for entry in packet.plan.entries)
    assert len(asking.asked) == asking.asked.count(whole) + len(packet.plan.documents)


def test_a_file_of_no_bytes_has_a_place_too():
    vault = MemoryVault()
    plan = Plan(packet=PacketId("c00000000001-p1"), entries=(PlanEntry("data/a", vault.keep([])),))
    whole = b"".join(tar_stream(plan, vault))

    assert whole == bag.header("data/a", 0) + bag.END


def test_the_same_contents_give_the_same_bytes():
    packet = a_packet()
    again = assemble(packet.contents, vault=packet.vault, signer=a_signer())

    assert again.etag == packet.plan.etag
    assert b"".join(tar_stream(again, packet.vault)) == packet.tar


def test_a_plan_survives_being_written_down():
    assert Plan.from_json(a_packet().plan.to_json()) == a_packet().plan


def test_what_was_received_is_referenced_never_copied():
    packet = a_packet()
    received = {item.location.key for item in packet.contents.items}

    assert {entry.location.key for entry in packet.plan.entries if not entry.generated} == received
    assert not packet.plan.generated_keys & received


def test_what_we_add_is_one_object_and_is_named_as_a_whole():
    packet = a_packet()
    (whole,) = packet.plan.generated_objects
    held = b"".join(packet.vault.read(whole))  # checked against its hash

    assert packet.plan.generated_keys == {whole.key}
    for entry in packet.plan.entries:
        if entry.generated:
            lies_at = slice(entry.location.offset, entry.location.offset + entry.location.length)
            assert entry.location.sha256 == hashlib.sha256(held[lies_at]).hexdigest()
    assert len(held) == sum(entry.location.length for entry in packet.plan.entries if entry.generated)


def test_of_a_plan_that_was_kept_before_each_file_is_an_object_of_its_own():
    written = a_packet().plan.to_json()
    del written["made"]
    for number, row in enumerate(row for row in written["entries"] if row[-1]):
        row[1], row[2] = f"{number:02x}/of-its-own", 0

    plan = Plan.from_json(written)

    generated = [entry.location for entry in plan.entries if entry.generated]
    assert list(plan.generated_objects) == generated
    assert plan.generated_keys == {location.key for location in generated}


def test_a_document_is_found_by_its_number():
    document, entry = a_packet().plan.document(1)

    assert document.path == entry.path == "data/documents/0001-pathology-report.pdf"
    with pytest.raises(KeyError):
        a_packet().plan.document(9)
    with pytest.raises(KeyError):
        a_packet().plan.document(0)


@pytest.mark.parametrize(
    "paths",
    [("data/a", "bagit.txt"), ("data/a", "data/a"), ("data/../a",), ("/a",), ("data/é",), ("data/" + "a" * 96,)],
)
def test_a_plan_that_is_no_bag_cannot_be_built(paths):
    entries = tuple(PlanEntry(path, Location("k", 0, 1, NOWHERE)) for path in paths)

    with pytest.raises(ValueError, match=r"bag|fit"):
        Plan(packet=PacketId("c00000000001-p1"), entries=entries)


def test_a_record_stands_in_a_packet_once():
    vault = MemoryVault()
    item = an_item(vault, b"x")

    with pytest.raises(ValueError, match="once"):
        contents((item, item))


def test_a_derivative_says_how_it_came_about():
    item = an_item(MemoryVault(), b"x")

    with pytest.raises(ValueError, match="derivative"):
        replace(item, derived_from=item.record)


def test_a_packet_that_cannot_be_made_leaves_nothing_in_the_vault():
    class Full(MemoryVault):
        def keep(self, chunks):
            if self.objects:  # the document is there; what we add is not taken
                raise OSError("full")
            return super().keep(chunks)

    vault = Full()
    item = an_item(vault, a_pdf())
    with pytest.raises(OSError, match="full"):
        assemble(contents((item,)), vault=vault, signer=a_signer())

    assert set(vault.objects) == {item.location.key}


@given(st.text(alphabet="ab/.-_A0é \n\\", max_size=12))
def test_a_path_of_a_packet_never_climbs_or_hides(path):
    if bag.is_path(path):
        assert not path.startswith(("/", "."))
        assert ".." not in path
        assert "//" not in path
        assert path.isascii()


def test_a_manifest_has_one_form_only():
    text = bag.manifest({"data/b": "b" * 64, "data/a": "a" * 64})

    assert bag.listed(text) == {"data/a": "a" * 64, "data/b": "b" * 64}
    for other in (text[:-1], text.upper(), text.replace(b"  ", b" *"), text + text, b"\n" + text, text[::-1]):
        assert bag.listed(other) is None


#: what of a packet's contents is ruled on, and by which class (docs/decisions/0025-what-a-packet-says.md)
RULED = {
    "items": "each document's own",
    "imaging": "each study's own",
    "material": "the holder's material",
    "question": "the referral",
    "referring_name": "the referral",
    "referrer": "the referral",
    "diagnosis": "the referral",
    "appointment": "the referral",
    "needed_by": "the referral",
    "issuer_names": "with the number it names the issuer of",
    "patient": "one name, birth date and sex with every packet; numbers by their issuer, other names by the referral",
}
#: what says nothing of the patient that the receiver does not ask for by itself
OF_EVERY_PACKET = {
    *("packet", "created_at", "receiver", "receiver_name", "replaces", "anchor"),
    # records and numbers in packets that it was handed: nothing else is said of them
    "withdrawn",
    *("missing", "checklist", "checklist_version", "line_labels"),
}


def test_whatever_is_added_to_a_packet_says_by_which_class_it_is_ruled_on():
    assert RULED.keys().isdisjoint(OF_EVERY_PACKET)
    assert {field.name for field in fields(Contents)} == RULED.keys() | OF_EVERY_PACKET
