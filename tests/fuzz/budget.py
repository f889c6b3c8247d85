"""How long fuzzing goes on, and with which random numbers.

Theory of operation: a target is a property over strategies of Hypothesis. With the rest of the tests it is
run a few times on the same examples, so it is quick and tells every time the same. With `FUZZ_SECONDS` set,
the targets share that many seconds by their weights, and each goes through rounds of fresh examples until
its share is used up. A failure is shrunk, and printed with the seed of its round; `FUZZ_SEED` begins there
again.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Generator, Iterator

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

_SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
_SEED = os.environ.get("FUZZ_SEED")
# Enough for a round's first examples, which are always the simplest, to be a small part of it.
_ROUND = 400
# No example takes a tenth of this, in seconds.
_PATIENCE = 30
_SETTINGS = settings(
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    print_blob=False,
)
_weights: list[float] = []


def fuzzed(
    *strategies: SearchStrategy[object], weight: float = 1, quick: int = 20
) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Make a test of a property, which takes a value of each strategy.

    Args:
        strategies: what to generate.
        weight: this target's share of the time.
        quick: how many examples are tried without any time to spend.
    """
    _weights.append(weight)

    def decorate(check: Callable[..., None]) -> Callable[[], None]:
        def test() -> None:
            end = time.monotonic() + _SECONDS * weight / sum(_weights)

            def run(values: tuple[object, ...]) -> None:
                if not _SECONDS:
                    check(*values)
                elif time.monotonic() < end:
                    with _alarm():
                        check(*values)

            examples = _ROUND if _SECONDS else quick
            once = settings(_SETTINGS, max_examples=examples)(given(st.tuples(*strategies))(run))
            for number in _seeds():
                try:
                    seed(number)(once)()
                except BaseException as error:
                    error.add_note(f"FUZZ_SEED={number}")
                    raise
                if time.monotonic() >= end:
                    break

        test.__name__ = test.__qualname__ = check.__name__
        test.__module__ = check.__module__
        return test

    return decorate


@contextlib.contextmanager
def _alarm() -> Generator[None]:
    """Interrupt what does not end, so that it is shrunk like any other failure."""

    def ring(number: int, frame: object) -> None:
        raise TimeoutError(f"not done in {_PATIENCE} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, _PATIENCE)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _seeds() -> Iterator[int]:
    """The seeds of one round after the other."""
    if not _SECONDS:
        yield 0
    # Without a seed every run goes where none has been.
    numbers = random.Random(None if _SEED is None else f"after {_SEED}")  # noqa: S311
    yield int(_SEED or numbers.getrandbits(32))
    while True:
        yield numbers.getrandbits(32)
