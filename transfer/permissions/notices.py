"""What people are told of a release form that is in force."""

from enum import StrEnum


class PermissionNotice(StrEnum):
    """Nothing is wrong yet, and somebody has to do something."""

    #: it expires within 14 days (`RENEWAL`), and no other form takes over
    RENEWAL_DUE = "renewal-due"
