"""User contracts in the ledger: receipts of their calls, calls of one another, what they see of the world."""

import pytest

from hanchain.ledger import gas
from hanchain.ledger.messages import sign_message
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Event, Receipt, Status, receipts_root

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
from contracts.language import BlobRef, Contract, Record, Table, account, blob_present, ctx, export, verify


class Teacher(Contract):
    class Row(Record):
        owner: str
        size: int

    rows = Table(Row, key=str, index=("owner",))

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
    def present(self, digest: bytes) -> bool:
        return blob_present(digest)

    @export
    def refer(self, blob: BlobRef) -> bytes:
        return blob

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

pytestmark = pytest.mark.usefixtures("deep")


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


def test_blobs(network, chain):
    """A contract may refer to the blobs that its transaction carries the digests of, and to no others."""
    chain.deploy("teacher", TEACHER)
    digest, other = network.suite.hash(b"content"), network.suite.hash(b"other")
    for method, asked, ended in [
        ("present", digest, (Status.OK, True)),
        ("present", other, (Status.OK, False)),
        ("refer", digest, (Status.OK, digest)),
        ("refer", other, (Status.REJECTED_AT_EXECUTION, None)),
    ]:
        receipt = chain.call("teacher", method, asked, blobs=[digest])
        assert (receipt.status, receipt.return_value) == ended


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
    chain.call("counter", "note", "a", "text")
    assert (chain.view("counter", "now"), chain.view("counter", "noted", "a")) == (3, "text")
    assert _refused(lambda: chain.view("counter", "noted", "b")) == (Reason.FAILED, "key")
    for contract, method, arguments, reason in [
        ("nothing", "now", (), Reason.UNKNOWN_CONTRACT),
        ("counter", "add", (1,), Reason.UNKNOWN_METHOD),
        ("counter", "nothing", (), Reason.UNKNOWN_METHOD),
        ("counter", "now", (1,), Reason.BAD_ARGUMENTS),
        ("counter", "noted", (2**256,), Reason.BAD_ARGUMENTS),
        ("counter", "noted", ([1],), Reason.BAD_ARGUMENTS),
    ]:
        assert _refused(lambda c=contract, m=method, a=arguments: chain.view(c, m, *a))[0] is reason


def test_receipts_of_contracts_are_leaves(network, chain, counter):
    """Receipts with events of contracts encode, decode and stand under the root like any other."""
    chain.deploy("teacher", TEACHER)
    chain.deploy("counter", counter, 1)
    executed = chain.block(
        network.transaction(contract="counter", method="add", arguments=(3,), gas_limit=50_000),
        network.transaction(contract="teacher", method="surroundings", arguments=(), gas_limit=50_000),
    )
    assert executed.header.receipts_root == receipts_root(executed.receipts, network.suite)
    assert [Receipt.decode(data, network.suite) for data in executed.encoded_receipts] == list(executed.receipts)
