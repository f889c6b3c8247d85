from __future__ import annotations

from trio_https import RequestOptions


def test_every_option_is_optional() -> None:
    assert RequestOptions.__required_keys__ == frozenset()
    assert {"params", "json", "data", "files", "trailers", "expect"} < RequestOptions.__optional_keys__
