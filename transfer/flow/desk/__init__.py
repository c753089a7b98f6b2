"""What people do at the desk, by command line now and on pages later.

Every verb takes an `Actor` and refuses who does not have the right for it, before it reads anything. It is one
transaction under the person's name, writes what was decided, and owes a round to what can go on. Doing it twice does it
once: the second time says so. What was done, why something may not be done and what to do instead are codes with
fields; `transfer.sentences.sentence` says them.
"""

from transfer.actions import ActionCode, ActionResult
from transfer.calls import Call, Callee, CallOutcome
from transfer.flow.desk.accountings import (
    AccountingView,
    WaitingAccounting,
    accountings_to_give,
    ask_accounting,
    delay_accounting,
    give_accounting,
    list_accountings,
)
from transfer.flow.desk.adding import add_need, add_procedure, drop_need
from transfer.flow.desk.answering import answer_request
from transfer.flow.desk.appointing import cancel_appointment, set_appointment
from transfer.flow.desk.assigning import assign, list_staff, plan_action, reassign
from transfer.flow.desk.auditing import chains, walk_chain
from transfer.flow.desk.calling import log_call
from transfer.flow.desk.cases import ENDINGS, add_note, approve, close, give_up, recall, waive
from transfer.flow.desk.centers import (
    end_center_account,
    invite_to_center,
    list_center_accounts,
    read_center_question,
    renew_center_pin,
)
from transfer.flow.desk.changing import change
from transfer.flow.desk.charting import file_in_chart
from transfer.flow.desk.codes import end_codes, give_own_code, give_own_pin, give_reply_code
from transfer.flow.desk.comparing import Comparison
from transfer.flow.desk.content import (
    Content,
    list_packet,
    list_parts,
    open_message,
    open_packet,
    open_packet_file,
    open_record,
)
from transfer.flow.desk.context import context
from transfer.flow.desk.decisions import resolve
from transfer.flow.desk.decisions_made import DecisionView, list_decisions
from transfer.flow.desk.disclosures import ChosenDisclosures, DisclosureView, latest_days, list_disclosures
from transfer.flow.desk.discs import DiscView, IndexedStudies, StudyView, bring_in_disc, index_studies, look_at_disc
from transfer.flow.desk.facilities import add_facility, call_back, change_contact, list_facilities
from transfer.flow.desk.figures import Figure, Figures, Irregularity, count_figures, figures_file
from transfer.flow.desk.finding import FoundCase, FoundCases, find_cases
from transfer.flow.desk.incoming import (
    IncomingPage,
    IndexedAs,
    PaperView,
    index_pages,
    leave_out,
    list_incoming,
    listed_paper,
    look_at_paper,
    open_paper,
    show_picture,
    take_paper,
    upload_paper,
)
from transfer.flow.desk.legal_holds import lift_legal_hold, place_legal_hold
from transfer.flow.desk.loans import (
    ask_for_material,
    confirm_return,
    find_pieces,
    judge_material,
    keep_longer,
    list_loans,
    return_material,
    show_pieces,
)
from transfer.flow.desk.local_account import (
    remove_local_account,
    set_local_account,
    sign_in_locally,
)
from transfer.flow.desk.looking import (
    LookView,
    flag_patient,
    list_looks,
    list_views,
    may_see_identity,
    name_patients,
    state_reason,
    unflag_patient,
)
from transfer.flow.desk.mapping import list_unmapped_codes
from transfer.flow.desk.misdirecting import list_misdirections, record_misdirection
from transfer.flow.desk.operation import InstallationStanding, measure_installation, try_interfaces
from transfer.flow.desk.outbox import (
    LetterView,
    cancel_letter,
    list_letters,
    mark_sent_by_hand,
    open_letter,
    retry_letter,
    send_letter,
)
from transfer.flow.desk.pages_of import PagesOf
from transfer.flow.desk.paper_forms import dispute, file_paper_form, findings_on_paper, withdraw_dispute
from transfer.flow.desk.parcels import (
    Awaiting,
    ParcelList,
    ParcelView,
    PiecesView,
    find_awaiting,
    find_parcel,
    list_parcels,
    receive_parcel,
    show_parcel,
)
from transfer.flow.desk.patients import merge, split
from transfer.flow.desk.permissions import (
    declare_emergency,
    pause,
    resume,
    resume_everything,
    revoke,
    stop_everything,
)
from transfer.flow.desk.pieces import announce_material, describe_piece, log_in, receive_material
from transfer.flow.desk.questions import HoldPage, hold, holds, list_holds, undecided_cases
from transfer.flow.desk.queues import QueueView, list_frames_not_taken, list_queues
from transfer.flow.desk.referral_entry import EnteredReferral, enter_referral
from transfer.flow.desk.referring import LARGEST as LARGEST_REFERRAL
from transfer.flow.desk.referring import open_referral
from transfer.flow.desk.reports import decisions_file, disclosures_file, sample_file, views_file
from transfer.flow.desk.reviewing import Evidence, draw_sample, evidence, note_walk, review_period
from transfer.flow.desk.scorecard import DepartmentScore, FacilityScore, OwedAsk, OwedPage, list_owed, list_scorecards
from transfer.flow.desk.sending_back import record_sent_back
from transfer.flow.desk.shown import (
    AnswerView,
    CaseSummary,
    Dossier,
    HoldContext,
    HoldDetail,
    HoldView,
    NeedView,
    PermissionSummary,
    WaitView,
)
from transfer.flow.desk.signing_in import session_of, sign_in, sign_out
from transfer.flow.desk.standing import list_permissions
from transfer.flow.desk.story import story
from transfer.flow.desk.suggestions import PageSuggestion, SuggestedCase, suggest
from transfer.flow.desk.today import CaseLine, CasePage, Today, list_part, today
from transfer.flow.desk.tracing import CaseTrace, TracedFact, chain_file, trace_case, trace_run
from transfer.flow.desk.uploaded import bring_in_upload
from transfer.flow.desk.verbs import demand
from transfer.flow.desk.views import dossier, list_cases
from transfer.flow.desk.withholding import withhold_pages
from transfer.ledger.case_lists import Chosen, ListPart
from transfer.requests import RequestAnswer

__all__ = [
    "ENDINGS",
    "LARGEST_REFERRAL",
    "AccountingView",
    "ActionCode",
    "ActionResult",
    "AnswerView",
    "Awaiting",
    "Call",
    "CallOutcome",
    "Callee",
    "CaseLine",
    "CasePage",
    "CaseSummary",
    "CaseTrace",
    "Chosen",
    "ChosenDisclosures",
    "Comparison",
    "Content",
    "DecisionView",
    "DepartmentScore",
    "DiscView",
    "DisclosureView",
    "Dossier",
    "EnteredReferral",
    "Evidence",
    "FacilityScore",
    "Figure",
    "Figures",
    "FoundCase",
    "FoundCases",
    "HoldContext",
    "HoldDetail",
    "HoldPage",
    "HoldView",
    "IncomingPage",
    "IndexedAs",
    "IndexedStudies",
    "InstallationStanding",
    "Irregularity",
    "LetterView",
    "ListPart",
    "LookView",
    "NeedView",
    "OwedAsk",
    "OwedPage",
    "PageSuggestion",
    "PagesOf",
    "PaperView",
    "ParcelList",
    "ParcelView",
    "PermissionSummary",
    "PiecesView",
    "QueueView",
    "RequestAnswer",
    "StudyView",
    "SuggestedCase",
    "Today",
    "TracedFact",
    "WaitView",
    "WaitingAccounting",
    "accountings_to_give",
    "add_facility",
    "add_need",
    "add_note",
    "add_procedure",
    "announce_material",
    "answer_request",
    "approve",
    "ask_accounting",
    "ask_for_material",
    "assign",
    "bring_in_disc",
    "bring_in_upload",
    "call_back",
    "cancel_appointment",
    "cancel_letter",
    "chain_file",
    "chains",
    "change",
    "change_contact",
    "close",
    "confirm_return",
    "context",
    "count_figures",
    "decisions_file",
    "declare_emergency",
    "delay_accounting",
    "demand",
    "describe_piece",
    "disclosures_file",
    "dispute",
    "dossier",
    "draw_sample",
    "drop_need",
    "end_center_account",
    "end_codes",
    "enter_referral",
    "evidence",
    "figures_file",
    "file_in_chart",
    "file_paper_form",
    "find_awaiting",
    "find_cases",
    "find_parcel",
    "find_pieces",
    "findings_on_paper",
    "flag_patient",
    "give_accounting",
    "give_own_code",
    "give_own_pin",
    "give_reply_code",
    "give_up",
    "hold",
    "holds",
    "index_pages",
    "index_studies",
    "invite_to_center",
    "judge_material",
    "keep_longer",
    "latest_days",
    "leave_out",
    "lift_legal_hold",
    "list_accountings",
    "list_cases",
    "list_center_accounts",
    "list_decisions",
    "list_disclosures",
    "list_facilities",
    "list_frames_not_taken",
    "list_holds",
    "list_incoming",
    "list_letters",
    "list_loans",
    "list_looks",
    "list_misdirections",
    "list_owed",
    "list_packet",
    "list_parcels",
    "list_part",
    "list_parts",
    "list_permissions",
    "list_queues",
    "list_scorecards",
    "list_staff",
    "list_unmapped_codes",
    "list_views",
    "listed_paper",
    "log_call",
    "log_in",
    "look_at_disc",
    "look_at_paper",
    "mark_sent_by_hand",
    "may_see_identity",
    "measure_installation",
    "merge",
    "name_patients",
    "note_walk",
    "open_letter",
    "open_message",
    "open_packet",
    "open_packet_file",
    "open_paper",
    "open_record",
    "open_referral",
    "pause",
    "place_legal_hold",
    "plan_action",
    "read_center_question",
    "reassign",
    "recall",
    "receive_material",
    "receive_parcel",
    "record_misdirection",
    "record_sent_back",
    "remove_local_account",
    "renew_center_pin",
    "resolve",
    "resume",
    "resume_everything",
    "retry_letter",
    "return_material",
    "review_period",
    "revoke",
    "sample_file",
    "send_letter",
    "session_of",
    "set_appointment",
    "set_local_account",
    "show_parcel",
    "show_picture",
    "show_pieces",
    "sign_in",
    "sign_in_locally",
    "sign_out",
    "split",
    "state_reason",
    "stop_everything",
    "story",
    "suggest",
    "take_paper",
    "today",
    "trace_case",
    "trace_run",
    "try_interfaces",
    "undecided_cases",
    "unflag_patient",
    "upload_paper",
    "views_file",
    "waive",
    "walk_chain",
    "withdraw_dispute",
    "withhold_pages",
]
