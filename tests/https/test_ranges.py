from __future__ import annotations

import pytest

from trio_https._headers import Headers
from trio_https._ranges import ContentRange, content_range, is_same, strong_validator, unsatisfied_range

THEN = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 08:50:37 GMT"
SOON = "Sun, 06 Nov 1994 08:50:36 GMT"


def headers(**fields: str) -> Headers:
    return Headers(
        [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in fields.items()]
    )


@pytest.mark.parametrize(
    ("value", "parsed"),
    [
        ("bytes 0-0/1", ContentRange(0, 0, 1)),
        (" Bytes  5-9/* ", ContentRange(5, 9, None)),
        ("bytes 5-4/10", None),
        ("bytes 5-10/10", None),
        ("bytes */10", None),
        ("items 0-0/1", None),
        ("bytes 0-0", None),
        ("bytes 0-" + "9" * 19 + "/*", None),
        ("", None),
    ],
)
def test_content_range(value: str, parsed: ContentRange | None) -> None:
    assert content_range(headers(content_range=value)) == parsed


def test_what_a_416_says() -> None:
    assert unsatisfied_range(headers(content_range="bytes */10")) == 10
    assert unsatisfied_range(headers(content_range="bytes 0-1/10")) is None
    assert unsatisfied_range(headers()) is None


@pytest.mark.parametrize(
    ("fields", "validator"),
    [
        ({"etag": '"x"'}, '"x"'),
        ({"etag": '""'}, '""'),
        ({"etag": 'W/"x"'}, None),
        ({"etag": "x"}, None),
        ({"etag": '"a b"'}, None),
        ({"etag": 'W/"x"', "last_modified": THEN, "date": LATER}, None),
        ({"last_modified": THEN, "date": LATER}, THEN),
        ({"last_modified": THEN, "date": SOON}, None),
        ({"last_modified": THEN}, None),
        ({"last_modified": "yesterday", "date": LATER}, None),
        ({}, None),
    ],
)
def test_what_proves_that_bytes_belong_together(fields: dict[str, str], validator: str | None) -> None:
    assert strong_validator(headers(**fields)) == validator


@pytest.mark.parametrize(
    ("validator", "fields", "same"),
    [
        ('"x"', {"etag": '"x"'}, True),
        ('"x"', {"etag": '"y"'}, False),
        ('"x"', {"etag": 'W/"x"'}, False),
        ('"x"', {}, False),
        (THEN, {"last_modified": THEN}, True),
        (THEN, {"last_modified": LATER}, False),
        (THEN, {"last_modified": THEN, "etag": '"x"'}, False),
        (THEN, {}, False),
    ],
)
def test_what_is_the_same(validator: str, fields: dict[str, str], same: bool) -> None:
    assert is_same(validator, headers(**fields)) is same
