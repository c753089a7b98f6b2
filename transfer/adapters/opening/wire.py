"""What the process that opens documents answers, on both sides."""

from typing import Final

from pydantic import TypeAdapter

from transfer.opened import OpenedDocument

#: bytes of one answer
MOST_SAID: Final = 256 << 10
#: an answer as a line of JSON
ANSWER: Final = TypeAdapter(OpenedDocument)
