"""User contracts in the ledger: what the machine's outcomes become, what calls see, and what nobody can break."""

import pytest

from contracts.thread import in_deep_thread
from hanchain.ledger import gas
from hanchain.ledger.codec import encode
from hanchain.ledger.messages import sign_message
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.ledger.receipt import Event, Receipt, Status, receipts_root
from storage.errors import Corruption

CALLER = """
from contracts.language import CallError, Contract, Event, Value, contract, ctx, export, view


class Caller(Contract):
    calls = Value(int, default=0)
    Told = Event(code=str)

    @export
    def add_twice(self, name: str, amount: int) -> int:
        contract(name).add(amount)
        return contract(name).add(amount)

    @export
    def dare(self, name: str) -> str:
        self.calls = self.calls + 1
        try:
            contract(name).write_and_revert()
        except CallError as error:
            self.Told(error.code)
            return error.code
        return "none"

    @export
    def dare_poor(self, name: str) -> str:
        try:
            contract(name, gas=1_500).write_and_revert()
        except CallError as error:
            return error.code
        return "none"

    @export
    def fail(self, name: str) -> None:
        contract(name).write_and_revert()

    @export
    def again(self) -> None:
        contract("caller").again()

    @view
    def read(self, name: str) -> int:
        return contract(name).now()

    @view
    def called(self) -> int:
        return self.calls
"""

TEACHER = """
from contracts.language import (
    Contract, Event, Map, Record, Table, account, blob_present, contract, ctx, export, verify, view,
)


class Teacher(Contract):
    class Row(Record):
        owner: str
        size: int

    rows = Table(Row, key=str, index=("owner",))
    Much = Event(text=str)
    Deep = Event(value=list[list[list[list[int]]]])

    @export
    def surroundings(self) -> tuple[str, int, int, bytes, bytes, str | None]:
        return (ctx.sender, ctx.height, ctx.time_ms, ctx.tx_id, ctx.chain_id, ctx.organisation)

    @export
    def known(self, name: str) -> bool:
        return account(name).exists

    @export
    def speaks(self, name: str, message: bytes, signature: bytes) -> bool:
        return verify(name, message, signature)

    @export
    def report(self, count: int, size: int) -> None:
        for number in range(count):
            self.Much("x" * size)

    @export
    def answer(self, size: int) -> str:
        return "x" * size

    @export
    def put(self, key: str, size: int) -> None:
        self.rows[key] = self.Row(owner=ctx.sender, size=size)

    @export
    def drop(self, key: str) -> None:
        del self.rows[key]

    @export
    def keys(self) -> list[str]:
        found, following = self.rows.rows(limit=100)
        return [key for key, row in found]

    @export
    def keys_of(self, owner: str) -> list[str]:
        found, following = self.rows.rows("owner", (owner,), limit=100)
        return [key for key, row in found]

    @export
    def keys_back(self, owner: str) -> list[str]:
        found, following = self.rows.rows("owner", (owner,), limit=100, descending=True)
        return [key for key, row in found]
"""

HOSTILE = """
from contracts.language import Contract, Map, Value, ctx, export, view


class Hostile(Contract):
    marks = Map(int, int)

    def deeper(self, number: int) -> int:
        return self.deeper(number + 1)

    @export
    def loop(self) -> None:
        self.marks[1] = 1
        while True:
            pass

    @export
    def bomb(self) -> None:
        text = "x" * 60_000
        found = []
        while True:
            found.append(text + "y")

    @export
    def recurse(self) -> int:
        return self.deeper(0)

    @export
    def nest(self) -> bool:
        value = []
        for number in range(200):
            value = [value]
        return value == [value]

    @export
    def fill(self) -> None:
        number = 0
        while True:
            self.marks[number] = number
            number += 1

    @export
    def divide(self, by: int) -> int:
        return 1 // by

    @export
    def grow(self) -> int:
        number = 3
        while True:
            number = number * number

    @export
    def absent(self) -> int:
        return self.marks[5]

    @view
    def spin(self) -> int:
        while True:
            pass
        return 1
"""


@pytest.fixture(autouse=True)
def _deep(request):
    """Run each test where the machine has to run: on a deep stack."""
    function = request.function
    request.node.obj = lambda **arguments: in_deep_thread(lambda: function(**arguments))


def _ended(receipt):
    return receipt.status, receipt.reason


def _refused(call):
    with pytest.raises(Rejection) as refusal:
        call()
    return refusal.value.reason, refusal.value.detail


def test_a_call(network, chain, counter):
    """Result, event and writes of a call are in its receipt; it pays for look-up, work and result besides itself."""
    chain.deploy("counter", counter, 1)
    made = network.transaction(contract="counter", method="add", arguments=(4,), gas_limit=100_000)
    ran = []
    call = chain.catalogue.machine.call

    class Watched:
        """A machine that notes its outcomes."""

        def call(self, program, **surroundings):
            """Call."""
            ran.append(call(program, **surroundings))
            return ran[-1]

    chain.catalogue.machine = Watched()
    executed = chain.block(made)
    (receipt,) = executed.receipts
    assert receipt == Receipt(
        txid=made.txid,
        height=2,
        index=0,
        status=Status.OK,
        reason="",
        message="",
        gas_used=gas.intrinsic(len(made.encoded), 1) + 60 + 100 + ran[0].gas_used + 1,
        return_value=5,
        events=(Event("counter", "Counted", (network.accounts[0].hex(), 5)),),
        writes_digest=receipt.writes_digest,
    )
    assert [key for key, _ in executed.writes] == [b"\x07counter\x02count\x00"]
    assert Receipt.decode(executed.encoded_receipts[0], network.suite) == receipt


@pytest.mark.parametrize(
    ("method", "arguments", "status", "reason", "message"),
    [
        ("loop", (), Status.OUT_OF_GAS, "out_of_gas", "gas limit 400000"),
        ("fill", (), Status.OUT_OF_GAS, "out_of_gas", "gas limit 400000"),
        ("bomb", (), Status.FAILED, "out_of_memory", ""),
        ("recurse", (), Status.FAILED, "call_depth", ""),
        ("nest", (), Status.FAILED, "data_depth", ""),
        ("divide", (0,), Status.FAILED, "zero_division", ""),
        ("grow", (), Status.FAILED, "overflow", ""),
        ("absent", (), Status.FAILED, "key", ""),
        ("divide", (), Status.REJECTED_AT_EXECUTION, "bad_arguments", None),
        ("divide", (True,), Status.REJECTED_AT_EXECUTION, "bad_arguments", None),
        ("deeper", (1,), Status.REJECTED_AT_EXECUTION, "unknown_method", None),
        ("spin", (), Status.REJECTED_AT_EXECUTION, "view_method", None),
    ],
)
def test_hostile_calls_end_in_receipts(network, chain, counter, method, arguments, status, reason, message):
    """Whatever a contract does, its transaction gets a receipt, leaves nothing, and its neighbours go on."""
    chain.deploy("counter", counter, 0)
    chain.deploy("hostile", HOSTILE)
    add = {"contract": "counter", "method": "add", "arguments": (1,), "gas_limit": 20_000}
    bad = network.transaction(contract="hostile", method=method, arguments=arguments, gas_limit=400_000)
    executed = chain.block(network.transaction(**add), bad, network.transaction(**add))
    first, failed, last = executed.receipts
    assert (first.return_value, last.return_value) == (1, 2)
    assert (_ended(failed), failed.return_value, failed.events) == ((status, reason), None, ())
    assert failed.message == message if message is not None else failed.message.startswith(f"hostile.{method}: ")
    assert (failed.gas_used == 400_000) is (status is Status.OUT_OF_GAS)
    assert failed.writes_digest == network.suite.tagged_hash("hanchain/writes/1", b"\x90")
    assert all(key.startswith(b"\x07counter") for key, _ in executed.writes)


def test_a_revert_leaves_nothing(chain, counter):
    """A contract's own code is the reason of the receipt; what it had written and reported never was."""
    chain.deploy("counter", counter, 1)
    receipt = chain.call("counter", "write_and_revert")
    assert (_ended(receipt), receipt.events) == ((Status.REVERTED, "E_NEVER"), ())
    assert (chain.blocks[-1].writes, chain.view("counter", "now")) == ((), 1)


def test_calls_between_contracts(chain, counter):
    """A call reaches the state and the events of another contract, in the order in which things happened."""
    chain.deploy("counter", counter, 1)
    chain.deploy("caller", CALLER)
    receipt = chain.call("caller", "add_twice", "counter", 5)
    assert (receipt.status, receipt.return_value) == (Status.OK, 11)
    assert [(event.contract, event.fields[1]) for event in receipt.events] == [("counter", 6), ("counter", 11)]
    assert chain.view("caller", "read", "counter") == 11


def test_a_failed_call_is_undone_alone(chain, counter):
    """Who catches the failure of another contract keeps its own writes and events; the other's never were."""
    chain.deploy("counter", counter, 1)
    chain.deploy("caller", CALLER)
    receipt = chain.call("caller", "dare", "counter")
    assert (receipt.status, receipt.return_value) == (Status.OK, "E_NEVER")
    assert receipt.events == (Event("caller", "Told", ("E_NEVER",)),)
    assert (chain.view("counter", "now"), chain.view("caller", "called")) == (1, 1)
    assert chain.call("caller", "dare_poor", "counter").return_value == "E_NEVER"
    uncaught = chain.call("caller", "fail", "counter")
    assert (*_ended(uncaught), uncaught.message) == (Status.FAILED, "call", "E_NEVER")
    assert (uncaught.events, chain.view("counter", "now")) == ((), 1)
    assert chain.call("caller", "again").message == "reentrant"


def test_running_out_of_gas_inside_of_a_call(chain, counter):
    """A stop passes through calls that are open: every level is undone, and the next transaction finds none."""
    chain.deploy("counter", counter, 1)
    chain.deploy("caller", CALLER)
    chain.call("caller", "dare", "counter")  # the first one pays for a new key
    enough = chain.call("caller", "dare", "counter")
    seen = set()
    for limit in range(enough.gas_used - 700, enough.gas_used - 5, 50):
        receipt = chain.call("caller", "dare", "counter", gas_limit=limit)
        seen.add(receipt.status)
        assert (receipt.gas_used, receipt.events, chain.blocks[-1].writes) == (limit, (), ())
    assert seen == {Status.OUT_OF_GAS}
    assert chain.call("counter", "add", 1).return_value == 2


def test_contracts_that_take_no_calls(chain, counter):
    """A name that is not there, a frozen contract and a system contract are unknown to other contracts."""
    chain.deploy("counter", counter, 1)
    chain.deploy("caller", CALLER)
    assert chain.call("caller", "dare", "nothing").return_value == "unknown_contract"
    assert chain.call("caller", "dare", "sys.anchor").return_value == "unknown_contract"
    assert chain.call("caller", "dare", "汉" * 64).return_value == "unknown_contract"
    assert chain.call("caller", "dare", "x" * 60_000).return_value == "unknown_contract"
    chain.call("sys.contracts", "freeze", "counter")
    assert chain.call("caller", "dare", "counter").return_value == "unknown_contract"
    receipt = chain.call("nothing", "add", 1)
    assert (*_ended(receipt), receipt.message) == (
        Status.REJECTED_AT_EXECUTION,
        "unknown_contract",
        "no contract nothing",
    )


def test_what_a_contract_sees(network, chain):
    """The context is that of the transaction and its block; an account is known once it is registered."""
    chain.deploy("teacher", TEACHER)
    receipt = chain.call("teacher", "surroundings")
    header = chain.blocks[-1].header
    account = network.accounts[0].hex()
    assert receipt.return_value == (account, 2, header.timestamp_ms, receipt.txid, network.genesis.chain_id, None)
    assert chain.call("teacher", "known", account).return_value is False
    chain.call("sys.accounts", "register", ((network.suite.id, network.users[0].public_key, 1),), 1)
    assert chain.call("teacher", "known", account).return_value is True
    assert [chain.call("teacher", "known", name).return_value for name in ("", "x", account.upper())] == [False] * 3


def test_signatures_inside_of_contracts(network, chain):
    """A contract tells who signed a message, by the keys of the account at that height."""
    chain.deploy("teacher", TEACHER)
    account, (first, second, _) = network.accounts[0].hex(), network.users

    def speaks(*keys, message=b"pay"):
        signed = sign_message(b"pay", keys, chain_id=network.genesis.chain_id, suite=network.suite)
        return chain.call("teacher", "speaks", account, message, signed, signers=network.users).return_value

    assert (speaks(first), speaks(second), speaks(first, message=b"pay more")) == (True, False, False)
    chain.call("sys.accounts", "register", ((network.suite.id, second.public_key, 1),), 1)
    assert (speaks(first), speaks(second), speaks(first, second)) == (False, True, True)
    assert chain.call("teacher", "speaks", account, b"pay", b"\x90", signers=network.users).return_value is False


def test_bounds_of_events(chain):
    """Too large an event, too many, and too much of them together end the call; at each bound it goes well."""
    chain.deploy("teacher", TEACHER)
    for count, size, good in [
        (1, 4_092, True),
        (1, 4_093, False),
        (256, 10, True),
        (257, 10, False),
        (32, 4_092, True),
        (33, 4_092, False),
    ]:
        receipt = chain.call("teacher", "report", count, size)
        assert _ended(receipt) == ((Status.OK, "") if good else (Status.FAILED, "size")), (count, size)
        assert len(receipt.events) == (count if good else 0)
        assert len(receipt.encode()) < 512 * 1024


def test_bounds_of_results(chain):
    """A result of 16 KiB fits a receipt and is paid by its bytes, a larger one fails; a view may return more."""
    chain.deploy("teacher", TEACHER)
    good = chain.call("teacher", "answer", 16_381)
    assert (good.status, len(encode(good.return_value))) == (Status.OK, 16_384)
    bad = chain.call("teacher", "answer", 16_382)
    assert (*_ended(bad), bad.message) == (Status.FAILED, "size", "a result of 16385 bytes, at most 16384")
    short = chain.call("teacher", "answer", 1)
    assert good.gas_used - short.gas_used > 16_000


def test_rows_across_blocks(network, chain):
    """A table's rows are those of the state and of this block's writes as one: in order, deleted ones gone."""
    chain.deploy("teacher", TEACHER)

    def call(method, *arguments, **changes):
        return network.transaction(contract="teacher", method=method, arguments=arguments, gas_limit=50_000, **changes)

    chain.block(*(call("put", key, 1) for key in ("b", "d", "bb", "a")))
    owner = network.accounts[0].hex()
    receipts = chain.block(
        call("put", "c", 1),
        call("drop", "bb"),
        call("put", "aa", 1, user=1),
        call("put", "aaa", 1),
        call("drop", "aaa"),
        call("keys"),
        call("keys_of", owner),
        call("keys_back", owner),
        call("drop", "zz"),
        call("put", "bb", 2),
        call("keys"),
    ).receipts
    assert receipts[5].return_value == ("a", "aa", "b", "c", "d")
    assert receipts[6].return_value == ("a", "b", "c", "d")
    assert receipts[7].return_value == ("d", "c", "b", "a")
    assert _ended(receipts[8]) == (Status.FAILED, "key")
    assert receipts[10].return_value == ("a", "aa", "b", "bb", "c", "d")
    assert chain.call("teacher", "keys").return_value == ("a", "aa", "b", "bb", "c", "d")


def test_views(chain, counter):
    """A view answers on the last state; why it does not is a reason that programs can tell apart."""
    chain.deploy("counter", counter, 3)
    chain.deploy("hostile", HOSTILE)
    chain.call("counter", "note", "a", "text")
    assert (chain.view("counter", "now"), chain.view("counter", "noted", "a")) == (3, "text")
    assert _refused(lambda: chain.view("counter", "noted", "b")) == (Reason.FAILED, "key")
    assert _refused(lambda: chain.view("hostile", "spin")) == (Reason.OUT_OF_GAS, "more than 50000")
    for contract, method, arguments, reason in [
        ("nothing", "now", (), Reason.UNKNOWN_CONTRACT),
        ("counter", "add", (1,), Reason.UNKNOWN_METHOD),
        ("counter", "nothing", (), Reason.UNKNOWN_METHOD),
        ("counter", "now", (1,), Reason.BAD_ARGUMENTS),
        ("counter", "noted", (2**256,), Reason.BAD_ARGUMENTS),
        ("counter", "noted", ([1],), Reason.BAD_ARGUMENTS),
    ]:
        assert _refused(lambda c=contract, m=method, a=arguments: chain.view(c, m, *a))[0] is reason


@pytest.mark.parametrize(
    "error", [RecursionError("deep"), MemoryError(), AssertionError("ours"), KeyError("ours")], ids=repr
)
def test_what_goes_wrong_inside_of_the_machine_is_a_fault(chain, counter, error):
    """An exception that is no outcome becomes a fault, in a transaction and in a view, and never a receipt."""
    chain.deploy("counter", counter, 1)

    class Broken:
        """A machine with a bug."""

        def call(self, *_, **__):
            """Fail."""
            raise error

    chain.catalogue.machine = Broken()
    for call in (lambda: chain.call("counter", "add", 1), lambda: chain.view("counter", "now")):
        with pytest.raises(Fault, match=rf"the machine failed in counter: {type(error).__name__}") as fault:
            call()
        assert fault.value.__cause__ is error


def test_damaged_state_is_no_outcome(chain, counter):
    """What storage says of its own damage passes through the machine as it is."""
    chain.deploy("counter", counter, 1)
    get = chain.state.get

    def damaged(key):
        if key.endswith(b"count\x00"):
            raise Corruption("state", "a bit")
        return get(key)

    chain.state.get = damaged
    with pytest.raises(Corruption):
        chain.view("counter", "now")


def test_receipts_of_contracts_are_leaves(network, chain):
    """Receipts with events of contracts encode, decode and stand under the root like any other."""
    chain.deploy("teacher", TEACHER)
    executed = chain.block(
        network.transaction(contract="teacher", method="report", arguments=(3, 5), gas_limit=50_000),
        network.transaction(contract="teacher", method="surroundings", arguments=(), gas_limit=50_000),
    )
    assert executed.header.receipts_root == receipts_root(executed.receipts, network.suite)
    assert [Receipt.decode(data, network.suite) for data in executed.encoded_receipts] == list(executed.receipts)
