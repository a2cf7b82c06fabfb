"""State, events, guards and calls of other contracts: compiled, and run on a local chain."""

import pytest

from contracts.compiler import CompileErrors, Reason, compile_source
from contracts.testing import CallFailed, Event, LocalChain, LocalContract, reverts

SOURCE = """
from contracts.language import (
    CallError, Contract, Event, Map, Record, Revert, Sequence, States, Table, Value, account, contract, ctx, export,
    init, require, to, view,
)

class Part(Record):
    weight: int
    label: str = "none"

class Store(Contract):
    class Box(Record):
        owner: str
        rank: int
        parts: list[Part]

    class Status(States):
        draft = to("issued", "void")
        issued = to("void")
        void = to()

    total = Value(int, default=10)
    note = Value(str | None)
    tags = Value(dict[str, int])
    counts = Map(str, int, default=0)
    shares = Map(tuple[str, bytes], list[int])
    boxes = Table(Box, key=tuple[str, int], index=("owner", ("owner", "rank")), unique="rank")
    status = Map(int, Status, default=Status.draft)
    numbers = Sequence()
    Changed = Event(key=str, before=int, after=int, indexed=("key",))

    def _log(self, key: str) -> str:
        self.total += 1
        return key

    @init
    def begin(self, start: int = 3) -> None:
        self.total = start

    @export
    def add(self, key: str, amount: int) -> int:
        before = self.counts[key]
        self.counts[self._log(key)] += amount
        self.Changed(after=self.counts[key], key=key, before=before)
        return self.total

    @export
    def share(self, key: str, part: bytes, values: list[int]) -> list[int]:
        held = self.shares.get((key, part), [])
        held += values
        self.shares[key, part] = held
        return self.shares[key, part]

    @export
    def drop(self, key: str, part: bytes) -> bool:
        if (key, part) in self.shares:
            del self.shares[key, part]
        return (key, part) not in self.shares

    @export
    def drop_always(self, key: str) -> None:
        del self.counts[key]

    @export
    def get_twice(self, key: str) -> list[int]:
        out = [self.total]
        out.append(self.counts.get(self._log(key), len(self._log("d"))))
        out.append(self.total)
        return out

    @export
    def put(self, name: str, number: int, owner: str, rank: int) -> int:
        self.boxes[name, number] = self.Box(owner, rank, [Part(weight=rank)])
        return self.numbers.next()

    @export
    def relabel(self, name: str, number: int, label: str) -> str:
        box = self.boxes[name, number]
        box.parts[0].label = label
        box.parts.append(Part(0))
        self.boxes[name, number] = box
        return self.boxes[name, number].parts[0].label

    @view
    def page(self, owner: str, cursor: bytes | None, limit: int) -> tuple[list[str], bytes | None]:
        rows, following = self.boxes.rows("owner", (owner,), cursor=cursor, limit=limit)
        return [f"{key[0]}{key[1]}" for key, box in rows], following

    @view
    def ranked(self, owner: str) -> list[int]:
        return [box.rank for key, box in self.boxes.rows(("owner", "rank"), (owner,), descending=True)[0]]

    @view
    def keys(self, name: str) -> list[int]:
        return [key[1] for key, box in self.boxes.rows(prefix=(name,), limit=100)[0]]

    @view
    def box(self, name: str, number: int) -> Box | None:
        return self.boxes.get((name, number))

    @export
    def move(self, number: int, status: Status) -> Status:
        self.status[number] = status
        return self.status[number]

    @export(move=("draft", "issued"))
    def issue(self, number: int, status: Status) -> None:
        self.status[number] = status

    @export(roles=("notary", "judge"), kyc=2)
    def guarded(self) -> str:
        return ctx.sender

    @view
    def context(self) -> tuple[int, int, str, str | None, str | None]:
        return ctx.height, ctx.time_ms, ctx.contract, ctx.caller, ctx.organisation

    @export
    def whoami(self) -> tuple[str, list[str], int, str | None]:
        return ctx.sender, list(ctx.roles), account(ctx.sender).level, ctx.caller

    @view
    def remember(self) -> tuple[str | None, dict[str, int]]:
        return self.note, self.tags

    @export
    def write(self, note: str | None, tags: dict[str, int]) -> None:
        self.note = note
        tags["z"] = 26
        self.tags = tags

    @export
    def fail(self, code: str) -> None:
        self.total = 0
        self.Changed("x", 0, 0)
        raise Revert(code)

    @export
    def burn(self) -> None:
        while True:
            self.total += 1
"""
CALLER = """
from contracts.language import CallError, Contract, Value, contract, export, view

class Caller(Contract):
    last = Value(str, default="")

    @export
    def add(self, name: str, key: str) -> int:
        return contract(name).add(key, 5)

    @export
    def try_fail(self, name: str) -> str:
        try:
            contract(name).fail("E_INNER")
        except CallError as failure:
            self.last = failure.code
        return self.last

    @export
    def try_burn(self, name: str, gas: int) -> str:
        try:
            contract(name, gas=gas).burn()
        except CallError as failure:
            return failure.code
        return ""

    @export
    def ask(self, name: str) -> tuple[str, list[str], int, str | None]:
        sender, roles, level, caller = contract(name).whoami()
        return sender, roles, level, caller
"""


@pytest.fixture
def chain() -> LocalChain:
    """Return a chain with two contracts."""
    chain = LocalChain(height=7)
    alice = chain.account("alice", organisation="court", roles=("judge",), level=2)
    chain.deploy("store", SOURCE, sender=alice)
    chain.deploy("caller", CALLER, sender=alice)
    return chain


@pytest.fixture
def store(chain: LocalChain) -> LocalContract:
    """Return the contract under test."""
    return chain.contracts["store"]


ALICE = b"alice".hex()
BOB = b"bob".hex()


def test_init_runs_with_its_default(store: LocalContract) -> None:
    """A constant default of an exported method is filled in by the client from the ABI."""
    assert store.stored("total") == 3


def test_a_key_is_evaluated_once_and_events_carry_names(chain: LocalChain, store: LocalContract) -> None:
    """``self.counts[f()] += x`` calls f once; keyword arguments of an event come in any order."""
    assert store.call("add", "a", 5, sender=BOB) == 4
    assert store.call("add", "a", 2, sender=BOB) == 5
    assert store.stored("counts", "a") == 7
    assert chain.events == [
        Event("store", "Changed", {"key": "a", "before": 0, "after": 5}),
        Event("store", "Changed", {"key": "a", "before": 5, "after": 7}),
    ]


def test_maps_have_keys_of_several_parts(store: LocalContract) -> None:
    """A tuple key is written with commas, asked by ``in`` and deleted by ``del``."""
    assert store.call("share", "a", b"x", [1], sender=BOB) == [1]
    assert store.call("share", "a", b"x", [2, 3], sender=BOB) == [1, 2, 3]
    assert store.stored("shares", "a", b"x") == [1, 2, 3]
    assert store.call("drop", "a", b"x", sender=BOB) is True
    assert store.stored("shares", "a", b"x") is None
    with pytest.raises(CallFailed) as failed:
        store.call("drop_always", "nobody", sender=BOB)
    assert failed.value.outcome.reason == "key"


def test_the_default_of_get_is_evaluated_after_the_key_and_always(store: LocalContract) -> None:
    """Arguments of ``get`` have their effects as in Python, whether the default is needed or not."""
    store.call("add", "k", 5, sender=BOB)
    assert store.call("get_twice", "k", sender=BOB) == [4, 5, 6]
    assert store.call("get_twice", "none", sender=BOB) == [6, 1, 8]


def test_tables_have_orders_pages_and_unique_fields(store: LocalContract) -> None:
    """Rows come by index, by prefix of the key, in pages and backwards; a unique field refuses a second row."""
    numbers = [
        store.call("put", name, number, owner, rank, sender=BOB)
        for name, number, owner, rank in [("b", 1, "u", 30), ("a", 2, "u", 10), ("a", 1, "u", 20), ("a", 3, "v", 5)]
    ]
    assert numbers == [1, 2, 3, 4]
    first, cursor = store.view("page", "u", None, 2)
    second, end = store.view("page", "u", cursor, 2)
    assert (first, second, end) == (["a1", "a2"], ["b1"], None)
    assert store.view("ranked", "u") == [30, 20, 10]
    assert store.view("keys", "a") == [1, 2, 3]
    with pytest.raises(CallFailed) as failed:
        store.call("put", "c", 1, "w", 30, sender=BOB)
    assert failed.value.outcome.reason == "storage"


def test_what_is_read_is_a_copy_until_it_is_stored(store: LocalContract) -> None:
    """A record changes in state when it is stored, with records inside of records."""
    store.call("put", "a", 1, "u", 10, sender=BOB)
    assert store.call("relabel", "a", 1, "new", sender=BOB) == "new"
    assert store.view("box", "a", 1) == {
        "owner": "u",
        "rank": 10,
        "parts": [{"weight": 10, "label": "new"}, {"weight": 0, "label": "none"}],
    }
    assert store.view("box", "a", 2) is None


def test_state_machines_allow_declared_moves_only(store: LocalContract) -> None:
    """A move that the machine does not have ends the call; a guard narrows what a method may do."""
    assert store.call("move", 1, "issued", sender=BOB) == "issued"
    assert store.stored("status", 1) == "issued"
    with pytest.raises(CallFailed) as failed:
        store.call("move", 1, "draft", sender=BOB)
    assert failed.value.outcome.reason == "storage"
    store.call("issue", 2, "issued", sender=BOB)
    with pytest.raises(CallFailed) as failed:
        store.call("issue", 3, "void", sender=BOB)
    assert failed.value.outcome.reason == "storage"
    with pytest.raises(CallFailed) as failed:
        store.call("move", 4, "lost", sender=BOB)
    assert failed.value.outcome.reason == "bad_arguments"


def test_guards_ask_for_roles_and_levels(chain: LocalChain, store: LocalContract) -> None:
    """A method with roles= and kyc= runs for those who have them."""
    assert store.call("guarded", sender=ALICE) == ALICE
    with reverts("E_ROLE"):
        store.call("guarded", sender=chain.account("bob", roles=("clerk",), level=3))
    with reverts("E_LEVEL"):
        store.call("guarded", sender=chain.account("bob", roles=("notary",), level=1))


def test_the_context_says_who_where_and_when(chain: LocalChain, store: LocalContract) -> None:
    """``ctx`` holds block, sender and caller; roles come from the account, which a contract that calls is not."""
    chain.advance(2, ms=500)
    assert store.view("context") == (9, 1_700_000_000_500, "store", None, None)
    assert store.call("whoami", sender=ALICE) == (ALICE, ["judge"], 2, None)
    assert chain.contracts["caller"].call("ask", "store", sender=ALICE) == ("contract:caller", [], 0, "caller")


def test_values_may_be_none_and_dicts_come_back_sorted(store: LocalContract) -> None:
    """An optional value stores None; a dict has the order of its keys when it is read again."""
    store.call("write", None, {"b": 2, "a": 1}, sender=BOB)
    note, tags = store.view("remember")
    assert (note, list(tags.items())) == (None, [("a", 1), ("b", 2), ("z", 26)])


def test_a_failed_call_leaves_nothing(chain: LocalChain, store: LocalContract) -> None:
    """State and events before a revert are undone, in the contract and in one that it calls."""
    before = dict(chain.host.state)
    with reverts("E_NO"):
        store.call("fail", "E_NO", sender=BOB)
    assert (chain.host.state, chain.events) == (before, [])
    assert chain.contracts["caller"].call("try_fail", "store", sender=BOB) == "E_INNER"
    assert (store.stored("total"), chain.events) == (3, [])


def test_contracts_call_one_another(chain: LocalChain, store: LocalContract) -> None:
    """A result comes back, effects stay, and a call with gas of its own can run out of it alone."""
    caller = chain.contracts["caller"]
    assert caller.call("add", "store", "k", sender=BOB) == 4
    assert store.stored("counts", "k") == 5
    assert caller.call("try_burn", "store", 20_000, sender=BOB) == "out_of_gas"
    assert store.stored("total") == 4


def test_a_changed_source_is_another_program(store: LocalContract) -> None:
    """Whatever is executed is in the program; documentation and comments are not."""
    program = compile_source(SOURCE).program
    assert compile_source(SOURCE + "\n# a comment\n").program == program
    assert compile_source(SOURCE.replace('"E_', '"F_')).program == program  # no such code is in it
    assert compile_source(SOURCE.replace("default=10", "default=11")).program != program


@pytest.mark.parametrize("word", ["policy", "migrate"])
def test_what_this_release_does_not_hold_is_refused(word: str) -> None:
    """A guard that nobody would enforce is an error, not a decoration."""
    decorator = {"policy": '@export(policy="board")', "migrate": "@migrate"}[word]
    source = SOURCE.replace("    @export\n    def burn", f"    {decorator}\n    def burn").replace(
        "init,", "init, migrate,", 1
    )
    with pytest.raises(CompileErrors) as refused:
        compile_source(source)
    assert [error.reason for error in refused.value.errors] == [Reason.NOT_ENFORCED]
