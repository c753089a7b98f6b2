"""How the installation runs, for whoever runs it: what `transfer doctor` says, and nothing of a case."""

from dataclasses import dataclass
from datetime import UTC, datetime

from transfer.alerts import AlertCode
from transfer.errors import OutOfOrder
from transfer.flow.alerting import AlertLine, list_alerts
from transfer.flow.desk.verbs import demand
from transfer.flow.first_seen import since_first_seen
from transfer.flow.measuring import measure
from transfer.flow.services import Services
from transfer.flow.trying_doors import try_doors, try_ours
from transfer.operation import DOOR_FAULTS, MEASURED_FAULTS, DoorTried, Fault, Measured, faults, faults_of_doors
from transfer.rights import Actor, Right


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationStanding:
    """One look at the installation, and what is wrong with it."""

    measured: Measured
    faults: tuple[Fault, ...]
    #: what is wrong with the work itself, as gateway and desk found it last; nothing while the ledger is away
    alerts: tuple[AlertLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfacesTried:
    """The doors of institutions and our own, each tried once, and what is wrong with them. `at` is UTC."""

    at: datetime
    tried: tuple[DoorTried, ...]
    faults: tuple[Fault, ...]


def measure_installation(services: Services, *, actor: Actor) -> InstallationStanding:
    """Look at every part from where the desk runs. It changes nothing; a part that is away is a fault, not an error.

    Raises:
        NotAllowed: the actor does not have the right.
    """
    demand(actor, Right.OPERATE)
    with services.site() as site:
        measured = measure(site)
        found = since_first_seen(site.settings.var, faults(measured, site.limits), MEASURED_FAULTS, measured.at)
    return InstallationStanding(measured=measured, faults=found, alerts=_of_work(services))


def _of_work(services: Services) -> tuple[AlertLine, ...]:
    try:
        found = list_alerts(services)
    except OutOfOrder:
        return ()
    return tuple(one for one in found if one.over_at is None and one.code in set(AlertCode))


def try_interfaces(services: Services, *, actor: Actor) -> InterfacesTried:
    """Try the doors of every institution harmlessly, and our own. It takes half a minute at the most for each.

    Raises:
        NotAllowed: the actor does not have the right.
    """
    demand(actor, Right.OPERATE)
    with services.site() as site:
        tried = (*try_doors(site.institutions, site.show), *try_ours(site.own_doors))
        at = datetime.now(UTC)
        found = faults_of_doors(tried, at, site.limits)
        names = {one.name for one in tried}
        seen = since_first_seen(site.settings.var, found, DOOR_FAULTS, at, of=names) if names else ()
        return InterfacesTried(at=at, tried=tried, faults=seen)
