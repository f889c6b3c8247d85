from __future__ import annotations

from trio_https import Headers, Informational


def test_it_says_what_came() -> None:
    hints = Informational(103, "Early Hints", Headers([(b"Link", b"</x>")]))
    assert (hints.status, hints.reason, hints.headers["link"]) == (103, "Early Hints", "</x>")
    assert "103" in repr(hints)
