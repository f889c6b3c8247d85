"""Which algorithms there are, and the silence about the old ones."""

from __future__ import annotations

import warnings

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x448 import X448PublicKey
from cryptography.utils import CryptographyDeprecationWarning

from trio_secure._backend import quiet, supports


def test_an_algorithm_that_is_there() -> None:
    assert supports(X448PublicKey.from_public_bytes, 56)


def test_an_algorithm_that_this_build_does_not_have() -> None:
    seen: list[bytes] = []

    def load(data: bytes) -> object:
        seen.append(data)
        raise UnsupportedAlgorithm("X448 is not supported by this version of OpenSSL")

    assert not supports(load, 4)
    assert seen == [b"\0\0\0\0"]


def test_a_probe_that_is_wrong_itself_is_noticed() -> None:
    with pytest.raises(ValueError, match="448"):
        supports(X448PublicKey.from_public_bytes, 55)


def test_no_warning_of_cryptography_is_seen_and_every_other_one_is() -> None:
    with quiet():
        warnings.warn("old", CryptographyDeprecationWarning, stacklevel=1)
        with pytest.warns(UserWarning, match="something else"):
            warnings.warn("something else", UserWarning, stacklevel=1)
    with pytest.warns(CryptographyDeprecationWarning):
        warnings.warn("old", CryptographyDeprecationWarning, stacklevel=1)
