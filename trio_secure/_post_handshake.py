"""What a server may still say once the handshake is over.

Theory of operation
-------------------
The handshake is a script; what follows is reaction, and small enough for a table: per version, the messages that
may come, each with what it makes the stream do. Anything else is an unexpected_message.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from . import _messages12 as m12
from . import _messages13 as m13
from ._messages import Message
from ._versions import Version


class Reaction(enum.Enum):
    """What the stream does about a message."""

    PASS_OVER = enum.auto()
    UPDATE_KEYS = enum.auto()
    REFUSE_RENEGOTIATION = enum.auto()


Reactions = Mapping[type[Message], Reaction]

_REACTIONS: Mapping[Version, Reactions] = {
    Version.TLS13: {
        # RFC 9846 §4.7.1: "Clients which receive a NewSessionTicket message but do not support resumption MUST
        # silently ignore this message."
        m13.NewSessionTicket: Reaction.PASS_OVER,
        m13.KeyUpdate: Reaction.UPDATE_KEYS,
    },
    Version.TLS12: {
        # RFC 5246 §7.4.1.1: a client that does not wish to renegotiate "may respond with a no_renegotiation
        # alert".
        m12.HelloRequest: Reaction.REFUSE_RENEGOTIATION,
    },
}

#: KeyUpdates and HelloRequests that may come without any application data between them: enough for every honest
#: server, too few to keep a client busy for nothing.
MAX_REACTIONS = 32


def reactions(version: Version) -> Reactions:
    """The messages that may come after a handshake of `version`."""
    return _REACTIONS[version]
