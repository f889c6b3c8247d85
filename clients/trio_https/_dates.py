"""Dates as HTTP writes them.

Theory of operation: RFC 9110 §5.6.7 names one format to send and two obsolete ones to understand; nothing else is
a date here. What is no date is `None`, since every field that holds one may be ignored when it makes no sense.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_TIME = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_FORMATS = (
    # Sun, 06 Nov 1994 08:49:37 GMT
    re.compile(rf"[A-Z][a-z]{{2}}, (?P<day>\d\d) (?P<month>[A-Z][a-z]{{2}}) (?P<year>\d{{4}}) {_TIME} GMT"),
    # Sunday, 06-Nov-94 08:49:37 GMT
    re.compile(rf"[A-Z][a-z]{{5,8}}, (?P<day>\d\d)-(?P<month>[A-Z][a-z]{{2}})-(?P<year>\d\d) {_TIME} GMT"),
    # Sun Nov  6 08:49:37 1994
    re.compile(rf"[A-Z][a-z]{{2}} (?P<month>[A-Z][a-z]{{2}}) (?P<day>[\d ]\d) {_TIME} (?P<year>\d{{4}})"),
)


def parse_date(text: str, now: float | None = None) -> float | None:
    """Seconds since the epoch; `None` if the text is no date.

    Args:
        text: the value of a field such as Date or Last-Modified.
        now: seconds since the epoch, to which two-digit years are related; the clock's by default.
    """
    for pattern in _FORMATS:
        if found := pattern.fullmatch(text.strip(" \t")):
            year = int(found["year"])
            if len(found["year"]) == 2:
                year = _full_year(year, now)
            return seconds_of(
                year, found["month"], *(int(found[part]) for part in ("day", "hour", "minute", "second"))
            )
    return None


def seconds_of(year: int, month: str, day: int, hour: int, minute: int, second: int) -> float | None:
    """Seconds since the epoch of a moment in UTC, whose month is named; `None` if there is no such moment."""
    try:
        number = _MONTHS.index(month.lower()) + 1
        # A leap second is the first second of the next minute to everybody's clock.
        moment = datetime(year, number, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    return moment.timestamp() + (1 if second == 60 else 0) if second <= 60 else None


def _full_year(year: int, now: float | None) -> int:
    # RFC 9110 §5.6.7: "Recipients of a timestamp value in rfc850-date format, which uses a two-digit year, MUST
    # interpret a timestamp that appears to be more than 50 years in the future as representing the most recent
    # year in the past that had the same last two digits."
    this = (datetime.now(UTC) if now is None else datetime.fromtimestamp(now, UTC)).year
    full = this - this % 100 + year
    return full - 100 if full > this + 50 else full
