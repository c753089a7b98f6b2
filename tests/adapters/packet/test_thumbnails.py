"""A small picture of a series, made of pixels that come from outside."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from tests.kit.fakes import MemoryVault
from transfer.adapters.packet import thumbnails
from transfer.adapters.packet.thumbnail_process import SIDE, thumbnail
from transfer.adapters.packet.thumbnails import COMMAND, WHY_NONE, Thumbnail, drawn
from transfer.staging import Location

SAMPLES = Path(__file__).parents[2] / "samples" / "dicom"
pytestmark = pytest.mark.filterwarnings("ignore")


def a_file(pixels: np.ndarray, **said: object) -> bytes:
    """An image with these pixels: rows and columns, or frames of them, or with three samples each."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, "1.2.3.4"
    is_coloured = pixels.shape[-1] == 3
    rows, columns = pixels.shape[-3:-1] if is_coloured else pixels.shape[-2:]
    image.Rows, image.Columns, image.SamplesPerPixel = rows, columns, 3 if is_coloured else 1
    bits = 8 * pixels.dtype.itemsize
    image.BitsAllocated = image.BitsStored = bits
    image.HighBit, image.PixelRepresentation = bits - 1, int(pixels.dtype.kind == "i")
    image.PhotometricInterpretation = "RGB" if is_coloured else "MONOCHROME2"
    if is_coloured:
        image.PlanarConfiguration = 0
    if pixels.ndim == (4 if is_coloured else 3):
        image.NumberOfFrames = pixels.shape[0]
    image.PixelData = pixels.tobytes() + bytes(pixels.nbytes % 2)
    for name, value in said.items():
        setattr(image, name, value)
    kept = io.BytesIO()
    image.save_as(kept, enforce_file_format=True)
    return kept.getvalue()


def shown(file: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(thumbnail(file)))).astype(int)


#: from 0 on the left to 255 · 16 on the right
RAMP = np.tile(np.arange(256, dtype=np.uint16) * 16, (256, 1))


def test_a_window_is_applied_as_the_file_says():
    picture = shown(a_file(RAMP, WindowCenter=2048, WindowWidth=1024))

    assert picture.shape == (SIDE, SIDE)
    assert picture[90, 60] < 10, "below the window is black"
    assert picture[90, 130] > 245, "above it is white"
    assert 90 < picture[90, SIDE // 2] < 165


def test_a_window_is_of_what_the_rescaled_values_are():
    picture = shown(a_file(RAMP, RescaleSlope=1, RescaleIntercept=-1024, WindowCenter=40, WindowWidth=400))

    assert picture[90, int(700 / 4096 * SIDE)] < 10
    assert picture[90, int(1400 / 4096 * SIDE)] > 245


@pytest.mark.parametrize(
    "window",
    [
        {},
        {"WindowCenter": 2048, "WindowWidth": 0},
        {"WindowCenter": -90000, "WindowWidth": 10},
        {"WindowCenter": [2048, 1], "WindowWidth": [4096, 1]},
    ],
)
def test_without_a_window_that_shows_anything_the_image_is_seen_all_the_same(window):
    picture = shown(a_file(RAMP, **window))

    assert picture[90, 2] < 25
    assert picture[90, -3] > 230


def test_monochrome1_is_black_where_its_values_are_high():
    picture = shown(a_file(RAMP, PhotometricInterpretation="MONOCHROME1"))

    assert picture[90, 2] > 230
    assert picture[90, -3] < 25


def test_padding_is_black_and_does_not_count():
    padded = RAMP.astype(np.int16)
    padded[:, :64] = -32768
    picture = shown(a_file(padded, PixelPaddingValue=-32768))

    assert picture[90, 10] < 10
    assert picture[90, 60] < 60, "the darkest of the rest is dark"
    assert picture[90, -3] > 230


def test_colours_are_colours():
    red = np.zeros((40, 40, 3), np.uint8)
    red[:, :20, 0], red[:, 20:, 2] = 255, 255
    picture = shown(a_file(red))

    assert picture[90, 40, 0] > 200
    assert picture[90, 40, 2] < 60
    assert picture[90, 150, 2] > 200


def test_the_middle_of_many_frames_is_shown():
    frames = np.zeros((5, 32, 32), np.uint8)
    frames[2] = np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))
    picture = shown(a_file(frames))

    assert picture[90, -3] > 200
    assert picture[90, 3] < 50


def test_pixels_that_are_not_square_keep_their_shape():
    wide = Image.open(io.BytesIO(thumbnail(a_file(RAMP, PixelSpacing=[1, 2]))))
    mad = Image.open(io.BytesIO(thumbnail(a_file(RAMP, PixelSpacing=["1e-9", "1e9"]))))

    assert wide.size == (SIDE, SIDE // 2)
    assert mad.size == (SIDE, SIDE)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("CT_small.dcm", "L"),
        ("MR_small_implicit.dcm", "L"),
        ("JPEG2000.dcm", "L"),
        ("ExplVR_BigEnd.dcm", "RGB"),
    ],
)
def test_real_images_have_one(name, mode):
    picture = Image.open(io.BytesIO(thumbnail((SAMPLES / name).read_bytes())))

    assert (picture.mode, max(picture.size)) == (mode, SIDE)
    assert np.asarray(picture).std() > 5, "there is something to be seen"


def test_what_cannot_be_shown_says_why_and_costs_no_other(monkeypatch):
    monkeypatch.setattr(thumbnails, "LARGEST", 400_000)
    good = (SAMPLES / "CT_small.dcm").read_bytes()
    named = {
        "report": (SAMPLES / "test-SR.dcm").read_bytes(),
        "plan": (SAMPLES / "rtplan.dcm").read_bytes(),
        "noise": b"noise",
        "cut": good[:20_000],
        "foreign": (SAMPLES / "sm_image_jpegls.dcm").read_bytes(),
        "large": bytes(400_001),
        "good": good,
    }
    vault = MemoryVault()
    made = drawn({name: vault.keep([file]) for name, file in named.items()}, vault)

    assert {name: one.why for name, one in made.items()} == {
        "report": "no-pixels",
        "plan": "no-pixels",
        "noise": "damaged",
        "cut": "damaged",
        "foreign": "not-decoded",
        "large": "too-large",
        "good": None,
    }
    assert made["good"].jpeg


def test_an_image_that_kills_the_process_costs_only_its_own_thumbnail():
    good = (SAMPLES / "CT_small.dcm").read_bytes()
    dies = (
        "import json,struct,subprocess,sys\n"
        "job=sys.stdin.buffer.read();n,=struct.unpack('>Q',job[:8]);sizes=json.loads(job[8:8+n])\n"
        "if 6 in sizes: sys.stderr.write(''.join(f'{i}\\n' for i in range(sizes.index(6)+1))); sys.exit(9)\n"
        f"sys.exit(subprocess.run({list(COMMAND)!r}, input=job).returncode)\n"
    )
    vault = MemoryVault()
    files = {"a": good, "deadly": b"deadly", "b": good}
    made = drawn(
        {name: vault.keep([file]) for name, file in files.items()}, vault, command=(sys.executable, "-c", dies)
    )

    assert {name: one.why for name, one in made.items()} == {"a": None, "deadly": "damaged", "b": None}


@pytest.mark.parametrize("command", [(sys.executable, "-c", "raise SystemExit(3)"), ("/nowhere/python",)])
def test_the_process_that_never_starts_costs_the_thumbnails_only(command):
    vault = MemoryVault()
    made = drawn({"a": vault.keep([b"x"])}, vault, command=command)

    assert made == {"a": Thumbnail(None, "not-drawn")}


def test_images_that_are_in_hand_when_others_exhaust_it_are_drawn_alone(tmp_path):
    """As where all of a batch together take more time than there is."""
    code = (
        "import json, struct, sys\n"
        "read = sys.stdin.buffer.read\n"
        "(length,) = struct.unpack('>Q', read(8))\n"
        "sizes = json.loads(read(length))\n"
        "sys.stderr.write(f'{len(sizes) - 1}\\n')\n"
        "if len(sizes) > 1: raise SystemExit(3)\n"
        "told = json.dumps([{'how': 'no-pixels', 'length': 0} for _ in sizes]).encode()\n"
        "sys.stdout.buffer.write(struct.pack('>Q', len(told)) + told)\n"
    )
    vault = MemoryVault()
    images = {name: vault.keep([b"x"]) for name in "abcdefg"}

    made = drawn(images, vault, command=(sys.executable, "-c", code))

    assert [made[name].why for name in "abcdefg"] == [*["not-drawn"] * 4, *["no-pixels"] * 3]


def test_no_more_is_read_at_once_than_fits(monkeypatch):
    class Counting(MemoryVault):
        together = 0

        def read(self, location: Location):
            self.together += location.length
            return super().read(location)

    vault, most = Counting(), []

    def batch(files, _command):
        most.append(sum(len(file) for _, file in files))
        return {name: Thumbnail(None, "damaged") for name, _ in files}

    monkeypatch.setattr(thumbnails, "_batch", batch)
    images = {str(n): vault.keep([bytes(9 << 20)]) for n in range(5)}

    assert len(drawn(images, vault)) == 5
    assert max(most) <= 16 << 20
    assert vault.together == 45 << 20


def test_of_very_many_series_the_first_have_one():
    class Nothing(MemoryVault):
        def read(self, location: Location):
            raise AssertionError("nothing is read for these")

    one = Location("k", 0, thumbnails.LARGEST + 1, "a" * 64)
    made = drawn(dict.fromkeys(map(str, range(400)), one), Nothing())

    assert {made[str(n)].why for n in range(400)} == {"too-large"}
    assert set(WHY_NONE) >= {"too-large", "left-out"}


def test_a_thumbnail_is_a_picture_or_a_reason():
    for jpeg, why in ((None, None), (b"x", "damaged"), (None, "because")):
        with pytest.raises(ValueError, match="picture"):
            Thumbnail(jpeg, why)


@pytest.mark.parametrize("name", ["CT_small.dcm", "JPEG2000.dcm", "SC_rgb_jpeg.dcm"])
def test_no_change_of_a_byte_does_more_than_cost_the_thumbnail(name):
    """In the process itself; what it raises is caught there."""
    whole = (SAMPLES / name).read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(60):
        file = bytearray(whole)
        for at in rng.integers(132, min(len(file), 4000), 3):
            file[at] = int(rng.integers(256))
        try:
            made = thumbnail(bytes(file))
        except Exception:  # noqa: BLE001, S112  # it costs the thumbnail
            continue
        assert max(Image.open(io.BytesIO(made)).size) <= SIDE
