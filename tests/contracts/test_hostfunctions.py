"""Functions that hash or ask the host: results, prices, what never reaches the host."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import pytest

from contracts.codec import encode
from contracts.functions import FUNCTIONS
from contracts.host import Account
from contracts.memory import MemoryHost
from contracts.values import Record, Shape

NAMES = {function.name: function for function in FUNCTIONS}


def toy_hash(data: bytes) -> bytes:
    """Return a digest of a length that no suite has."""
    return hashlib.blake2b(data, digest_size=28).digest()


@dataclass
class VerifyingHost(MemoryHost):
    """A host that accepts one signature and remembers what it was asked."""

    asked: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def verify(self, account: str, message: bytes, signature: bytes, /) -> bool:
        self.asked.append((account, message, signature))
        return message == b"good"


def call(meter: Any, name: str, *arguments: Any, **options: Any) -> Any:
    """Call a function as the machine would."""
    function = NAMES[name]
    assert len(arguments) in function.arities
    return meter.run(lambda runtime: function.call(runtime, list(arguments)), **options)


def naive_root(leaves: list[bytes]) -> bytes:
    """Return the Merkle tree hash of RFC 6962, section 2.1, as it is defined there."""
    if len(leaves) == 1:
        return toy_hash(b"\x00" + leaves[0])
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    return toy_hash(b"\x01" + naive_root(leaves[:middle]) + naive_root(leaves[middle:]))


def naive_path(leaves: list[bytes], index: int) -> list[bytes]:
    """Return the audit path of RFC 6962, section 2.1.1, as it is defined there."""
    if len(leaves) == 1:
        return []
    middle = 1 << (len(leaves) - 1).bit_length() - 1
    if index < middle:
        return [*naive_path(leaves[:middle], index), naive_root(leaves[middle:])]
    return [*naive_path(leaves[middle:], index - middle), naive_root(leaves[:middle])]


@pytest.mark.parametrize("length", [0, 63, 64, 65_536])
def test_hash_is_the_suites(meter: Any, length: int) -> None:
    """hash() asks the host for the digest, whatever its length, at 40 + n >> 6."""
    meter.host = MemoryHost(hash_function=toy_hash)
    ran = call(meter, "hash", bytes(length))
    assert (ran.value, ran.gas, ran.memory_bytes) == (toy_hash(bytes(length)), 40 + (length >> 6), 64 + 28)
    assert call(meter, "hash", "text").end == "type"


class TestDigest:
    """digest(v)."""

    def test_it_is_the_hash_of_the_canonical_bytes(self, meter: Any) -> None:
        """Sequences and records encode as sequences, a dict as pairs; 2 for each element, 4 a container, 12 a dict."""
        shape = Shape("Pair", ("a", "b"), {"a": 0, "b": 1}, (), ())
        values: list[tuple[Any, Any, int]] = [
            (None, None, 0),
            (7, 7, 0),
            ("text", "text", 0),
            ([1, (2, "x")], [1, [2, "x"]], 2 * 4 + 2 * 4),
            (Record(shape, [1, b"k"]), [1, b"k"], 4 + 2 * 2),
            ({"b": 1, b"a": 2, "a": [3]}, [["a", [3]], ["b", 1], [b"a", 2]], 12 + 4 + 2 * 7),
        ]
        for value, wire, walk in values:
            ran = call(meter, "digest", value)
            data = encode(wire)
            assert (ran.value, ran.gas) == (hashlib.sha256(data).digest(), walk + 40 + (len(data) >> 6)), value

    def test_large_values_are_refused_before_they_exist(self, meter: Any) -> None:
        """More than 64 KiB is ``size``, also where one text is there many times and nothing else is large."""
        text = "a" * 65_000
        assert [
            call(meter, "digest", text).end,
            call(meter, "digest", [text, "b" * 600]).end,
            call(meter, "digest", [text] * 16_384).end,
            call(meter, "digest", [[0] * 16_384] * 16_384).end,
            call(meter, "digest", "汉" * 30_000).end,
        ] == ["ok", "size", "size", "size", "size"]

    def test_what_has_no_bytes(self, meter: Any) -> None:
        """A range is no value to store; a list of itself ends at the depth of data."""
        own: list[Any] = []
        own.append(own)
        assert [call(meter, "digest", range(3)).end, call(meter, "digest", own).end] == ["type", "data_depth"]


class TestMerkle:
    """merkle_verify(root, leaf, index, size, path)."""

    def test_it_agrees_with_the_definition(self, meter: Any) -> None:
        """Every leaf of every tree up to 20 leaves is at its index and at no other, at 20 + 45 a step."""
        meter.host = MemoryHost(hash_function=toy_hash)
        for size in range(1, 21):
            leaves = [bytes((number,)) * 3 for number in range(size)]
            root = naive_root(leaves)
            for index in range(size):
                path = naive_path(leaves, index)
                found = [
                    place
                    for place in range(-1, size + 2)
                    if call(meter, "merkle_verify", root, leaves[index], place, size, path).value
                ]
                gas = call(meter, "merkle_verify", root, leaves[index], index, size, path).gas
                assert (found, gas) == ([index], 20 + 45 * len(path)), (size, index)

    def test_what_does_not_fit_is_false(self, meter: Any) -> None:
        """A shorter, longer or altered path, another leaf, an inner node as a leaf, sizes and indices out of range."""
        meter.host = MemoryHost(hash_function=toy_hash)
        leaves = [b"a", b"b", b"c", b"d", b"e"]
        root, path = naive_root(leaves), naive_path(leaves, 1)
        inner = naive_root(leaves[:2])
        wrong: list[tuple[Any, ...]] = [
            (root, b"b", 1, 5, path[:-1]),
            (root, b"b", 1, 5, [*path, path[0]]),
            (root, b"b", 1, 5, [path[1], path[0], path[2]]),
            (root, b"b", 1, 5, [path[0] + b"\x00", *path[1:]]),
            (root, b"x", 1, 5, path),
            (root, inner, 0, 5, path[1:]),
            (root[:-1], b"b", 1, 5, path),
            (b"", b"b", 1, 5, path),
            (root, b"b", 1, 1, path),
            (root, b"b", 1, 0, path),
            (root, b"b", -1, 5, path),
            (root, b"b", 5, 5, path),
            (root, b"b", 2**200, 2**201, path),
            (root, b"b", 1, 2**255 - 1, path),
            (toy_hash(b"\x01" + path[0] + toy_hash(b"\x00b")), b"b", 2**64, 2**64 + 1, path[:1]),
        ]
        assert [call(meter, "merkle_verify", *one).value for one in wrong] == [False] * len(wrong)
        assert call(meter, "merkle_verify", root, b"b", 1, 5, path).value is True

    def test_a_large_leaf_is_charged_by_its_bytes(self, meter: Any) -> None:
        """The leaf is hashed too."""
        assert call(meter, "merkle_verify", b"", bytes(65_536), 0, 1, []).gas == 20 + 1024

    @pytest.mark.parametrize(
        ("arguments", "end"),
        [
            (("", b"", 0, 1, []), "type"),
            ((b"", "", 0, 1, []), "type"),
            ((b"", b"", True, 1, []), "refused"),
            ((b"", b"", 0, None, []), "type"),
            ((b"", b"", 0, 1, ()), "type"),
            ((b"", b"", 0, 1, [""]), "type"),
            ((b"", b"", 0, 1, [b""] * 65), "size"),
        ],
        ids=str,
    )
    def test_what_it_refuses(self, meter: Any, arguments: tuple[Any, ...], end: str) -> None:
        """Types are those of the grammar, and a path has 64 steps at most."""
        assert call(meter, "merkle_verify", *arguments).end == end


class TestVerify:
    """verify(account, message, signature)."""

    @pytest.mark.parametrize("count", [1, 2, 15, 16])
    def test_each_entry_is_charged(self, meter: Any, count: int) -> None:
        """600 for every signature that the list says it has; the host answers."""
        meter.host = VerifyingHost()
        signature = encode([["toy", b"key", b"signature"]] * count)
        ran = call(meter, "verify", "ab", b"good", signature)
        assert (ran.value, ran.gas) == (True, 600 * count + (4 + len(signature) >> 6))
        assert call(meter, "verify", "ab", b"bad", signature).value is False
        assert meter.host.asked == [("ab", b"good", signature), ("ab", b"bad", signature)]

    @pytest.mark.parametrize(
        "signature",
        [
            b"",
            b"\x90",
            b"\xc0",
            b"\xdc\x00\x11",
            b"\xdc\x00\x0f",
            b"\xdc",
            b"\xdd\x00\x00\x00\x01",
            b"\xa1a",
            bytes(99),
        ],
        ids=bytes.hex,
    )
    def test_what_is_no_list_of_signatures_never_reaches_the_host(self, meter: Any, signature: bytes) -> None:
        """It is charged once, and the answer is no."""
        meter.host = VerifyingHost()
        ran = call(meter, "verify", "ab", b"good", signature)
        assert (ran.value, ran.gas, meter.host.asked) == (False, 600 + (4 + len(signature) >> 6), [])

    def test_gas_comes_first(self, meter: Any) -> None:
        """Without enough of it the host is not asked."""
        meter.host = VerifyingHost()
        assert call(meter, "verify", "ab", b"good", b"\x91\xc0", gas=599).end == "out_of_gas"
        assert meter.host.asked == []

    @pytest.mark.parametrize("arguments", [(b"a", b"m", b"s"), ("a", "m", b"s"), ("a", b"m", "s"), (None, b"m", b"s")])
    def test_types(self, meter: Any, arguments: tuple[Any, ...]) -> None:
        """An account is a str, the rest bytes."""
        assert call(meter, "verify", *arguments).end == "type"


class TestAccount:
    """account(a)."""

    def test_it_is_a_record_of_what_is_known(self, meter: Any) -> None:
        """Fields, price by the bytes of its text, and memory for all of it."""
        meter.host.accounts["ab"] = Account(True, "汉口银行", ("auditor", "clerk"), 2, "active")
        ran = call(meter, "account", "ab")
        size = len("汉口银行".encode()) + len("auditorclerkactive")
        memory = 176 + 80 * 7 + 112 + 80 * 4 + 4 * size
        assert (ran.value.fields, ran.value.shape.names) == (
            [True, "汉口银行", ["auditor", "clerk"], 2, "active"],
            ("exists", "organisation", "roles", "level", "status"),
        )
        assert (ran.gas, ran.memory_bytes) == (60 + (size >> 5), memory)

    def test_an_unknown_account_is_no_error(self, meter: Any) -> None:
        """Any text has an answer; each answer is a record of its own."""
        first, second = call(meter, "account", "nobody"), call(meter, "account", "nobody")
        assert first.value.fields == [False, "", [], 0, ""]
        assert call(meter, "account", "x" * 6_400).gas == 60 + 100
        first.value.fields[2].append("admin")
        assert second.value.fields[2] == []

    def test_its_fields_are_checked(self, meter: Any) -> None:
        """The record's shape checks what is assigned to it, as any other's."""
        shape = call(meter, "account", "ab").value.shape
        good: list[Any] = [True, "o", ["r"], 1, "s"]
        for position, check in enumerate(shape.checks):
            ends = [meter.run(lambda runtime, check=check, value=value: check(runtime, value)).end for value in good]
            kinds = [type(value) is type(good[position]) for value in good]
            assert ends == ["ok" if same else "type" for same in kinds]

    def test_an_account_is_text(self, meter: Any) -> None:
        """Bytes are not."""
        assert call(meter, "account", b"ab").end == "type"


def test_blobs(meter: Any) -> None:
    """blob_present() asks the host, for 2."""
    meter.host.blobs.add(b"there")
    ran = [call(meter, "blob_present", reference) for reference in (b"there", b"elsewhere", "there")]
    assert [(one.end, one.value, one.gas) for one in ran] == [("ok", True, 2), ("ok", False, 2), ("type", None, 0)]
