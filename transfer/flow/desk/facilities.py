"""Facilities that no reviewed file names: added, reached otherwise, called back."""

from dataclasses import replace

from transfer.actions import ActionCode, ActionResult
from transfer.contacts import Contact
from transfer.facilities import AddedFacility
from transfer.flow.desk.verbs import at_desk, not_allowed, unknown
from transfer.flow.services import Services
from transfer.identifiers import InstitutionId
from transfer.ledger import Tx, case_lists, facilities, letters
from transfer.refusals import Reason, RefusalCode
from transfer.remedies import Remedy, RemedyCode
from transfer.rights import Actor, Right


def add_facility(services: Services, new: AddedFacility, *, actor: Actor) -> ActionResult:
    """Add a facility. Every process knows it from its next transaction on. The same twice is added once.

    Nobody called there yet, whatever `new` says: nothing that names a patient goes there before `call_back`.

    Raises:
        NotAllowed: a reviewed file has that id, or a facility of that id was entered otherwise.
    """
    new = replace(new, contact=new.contact.model_copy(update={"is_confirmed": False}))
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        if services.institutions.is_reviewed(new.id):
            raise not_allowed(
                Reason(RefusalCode.HAS_FILE, institution=new.id), Remedy(RemedyCode.CORRECT_PARTNER, institution=new.id)
            )
        known = facilities.get(tx, new.id)
        if known is None:
            facilities.add(tx, new)
            return ActionResult(ActionCode.FACILITY_ADDED, institution=new.id)
        if replace(known, contact=new.contact) != new or known.reached_at(new.contact) is not known:
            raise not_allowed(
                Reason(RefusalCode.FACILITY_IS_OTHERWISE, institution=new.id),
                Remedy(RemedyCode.CHANGE_CONTACT, institution=new.id),
            )
    return ActionResult(ActionCode.FACILITY_ADDED_BEFORE, institution=new.id)


def change_contact(services: Services, institution: InstitutionId, contact: Contact, *, actor: Actor) -> ActionResult:
    """A facility is reached otherwise. Nothing that names a patient goes there before somebody called again.

    Saying what is known already changes nothing.

    Raises:
        Unknown: no such facility was added here.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        known = _known(tx, institution)
        if known.reached_at(contact) is known:
            return ActionResult(ActionCode.CONTACT_AS_BEFORE, institution=institution)
        facilities.change_contact(tx, known, contact)
        case_lists.tell_anew(tx, institution)
    return ActionResult(ActionCode.CONTACT_CHANGED, institution=institution)


def call_back(services: Services, institution: InstitutionId, *, actor: Actor) -> ActionResult:
    """Somebody called the facility by a number that they looked up elsewhere, and had its fax number and its address
    read back. Until its contact changes, letters go there; those that waited for it go at once.

    Raises:
        Unknown: no such facility was added here.
    """
    with at_desk(services, actor, Right.WORK_ON_CASES) as tx:
        known = _known(tx, institution)
        if known.contact.is_confirmed:
            return ActionResult(ActionCode.CALLED_BACK_BEFORE, institution=institution)
        facilities.confirm_contact(tx, known)
        letters.hurry(tx, institution)
        case_lists.tell_anew(tx, institution)
    return ActionResult(ActionCode.CALLED_BACK, institution=institution)


def list_facilities(services: Services, *, actor: Actor) -> tuple[AddedFacility, ...]:
    """Those that were added here and have no reviewed file, whom nobody called yet first."""
    with at_desk(services, actor, Right.SEE_CASES) as tx:
        known = [one for one in facilities.every(tx) if not services.institutions.is_reviewed(one.id)]
    return tuple(sorted(known, key=lambda one: (one.contact.is_confirmed, one.name)))


def _known(tx: Tx, institution: InstitutionId) -> AddedFacility:
    known = facilities.get(tx, institution)
    if known is None:
        raise unknown(Reason(RefusalCode.NO_FACILITY, institution=institution), Remedy(RemedyCode.LIST_FACILITIES))
    return known
