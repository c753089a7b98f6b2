"""Receiving centers that wait for more, or for less, than their files say."""

import shutil
from dataclasses import replace
from pathlib import Path

from transfer.delivery import Delivery
from transfer.flow.services import Services
from transfer.institutions import Institutions
from transfer.ledger import facilities

ROOT = Path(__file__).parents[2]


def waiting_for(institutions: Institutions, deliver: Delivery) -> Institutions:
    """The same partners; every center among them waits for this before its packet goes."""
    changed = []
    for one in institutions.values():
        receives = one.receives.model_copy(update={"deliver": deliver}) if one.receives else None
        changed.append(one.model_copy(update={"receives": receives}))
    return Institutions(changed)


def delivering(services: Services, deliver: Delivery) -> Services:
    """The same services, before centers that wait for this."""
    known = waiting_for(services.institutions, deliver)
    services.ledger.follow(facilities.Followed(known))
    return replace(services, institutions=known)


def partners_in(folder: Path, deliver: Delivery) -> str:
    """The files of all partners in a folder of their own, as a setting; the stand-in center waits for this."""
    shutil.copytree(ROOT / "institutions", folder)
    center = folder / "summit-cancer-center.yaml"
    center.write_text(center.read_text().replace("receives:\n", f"receives:\n  deliver: {deliver}\n"))
    return str(folder)
