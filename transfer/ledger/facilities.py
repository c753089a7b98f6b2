"""Facilities that no reviewed file names. Every process knows them from its next transaction on."""

from transfer import facts
from transfer.contacts import Contact
from transfer.facilities import AddedFacility
from transfer.facts import SYSTEM
from transfer.identifiers import InstitutionId
from transfer.institutions import Institutions
from transfer.ledger import Row, Tx
from transfer.records import RecordKind

#: the number of the next change; who asks holds the end of the system's chain, so nobody else draws the same
_NEXT = "(SELECT coalesce(max(change), 0) + 1 FROM facilities)"


def add(tx: Tx, new: AddedFacility) -> None:
    """Add a facility whose id is new here."""
    one = new.contact
    added = facts.FacilityAdded(
        institution=new.id,
        name=new.name,
        city=new.city,
        time_zone=new.time_zone,
        holds=tuple(sorted(new.holds)),
        telephone=one.telephone,
        fax=one.fax,
        address=one.address,
    )
    tx.append(SYSTEM, added)
    tx.run(
        f"""INSERT INTO facilities (institution, name, city, time_zone, holds, telephone, fax, address, is_confirmed,
             change) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, {_NEXT})""",  # noqa: S608
        *(new.id, new.name, new.city, new.time_zone, sorted(new.holds), one.telephone, one.fax, one.address),
        one.is_confirmed,
    )


def change_contact(tx: Tx, known: AddedFacility, contact: Contact) -> None:
    """It is reached otherwise from now on. Nothing that names a patient goes there before somebody called."""
    one = known.reached_at(contact).contact
    fact = facts.FacilityContactChanged(institution=known.id, telephone=one.telephone, fax=one.fax, address=one.address)
    tx.append(SYSTEM, fact)
    _set(tx, known, one)


def confirm_contact(tx: Tx, known: AddedFacility) -> None:
    """Somebody called, and had the contact read back."""
    one = known.contact.model_copy(update={"is_confirmed": True})
    fact = facts.FacilityCalledBack(institution=known.id, telephone=one.telephone, fax=one.fax, address=one.address)
    tx.append(SYSTEM, fact)
    _set(tx, known, one)


def _set(tx: Tx, known: AddedFacility, contact: Contact) -> None:
    tx.run(
        f"""UPDATE facilities SET telephone = %s, fax = %s, address = %s, is_confirmed = %s, change = {_NEXT}
            WHERE institution = %s""",  # noqa: S608
        *(contact.telephone, contact.fax, contact.address, contact.is_confirmed, known.id),
    )


def get(tx: Tx, institution: str) -> AddedFacility | None:
    """The facility, locked until the transaction ends: nobody says meanwhile that it is reached otherwise."""
    row = tx.row("SELECT * FROM facilities WHERE institution = %s FOR UPDATE", institution)
    return _facility(row) if row else None


def every(tx: Tx) -> list[AddedFacility]:
    return [_facility(row) for row in tx.rows("SELECT * FROM facilities ORDER BY institution")]


class Followed:
    """Has these institutions know the facilities, too: called at the begin of each transaction (`Ledger.follow`)."""

    def __init__(self, institutions: Institutions) -> None:
        self._institutions = institutions
        self._change: int | None = None

    def __call__(self, tx: Tx) -> None:
        change = tx.first("SELECT max(change) FROM facilities")
        if change != self._change:
            self._institutions.know(one.as_institution() for one in every(tx))
            self._change = change


def _facility(row: Row) -> AddedFacility:
    contact = Contact(telephone=row.telephone, fax=row.fax, address=row.address, is_confirmed=row.is_confirmed)
    return AddedFacility(
        id=InstitutionId(row.institution),
        name=row.name,
        city=row.city,
        time_zone=row.time_zone,
        holds=frozenset(map(RecordKind, row.holds)),
        contact=contact,
    )
