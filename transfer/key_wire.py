"""What a key service and who asks it agree on, besides the paths: the mark of its answers, and why it refuses."""

from enum import StrEnum
from typing import Final

#: header of every answer of the service: `ok`, or a `KeyRefusal`
MARK: Final = "Transfer-Keys"
OK: Final = "ok"


class KeyRefusal(StrEnum):
    """Why a key service did not do what it was asked."""

    GONE = "gone"
    MOVED = "moved"
    NO_KEYS = "no-keys"
    WRONG_PASSPHRASE = "wrong-passphrase"  # noqa: S105  a code
    OTHER_COPY = "other-copy"
    COPY_AWAY = "copy-away"
    NOT_UNDERSTOOD = "not-understood"
    NOT_NOW = "not-now"
