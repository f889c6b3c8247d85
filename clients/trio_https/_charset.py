"""Text out of a body: in which charset, piece by piece, line by line.

Theory of operation: Content-Type names a charset, or does not, and then it is UTF-8, with or without a byte order
mark. Python's incremental decoders keep what a piece leaves unfinished. Lines end in LF, CR or CRLF, and nothing
else: U+2028 and the like, which `str.splitlines` knows, are text.
"""

from __future__ import annotations

import codecs
import io
import re

from ._errors import ResponseTooLarge

# RFC 9110 §8.3.1, as far as the one parameter that matters here.
_CHARSET = re.compile(r';\s*charset\s*=\s*"?([^\s;"]+)', re.IGNORECASE)
# Python's own notations among its codecs. No page is written in them, and the first two take quadratic time.
_NOT_CHARSETS = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}
_UTF8 = "utf-8-sig"


def charset_of(content_type: str) -> str:
    """A codec for text of this type that decodes with the error handler "replace"; UTF-8 for an unknown one."""
    found = _CHARSET.search(content_type)
    if found is None:
        return _UTF8
    try:
        # Raises `LookupError` for codecs from bytes to bytes too, such as "zip".
        b"-".decode(found[1], "replace")
        name = codecs.lookup(found[1]).name
    except (LookupError, UnicodeError):
        return _UTF8
    return _UTF8 if name in _NOT_CHARSETS or name == "utf-8" else name


def decoder_of(content_type: str) -> codecs.IncrementalDecoder:
    """Decodes a body of this type piece by piece; U+FFFD stands for what is no text."""
    return codecs.getincrementaldecoder(charset_of(content_type))("replace")


class Lines:
    """Cuts text into lines as it comes.

    Args:
        content_type: says in which charset it comes.
        most: the most characters in a line.
        what: what error messages call the body.
    """

    def __init__(self, content_type: str, most: int, what: str) -> None:
        # It turns CR and CRLF into LF, wherever the pieces are cut.
        self._decoder = io.IncrementalNewlineDecoder(decoder_of(content_type), translate=True)
        self._most = most
        self._what = what
        self._rest: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> list[str]:
        """The lines that are complete now, without their ends.

        Raises:
            ResponseTooLarge: a line is too long.
        """
        first, *others = self._decoder.decode(data).split("\n")
        self._rest.append(first)
        self._size += len(first)
        self._check(self._size)
        if not others:
            return []
        lines = ["".join(self._rest), *others]
        self._rest = [lines.pop()]
        self._size = len(self._rest[0])
        self._check(max(map(len, others)))
        return lines

    def finish(self) -> list[str]:
        """What is left when the body has ended: a last line without an end, if there is one."""
        lines = ["".join([*self._rest, self._decoder.decode(b"", final=True)])]
        return [line for text in lines if text for line in text.removesuffix("\n").split("\n")]

    def _check(self, size: int) -> None:
        if size > self._most:
            raise ResponseTooLarge(
                f"a line in the body of {self._what} is longer than {self._most} characters (max_line)"
            )
