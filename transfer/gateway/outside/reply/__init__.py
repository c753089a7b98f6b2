"""The reply page of a source, `/r/`."""

from typing import Final

from transfer.gateway.outside.letter_door import ways
from transfer.gateway.outside.reply import requests
from transfer.gateway.outside.routes import OutsidePart
from transfer.outside_sessions import Outsider

PART: Final = OutsidePart(
    kind=Outsider.SOURCE,
    home="/r/",
    name="Answer a records request",
    declared=requests.DECLARED,
    ways=ways(Outsider.SOURCE, "/r/", "Answer a records request", requests.DOOR),
    sign_in="/r/open",
)
