"""Parts of a representation: validators that can be relied on byte for byte, and Content-Range.

Theory of operation: to go on with a download means to put bytes of two responses together, which is right only if
both are of the same representation, byte for byte. `strong_validator` gives what proves that, or nothing; there is
no weaker way to go on.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ._dates import parse_date
from ._headers import Headers

_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_RANGE = re.compile(r"bytes[ \t]+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.ASCII | re.IGNORECASE)
_UNSATISFIED = re.compile(r"bytes[ \t]+\*/(\d{1,18})", re.ASCII | re.IGNORECASE)
_SECONDS_APART = 60.0


class ContentRange(NamedTuple):
    """Which bytes a partial response holds."""

    first: int
    last: int
    """The last one, inclusive."""
    total: int | None
    """How many there are in all; `None` if the server does not know."""


def content_range(headers: Headers) -> ContentRange | None:
    """What the Content-Range of a 206 response says; `None` if it says nothing that makes sense."""
    found = _RANGE.fullmatch(headers.get("content-range", "").strip())
    if found is None:
        return None
    total = None if found[3] == "*" else int(found[3])
    parsed = ContentRange(int(found[1]), int(found[2]), total)
    # RFC 9110 §14.4: "A Content-Range field value is invalid if it contains a range-resp that has a last-pos value
    # less than its first-pos value, or a complete-length value less than or equal to its last-pos value."
    valid = parsed.first <= parsed.last and (total is None or parsed.last < total)
    return parsed if valid else None


def unsatisfied_range(headers: Headers) -> int | None:
    """How many bytes there are in all by a 416 response; `None` if it does not say."""
    found = _UNSATISFIED.fullmatch(headers.get("content-range", "").strip())
    return int(found[1]) if found else None


def strong_validator(headers: Headers) -> str | None:
    """What goes into If-Range to get more of exactly this representation; `None` if nothing can."""
    tag = headers.get("etag")
    if tag is not None:
        # RFC 9110 §13.1.5: "A client MUST NOT generate an If-Range header field containing an entity tag that is
        # marked as weak", and none with a date when there is an entity tag, weak or not.
        return tag if _STRONG_TAG.fullmatch(tag) else None
    modified = headers.get("last-modified", "").strip()
    then, now = parse_date(modified), parse_date(headers.get("date", ""))
    # RFC 9110 §8.8.2.2 lets a date be strong if the response's own Date is later, by as much as makes it unlikely
    # that two clocks are at work; a minute is what RFC 7232 asked for.
    return modified if then is not None and now is not None and now - then >= _SECONDS_APART else None


def is_same(validator: str, headers: Headers) -> bool:
    """Whether a partial response is of the representation that has this validator."""
    # RFC 9110 §15.3.7: a 206 has the ETag and Last-Modified that a 200 would have. A server that leaves them
    # out, or looks at Range and not at If-Range, is not to be relied on.
    if validator.startswith('"'):
        return headers.get("etag") == validator
    return "etag" not in headers and headers.get("last-modified", "").strip() == validator
