"""What people do with a request, each on a small page of its own that says what follows before it is sent."""

from typing import Final

from transfer.pages.desk.case_acts import (
    answering,
    appointments,
    assigning,
    calling,
    closing,
    filing,
    needs,
    sending,
    stopping,
)

ACTS: Final = (
    *sending.ACTS,
    *stopping.ACTS,
    *calling.ACTS,
    *answering.ACTS,
    *appointments.ACTS,
    *needs.ACTS,
    *assigning.ACTS,
    *filing.ACTS,
    *closing.ACTS,
)
DECLARED: Final = (*(declared for act in ACTS for declared in act.declared), *assigning.DECLARED, *filing.DECLARED)
