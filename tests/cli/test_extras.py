from __future__ import annotations

import pytest

from trio_secure_cli._extras import install_command, is_installed, require
from trio_secure_cli._failure import CommandError


def test_what_is_installed_is_found_without_importing_it() -> None:
    assert is_installed("trio")
    assert not is_installed("no_such_package_anywhere")


def test_what_is_missing_is_named_with_the_command_that_installs_it() -> None:
    require("cli", "trio")
    with pytest.raises(CommandError) as caught:
        require("demo", "trio", "no_such_package", "nor_this_one")
    message = 'this needs no_such_package and nor_this_one: pip install "trio-secure[demo]"'
    assert caught.value.message == message
    assert install_command("demo") in message
