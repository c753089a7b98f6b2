"""Plain text as blocks: its columns may mean something, so all of it has one width."""

from collections.abc import Iterator

from transfer.adapters.packet.narrative.blocks import Block, FixedWidth, unmarked
from transfer.adapters.packet.narrative.characters import decoded


def plain_text(data: bytes, charset: str | None) -> Iterator[Block]:
    """A form feed begins a block of its own."""
    text = unmarked(decoded(data, charset)).replace("\r\n", "\n").replace("\r", "\n")
    for page in text.split("\f"):
        lines = [line.expandtabs(8).rstrip() for line in page.split("\n")]
        while lines and not lines[-1]:
            lines.pop()
        while lines and not lines[0]:
            lines.pop(0)
        if lines:
            yield FixedWidth("\n".join(lines))
