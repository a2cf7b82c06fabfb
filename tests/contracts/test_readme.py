"""What the package's README shows is true."""

import re
from pathlib import Path

import pytest

from contracts.compiler import compile_source
from contracts.compiler.vocabulary import BUILTINS, CONTEXT, LIBRARY, METHODS

README = (Path(__file__).parents[2] / "contracts" / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_contracts_in_the_readme_compile_without_warnings() -> None:
    """Both contracts of the README are contracts."""
    sources = [block for block in BLOCKS if "(Contract):" in block]
    assert [compile_source(source).warnings for source in sources] == [(), ()]


def test_the_session_of_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first contract and the session below it are what they say."""
    (tmp_path / "guestbook.py").write_text(BLOCKS[0], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert "LocalChain()" in BLOCKS[1]
    exec(compile(BLOCKS[1], "session", "exec"), {})


def test_the_readme_lists_every_name_of_the_language() -> None:
    """Functions, methods and context are all there."""
    names = [*BUILTINS, *LIBRARY, *METHODS, *CONTEXT]
    assert [name for name in names if not re.search(rf"\b{name}\b", README)] == []
