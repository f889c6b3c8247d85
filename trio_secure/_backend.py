"""What this build of `cryptography` can do, and what it says about it.

Theory of operation
-------------------
The wheels of `cryptography` have every algorithm of the tables. A distribution builds it against an OpenSSL of its
own, which may be too old for the newest ones, or against a relative of OpenSSL that has dropped some. A table asks
here before it lists a row, so that what is offered can be done.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning


def supports(load: Callable[[bytes], object], length: int) -> bool:
    """Whether the algorithm is there whose public keys `load` takes; it is tried on `length` zero bytes."""
    try:
        load(bytes(length))
    except UnsupportedAlgorithm:
        return False
    return True


def quiet() -> warnings.catch_warnings[None]:
    """A `with` block without the deprecation warnings of `cryptography`.

    They speak of what the peer chose, or of what an old version of TLS asks for; whoever runs into one has called
    neither and can change neither.
    """
    return warnings.catch_warnings(action="ignore", category=CryptographyDeprecationWarning)
