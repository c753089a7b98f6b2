"""The page of the patient, and of the office that referred them, `/own/`."""

from typing import Final

from transfer.gateway.outside.letter_door import ways
from transfer.gateway.outside.own import case, signing
from transfer.gateway.outside.routes import OutsidePart
from transfer.outside_sessions import Outsider
from transfer.sentences.own_pages import OWN

PART: Final = OutsidePart(
    kind=Outsider.OWN,
    home="/own/",
    name=OWN["name"],
    declared=(*case.DECLARED, *signing.DECLARED),
    ways=ways(Outsider.OWN, "/own/", OWN["name"], OWN),
    sign_in="/own/open",
)
