"""How the documentation is built: `nox -s docs`.

Theory of operation: pages are Markdown, read by MyST; the reference is made from docstrings. Nothing is fetched,
so it is built without a network. Every warning is an error: a name that a docstring mentions has to be there, and
a link has to lead somewhere.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from contextlib import suppress
from importlib.metadata import version as version_of
from pathlib import Path

from sphinx.application import Sphinx


def _import_for_signatures(package: str) -> None:
    """Import into each module what it imports for type checkers only: signatures are read with these names."""
    for found in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        module = importlib.import_module(found.name)
        path = Path(str(module.__file__))
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
                for line in node.body:
                    # Some names nobody has but type checkers.
                    with suppress(ImportError):
                        exec(compile(ast.Module([line], []), path, "exec"), vars(module))  # noqa: S102 (our own)


for _package in ("trio_certs", "trio_secure", "trio_https", "trio_wss"):
    _import_for_signatures(_package)

project = "trio-secure"
author = "the trio-secure contributors"
project_copyright = author
release = version = version_of("trio-secure")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 4

autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
# One name is one thing: `Manifest` is trio_certs', whichever package hands it out.
add_module_names = False

# A name of ours that nothing defines is an error. Those of others are not looked up, since that takes a network;
# and a type that a private module keeps to itself may stand in a signature.
nitpicky = True
nitpick_ignore_regex = [
    (
        r"py:.*",
        r"(OpenSSL|anyio|httpcore2?|httpx2?|trio_websocket|trustme|websockets)\..*",
    ),
    (
        r"py:.*",
        r"(abc|collections|datetime|enum|os|pathlib|ssl|types|typing|trio|cryptography|h11|wsproto)\..*",
    ),
    (r"py:.*", r"trio_\w+\._.*"),
    (r"py:.*", r"is|T|T_\w+|.*\[.*|.*\]|\.\.\."),
]

# What stands in single backticks in a docstring is code, as in Markdown.
default_role = "code"

html_theme = "furo"
html_title = f"trio-secure {release}"
html_copy_source = False
html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["pages.css"]
# No fonts, scripts or badges from elsewhere: what is built can be read where it lies.
html_theme_options: dict[str, object] = {"navigation_with_keys": True}

# Pages of the repository that are pages here as well, and what they are called here.
_PAGES = {"CHANGELOG.md": "changes", "SECURITY.md": "security", "CONTRIBUTING.md": "contributing"}


def _read_page(_: Sphinx, name: str, source: list[str]) -> None:
    """Take in the pages of the repository, and have links to them lead here."""
    for file, page in _PAGES.items():
        if name == page:
            text = (Path(__file__).parents[1] / file).read_text("utf-8")
            source[0] = re.sub(r"\]\(docs/", "](", text)
    for file, page in _PAGES.items():
        source[0] = re.sub(rf"\]\((?:\.\./)?{re.escape(file)}", f"]({page}.md", source[0])


_as_written: dict[str, list[str]] = {}


def _remember_docstring(
    _: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Keep an attribute's docstring from napoleon, which takes what stands before a colon for its type."""
    if what in {"attribute", "property", "data"} and lines and ":" in lines[0]:
        _as_written[name] = list(lines)


def _restore_docstring(
    _: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Put it back."""
    lines[:] = _as_written.pop(name, lines)


def setup(app: Sphinx) -> None:
    """Add these to the build."""
    app.connect("source-read", _read_page)
    app.connect("autodoc-process-docstring", _remember_docstring, priority=400)
    app.connect("autodoc-process-docstring", _restore_docstring, priority=600)
