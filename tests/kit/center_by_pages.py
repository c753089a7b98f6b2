"""A center that has no system of its own for packets: its people read our pages, invited or by their own provider."""

from collections.abc import Mapping
from dataclasses import replace

from transfer.center_accounts import CenterSignIn
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


def by_provider(services: Services, centers: Mapping[str, CenterSignIn]) -> Services:
    """The same services, before centers that sign their people in themselves."""
    known = []
    for one in services.institutions.values():
        receives = (one.receives or Receiving()).model_copy(update={"sign_in": centers.get(one.id)})
        known.append(one.model_copy(update={"receives": receives}) if one.id in centers else one)
    return replace(services, institutions=Institutions(known))
