"""A lock on an open file, that ends with it: when it is closed, or the process that has it open ends.

Theory of operation: `flock` where there is one, since it is held by the open file and not by the process, so that
two tasks of one program exclude each other too; `msvcrt.locking`, on a byte far beyond any content, on Windows.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import msvcrt
    import os

    _FAR = 1 << 62

    def try_lock(descriptor: int) -> bool:
        """Lock the file for this descriptor alone; whether nobody else has."""
        try:
            os.lseek(descriptor, _FAR, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True

else:
    import fcntl

    def try_lock(descriptor: int) -> bool:
        """Lock the file for this descriptor alone; whether nobody else has.

        Raises:
            OSError: its file system has no locks.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
