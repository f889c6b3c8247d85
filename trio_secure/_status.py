"""What a server says about its certificate's status: OCSP staples, and signed certificate timestamps.

Theory of operation
-------------------
An OCSP response comes in a structure of its own, CertificateStatus: as an extension of the first certificate in
TLS 1.3, as a message in TLS 1.2 and below. Timestamps come as a list, as an extension of the first certificate or
of the ServerHello. Here both are taken out of what they come in; what is in them is for others to judge: an OCSP
response for `trio_certs`, a timestamp for the user.
"""

from __future__ import annotations

from ._codec import Reader

_OCSP = 1

#: What a client asks for (RFC 6066 §8): an OCSP response, of whichever responder, with no extensions.
STATUS_REQUEST = bytes([_OCSP]) + b"\x00\x00" + b"\x00\x00"

#: The largest CertificateStatus that is read.
MAX_STATUS_LENGTH = 2**17


def read_status(reader: Reader) -> bytes:
    """The OCSP response in the CertificateStatus that `reader` is at, up to its end.

    ::

        struct {
            CertificateStatusType status_type;
            select (status_type) {
                case ocsp: OCSPResponse;
            } response;
        } CertificateStatus;

        opaque OCSPResponse<1..2^24-1>;
    """
    status_type = reader.uint8()
    # RFC 6066 §8: "Only one OCSP response may be sent", and of this type. What another type would be followed by
    # is not known, so that it does not parse.
    if status_type != _OCSP:
        raise reader.malformed(f"the status type {status_type} is not ocsp")
    response = reader.vector24(1)
    reader.finish()
    return response


def read_ocsp(data: bytes) -> bytes:
    """The OCSP response in the extension status_request of a certificate in TLS 1.3.

    RFC 9846 §4.5.1.1 [8446 §4.4.2.1]: "the body of the 'status_request' extension from the server MUST be a
    CertificateStatus structure as defined in RFC 6066".
    """
    return read_status(Reader(data, "status_request of Certificate"))


def check_status_answer(data: bytes) -> None:
    """Check the extension status_request of a ServerHello, in TLS 1.2 and below: it has nothing to say."""
    # RFC 6066 §8: "If a server returns a 'CertificateStatus' message, then the server MUST have included an
    # extension of type 'status_request' with empty 'extension_data' in the extended server hello."
    Reader(data, "status_request of ServerHello").finish()


def read_scts(data: bytes) -> tuple[bytes, ...]:
    """The signed certificate timestamps in the extension signed_certificate_timestamp.

    ::

        opaque SerializedSCT<1..2^16-1>;

        struct {
            SerializedSCT sct_list <1..2^16-1>;
        } SignedCertificateTimestampList;

    RFC 6962 §3.3: "'SerializedSCT' is an opaque byte string that contains the serialized TLS structure", so that
    one of an unknown version can be passed over.
    """
    reader = Reader(data, "signed_certificate_timestamp")
    entries = reader.inner(reader.vector16(1), "sct_list")
    reader.finish()
    found: list[bytes] = []
    while len(entries):
        found.append(entries.vector16(1))
    return tuple(found)
