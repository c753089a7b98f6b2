"""What is wrong with the work, and what to do, for whoever runs the installation."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from transfer.alerts import AlertCode


@dataclass(frozen=True, slots=True)
class AlertWords:
    """What is wrong, with `{about}` and `{amount}` to fill; what to do about it."""

    says: str
    remedy: str


ALERTS: Final[Mapping[AlertCode, AlertWords]] = MappingProxyType(
    {
        AlertCode.SOURCE_SILENT: AlertWords(
            "{about} has answered nothing that it was asked for {amount} minutes",
            "Call its interface team",
        ),
        AlertCode.NOTHING_COMES: AlertWords(
            "{about} sends by itself, and nothing has come for {amount} minutes, longer than it ever pauses",
            "Call its interface team: a queue may stand there",
        ),
        AlertCode.EXCHANGES_FAIL: AlertWords(
            "of the last exchanges with {about}, {amount} % failed",
            "See its requests at the desk, and call its interface team",
        ),
        AlertCode.CASES_OVERDUE: AlertWords(
            "{amount} requests for {about} are not ready, and are needed by tomorrow or were before",
            "See Today at the desk",
        ),
    }
)
