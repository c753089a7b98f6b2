"""A release form as it was posted, with all that came in one body with it."""

from transfer.adapters import enclosed
from transfer.adapters.fhir import inbound
from transfer.institutions import Institution, Institutions
from transfer.objections import ObjectionKind
from transfer.permissions import Authorization, Finding, FormStatus, ProvisionType, UnclearForm


def authorization(body: bytes, institution: Institution, institutions: Institutions) -> Authorization:
    """The form, where nothing beside it or inside it says no. One that permits beside a "no" is a person's. So is one
    that refuses elsewhere than in its provisions. One that permits nothing is what it is.

    Raises:
        UnclearForm: something in the same body says no, or the form says what no rule of ours can keep.
        Unreadable, NeedsReview: it cannot be understood without a person.
        TooLarge: it objects to more than is settled in one transaction.
        NotAllowed: it is another thing beside.
    """
    form = inbound.authorization(body, institution, institutions)
    if form.status is not FormStatus.ACTIVE or form.denies:
        return form
    said = inbound.said_against(body, institution, is_form=True)
    inside = enclosed.in_resources(body, institution).objections
    kinds = {one.kind for one in said + inside}
    is_refusing = any(node.type is ProvisionType.DENY for node in form.provision.nodes())
    if ObjectionKind.UNREADABLE in kinds or (ObjectionKind.REFUSED in kinds and not is_refusing):
        raise UnclearForm({Finding.WORDS_SAY_MORE})
    return form
