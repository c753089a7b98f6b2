"""A center that has no system of its own for packets: its people read our pages."""

from dataclasses import replace

from transfer.flow.services import Services
from transfer.institutions import Institutions, Receiving


def by_pages(services: Services, center: str) -> Services:
    """The same services, before a center whose file names no endpoint."""
    known = [
        one.model_copy(update={"receives": Receiving(deliver=one.receives.deliver)})
        if one.id == center and one.receives
        else one
        for one in services.institutions.values()
    ]
    return replace(services, institutions=Institutions(known))
