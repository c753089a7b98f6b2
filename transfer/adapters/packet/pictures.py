"""Pictures as any viewer shows them: on white, the right side up, at their own proportions.

Opened without trust, in a process of its own: by Pillow alone, within its bound of pixels.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

_PIXELS: Final = 60_000_000
_FORMATS: Final = ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "JPEG2000", "MPO", "PPM")
#: pixels for each inch where a picture does not say, as viewers take them
_RESOLUTION: Final = 96.0
_ORIENTATION: Final = 0x0112
_SIXTEEN_BIT: Final = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})


@dataclass(frozen=True, slots=True)
class PicturePage:
    """One page of a picture, as PNG or JPEG, and its size on paper."""

    data: io.BytesIO
    width_points: float
    height_points: float


def frames(data: bytes, most: int) -> list[PicturePage]:
    """The pages of a picture; TIFF has several. The frames of an animation are one: its first.

    Raises:
        OSError, ValueError, SyntaxError: it cannot be opened, or has more pixels than are read.
    """
    from PIL import Image, ImageFile

    Image.MAX_IMAGE_PIXELS = _PIXELS
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    with Image.open(io.BytesIO(data), formats=_FORMATS) as picture:
        if picture.width * picture.height > _PIXELS:
            raise ValueError("a picture of more pixels than are read")
        if _is_ready(picture):
            picture.load()
            return [PicturePage(io.BytesIO(data), *_size(picture))]
        return [_page(one) for one in _pages(picture, most)]


def _is_ready(picture: Any) -> bool:
    """A photograph that every viewer shows as it is: its bytes go in unchanged."""
    turned = picture.getexif().get(_ORIENTATION, 1)
    return bool(picture.format == "JPEG" and picture.mode in ("L", "RGB") and turned == 1)


def _size(picture: Any) -> tuple[float, float]:
    wide, high = _resolution(picture)
    return picture.width * 72 / wide, picture.height * 72 / high


def _pages(picture: Any, most: int) -> Iterator[Any]:
    from PIL import ImageSequence

    if picture.format != "TIFF":
        yield picture
        return
    for n, frame in enumerate(ImageSequence.Iterator(picture)):
        if n >= most:
            return
        yield frame


def _page(picture: Any) -> PicturePage:
    from PIL import ImageOps

    wide, high = _size(picture)
    if picture.getexif().get(_ORIENTATION) in (5, 6, 7, 8):
        wide, high = high, wide
    kept = io.BytesIO()
    shown = _visible(ImageOps.exif_transpose(picture))
    if picture.format in ("JPEG", "MPO"):  # a photograph as PNG would be ten times as large
        shown.save(kept, "JPEG", quality=95, subsampling=0)
    else:
        shown.save(kept, "PNG", compress_level=1)
    return PicturePage(kept, wide, high)


def _resolution(picture: Any) -> tuple[float, float]:
    """Pixels for each inch, across and down: a fax has unequal ones."""
    said = picture.info.get("dpi")
    try:
        wide, high = float(said[0]), float(said[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        return _RESOLUTION, _RESOLUTION
    if not (10 <= wide <= 5_000 and 10 <= high <= 5_000):
        return (
            (_RESOLUTION, _RESOLUTION * high / wide)
            if wide > 0 and 0.2 < high / wide < 5
            else (_RESOLUTION, _RESOLUTION)
        )
    return wide, high


def _visible(picture: Any) -> Any:
    """Grey or RGB, transparency on white."""
    from PIL import Image

    if picture.mode in _SIXTEEN_BIT:
        return _eight_bit(picture)
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        over = picture.convert("RGBA")
        white = Image.new("RGBA", over.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, over).convert("RGB")
    if picture.mode in ("1", "L"):
        return picture
    if picture.mode == "CMYK":
        return _of_ink(picture)
    return picture.convert("RGB")


def _eight_bit(picture: Any) -> Any:
    """Sixteen bits as eight: all of their range, or the part that is used where they hold fewer."""
    import numpy
    from PIL import Image

    values = numpy.asarray(picture, dtype=numpy.float64)
    low, high = float(values.min()), float(values.max())
    if picture.mode != "F" and low >= 0 and high > 4_095:
        low, high = 0.0, 65_535.0
    scaled = (values - low) * (255.0 / ((high - low) or 1.0))
    return Image.fromarray(numpy.clip(scaled, 0, 255).astype(numpy.uint8), "L")


def _of_ink(picture: Any) -> Any:
    """CMYK by its own profile where it has one, else as Pillow converts it."""
    from PIL import ImageCms

    profile = picture.info.get("icc_profile")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
        except (ImageCms.PyCMSError, OSError):
            pass
    return picture.convert("RGB")
