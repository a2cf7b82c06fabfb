"""The standard contracts: plain contract source, to deploy as it is or to begin one's own from."""

from __future__ import annotations

from importlib.resources import files

NAMES = ("evidence",)


def source(name: str) -> str:
    """Return the source of a standard contract; raise KeyError for a name that is none of ``NAMES``."""
    if name not in NAMES:
        raise KeyError(name)
    return files(__name__).joinpath(f"{name}.py").read_text(encoding="utf-8")
