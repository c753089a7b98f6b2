"""What people do at the desk, by command line now and on pages later.

Every verb is one transaction under the person's name. It writes what was decided, and owes a round to what can go on.
Doing it twice does it once: the second time says so. A refusal says why, and what to do instead.
"""

from transfer.flow.desk.answering import Answer, answer_request
from transfer.flow.desk.cases import ENDINGS, add_note, approve, close, waive
from transfer.flow.desk.comparing import Comparison, compare
from transfer.flow.desk.decisions import resolve
from transfer.flow.desk.finding import find_cases
from transfer.flow.desk.pieces import announce_material, receive_material
from transfer.flow.desk.referring import LARGEST as LARGEST_REFERRAL
from transfer.flow.desk.referring import open_referral
from transfer.flow.desk.shown import Dossier, Listed
from transfer.flow.desk.stopping import declare_emergency, pause, resume, revoke
from transfer.flow.desk.verbs import Did
from transfer.flow.desk.views import dossier, list_cases

__all__ = [
    "ENDINGS",
    "LARGEST_REFERRAL",
    "Answer",
    "Comparison",
    "Did",
    "Dossier",
    "Listed",
    "add_note",
    "announce_material",
    "answer_request",
    "approve",
    "close",
    "compare",
    "declare_emergency",
    "dossier",
    "find_cases",
    "list_cases",
    "open_referral",
    "pause",
    "receive_material",
    "resolve",
    "resume",
    "revoke",
    "waive",
]
