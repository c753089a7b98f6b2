"""Whether tests may use Orthanc here."""

import pytest

from transfer.parts.orthanc import NotInstalled, Orthanc


def _why_not() -> str | None:
    try:
        Orthanc.check()
    except NotInstalled as why:
        return str(why)
    return None


_why = _why_not()
#: skipped by name where there is none: a skip says what is missing
needs_orthanc = pytest.mark.skipif(_why is not None, reason=_why or "")
