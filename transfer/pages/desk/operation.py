"""How the installation runs: what is wrong, since when and what to do; and what was measured, each with its state."""

from typing import Final

from transfer.flow import desk
from transfer.operation import Fault, PartState
from transfer.pages.routes import Answer, Asked, Page
from transfer.rights import Right
from transfer.sentences.operation import REMEDIES, fault_sentence

_PATH: Final = "/desk/operation"
#: seconds until the page is asked for again, and how often it is by itself: then a session without a person ends
_EVERY: Final = 60
_TIMES: Final = 20
#: how a part's state looks
_TONES: Final = {PartState.UP: "good", PartState.AWAY: "alarm", PartState.NOT_ASKED: ""}


def _show(asked: Asked) -> Answer:
    left = _left(asked.query.get("left", ""))
    found = desk.measure_installation(asked.services, actor=asked.actor)
    return Answer(
        template="operation.html",
        title="Operation",
        context={
            "seen": found.measured,
            "faults": [_told(one) for one in found.faults],
            "alerts": found.alerts,
            "tones": _TONES,
            "zone": asked.services.zone,
            "left": left,
            "every": _EVERY,
        },
        again=(_EVERY, f"{_PATH}?left={left - 1}") if left else None,
    )


def _left(typed: str) -> int:
    """How often the page still asks for itself; a person who opens it begins anew."""
    return int(typed) if typed.isascii() and typed.isdigit() and int(typed[:4]) <= _TIMES else _TIMES


def _show_interfaces(asked: Asked) -> Answer:
    found = desk.try_interfaces(asked.services, actor=asked.actor)
    wrong = [_told(one) for one in found.faults]
    context = {"at": found.at, "tried": found.tried, "faults": wrong, "zone": asked.services.zone}
    return Answer(template="interfaces.html", title="Interfaces tried", context=context)


def _told(fault: Fault) -> dict[str, object]:
    remedy = REMEDIES[fault.code]
    return {"says": fault_sentence(fault), "since": fault.since, "remedy": remedy.says, "page": remedy.page}


DECLARED: Final = (
    Page(path=_PATH, right=Right.OPERATE, show=_show, nav="Operation"),
    Page(path=f"{_PATH}/interfaces", right=Right.OPERATE, show=_show_interfaces),
)
