"""Where an auditor begins: a case or a run by its id, or a period."""

from typing import Final

from transfer.errors import Unknown
from transfer.identifiers import CaseId
from transfer.pages.routes import Act, Answer, Asked, Next, Page
from transfer.rights import Right


def _show(asked: Asked) -> Answer:  # noqa: ARG001  every page is shown to somebody
    return Answer(template="audit.html", title="Audit")


def _open(asked: Asked) -> Next:
    """To the case or the run that was typed."""
    typed = asked.fields.raw("id").strip()
    try:
        return Next(f"/audit/cases/{CaseId(typed)}")
    except ValueError:
        subject, _, number = typed.rpartition(".")
        if subject.replace("-", "").isalnum() and subject.isascii() and number.isdigit():
            return Next(f"/audit/runs/{typed}")
        raise Unknown("there is no case and no run of this id") from None


DECLARED: Final = (
    Page(path="/audit/", right=Right.AUDIT, show=_show, nav="Audit"),
    Act(path="/audit/", right=Right.AUDIT, do=_open),
)
