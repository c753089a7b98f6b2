"""Saying why one looks at a patient: one who is flagged, or any, where the role asks for a reason."""

from transfer.flow import desk
from transfer.identifiers import CaseId, HoldId
from transfer.looks import LookReason
from transfer.pages.forms import Problems
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.rights import Right

#: in words, in the order of the form
REASONS = (
    (LookReason.TREATMENT, "Treatment", "It is needed for the patient's care"),
    (LookReason.OPERATIONS, "Operations", "It is needed to get this request done"),
    (LookReason.PATIENT_ASKED, "The patient asked", "The patient or their representative asks about it"),
    (LookReason.PAYMENT, "Payment", "It is needed for a fee or an insurance"),
    (LookReason.COMPLIANCE, "Compliance", "It is checked who did what"),
    (LookReason.LEGAL, "Legal", "A court or a claim asks for it"),
)


def _show(asked: Asked) -> Answer:
    return _form(asked, Problems())


def _form(asked: Asked, problems: Problems) -> Answer:
    context = {
        "case": asked.id(CaseId, "case"),
        "reasons": REASONS,
        "to": _to(asked),
        "fields": asked.fields,
        "problems": problems,
    }
    title = "Why do you look at this patient?"
    return Answer(template="reason.html", title=title, context=context, status=422 if problems else 200)


def _state(asked: Asked) -> Answer | Next:
    problems, case = Problems(), asked.id(CaseId, "case")
    word = asked.fields.one_of("reason", [reason for reason, _, _ in REASONS], problems, needed="Choose why you look")
    if problems:
        return _form(asked, problems)
    desk.state_reason(asked.services, case, LookReason(word), actor=asked.actor)
    return Next(_to(asked) or f"/desk/cases/{case}")


def _to(asked: Asked) -> str:
    """The question that the reason was asked for; empty: it was the case itself, or what is sent is no path of ours."""
    to = asked.fields.raw("to") or asked.query.get("to", "")
    begin, _, hold = to.rpartition("/")
    return to if begin == "/desk/decisions" and HoldId.pattern.fullmatch(hold) else ""


DECLARED = (
    Page(path="/desk/cases/{case}/reason", right=Right.SEE_CASES, show=_show),
    Act(path="/desk/cases/{case}/reason", right=Right.SEE_CASES, do=_state),
)
