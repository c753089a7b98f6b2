"""The process that draws thumbnails of images. Pixels come from outside, so it runs alone, bounded, and may die.

Run by `thumbnails.drawn`. In: one frame of JSON (the lengths), then the files. Out: one frame of JSON (what became of
each), then the JPEG files. It opens no file and no connection. It writes the number of the current image to its error
channel, so that its watcher knows which one it died of.
"""

import io
import json
import signal
import struct
import sys
import warnings
from typing import Any, BinaryIO, Final

from transfer.adapters.process_bounds import bound_process

MEMORY: Final = 2 << 30
CPU_SECONDS: Final = 120
#: CPU seconds for one image
SECONDS_EACH: Final = 8
#: pixels of a thumbnail's longer side
SIDE: Final = 192
#: pixels of a side beyond which an image is thinned out before anything is reckoned with it
_REDUCED: Final = 1024
#: what lies outside of these hundredths of the pixels is drawn black or white, where the file names no window
_DARKEST, _BRIGHTEST = 1, 99.5


class TookTooLong(BaseException):
    """Not an `Exception`: a library that swallows those must not swallow this."""


class NoPixels(Exception):
    """A report, a plan: nothing of it is a picture."""


def main() -> None:
    """Read the images, draw each, write what came of them."""
    bound_process(MEMORY, CPU_SECONDS)
    warnings.simplefilter("ignore")
    signal.signal(signal.SIGVTALRM, _too_long)
    came = [_drawn(number, file) for number, file in enumerate(_job(sys.stdin.buffer))]
    told = json.dumps([{"how": how, "length": len(made)} for how, made in came]).encode()
    sys.stdout.buffer.write(b"".join((struct.pack(">Q", len(told)), told, *(made for _, made in came))))


def _job(stream: BinaryIO) -> list[bytes]:
    (length,) = struct.unpack(">Q", stream.read(8))
    return [stream.read(size) for size in json.loads(stream.read(length))]


def _drawn(number: int, file: bytes) -> tuple[str, bytes]:
    sys.stderr.write(f"{number}\n")
    sys.stderr.flush()
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_EACH)
    try:
        return "drawn", thumbnail(file)
    except TookTooLong:
        return "too-long", b""
    except MemoryError:
        return "too-large", b""
    except NoPixels:
        return "no-pixels", b""
    except Exception as error:  # noqa: BLE001  # whatever a hostile file does to a decoder costs its own thumbnail only
        return ("not-decoded" if _is_of_a_decoder(error) else "damaged"), b""
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)


def _too_long(*_: object) -> None:
    raise TookTooLong


def _is_of_a_decoder(error: Exception) -> bool:
    """The compression is one that no library here knows, as pydicom and its decoders say it."""
    said = str(error)
    unknown = said.startswith("Unable to decompress") or "does not support" in said
    return isinstance(error, NotImplementedError) or (isinstance(error, RuntimeError) and unknown)


def thumbnail(file: bytes) -> bytes:
    """A small JPEG of an image's middle frame, as a viewer would first show it.

    Raises:
        NoPixels: it has none.
        Exception: as pydicom, numpy or Pillow raise it.
    """
    from PIL import Image
    from pydicom import dcmread
    from pydicom.pixels import pixel_array

    said = dcmread(io.BytesIO(file))
    if not {"PixelData", "FloatPixelData", "DoubleFloatPixelData"} & set(said.dir("Pixel")):
        raise NoPixels
    pixels = pixel_array(said, index=(int(said.get("NumberOfFrames") or 1) - 1) // 2)
    step = max(1, max(pixels.shape[:2]) // _REDUCED)
    shades = _shades(pixels[::step, ::step], said)
    picture = Image.fromarray(shades)
    width, height = picture.width * _width_of_a_pixel(said), float(picture.height)
    shrunk = SIDE / max(width, height)
    picture = picture.resize((max(1, round(width * shrunk)), max(1, round(height * shrunk))), Image.Resampling.LANCZOS)
    kept = io.BytesIO()
    picture.save(kept, "JPEG", quality=80)
    return kept.getvalue()


def _shades(pixels: Any, said: Any) -> Any:
    """8 bits of grey or of red, green and blue (PS3.3 C.7.6.3.1.2, C.11.1, C.11.2)."""
    import numpy as np
    from pydicom.pixels import apply_color_lut, apply_modality_lut

    shown_as = str(said.get("PhotometricInterpretation") or "MONOCHROME2")
    if shown_as == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, said)
    if pixels.ndim == 3:
        most = 65535 if pixels.dtype.itemsize > 1 and pixels.max() > 255 else 255
        return (pixels.astype(np.float32) * (255 / most)).clip(0, 255).astype(np.uint8)
    is_said = _is_said(pixels, said)
    values = _windowed(np.asarray(apply_modality_lut(pixels, said), dtype=np.float32), is_said, said)
    if shown_as == "MONOCHROME1" or said.get("PresentationLUTShape") == "INVERSE":
        values = 1 - values
    return (np.where(is_said, values, 0) * 255).astype(np.uint8)


def _is_said(pixels: Any, said: Any) -> Any:
    """False where a pixel only fills up the frame (Pixel Padding Value, PS3.3 C.7.5.1.1.2)."""
    import numpy as np

    padding = said.get("PixelPaddingValue")
    is_said = np.ones(pixels.shape, bool) if padding is None else pixels != padding
    return is_said if is_said.any() else ~is_said


def _windowed(values: Any, is_said: Any, said: Any) -> Any:
    """0 to 1, by the file's first window (PS3.3 C.11.2.1.2), else by what most of its pixels are."""
    import numpy as np

    centre, width = _first(said.get("WindowCenter")), _first(said.get("WindowWidth"))
    if centre is not None and width is not None and width >= 1:
        low, high = centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2
    else:
        low, high = np.percentile(values[is_said], (_DARKEST, _BRIGHTEST))
    within = np.clip((values - low) / max(high - low, 1e-6), 0, 1)
    # A window that leaves one shade of all there is was never meant for this image.
    return within if within[is_said].std() > 0 or width is None else _windowed(values, is_said, {})


def _first(value: Any) -> float | None:
    try:
        return float(value[0] if not isinstance(value, str | float | int) and hasattr(value, "__len__") else value)
    except (TypeError, ValueError, IndexError):
        return None


def _width_of_a_pixel(said: Any) -> float:
    """Width by height of one pixel (PS3.3 C.7.6.3.1.7, 10.7.1.3); 1 where nothing usable is said."""
    for name in ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing"):
        value = said.get(name)
        if value is not None and hasattr(value, "__len__") and len(value) == 2:
            height, width = _first(value[0]), _first(value[1])
            if height and width and 0.1 <= width / height <= 10:
                return width / height
    return 1.0


if __name__ == "__main__":
    main()
