"""Hostile contracts, bounds, and what is wrong with us: each ends where it should and takes nobody along."""

import pytest

from hanchain.ledger.codec import encode
from hanchain.ledger.reasons import Fault, Reason, Rejection
from hanchain.ledger.receipt import Receipt, Status
from storage.errors import Corruption

HOSTILE = """
from contracts.language import Contract, Map, Revert, Value, ctx, export, view


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

    @export
    def refuse(self, code: str) -> None:
        raise Revert(code)

    @view
    def spin(self) -> int:
        while True:
            pass
        return 1
"""

GREEDY = """
from contracts.language import Contract, Event, export


class Greedy(Contract):
    Much = Event(text=str)

    @export
    def report(self, count: int, size: int) -> None:
        for number in range(count):
            self.Much("x" * size)

    @export
    def answer(self, size: int) -> str:
        return "x" * size
"""

pytestmark = pytest.mark.usefixtures("deep")


def _ended(receipt):
    return receipt.status, receipt.reason


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


def test_any_code_of_a_revert_ends_in_a_receipt(network, chain):
    """The code is any text that a contract likes, none at all included: every receipt encodes and decodes."""
    chain.deploy("hostile", HOSTILE)
    for code, reason in (("", "reverted"), ("out_of_gas", "out_of_gas"), ("\x00\n", "\x00\n"), ("汉" * 21, "汉" * 21)):
        receipt = chain.call("hostile", "refuse", code)
        assert (_ended(receipt), type(receipt.reason)) == ((Status.REVERTED, reason), str)
        assert Receipt.decode(receipt.encode(), network.suite) == receipt
    assert _ended(chain.call("hostile", "refuse", "汉" * 22)) == (Status.FAILED, "size")


def test_a_hostile_view(chain):
    """A view that never ends is out of gas, and says so to whoever asked."""
    chain.deploy("hostile", HOSTILE)
    with pytest.raises(Rejection) as refusal:
        chain.view("hostile", "spin")
    assert (refusal.value.reason, refusal.value.detail) == (Reason.OUT_OF_GAS, "more than 50000")


def test_bounds_of_events(chain):
    """Too large an event, too many, and too much of them together end the call; at each bound it goes well."""
    chain.deploy("greedy", GREEDY)
    for count, size, good in [
        (1, 4_092, True),
        (1, 4_093, False),
        (256, 10, True),
        (257, 10, False),
        (32, 4_092, True),
        (33, 4_092, False),
    ]:
        receipt = chain.call("greedy", "report", count, size)
        assert _ended(receipt) == ((Status.OK, "") if good else (Status.FAILED, "size")), (count, size)
        assert len(receipt.events) == (count if good else 0)
        assert len(receipt.encode()) < 512 * 1024


def test_bounds_of_results(chain):
    """A result of 16 KiB fits a receipt and is paid by its bytes, a larger one fails; a view may return more."""
    chain.deploy("greedy", GREEDY)
    good = chain.call("greedy", "answer", 16_381)
    assert (good.status, len(encode(good.return_value))) == (Status.OK, 16_384)
    bad = chain.call("greedy", "answer", 16_382)
    assert (*_ended(bad), bad.message) == (Status.FAILED, "size", "a result of 16385 bytes, at most 16384")
    short = chain.call("greedy", "answer", 1)
    assert good.gas_used - short.gas_used > 16_000


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
