"""Pictures as any viewer shows them, whatever their depth, colours and resolution."""

import io

import pytest
from PIL import Image

from transfer.adapters.packet.pictures import frames


def a_picture(kind: str, picture: Image.Image, **said: object) -> bytes:
    kept = io.BytesIO()
    picture.save(kept, kind, **said)
    return kept.getvalue()


def shown(data: bytes) -> Image.Image:
    return Image.open(frames(data, 9)[0].data).convert("RGB")


def halves(mode: str, dark: object, light: object) -> Image.Image:
    """Dark on the left, light on the right."""
    picture = Image.new(mode, (40, 20), light)
    picture.paste(dark, (0, 0, 20, 20))
    return picture


@pytest.mark.parametrize(
    ("kind", "picture"),
    [
        ("PNG", halves("1", 0, 1)),
        ("PNG", halves("L", 0, 255)),
        ("PNG", halves("LA", (0, 255), (0, 0))),
        ("PNG", halves("RGBA", (0, 0, 0, 255), (0, 0, 0, 0))),
        ("PNG", halves("I;16", 0, 65_535)),
        ("PNG", halves("I;16", 0, 4_095)),
        ("PNG", halves("RGB", (0, 0, 0), (255, 255, 255)).convert("P")),
        ("TIFF", halves("1", 0, 1)),
        ("TIFF", halves("I;16", 0, 65_535)),
        ("TIFF", halves("F", 0.0, 1.0)),
        ("TIFF", halves("CMYK", (0, 0, 0, 255), (0, 0, 0, 0))),
        ("JPEG", halves("CMYK", (0, 0, 0, 255), (0, 0, 0, 0))),
        ("JPEG", halves("RGB", (0, 0, 0), (255, 255, 255))),
        ("JPEG", halves("L", 0, 255)),
        ("GIF", halves("L", 0, 255)),
        ("BMP", halves("RGB", (0, 0, 0), (255, 255, 255))),
        ("WEBP", halves("RGBA", (0, 0, 0, 255), (255, 255, 255, 0))),
        ("JPEG2000", halves("RGB", (0, 0, 0), (255, 255, 255))),
    ],
    ids=lambda one: one if isinstance(one, str) else one.mode,
)
def test_dark_is_dark_and_light_is_light(kind, picture):
    seen = shown(a_picture(kind, picture))

    assert sum(seen.getpixel((8, 10))) < 120
    assert sum(seen.getpixel((32, 10))) > 640


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_photograph_is_the_right_side_up(turn):
    exif = Image.Exif()
    exif[0x0112] = turn
    upright = Image.new("RGB", (40, 20), "white")
    upright.paste("black", (0, 0, 40, 6))
    # what the camera keeps when it is held that way
    stored = {
        1: upright,
        2: upright.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: upright.rotate(180),
        4: upright.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: upright.transpose(Image.Transpose.TRANSPOSE),
        6: upright.transpose(Image.Transpose.ROTATE_90),
        7: upright.transpose(Image.Transpose.TRANSVERSE),
        8: upright.transpose(Image.Transpose.ROTATE_270),
    }[turn]
    page = frames(a_picture("JPEG", stored, exif=exif), 1)[0]
    seen = Image.open(page.data).convert("L")

    assert seen.size == (40, 20)
    assert page.width_points == 2 * page.height_points
    assert (seen.getpixel((20, 2)) < 90, seen.getpixel((20, 15)) > 200) == (True, True)


def test_a_fax_has_its_pages_and_its_proportions():
    pages = [Image.new("1", (1_728, 1_100), 1) for _ in range(3)]
    data = a_picture("TIFF", pages[0], save_all=True, append_images=pages[1:], dpi=(204, 98), compression="group4")
    found = frames(data, 9)

    assert len(found) == 3
    assert all(abs(one.width_points / one.height_points - (1_728 / 204) / (1_100 / 98)) < 0.01 for one in found)
    assert len(frames(data, 2)) == 2


@pytest.mark.parametrize("dpi", [(0, 0), (1, 1), (72, 0), (100_000, 100_000)])
def test_a_resolution_that_cannot_be_is_none(dpi):
    found = frames(a_picture("PNG", Image.new("L", (300, 100)), dpi=dpi), 1)[0]

    assert abs(found.width_points / found.height_points - 3) < 0.01


def test_a_picture_that_is_cut_or_too_large_is_refused():
    whole = a_picture("JPEG", Image.effect_noise((300, 300), 80))
    with pytest.raises(OSError, match="truncated"):
        frames(whole[: len(whole) // 2], 1)
    with pytest.raises(ValueError, match="pixels"):
        frames(a_picture("PNG", Image.new("1", (20_000, 4_000))), 1)
