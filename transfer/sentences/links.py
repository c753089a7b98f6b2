"""Why the links of a packet work no more, said three ways."""

from collections.abc import Mapping

from transfer.links import LinkEnd
from transfer.sentences.words import WORKING, Sentences

_ENDED_INSTITUTION = "The links of this packet work no more. Please call us if you still need it."

LINKS: Mapping[str, Sentences] = {
    LinkEnd.PURGED: Sentences("Its links ended: it is purged.", WORKING, _ENDED_INSTITUTION),
    LinkEnd.RECALLED: Sentences("Its links ended: it was recalled.", WORKING, _ENDED_INSTITUTION),
    LinkEnd.DECLINED: Sentences("Its links ended: the receiver declined it.", WORKING, _ENDED_INSTITUTION),
    LinkEnd.HOLDS_VOID: Sentences(
        "Its links ended: a document in it was corrected or withdrawn since.", WORKING, _ENDED_INSTITUTION
    ),
    LinkEnd.CASE_CLOSED: Sentences("Its links ended: the case is closed.", WORKING, _ENDED_INSTITUTION),
    LinkEnd.WITHDRAWN: Sentences(
        "Its links work no more while the referral is withdrawn: a person decides.", WORKING, _ENDED_INSTITUTION
    ),
    LinkEnd.LAPSED: Sentences(
        "Its links ended: their days are over. To give it again, recall it and approve another packet.",
        WORKING,
        _ENDED_INSTITUTION,
    ),
}
