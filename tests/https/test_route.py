from __future__ import annotations

from support.http_peers import always, ok, peers
from trio_https._route import Route


async def test_routes_of_the_same_name_and_key_are_the_same_way() -> None:
    async with peers(always(ok())) as server:
        assert Route("proxy", transport=server) == Route("proxy")
        assert Route("proxy", key=1) != Route("proxy", key=2)
        assert hash(Route("proxy", transport=server)) == hash(Route("proxy"))
