from __future__ import annotations

import pytest

from trio_wss._deflate import Deflate
from trio_wss._extensions import BadAnswer, agreement, offer

P = "permessage-deflate; "
HINT = Deflate()
NO_HINT = Deflate(client_max_window_bits=None)
SMALL = Deflate(server_max_window_bits=10, client_max_window_bits=9)
ALONE = Deflate(server_no_context_takeover=True, client_no_context_takeover=True)


@pytest.mark.parametrize(
    ("deflate", "value"),
    [
        (HINT, "permessage-deflate; client_max_window_bits"),
        (NO_HINT, "permessage-deflate"),
        (SMALL, "permessage-deflate; server_max_window_bits=10; client_max_window_bits=9"),
        (
            ALONE,
            P + "server_no_context_takeover; client_no_context_takeover; client_max_window_bits",
        ),
        (
            Deflate(server_max_window_bits=15),
            "permessage-deflate; server_max_window_bits=15; client_max_window_bits",
        ),
    ],
)
def test_what_is_offered(deflate: Deflate, value: str) -> None:
    assert offer(deflate) == value


@pytest.mark.parametrize(
    ("offered", "values", "agreed"),
    [
        (HINT, [], None),
        (None, [], None),
        (HINT, ["", " , ,"], None),
        (HINT, ["permessage-deflate"], Deflate(server_max_window_bits=15)),
        (
            HINT,
            ["permessage-deflate; server_max_window_bits=8; client_max_window_bits=12"],
            Deflate(server_max_window_bits=8, client_max_window_bits=12),
        ),
        (
            HINT,
            [" permessage-deflate ;server_no_context_takeover;\tclient_no_context_takeover ,"],
            Deflate(
                server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=15
            ),
        ),
        (HINT, ["", 'permessage-deflate; server_max_window_bits = "10"'], Deflate(server_max_window_bits=10)),
        (NO_HINT, ["permessage-deflate"], Deflate(server_max_window_bits=15)),
        (
            SMALL,
            ["permessage-deflate; server_max_window_bits=9"],
            Deflate(server_max_window_bits=9, client_max_window_bits=9),
        ),
        # What this side offered to do it does, whether the server repeats it or not (RFC 7692 §7.1.1.2).
        (
            ALONE,
            ["permessage-deflate; server_no_context_takeover"],
            Deflate(
                server_no_context_takeover=True, client_no_context_takeover=True, server_max_window_bits=15
            ),
        ),
    ],
)
def test_what_is_agreed_on(offered: Deflate | None, values: list[str], agreed: Deflate | None) -> None:
    assert agreement(values, offered) == agreed


@pytest.mark.parametrize(
    ("offered", "values", "message"),
    [
        (None, ["permessage-deflate"], "'permessage-deflate', which was not offered"),
        (HINT, ["x-webkit-deflate-frame"], "'x-webkit-deflate-frame', which was not offered"),
        (HINT, ["permessage-deflate, x"], "2 extensions, and one was offered"),
        (HINT, ["permessage-deflate", "permessage-deflate"], "2 extensions"),
        (HINT, ["x, permessage-deflate"], "'x', which was not offered"),
        (HINT, ["PERMESSAGE-DEFLATE"], "which was not offered"),
        (HINT, [P + "x"], "unknown parameter"),
        (HINT, [P + "SERVER_NO_CONTEXT_TAKEOVER"], "unknown parameter"),
        (HINT, [P + "server_no_context_takeover; server_no_context_takeover"], "repeats"),
        (HINT, [P + "server_max_window_bits=9; server_max_window_bits=9"], "repeats"),
        (HINT, [P + "server_no_context_takeover=1"], "and it has none"),
        (HINT, [P + "client_no_context_takeover=true"], "and it has none"),
        (HINT, [P + "server_max_window_bits"], "no value from 8 to 15"),
        (HINT, [P + "client_max_window_bits"], "no value from 8 to 15"),
        (HINT, [P + "server_max_window_bits=7"], "no value from 8 to 15"),
        (HINT, [P + "server_max_window_bits=16"], "no value from 8 to 15"),
        (HINT, [P + "server_max_window_bits=09"], "no value from 8 to 15"),
        (HINT, [P + "server_max_window_bits=1e1"], "no value from 8 to 15"),
        (HINT, [P + "server_max_window_bits=-9"], "no value from 8 to 15"),
        (SMALL, [P + "server_max_window_bits=11"], "raises server_max_window_bits to 11, and 10"),
        (SMALL, [P + "server_max_window_bits=9; client_max_window_bits=10"], "raises client_max_window_bits"),
        (SMALL, ["permessage-deflate"], "passes over server_max_window_bits"),
        (ALONE, ["permessage-deflate"], "passes over server_no_context_takeover"),
        (NO_HINT, [P + "client_max_window_bits=15"], "was not offered"),
        (HINT, ["permessage-deflate server_no_context_takeover"], "cannot be parsed"),
        (HINT, [P], "cannot be parsed"),
        (HINT, [P + 'server_max_window_bits="10'], "cannot be parsed"),
        (HINT, [P + 'server_max_window_bits="1 0"'], "cannot be parsed"),
        (HINT, [P + "server_max_window_bits="], "cannot be parsed"),
        (HINT, ["; x"], "cannot be parsed"),
        (HINT, ["é"], "cannot be parsed"),
        (HINT, ["=1"], "cannot be parsed"),
    ],
)
def test_a_bad_answer_is_refused_and_says_why(
    offered: Deflate | None, values: list[str], message: str
) -> None:
    with pytest.raises(BadAnswer, match=message):
        agreement(values, offered)
