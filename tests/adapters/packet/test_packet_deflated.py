"""A deflated image is listed in the DICOMDIR by its head, and one made to grow costs no memory."""

import struct
import tracemalloc
import zlib
from pathlib import Path

from tests.kit.dicomdirs import listed

DEFLATED = Path(__file__).parents[2] / "samples" / "dicom" / "liver_deflate.dcm"


def test_a_deflated_image_is_listed():
    assert listed(DEFLATED.read_bytes()) == []


def test_an_image_that_inflates_to_a_hundred_megabytes_costs_a_few():
    body = DEFLATED.read_bytes()
    meta = body[: 144 + struct.unpack_from("<I", body, 140)[0]]
    packer = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    grown = b"".join(packer.compress(bytes(1 << 20)) for _ in range(120)) + packer.flush()
    listed(body)  # what pydicom loads once is not what is measured

    tracemalloc.start()
    assert listed(meta + grown) != []
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < 40 << 20
