"""What holds on both sides of the process that opens documents."""

from typing import Final

#: bytes of one answer of the process
MOST_SAID: Final = 256 << 10
