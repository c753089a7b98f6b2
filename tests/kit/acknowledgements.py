"""What an acknowledgement says to its sender, read apart from the product."""

from typing import NamedTuple


class Acknowledgement(NamedTuple):
    """MSA-1 and MSA-2."""

    code: str
    control_id: str


def read(payload: bytes) -> Acknowledgement:
    """The one MSA of a message, by the message's own field separator."""
    lines = payload.decode("latin-1").split("\r")
    [said] = [line.split(lines[0][3]) for line in lines if line.startswith("MSA")]
    return Acknowledgement(said[1], said[2])
