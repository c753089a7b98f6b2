"""What people do with a request, each on a small page of its own that says what follows before it is sent."""

from typing import Final

from transfer.pages.desk.case_acts import appointments, calling, closing, needs, sending, stopping

ACTS: Final = (
    *sending.ACTS,
    *stopping.ACTS,
    *calling.ACTS,
    *appointments.ACTS,
    *needs.ACTS,
    *closing.ACTS,
)
DECLARED: Final = tuple(declared for act in ACTS for declared in act.declared)
