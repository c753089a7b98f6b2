"""Times as a source writes them: its own day and clock, never another's."""

import re
from datetime import date
from typing import Final

#: HL7 v3 TS and HL7 v2 DTM: YYYY[MM[DD[HH[MM[SS[.S…]]]]]][+/-ZZZZ]
_TIME: Final = re.compile(r"(\d{4})(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:(\d\d)(?:\.\d{1,6})?)?)?)?)?)?([+-]\d{4})?")


def written_time(value: str) -> str:
    """A time for people, with the offset it is written with; as it stands where it is none.

    HL7 Version 3 abstract data types, point in time (https://www.hl7.org/documentcenter/public/standards/V3/).
    """
    found = _TIME.fullmatch(value.strip())
    if not found:
        return value.strip()
    year, month, day, hour, minute, _, offset = found.groups()
    try:
        first = date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return value.strip()
    if not month:
        return year
    if not day:
        return f"{first:%b %Y}"
    if not hour or int(hour) > 23 or int(minute or 0) > 59:
        return f"{first:%d %b %Y}"
    zone = f" (UTC{offset[:3]}:{offset[3:]})" if offset else ""
    # midnight to the minute is how many write a day
    if int(hour) == 0 and int(minute or 0) == 0:
        return f"{first:%d %b %Y}{zone if zone and minute else ''}"
    return f"{first:%d %b %Y}, {hour}:{minute or '00'}{zone}"
