"""The documents, and running the Python in them.

Theory of operation: `run_blocks` takes a page's blocks of Python in their order, in one namespace, as a reader
would type them one after the other. Three things are done that the page does not say:

- `await` works outside of a function, and `trio.run(main)` runs `main` in the event loop that is there.
- A block that only defines coroutine functions is not done with: each is called. Those that go on for ever are
  stopped after a while.
- Names that a page leaves to the reader's imagination, such as a database or a URL, come from a `scenery`: as
  global names, and as arguments of the functions that are called.

A block of `text` directly below one of `python` is what it prints, where `…` stands for anything.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import io
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple  # values of code that is read from a page

import trio

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_OUTPUT = re.compile(r"\s*^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ENDLESS = {"follow", "watch"}
_LONG_ENOUGH = 0.3
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    code: str
    line: int
    output: str | None
    """What it prints, if the page says so."""


def documents() -> list[str]:
    """The names of all pages, from the root of the project."""
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [str(page.relative_to(ROOT)) for page in pages if "_build" not in page.parts]


def blocks(document: str, *languages: str) -> list[Block]:
    """The blocks of a page in some languages, in their order."""
    text = (ROOT / document).read_text("utf-8")
    found: list[Block] = []
    for match in _BLOCK.finditer(text):
        output = _OUTPUT.match(text, match.end())
        line = text.count("\n", 0, match.start(2)) + 1
        found.append(Block(match[1], match[2], line, output[1] if output else None))
    return [block for block in found if block.language in languages]


async def run_blocks(document: str, scenery: Mapping[str, object]) -> None:
    """Run a page's Python."""
    names: dict[str, Any] = {"__name__": "__page__", **scenery}
    for block in blocks(document, "python"):
        # So that a traceback names the page and the line in it.
        padded = "\n" * (block.line - 1) + block.code
        tree = _InTheLoopThatIsThere().visit(ast.parse(padded, document))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            await _execute(compile(ast.fix_missing_locations(tree), document, "exec", _FLAGS), names)
            if not _acts(tree):
                await _call(tree, names, scenery)
        if block.output is not None:
            pattern = re.escape(block.output).replace("…", ".*?")
            assert re.fullmatch(pattern, printed.getvalue(), re.DOTALL), (
                f"{document}:{block.line} printed:\n{printed.getvalue()}"
            )


async def _execute(code: Any, names: dict[str, Any]) -> None:
    done = eval(code, names)  # noqa: S307  # the code is the project's own
    if inspect.isawaitable(done):
        await done


class _InTheLoopThatIsThere(ast.NodeTransformer):
    """`trio.run(main, …)` becomes `await main(…)`."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if ast.unparse(node.func) != "trio.run":
            return node
        return ast.Await(ast.Call(node.args[0], node.args[1:], node.keywords))


def _acts(tree: ast.Module) -> bool:
    """Whether there is an `await`, an `async with` or an `async for` outside of functions."""
    outside: list[ast.AST] = list(tree.body)
    while outside:
        node = outside.pop()
        if isinstance(node, ast.Await | ast.AsyncWith | ast.AsyncFor):
            return True
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            outside += ast.iter_child_nodes(node)
    return False


async def _call(tree: ast.Module, names: dict[str, Any], scenery: Mapping[str, object]) -> None:
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef):
            function = names[node.name]
            wanted = [
                name
                for name, parameter in inspect.signature(function).parameters.items()
                if parameter.default is parameter.empty
            ]
            result = function(*(scenery[name] for name in wanted))
            with trio.move_on_after(_LONG_ENOUGH if node.name in _ENDLESS else math.inf):
                await result


def undefined(document: str, known: Iterable[str]) -> set[str]:
    """Names that a page's Python uses and does not define, apart from those `known`."""
    used: set[str] = set()
    defined = {*known, *dir(builtins), "__name__"}
    for block in blocks(document, "python"):
        for node in ast.walk(ast.parse(block.code)):
            if isinstance(node, ast.Name):
                (defined if isinstance(node.ctx, ast.Store) else used).add(node.id)
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                defined.add(node.name)
            elif isinstance(node, ast.arg):
                defined.add(node.arg)
            elif isinstance(node, ast.alias):
                defined.add((node.asname or node.name).partition(".")[0])
            elif isinstance(node, ast.ExceptHandler) and node.name:
                defined.add(node.name)
    return used - defined
