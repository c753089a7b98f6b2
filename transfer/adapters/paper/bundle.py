"""Fields and scan as one body: a ZIP file that any clerk can open (https://www.loc.gov/preservation/digital/formats/fdd/fdd000354.shtml)."""

import io
import zipfile
from collections.abc import Mapping
from typing import Final

from transfer.adapters.paper.fields import LARGEST_FIELDS
from transfer.errors import Unreadable

PAPER_FORM: Final = "application/vnd.records-transfer.paper-form+zip"
#: bytes of the scan of one form
LARGEST_SCAN: Final = 24 << 20

_FIELDS, _SCAN = "fields.yaml", "form.pdf"
#: ZIP knows no time before; the same fields and scan are the same bytes
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)


def is_scan(scan: bytes) -> bool:
    """Whether it begins as a PDF does (ISO 32000-1, 7.5.2); what is in it is for people alone."""
    return b"%PDF-" in scan[:1024]


def bundled(fields: bytes, scan: bytes) -> bytes:
    """Both as one body. The same again is the same bytes."""
    return packed({_FIELDS: fields, _SCAN: scan})


def packed(contents: Mapping[str, bytes]) -> bytes:
    """All of it as one body, by name."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in contents.items():
            bundle.writestr(zipfile.ZipInfo(name, _NO_TIME), content)
    return kept.getvalue()


def fields_of(body: bytes) -> bytes:
    """The fields in a body that `bundled` made.

    Raises:
        Unreadable: it did not.
    """
    return unpacked(body, _FIELDS, LARGEST_FIELDS)


def scan_of(body: bytes) -> bytes:
    """The scan in a body that `bundled` made. Raises as `fields_of`."""
    return unpacked(body, _SCAN, LARGEST_SCAN)


def unpacked(body: bytes, name: str, largest: int) -> bytes:
    """What stands under the name in a body that `packed` made; of what is longer, one byte more than `largest`.

    Raises:
        Unreadable: it did not.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as bundle:
            return _stored(bundle, bundle.getinfo(name), largest)
    # what `zipfile` raises for bytes it did not write: a password, a later version, an end too early, a false length,
    # a place that no file reaches
    except (
        zipfile.BadZipFile,
        KeyError,
        NotImplementedError,
        OSError,
        EOFError,
        RuntimeError,
        ValueError,
        OverflowError,
    ):
        raise Unreadable("no paper as it was kept") from None


def _stored(bundle: zipfile.ZipFile, kept: zipfile.ZipInfo, largest: int) -> bytes:
    """What is compressed is none of ours, and is not decompressed."""
    if kept.compress_type != zipfile.ZIP_STORED:
        raise Unreadable("no paper as it was kept")
    with bundle.open(kept) as content:
        return content.read(largest + 1)
