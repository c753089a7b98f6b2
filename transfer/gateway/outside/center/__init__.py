"""The receiving center's pages, `/c/`."""

from typing import Final

from transfer.gateway.outside.center import answers, packets, report, sign_in, slides, words
from transfer.gateway.outside.routes import OutsidePart
from transfer.outside_sessions import Outsider

PART: Final = OutsidePart(
    kind=Outsider.CENTER,
    home="/c/",
    name="Records for your center",
    declared=(*packets.DECLARED, *answers.DECLARED, *slides.DECLARED, *words.DECLARED, *report.DECLARED),
    ways=sign_in.ways,
    sign_in=sign_in.PATH,
)
