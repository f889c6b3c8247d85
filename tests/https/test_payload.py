from __future__ import annotations

from typing import Any  # JSON is whatever it is

import pytest

from trio_https._payload import NOTHING, payload


@pytest.mark.parametrize(
    ("json", "text"), [(None, b"null"), ({"ü": [1, True]}, '{"ü":[1,true]}'.encode()), ("x", b'"x"')]
)
def test_json(json: Any, text: bytes) -> None:
    body, headers = payload(None, json, None, None)
    assert bytes(body.data or b"") == text
    assert headers == [(b"Content-Type", b"application/json")]


def test_json_has_no_such_number() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        payload(None, float("nan"), None, None)


def test_forms() -> None:
    body, headers = payload(None, NOTHING, {"a": "b c"}, None)
    assert bytes(body.data or b"") == b"a=b+c"
    assert headers == [(b"Content-Type", b"application/x-www-form-urlencoded")]
    body, headers = payload(None, NOTHING, {"a": "b"}, {"f": b"x"})
    assert body.data is None
    assert headers[0][1].startswith(b"multipart/form-data; boundary=")


def test_anything_else_is_as_it_is() -> None:
    body, headers = payload(b"x", NOTHING, None, None)
    assert (bytes(body.data or b""), headers) == (b"x", [])


_SEVERAL: list[tuple[Any, str]] = [
    ((b"x", None, None, None), "body and json"),
    ((b"x", NOTHING, {}, None), "body and data or files"),
    ((None, 1, None, {}), "json and data or files"),
]


@pytest.mark.parametrize(("given", "message"), _SEVERAL)
def test_a_request_has_one_body(given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=f"a request has one body, and was given {message}"):
        payload(*given)
