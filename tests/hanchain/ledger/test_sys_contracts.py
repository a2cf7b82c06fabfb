"""``sys.contracts``: names, versions and owners of programs, and what a deployment may cost whom."""

import dataclasses

import pytest

from contracts.compiler import compile_source
from hanchain.ledger import gas
from hanchain.ledger.catalogue import weight_of
from hanchain.ledger.cells import cell_key
from hanchain.ledger.codec import decode
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.ledger.receipt import Event, Status
from hanchain.ledger.state import state_key


def _ended(receipt):
    return receipt.status, receipt.reason


def _refused(call):
    with pytest.raises(Rejection) as refusal:
        call()
    return refusal.value.reason, refusal.value.detail.split(":")[0]


def _hash(network, what, data):
    return network.suite.tagged_hash(f"hanchain/{what}/1", data)


def _deploy(network, name, source, *arguments, **changes):
    made = compile_source(source)
    return network.transaction(
        **{
            "contract": "sys.contracts",
            "method": "deploy",
            "arguments": (name, made.program, made.abi, source.encode(), arguments),
            "gas_limit": 2_000_000,
            **changes,
        }
    )


def _upgrade(chain, name, source, **changes):
    made = compile_source(source)
    return chain.call("sys.contracts", "upgrade", name, made.program, made.abi, source.encode(), **changes)


def test_a_deployment(network, chain, counter):
    """A deployed contract has its record, program and ABI, has run its initialisation, and is owned by the sender."""
    made, owner = compile_source(counter), network.accounts[0]
    receipt = chain.deploy("counter", counter, 7)
    code = _hash(network, "program", made.program)
    assert (receipt.status, receipt.return_value) == (Status.OK, None)
    assert receipt.events == (
        Event("sys.contracts", "Deployed", ("counter", owner, 1, code)),
        Event("counter", "Counted", ("", 7)),
    )
    program = chain.catalogue.get(code)
    record = (
        owner,
        1,
        code,
        _hash(network, "abi", made.abi),
        _hash(network, "source", counter.encode()),
        program.nodes + len(made.program) // 8,
        1,
        "active",
    )
    assert chain.view("sys.contracts", "get", "counter") == list(record)
    assert chain.view("sys.contracts", "program", "counter") == made.program
    assert chain.view("sys.contracts", "abi", "counter") == made.abi
    stored = chain.state.get(state_key("sys.contracts", cell_key("contract", ["counter"])))
    assert decode(stored, max_bytes=1_000, max_items=10) == record
    assert chain.view("counter", "now") == 7


@pytest.mark.parametrize("name", ["", "ab", "1ab", "_ab", "Abc", "a.b", "a-b", "sys.abc", "a" * 33, "日本語", "abc\n"])
def test_names_that_are_none(chain, counter, name):
    """A name is three to thirty-two of a-z, 0-9 and _, and begins with a letter."""
    assert _ended(chain.deploy(name, counter, 1)) == (Status.REVERTED, "E_NAME")


@pytest.mark.parametrize("name", ["abc", "a1_", "a" * 32])
def test_names(chain, counter, name):
    """Names at the edges of the rule are names."""
    assert chain.deploy(name, counter, 1).status is Status.OK


def test_a_name_is_taken_once(network, chain, counter):
    """The second deployment under a name reverts, whoever sends it, also within one block."""
    again = _deploy(network, "counter", counter, 2, user=1)
    first, second = chain.block(_deploy(network, "counter", counter, 1), again).receipts
    assert (first.status, _ended(second)) == (Status.OK, (Status.REVERTED, "E_EXISTS"))
    assert chain.view("counter", "now") == 1


def test_programs_that_are_none(chain, counter):
    """Bytes outside the grammar are refused with one reason; nothing about them reaches the receipt but that."""
    made = compile_source(counter)
    for program in (
        b"",
        b"\xc0",
        b"\x97\x01\x90\x90\x90\x90\x90",
        made.program[:-1],
        made.program + b"\x00",
        bytes(99),
    ):
        receipt = chain.call("sys.contracts", "deploy", "counter", program, b"{}", b"", ())
        assert (*_ended(receipt), receipt.message) == (Status.REVERTED, "E_PROGRAM", "bad_program")
    large = chain.call("sys.contracts", "deploy", "counter", made.program, b"x" * 65_537, b"", ())
    assert _ended(large) == (Status.REVERTED, "E_ABI")
    assert _refused(lambda: chain.view("sys.contracts", "get", "counter")) == (Reason.REVERTED, "E_UNKNOWN")


def test_a_failing_initialisation_leaves_nothing(network, chain, counter):
    """When the initialisation reverts, fails or takes other arguments, name, program and nodes are as before."""
    cases = [((-1,), (Status.REVERTED, "E_START")), (("x",), (Status.REJECTED_AT_EXECUTION, "bad_arguments"))]
    cases += [((), (Status.REJECTED_AT_EXECUTION, "bad_arguments"))]
    for arguments, ended in cases:
        receipt = chain.deploy("counter", counter, *arguments)
        assert (_ended(receipt), receipt.events) == (ended, ())
        assert chain.blocks[-1].writes == ()
    assert chain.deploy("counter", counter, 0).status is Status.OK


def test_a_deployment_pays_for_its_nodes_before_they_are_translated(network, chain, counter):
    """With gas for all nodes but one nothing is translated in full; with gas for all of them it is."""
    receipt = chain.deploy("counter", counter, 1)
    loaded = []
    load = chain.catalogue.machine.load

    class Watched:
        """A machine that notes what it loads in full."""

        def load(self, code, **bounds):
            """Load."""
            program = load(code, **bounds)
            loaded.append(program.nodes)
            return program

    chain.catalogue.machine = Watched()
    transaction = _deploy(network, "another", counter, 1, gas_limit=10_000)
    code = compile_source(counter).program
    nodes = chain.catalogue.get(_hash(network, "program", code)).nodes
    # The transaction, the reads of account and name, the deployment and the program's bytes come before.
    before = gas.intrinsic(len(transaction.encoded), 1) + 60 + 60 + 2_000 + 8 * len(code)
    for limit, count in ((before + 40 * nodes - 1, 0), (before + 40 * nodes, 1)):
        poor = chain.block(_deploy(network, "another", counter, 1, gas_limit=limit)).receipts[0]
        assert _ended(poor) == (Status.OUT_OF_GAS, "out_of_gas")
        assert poor.gas_used == limit
        assert loaded == [nodes] * count
    assert receipt.gas_used > before + 40 * nodes


def test_capacity(network, chain, counter):
    """Programs beyond what validators keep are refused; an upgrade to less makes room, if only for as much."""
    made = compile_source(counter)
    chain.deploy("first", counter, 1)
    weight = weight_of(chain.catalogue.get(_hash(network, "program", made.program)))
    parameters = dataclasses.replace(chain.rules.parameters)
    object.__setattr__(parameters, "max_program_weight", 2 * weight)  # less than a network may have
    chain.rules = dataclasses.replace(chain.rules, parameters=parameters)
    assert chain.deploy("second", counter, 1).status is Status.OK
    assert _ended(chain.deploy("third", counter, 1)) == (Status.REVERTED, "E_CAPACITY")
    revert = counter[counter.index("    @export\n    def write_and_revert") : counter.index("    @view\n    def now")]
    less = counter.replace(revert, "").replace("Revert, ", "")
    assert _upgrade(chain, "first", less).status is Status.OK
    assert _ended(chain.deploy("third", counter, 1)) == (Status.REVERTED, "E_CAPACITY")
    assert chain.deploy("third", less, 1).status is Status.REVERTED
    tiny = "from contracts.language import Contract, view\n\n\nclass Tiny(Contract):\n"
    tiny += "    @view\n    def one(self) -> int:\n        return 1\n"
    assert chain.deploy("tiny", tiny).status is Status.OK


def test_an_upgrade_keeps_the_state(network, chain, counter):
    """The owner's next version finds the state where the last one left it, under the same name."""
    chain.deploy("counter", counter, 1)
    chain.call("counter", "add", 4)
    second = counter.replace("self.count + amount", "self.count + 10 * amount")
    receipt = _upgrade(chain, "counter", second)
    code = _hash(network, "program", compile_source(second).program)
    assert receipt.events == (Event("sys.contracts", "Upgraded", ("counter", 2, code)),)
    owner, version, code_hash, _, source_hash, _, height, status = chain.view("sys.contracts", "get", "counter")
    assert (owner, version, code_hash, height, status) == (network.accounts[0], 2, code, 3, "active")
    assert source_hash == _hash(network, "source", second.encode())
    assert chain.call("counter", "add", 1).return_value == 15
    third = second.replace("notes = Map(str, str)", "notes = Map(str, str)\n    more = Map(int, int)")
    assert _upgrade(chain, "counter", third).status is Status.OK
    assert chain.view("counter", "now") == 15


def test_upgrades_that_are_refused(chain, counter):
    """Another sender, a cell gone, moved or of another type, and no such contract: the program stays what it was."""
    chain.deploy("counter", counter, 1)
    cases = [
        counter.replace(
            "count = Value(int, default=0)\n    notes = Map(str, str)",
            "notes = Map(str, str)\n    count = Value(int, default=0)",
        ),
        counter.replace("notes = Map(str, str)", "notes = Map(str, bytes)")
        .replace("text: str", "text: bytes")
        .replace("def noted(self, key: str) -> str", "def noted(self, key: str) -> bytes"),
        counter.replace("Value(int, default=0)", "Value(int, default=1)"),
    ]
    for source in cases:
        assert source != counter
        assert _ended(_upgrade(chain, "counter", source)) == (Status.REVERTED, "E_LAYOUT")
    assert _ended(_upgrade(chain, "counter", counter, user=1)) == (Status.REVERTED, "E_OWNER")
    assert _ended(_upgrade(chain, "nothing", counter)) == (Status.REVERTED, "E_UNKNOWN")
    bad = chain.call("sys.contracts", "upgrade", "counter", b"\xc0", b"{}", b"")
    assert _ended(bad) == (Status.REVERTED, "E_PROGRAM")
    assert chain.view("sys.contracts", "get", "counter")[1] == 1


def test_freezing(chain, counter):
    """A frozen contract takes no transaction until its owner unfreezes it; views still answer."""
    chain.deploy("counter", counter, 1)
    assert _ended(chain.call("sys.contracts", "freeze", "counter", user=1)) == (Status.REVERTED, "E_OWNER")
    assert _ended(chain.call("sys.contracts", "unfreeze", "counter")) == (Status.REVERTED, "E_STATUS")
    frozen = chain.call("sys.contracts", "freeze", "counter")
    assert frozen.events == (Event("sys.contracts", "Frozen", ("counter",)),)
    refused = chain.call("counter", "add", 1)
    assert (*_ended(refused), refused.message) == (
        Status.REJECTED_AT_EXECUTION,
        "contract_frozen",
        "counter is frozen by its owner",
    )
    assert (chain.view("counter", "now"), chain.view("sys.contracts", "get", "counter")[7]) == (1, "frozen")
    assert _ended(chain.call("sys.contracts", "freeze", "counter")) == (Status.REVERTED, "E_STATUS")
    assert chain.call("sys.contracts", "unfreeze", "counter").status is Status.OK
    assert chain.call("counter", "add", 1).return_value == 2


def test_names_are_listed_by_pages(chain, network, counter):
    """Names come in their order, at most as many as asked for, and the cursor goes on where the page ended."""
    names = [f"counter{number}" for number in range(5)]
    chain.block(*(_deploy(network, name, counter, 1) for name in names[::-1]))
    assert chain.view("sys.contracts", "names", "", 5) == [names, None]
    assert chain.view("sys.contracts", "names", "", 2) == [names[:2], "counter1"]
    assert chain.view("sys.contracts", "names", "counter1", 2) == [names[2:4], "counter3"]
    assert chain.view("sys.contracts", "names", "counter3", 2) == [names[4:], None]
    assert chain.view("sys.contracts", "names", "z", 256) == [[], None]
    for limit in (0, -1, 257):
        assert _refused(lambda limit=limit: chain.view("sys.contracts", "names", "", limit)) == (
            Reason.REVERTED,
            "E_LIMIT",
        )


def test_views_of_what_is_not_there(chain):
    """Names that do not or cannot exist are unknown to every view."""
    for name in ("nothing", "", "sys.anchor", "x" * 400):
        for method in ("get", "abi", "program"):
            assert _refused(lambda m=method, n=name: chain.view("sys.contracts", m, n)) == (
                Reason.REVERTED,
                "E_UNKNOWN",
            )
