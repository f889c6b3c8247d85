from __future__ import annotations

import pytest
import trio

import trio_https
from trio_https import HTTPError


@pytest.mark.parametrize(
    ("name", "bases"),
    [
        ("InvalidURL", (HTTPError, ValueError)),
        ("InvalidRequest", (HTTPError, ValueError)),
        ("InsecureConnection", (HTTPError,)),
        ("RedirectRefused", (HTTPError,)),
        ("ProxyRefused", (HTTPError,)),
        ("DownloadError", (HTTPError,)),
        ("DownloadBusy", (trio_https.DownloadError,)),
        ("DigestMismatch", (trio_https.DownloadError,)),
        ("ConnectionLost", (HTTPError, trio.BrokenResourceError)),
        ("TruncatedBody", (trio_https.ConnectionLost, trio.BrokenResourceError)),
        ("ProtocolError", (HTTPError,)),
        ("ResponseTooLarge", (HTTPError,)),
        ("TooSlow", (HTTPError, trio.TooSlowError)),
    ],
)
def test_errors_can_be_caught_by_what_they_mean_to_trio(
    name: str, bases: tuple[type[Exception], ...]
) -> None:
    error: type[Exception] = getattr(trio_https, name)
    assert all(issubclass(error, base) for base in bases)
    assert str(error("what happened")) == "what happened"


def test_the_tree_in_the_documentation_is_complete() -> None:
    from trio_https import _errors

    classes = [name for name, value in vars(_errors).items() if isinstance(value, type)]
    assert classes
    for name in classes:
        assert name in (_errors.__doc__ or "")
        assert name in trio_https.__all__


def test_public_names_exist() -> None:
    for name in trio_https.__all__:
        assert hasattr(trio_https, name)
