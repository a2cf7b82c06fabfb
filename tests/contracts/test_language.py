"""The language module: contract source imports under Python, and type checkers understand it."""

import subprocess
import sys
from pathlib import Path

import pytest

import contracts
from contracts import language
from contracts.library import NAMES, source

ROOT = Path(__file__).parents[2]

TYPED = """
from contracts.language import Contract, Event, Map, Record, Sequence, States, Table, Value, ctx, export, to, view


class Item(Record):
    owner: str
    size: int = 0


class Example(Contract):
    class Status(States):
        draft = to("done")
        done = to()

    total = Value(int, default=0)
    note = Value(str | None)
    shares = Map(tuple[str, bytes], list[int])
    items = Table(Item, key=bytes, index=("owner",))
    status = Map(int, Status, default=Status.draft)
    numbers = Sequence()
    Done = Event(owner=str, indexed=("owner",))

    @export(roles="clerk")
    def run(self, digest: bytes, number: int) -> Status:
        item = self.items.get(digest)
        if item is None:
            item = Item(ctx.sender, size=number)
        item.size += self.numbers.next()
        self.items[digest] = item
        self.shares[item.owner, digest] = [number]
        self.status[number] = self.Status.done
        self.total += 1
        self.Done(item.owner)
        return self.status[number]

    @view
    def page(self, owner: str, cursor: bytes | None) -> tuple[list[bytes], bytes | None]:
        rows, following = self.items.rows("owner", (owner,), cursor=cursor)
        return [key for key, item in rows if item.size > 0], following
"""
WRONG = {
    "value": ("        self.total += 1", '        self.total = "x"', "assignment"),
    "key": ("        self.shares[item.owner, digest] = [number]", "        self.shares[digest] = [number]", "index"),
    "field": ("        item.size += self", "        item.sise += self", "attr-defined"),
    "record": ("Item(ctx.sender, size=number)", 'Item(ctx.sender, size="x")', "arg-type"),
    "none": ("        if item is None:\n            item = Item(ctx.sender, size=number)\n", "", "union-attr"),
    "state": ("self.Status.done", '"done"', "assignment"),
}


def checked(text: str, directory: Path) -> list[str]:
    """Return what mypy says of a contract's source: the codes of its errors."""
    file = directory / "example.py"
    file.write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(directory.parent / "cache"), str(file)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert answer.returncode in {0, 1}, answer.stdout + answer.stderr
    return [line.rpartition("[")[2].rstrip("]") for line in answer.stdout.splitlines() if ": error:" in line]


def test_a_contract_is_checked_by_its_types(tmp_path: Path) -> None:
    """Right source has no findings; a wrong type of value, key, field or record is found."""
    assert checked(TYPED, tmp_path) == []
    found = {}
    for name, (right, wrong, _) in WRONG.items():
        assert right in TYPED, name
        found[name] = set(checked(TYPED.replace(right, wrong), tmp_path))
    expected = {name: {code} for name, (_, _, code) in WRONG.items()}
    assert {name: found[name] & expected[name] for name in found} == expected


@pytest.mark.parametrize("name", NAMES)
def test_contract_source_imports_under_python(name: str) -> None:
    """A debugger or editor may import a contract: the declarations exist, and nothing happens."""
    names: dict[str, object] = {"__name__": name}
    exec(compile(source(name), name, "exec"), names)
    assert name.capitalize() in names


def test_records_states_and_failures_work_outside_of_a_chain() -> None:
    """What needs no chain does what the machine does."""

    class Part(language.Record):
        weight: int
        label: str = "none"

    class Light(language.States):
        red = language.to("green")
        green = language.to("red")

    assert (Part(1), Part(1) == Part(1, "none")) == (Part(1, label="none"), True)
    assert (Light.red == "red", list(Light)) == (True, ["red", "green"])
    with pytest.raises(language.Revert) as failed:
        language.require([], "E_EMPTY")
    assert failed.value.code == "E_EMPTY"


def test_what_needs_a_chain_says_so() -> None:
    """Calling what only a chain can answer is an error that says what to do."""
    with pytest.raises(RuntimeError, match=r"contracts\.testing\.LocalChain"):
        language.hash(b"")
    with pytest.raises(RuntimeError, match=r"contracts\.testing\.LocalChain"):
        language.Map(str, int)["a"]


def test_type_checkers_are_told_that_contracts_have_types() -> None:
    """Without the marker of PEP 561, mypy ignores an installed package, and every mistake of types in a contract."""
    assert Path(contracts.__file__).with_name("py.typed").is_file()
