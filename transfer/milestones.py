"""What a receiving center is told of a case besides its packets, each once."""

from enum import StrEnum


class Milestone(StrEnum):
    """As a Task's businessStatus (https://hl7.org/fhir/R4/task.html) says it."""

    #: what the center wants before it gives an appointment is there
    ENOUGH_TO_SCHEDULE = "enough-to-schedule"
    #: all glass and blocks that it asks for were counted in
    MATERIAL_RECEIVED = "material-received"
