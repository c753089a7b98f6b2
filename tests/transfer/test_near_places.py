"""Reading several places of the vault: each checked by itself, in as few requests as may be."""

import hashlib
import random

import pytest

from tests.kit.fakes import MemoryVault
from transfer.errors import Unreadable
from transfer.near_places import read_each
from transfer.staging import Location

KiB = 1 << 10
MiB = 1 << 20


class Asking(MemoryVault):
    """What was asked for: key, first and last."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def read_range(self, location, start, stop):
        self.asked.append((location.key, location.offset + start, location.offset + stop))
        return super().read_range(location, start, stop)


def kept(length):
    vault = Asking()
    data = random.Random(1).randbytes(length)
    return vault, data, vault.keep([data]).key


def part(data, key, start, stop):
    return Location(key, start, stop - start, hashlib.sha256(data[start:stop]).hexdigest())


def read(vault, places):
    return [b"".join(chunks) for chunks in read_each(vault, places)]


def test_what_lies_near_each_other_comes_by_one_request():
    vault, data, key = kept(100 * KiB)
    places = [part(data, key, 3, 700), part(data, key, 700, 50 * KiB), part(data, key, 51 * KiB, 100 * KiB)]

    assert read(vault, places) == [data[3:700], data[700 : 50 * KiB], data[51 * KiB :]]
    assert vault.asked == [(key, 3, 100 * KiB)]


@pytest.mark.parametrize("second", [(0, 10), (5, 20), (40 * KiB, 41 * KiB)], ids=["before", "over", "far behind"])
def test_what_lies_otherwise_comes_by_a_request_of_its_own(second):
    vault, data, key = kept(50 * KiB)
    places = [part(data, key, 10, 15), part(data, key, *second)]

    assert read(vault, places) == [data[10:15], data[slice(*second)]]
    assert len(vault.asked) == 2


def test_places_in_two_objects_are_never_one_request():
    vault, data, key = kept(KiB)
    other = vault.keep([data]).key

    assert read(vault, [part(data, key, 0, 10), part(data, other, 10, 20)]) == [data[:10], data[10:20]]
    assert [asked[0] for asked in vault.asked] == [key, other]


def test_no_request_brings_more_than_eight_mebibytes_of_several():
    vault, data, key = kept(20 * MiB)
    places = [part(data, key, at, at + MiB) for at in range(0, 20 * MiB, MiB)]

    assert b"".join(read(vault, places)) == data
    assert [stop - start for _, start, stop in vault.asked] == [8 * MiB, 8 * MiB, 4 * MiB]


@pytest.mark.parametrize("damaged", [0, 150, 299])
def test_other_bytes_than_were_kept_are_noticed_where_they_stand(damaged):
    vault, data, key = kept(300)
    places = [part(data, key, at, at + 100) for at in (0, 100, 200)]
    held = bytearray(data)
    held[damaged] ^= 1
    vault.objects[key] = bytes(held)

    whole = 0
    with pytest.raises(Unreadable):
        for chunks in read_each(vault, places):
            b"".join(chunks)
            whole += 1

    assert whole == damaged // 100
