from __future__ import annotations

import base64

import pytest

from trio_https._digest_fields import repr_digests

ONE = base64.b64encode(bytes(32)).decode()
TWO = base64.b64encode(bytes(64)).decode()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], {}),
        ([f"sha-256=:{ONE}:"], {"sha-256": bytes(32)}),
        ([f"md5=:AAAA:, sha-256=:{ONE}: ,sha-512=:{TWO}:;q=1"], {"sha-256": bytes(32), "sha-512": bytes(64)}),
        ([f"sha-512=:{TWO}:", f"sha-256=:{ONE}:"], {"sha-256": bytes(32), "sha-512": bytes(64)}),
        ([f"sha-256=:{ONE}:,"], {"sha-256": bytes(32)}),
        ([f"sha-256=:{TWO}:"], {}),
        ([f"sha-256={ONE}"], {}),
        (["sha-256=:AA=A:"], {}),
        ([f"sha-256=:{ONE}:, x"], {}),
    ],
)
def test_digests(values: list[str], found: dict[str, bytes]) -> None:
    assert repr_digests(values) == found
