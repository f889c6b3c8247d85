"""Whatever bytes a parser is given, it takes them or refuses them as it says it does."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from functools import cache, partial

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from hypothesis import strategies as st

from fuzz import corpus
from fuzz.budget import fuzzed
from fuzz.mutations import Mutation, mutate, mutated_bytes, mutations
from fuzz.trees import Node, read_der, read_message
from support.authority import KeyKind
from support.identities import client, oid_filters
from support.properties import survives
from support.sessions import session12, session13
from trio_secure import ClientIdentity
from trio_secure import _messages as hello
from trio_secure import _messages12 as m12
from trio_secure import _messages13 as m13
from trio_secure._alerts import Alert, encode_alert
from trio_secure._backend import quiet
from trio_secure._certificate_key import read_key
from trio_secure._client_authentication import wanted13
from trio_secure._codec import Reader, uint16s, vector8, vector16, vector24
from trio_secure._compression import available
from trio_secure._der import read_element
from trio_secure._errors import AlertDescription, TLSError
from trio_secure._extensions import read_extensions, write_extensions
from trio_secure._finite_field import DheParams
from trio_secure._groups import NAMED_GROUPS, NamedGroup
from trio_secure._identity import leaf_key
from trio_secure._messages import Message, encode_message
from trio_secure._names import ServerName
from trio_secure._oid_filters import OIDFilters, extended_key_usage, key_usage
from trio_secure._resumption import max_early_data
from trio_secure._sessions import Session
from trio_secure._signatures import SIGNATURE_SCHEMES, SignatureScheme
from trio_secure._status import check_status_answer, read_ocsp, read_scts
from trio_secure._trace import Tracer
from trio_secure._versions import Version

_few = st.lists(mutations, min_size=1, max_size=4)


def _spoiled(tree: Node, changes: Sequence[Mutation], crude: Sequence[Mutation] = ()) -> bytes:
    """A tree after some changes to its pieces, and then to its bytes."""
    for change in changes:
        mutate(change, tree, corpus.pool())
    data = tree.encode()
    for change in crude:
        data = mutated_bytes(change, data, corpus.pool())
    return data


# Messages


# Not by `__subclasses__`, which also has what `slots=True` has left of each.
_MESSAGES = [
    kind
    for module in (hello, m12, m13)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Message) and not kind.__abstractmethods__
]
# What is written as it is read.
_WRITTEN = (m12.Certificate, m13.KeyUpdate)


def _parse(kind: type[Message], body: bytes) -> None:
    """Parse, and do what follows without any connection: look closer, show it, write it again."""
    if len(body) > kind.max_length:
        return
    message = kind.parse(body)
    kind.admits(body)
    Tracer(str).message("received", message, encode_message(kind.type, body))
    if isinstance(message, _WRITTEN):
        assert message.encode() == encode_message(kind.type, body)
    for look in _CLOSER.get(kind, ()):
        survives(functools.partial(_closer, look, message), body)


def _closer(look: Callable[..., object], message: Message, _body: bytes) -> object:
    return look(message)


def _dhe(message: m12.ServerKeyExchangeDHE) -> None:
    params = DheParams(*(int.from_bytes(number) for number in (message.dh_p, message.dh_g, message.dh_ys)))
    params.check()
    # Any prime will do, and large ones take their time.
    if params.p.bit_length() < 2100:
        params.agree()


def _decompress(message: m13.CompressedCertificate) -> None:
    message.decompress(available())


_CLOSER: dict[type[Message], Sequence[Callable[..., object]]] = {
    m12.ServerKeyExchangeDHE: (_dhe,),
    m13.CertificateRequest: (wanted13,),
    m13.CompressedCertificate: (_decompress,),
    m13.NewSessionTicket: (max_early_data,),
}


@fuzzed(
    st.sampled_from(_MESSAGES), st.sampled_from(range(999)), _few, st.lists(mutations, max_size=2), weight=3
)
def test_every_message_is_parsed_or_refused(
    kind: type[Message], which: int, changes: list[Mutation], crude: list[Mutation]
) -> None:
    candidates = [said for said in corpus.messages() if said.type == kind.type] or corpus.messages()
    said = candidates[which % len(candidates)]
    body = _spoiled(read_message(said.name, said.body), changes, crude)
    survives(partial(_parse, kind), body)


@fuzzed(st.sampled_from(_MESSAGES), st.binary(max_size=200))
def test_every_message_takes_or_refuses_random_bytes(kind: type[Message], body: bytes) -> None:
    survives(partial(_parse, kind), body)


# Parts of messages


def _read_elements(data: bytes) -> None:
    reader = Reader(data, "elements")
    while len(reader):
        element = read_element(reader)
        assert element.whole.endswith(element.content)


def _read_extensions(data: bytes) -> None:
    assert write_extensions(read_extensions(data, "block").items()) == vector16(data)


def _read_alert(data: bytes) -> None:
    alert = Alert.parse(data)
    assert bytes(alert) == data
    for version in (None, *Version):
        alert.passes(version)
    Tracer(str).alert("received", alert)


_PARTS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "alert": (_read_alert, encode_alert(AlertDescription.DECODE_ERROR)),
    "elements": (_read_elements, b"\x30\x03\x02\x01\x07\x06\x00"),
    "extension block": (_read_extensions, write_extensions([(10, b"\0\2\0\x17"), (44, b"\0\1x")])[2:]),
    "key usage": (key_usage, b"\x03\x02\x07\x80"),
    "purposes": (extended_key_usage, b"\x30\x0a\x06\x08\x2b\x06\x01\x05\x05\x07\x03\x02"),
    "filters": (
        OIDFilters.parse,
        oid_filters((b"\x06\x03\x55\x1d\x0f", b"\x03\x02\x07\x80"), (b"\x06\x03\x55\x1d\x25", b"")),
    ),
    "staple": (read_ocsp, b"\x01\0\0\2ab"),
    "status answer": (check_status_answer, b""),
    "timestamps": (read_scts, b"\0\x07\0\1a\0\2bc"),
    "codes": (lambda data: uint16s(data, "codes"), b"\4\3\4\1"),
}


@fuzzed(st.sampled_from(sorted(_PARTS)), st.none() | st.binary(max_size=60), _few)
def test_every_part_is_read_or_refused(name: str, data: bytes | None, changes: list[Mutation]) -> None:
    read, good = _PARTS[name]
    if data is None:
        tree = Node([Node(good)]) if good[:1] != b"\x30" else read_der(good)
        data = _spoiled(tree, changes, changes[1:])
    survives(read, data)


@fuzzed(st.lists(st.tuples(st.sampled_from((1, 2, 3)), st.binary(max_size=255))), st.binary(max_size=9))
def test_vectors_come_back_as_they_were(vectors: list[tuple[int, bytes]], rest: bytes) -> None:
    write = {1: vector8, 2: vector16, 3: vector24}
    reader = Reader(b"".join(write[width](data) for width, data in vectors) + rest, "vectors")
    for width, data in vectors:
        assert {1: reader.vector8, 2: reader.vector16, 3: reader.vector24}[width]() == data
    assert reader.rest() == rest
    reader.finish()


# Keys

_groups = st.sampled_from([group for group in NAMED_GROUPS if not group.name.startswith("ffdhe3")])


@cache
def _share(group: NamedGroup) -> bytes:
    """A share of another's; in answer to a hybrid one a server sends a ciphertext, and anything will do."""
    public = group.fresh().public
    return public if len(public) == group.peer_share else bytes(group.peer_share)


@fuzzed(_groups, st.none() | st.binary(min_size=1, max_size=70), _few)
def test_any_share_is_agreed_on_or_refused(
    group: NamedGroup, data: bytes | None, changes: list[Mutation]
) -> None:
    if data is None:
        data = _spoiled(Node([Node(_share(group))]), changes)
    survives(partial(group.agree, group.fresh()), data)


_KEYS = st.sampled_from((*corpus.KINDS, None))


@fuzzed(
    _KEYS,
    st.sampled_from(SIGNATURE_SCHEMES),
    st.sampled_from(Version),
    st.binary(max_size=70),
    _few,
)
def test_any_signature_is_checked_or_refused(
    kind: KeyKind | None,
    scheme: SignatureScheme,
    version: Version,
    data: bytes,
    changes: list[Mutation],
) -> None:
    key = leaf_key(corpus.leaf(kind).certificate_der)
    try:
        good = scheme.sign(corpus.leaf(kind).key, data)
    except (TypeError, ValueError, AttributeError):
        good = data
    signature = _spoiled(read_der(good), changes)
    survives(lambda _: scheme.verify(key, signature, data, version), b"")


@fuzzed(st.sampled_from(range(99)), _few, st.lists(mutations, max_size=1), weight=2)
def test_the_key_of_any_certificate_is_read_or_refused(
    which: int, changes: list[Mutation], crude: list[Mutation]
) -> None:
    certificates = corpus.certificates()
    der = _spoiled(read_der(certificates[which % len(certificates)]), changes, crude)
    survives(leaf_key.__wrapped__, der)
    try:
        with quiet():
            read_key(x509.load_der_x509_certificate(der))
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm, TLSError):
        return


# What users hand over


@cache
def _sessions() -> tuple[bytes, ...]:
    return tuple(
        session.encode()
        for session in (
            session12(),
            session12(session_id=b"", ticket=b"ticket"),
            session13(),
            session13(alpn=b"h2"),
        )
    )


@fuzzed(st.sampled_from(range(4)), _few)
def test_a_session_is_decoded_or_refused_with_a_value_error(which: int, changes: list[Mutation]) -> None:
    data = _sessions()[which]
    for change in changes:
        data = mutated_bytes(change, data, _sessions())
    try:
        session = Session.decode(data)
    except ValueError:
        return
    again = Session.decode(session.encode())
    assert again == session
    assert session.size > 0


@cache
def _identities() -> tuple[tuple[bytes, bytes], ...]:
    kinds: Sequence[KeyKind] = ("p256", "rsa2048", "ed25519", "mldsa44")
    leaves = [client(kind) for kind in kinds]
    return tuple((leaf.certificate_der, leaf.key_pem) for leaf in leaves)


@fuzzed(st.sampled_from(range(4)), st.booleans(), _few, st.lists(mutations, max_size=1))
def test_an_identity_is_loaded_or_refused_with_a_value_error(
    which: int, in_key: bool, changes: list[Mutation], crude: list[Mutation]
) -> None:
    certificate, key = _identities()[which]
    if in_key:
        key = _spoiled(Node([Node(key)]), changes, crude)
    else:
        certificate = _spoiled(read_der(certificate), changes, crude)
    try:
        identity = ClientIdentity.load(certificate, key)
    except ValueError:
        return
    assert identity.schemes


@fuzzed(st.text(max_size=80) | st.text("a.-:[]%0f1xé", max_size=40))
def test_a_server_name_is_read_or_refused_with_a_value_error(text: str) -> None:
    try:
        name = ServerName.parse(text)
    except ValueError:
        return
    assert ServerName.parse(name.text) == name
