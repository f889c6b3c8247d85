"""How fast, how small, and beside whom: `nox -s bench`, and docs/performance.md, which it writes."""
