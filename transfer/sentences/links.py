"""Why the links of a packet work no more, said to staff."""

from collections.abc import Mapping

from transfer.links import LinkEnd
from transfer.sentences.words import Sentences

LINKS: Mapping[str, Sentences] = {
    LinkEnd.PURGED: Sentences("Its links ended: it is purged."),
    LinkEnd.RECALLED: Sentences("Its links ended: it was recalled."),
    LinkEnd.DECLINED: Sentences("Its links ended: the receiver declined it."),
    LinkEnd.HOLDS_VOID: Sentences("Its links ended: a document in it was corrected or withdrawn since."),
    LinkEnd.CASE_CLOSED: Sentences("Its links ended: the case is closed."),
    LinkEnd.WITHDRAWN: Sentences("Its links work no more while the referral is withdrawn: a person decides."),
    LinkEnd.STOPPED: Sentences("Its links do not work while it is stopped."),
    LinkEnd.LAPSED: Sentences(
        "Its links ended: their days are over. To give it again, recall it and approve another packet."
    ),
}
