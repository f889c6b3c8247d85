"""What a hostile server does differently from an honest one.

Theory of operation: a `Plan` is made of numbers that Hypothesis chooses, and of what they mean for the flow
they meet. A server says something else than it ought to (`said`), and signs and hashes what it says, so
that only a parser can find fault with it. Somebody changes its records' contents before they are protected
(`altered`), or what is on its way afterwards (`raw`): then the transcripts differ, and nobody may succeed.
And there is more than it ought to say, or less.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from fuzz.mutations import Mutation, mutations


class Alteration(enum.Enum):
    """What is done to the content of a record, and to the record."""

    CONTENT = "its content is changed"
    TYPE = "it is of another type"
    SPLIT = "it becomes two"
    LATE = "it comes after the next"
    DROP = "it does not come"
    TWICE = "it comes twice"
    EXTRA = "another comes before it"


class Passage(enum.Enum):
    """What is done to bytes on their way."""

    CHANGE = "they are changed"
    DROP = "a record is left out"
    TWICE = "a record comes twice"
    SWAP = "two records change places"
    INSERT = "something is put before a record"
    END = "they are the last"


class Act(enum.Enum):
    """Something more to say."""

    MESSAGE = "a message"
    ALERT = "an alert"
    CHANGE_CIPHER_SPEC = "a change_cipher_spec"
    DATA = "application data"
    EMPTY = "an empty record"
    PLAIN = "a record without protection"
    HELLO_REQUEST = "a HelloRequest"
    KEY_UPDATE = "a KeyUpdate"
    TICKET = "a NewSessionTicket"
    REQUEST = "a CertificateRequest"
    CLOSE = "a close_notify"
    BYTES = "anything"


@dataclass(frozen=True)
class Altered:
    """One record, counted from the first, and what becomes of it."""

    record: int
    what: Alteration
    how: Mutation


@dataclass(frozen=True)
class Passed:
    """One flight, counted from the first, and what becomes of it."""

    flight: int
    what: Passage
    how: Mutation


@dataclass(frozen=True)
class Acted:
    """Something more to say at a step, so many times."""

    step: int
    before: bool
    what: Act
    times: int
    how: Mutation


@dataclass(frozen=True)
class Plan:
    """Everything that is not as it ought to be.

    Attributes:
        said: changes to the messages of steps.
        altered: changes to records before they are protected.
        raw: changes to what is on its way.
        acts: more to say during the handshake.
        then: more to say after it.
        omit: a step to leave out.
        fragment: the most content to put into one record.
        coalesce: whether messages share records.
        cut: after how many bytes the server falls silent.
        trickle: how many bytes the client is given at a time.
    """

    said: Sequence[tuple[int, Sequence[Mutation]]] = ()
    altered: Sequence[Altered] = ()
    raw: Sequence[Passed] = ()
    acts: Sequence[Acted] = ()
    then: Sequence[Acted] = ()
    omit: int | None = None
    fragment: int = 2**14
    coalesce: bool = False
    cut: int | None = None
    trickle: int = 2**18

    @property
    def honest(self) -> bool:
        """Whether a client has nothing to complain about."""
        return self == Plan(fragment=self.fragment, trickle=self.trickle)


_steps = st.integers(0, 9)
_times = st.sampled_from((1, 1, 1, 1, 2, 5, 40))
_acted = st.builds(Acted, _steps, st.booleans(), st.sampled_from(Act), _times, mutations)
_said = st.tuples(_steps, st.lists(mutations, min_size=1, max_size=3))
_altered = st.builds(Altered, st.integers(0, 12), st.sampled_from(Alteration), mutations)
_passed = st.builds(Passed, st.integers(0, 4), st.sampled_from(Passage), mutations)
_fragments = st.sampled_from((2**14, 2**14, 2**14, 1000, 100, 7, 1))
_trickles = st.sampled_from((2**18, 2**18, 1000, 7, 1))
_few = 3

#: Of each plan most is left as it ought to be, so that what is not gets far.
plans = st.one_of(
    st.builds(Plan, said=st.lists(_said, min_size=1, max_size=_few), fragment=_fragments, trickle=_trickles),
    st.builds(Plan, altered=st.lists(_altered, min_size=1, max_size=_few), fragment=_fragments),
    st.builds(
        Plan, raw=st.lists(_passed, min_size=1, max_size=_few), coalesce=st.booleans(), trickle=_trickles
    ),
    st.builds(
        Plan, acts=st.lists(_acted, min_size=1, max_size=_few), coalesce=st.booleans(), fragment=_fragments
    ),
    st.builds(Plan, then=st.lists(_acted, min_size=1, max_size=8), fragment=_fragments, trickle=_trickles),
    st.builds(
        Plan,
        said=st.lists(_said, max_size=2),
        altered=st.lists(_altered, max_size=1),
        raw=st.lists(_passed, max_size=1),
        acts=st.lists(_acted, max_size=2),
        then=st.lists(_acted, max_size=3),
        omit=st.none() | _steps,
        fragment=_fragments,
        coalesce=st.booleans(),
        cut=st.none() | st.integers(0, 4000),
        trickle=_trickles,
    ),
)
