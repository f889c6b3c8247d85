"""One Set-Cookie field, parsed as RFC 6265 §5.2 has it.

Theory of operation: servers write Set-Cookie in every way there is, so the RFC prescribes how to read anything at
all. What this module gives is what the field says; whether it may be said by that server is for the jar to judge.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ._dates import seconds_of

# RFC 6265bis §5.6: "If the set-cookie-string contains a %x00-08 / %x0A-1F / %x7F character (CTL characters
# excluding HTAB): Abort". The tab is refused too: no cookie file could hold it.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# RFC 6265bis §5.6: "If the cookie-av's attribute-value size exceeds 1024 octets, ignore the cookie-av".
_MOST_ATTRIBUTE = 1024
_DELIMITER = re.compile(r"[\x09\x20-\x2f\x3b-\x40\x5b-\x60\x7b-\x7e]+")
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\D.*)?", re.ASCII | re.DOTALL)
_DAY = re.compile(r"(\d{1,2})(?:\D.*)?", re.ASCII | re.DOTALL)
_MONTH = re.compile(r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec).*", re.IGNORECASE | re.DOTALL)
_YEAR = re.compile(r"(\d{2,4})(?:\D.*)?", re.ASCII | re.DOTALL)
_MAX_AGE = re.compile(r"-?\d+", re.ASCII)


@dataclass(frozen=True, slots=True)
class SetCookie:
    """What one Set-Cookie field says."""

    name: str
    value: str
    expires: float | None
    """Seconds since the epoch, by Max-Age or else by Expires; `None` for the end of the session."""
    domain: str
    """In lower case, without a leading dot; empty if it named none."""
    path: str
    """As it was sent; empty if it named none that begins with "/"."""
    secure: bool
    http_only: bool


def parse_set_cookie(text: str, now: float) -> SetCookie | None:
    """The field's meaning; `None` if it sets nothing.

    Args:
        text: the value of one Set-Cookie field.
        now: seconds since the epoch, for Max-Age.
    """
    if _CONTROL.search(text):
        return None
    pair, *attributes = text.split(";")
    name, equals, value = (part.strip(" ") for part in pair.partition("="))
    # RFC 6265 §5.2: "If the name-value-pair string lacks a %x3D ("=") character, ignore the set-cookie-string
    # entirely" and "If the name string is empty, ignore the set-cookie-string entirely."
    if not equals or not name:
        return None
    found: dict[str, str] = {}
    for attribute in attributes:
        key, _, argument = (part.strip(" ") for part in attribute.partition("="))
        # The last one of a name counts, unless it says nothing that counts.
        if len(argument) <= _MOST_ATTRIBUTE and _counts(key.lower(), argument):
            found[key.lower()] = argument
    return SetCookie(
        name,
        value,
        _expires(found, now),
        found.get("domain", "").removeprefix(".").lower(),
        found.get("path", ""),
        "secure" in found,
        "httponly" in found,
    )


def _counts(key: str, argument: str) -> bool:
    if key == "max-age":
        return _MAX_AGE.fullmatch(argument) is not None
    if key == "expires":
        return cookie_date(argument) is not None
    # RFC 6265 §5.2.3: "If the attribute-value is empty, the behavior is undefined. However, the user agent SHOULD
    # ignore the cookie-av entirely."
    return key != "domain" or bool(argument.removeprefix("."))


def _expires(found: dict[str, str], now: float) -> float | None:
    # RFC 6265 §5.3: Max-Age before Expires.
    if "max-age" in found:
        # Python refuses to read numbers of thousands of digits; whatever is left here is far off.
        age = int(found["max-age"][:20])
        return now + age if age > 0 else 0.0
    return cookie_date(found["expires"]) if "expires" in found else None


def cookie_date(text: str) -> float | None:
    """A date in any of the ways in which servers write it in cookies, by RFC 6265 §5.1.1; `None` if it is none."""
    time = day = month = year = None
    for token in _DELIMITER.split(text):
        if time is None and (found := _TIME.fullmatch(token)):
            time = tuple(int(part) for part in found.groups())
        elif day is None and (found := _DAY.fullmatch(token)):
            day = int(found[1])
        elif month is None and (found := _MONTH.fullmatch(token)):
            month = found[1]
        elif year is None and (found := _YEAR.fullmatch(token)):
            year = int(found[1])
    if time is None or day is None or month is None or year is None:
        return None
    if year < 100:
        year += 1900 if year >= 70 else 2000
    # RFC 6265 §5.1.1: the year is not before 1601, and there are no leap seconds.
    if year < 1601 or time[2] > 59:
        return None
    return seconds_of(year, month, day, *time)
