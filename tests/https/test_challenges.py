from __future__ import annotations

import pytest

from trio_https._challenges import Challenge, parse_challenges


@pytest.mark.parametrize(
    ("values", "challenges"),
    [
        ([], []),
        (["Basic"], [Challenge("basic")]),
        (['Basic realm="a \\"b\\", c"'], [Challenge("basic", {"realm": 'a "b", c'})]),
        (["Negotiate, BASIC Realm = x"], [Challenge("negotiate"), Challenge("basic", {"realm": "x"})]),
        (["Negotiate YWJj==, Basic"], [Challenge("negotiate"), Challenge("basic")]),
        (
            [', Digest realm="r",nonce=n , qop="auth,auth-int",,Basic realm=""', "Bearer"],
            [
                Challenge("digest", {"realm": "r", "nonce": "n", "qop": "auth,auth-int"}),
                Challenge("basic", {"realm": ""}),
                Challenge("bearer"),
            ],
        ),
        (['Digest nonce=a, nonce=b, Basic realm="x"'], [Challenge("basic", {"realm": "x"})]),
        (
            ['Basic realm="x", Digest nonce="unfinished'],
            [Challenge("basic", {"realm": "x"}), Challenge("digest")],
        ),
        (["=", "\u00e4 x", '"Basic"'], []),
    ],
)
def test_challenges(values: list[str], challenges: list[Challenge]) -> None:
    assert parse_challenges(values) == challenges


def test_there_are_at_most_sixteen() -> None:
    assert len(parse_challenges(["Basic, " * 100])) == 16
    assert len(parse_challenges(["Basic"] * 100)) == 16
