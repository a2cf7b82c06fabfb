"""The key store opens for the right passphrase and for nothing else."""

import base64
import json
import stat

import pytest

from hanchain.crypto import CryptoReason, CryptoRejection, default_suite
from hanchain.crypto.keystore import Cost, KeyInfo, KeyStore

SUITE = default_suite()
CHEAP = Cost(memory_kib=8, iterations=1)


@pytest.fixture
def store(tmp_path):
    """Return an empty store with cheap guesses."""
    return KeyStore(tmp_path / "keys", cost=CHEAP)


def _path_of(store, name):
    return store._directory / f"{name}.key.json"


def _reason_of(call):
    with pytest.raises(CryptoRejection) as refusal:
        call()
    return refusal.value.reason


def test_a_key_comes_back(store):
    """A stored key unlocks as the same key, and its public part is readable without the passphrase."""
    key = SUITE.generate(b"operator")
    info = store.add("operator", "correct horse", SUITE, key)
    assert info == KeyInfo("operator", SUITE.name, key.public_key, protected=True) == store.show("operator")
    assert store.unlock("operator", "correct horse").export() == key.export()


def test_new_keys_are_listed_by_name(store):
    """New keys differ and are listed in the order of their names."""
    second, first = store.new("b", "secret", SUITE), store.new("a", "secret", SUITE)
    assert store.list() == (first, second)
    assert first.public_key != second.public_key
    assert store.unlock("a", "secret").public_key == first.public_key


def test_files_are_private_and_alone(store):
    """The file has mode 0600, no temporary file stays, and the secret is not in it."""
    key = SUITE.generate(b"operator")
    store.add("operator", "secret", SUITE, key)
    path = _path_of(store, "operator")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["operator.key.json"]
    text = path.read_text()
    assert key.export().hex() not in text
    assert base64.b64encode(key.export()).decode() not in text


def test_default_cost_is_written_in_the_file(tmp_path):
    """Without another wish a guess costs 64 MiB and three passes, and the file says so."""
    store = KeyStore(tmp_path)
    store.new("operator", "secret", SUITE)
    document = json.loads(_path_of(store, "operator").read_text())
    assert (document["kdf"], document["kdf_memory_kib"], document["kdf_iterations"]) == ("argon2id", 65536, 3)


def test_refusals_of_the_caller(store):
    """Bad names, taken names, empty and wrong passphrases, unknown keys: each has its reason."""
    store.new("taken", "secret", SUITE)
    for name in ("", "../up", "UPPER", ".hidden", "a/b", "x" * 65):
        assert _reason_of(lambda name=name: store.new(name, "secret", SUITE)) is CryptoReason.BAD_NAME
    before = _path_of(store, "taken").read_bytes()
    assert _reason_of(lambda: store.new("taken", "other", SUITE)) is CryptoReason.KEY_EXISTS
    assert _path_of(store, "taken").read_bytes() == before
    assert _reason_of(lambda: store.new("empty", "", SUITE)) is CryptoReason.EMPTY_PASSPHRASE
    assert _reason_of(lambda: store.unlock("taken", "wrong")) is CryptoReason.WRONG_PASSPHRASE
    assert _reason_of(lambda: store.unlock("nobody", "secret")) is CryptoReason.KEY_NOT_FOUND


def test_an_empty_passphrase_must_be_asked_for(store):
    """A test network's unprotected key works and is marked as what it is."""
    info = store.new("test", "", SUITE, allow_empty_passphrase=True)
    assert info.protected is False
    assert store.unlock("test", "").public_key == info.public_key


def test_every_field_is_authenticated(store):
    """Changing any field of the file, to something well-formed, makes it not open."""
    store.new("a", "secret", SUITE)
    document = json.loads(_path_of(store, "a").read_text())
    other = base64.b64encode(bytes(16)).decode()
    changes = {
        "name": ("b", CryptoReason.MALFORMED_KEY_FILE),
        "suite": ("rot13", CryptoReason.UNKNOWN_SUITE),
        "public_key": ("00" * 32, CryptoReason.WRONG_PASSPHRASE),
        "protected": (False, CryptoReason.WRONG_PASSPHRASE),
        "kdf": ("scrypt", CryptoReason.MALFORMED_KEY_FILE),
        "kdf_memory_kib": (16, CryptoReason.WRONG_PASSPHRASE),
        "kdf_iterations": (2, CryptoReason.WRONG_PASSPHRASE),
        "kdf_salt": (other, CryptoReason.WRONG_PASSPHRASE),
        "cipher": ("rot13", CryptoReason.MALFORMED_KEY_FILE),
        "nonce": (base64.b64encode(bytes(12)).decode(), CryptoReason.WRONG_PASSPHRASE),
        "ciphertext": (other, CryptoReason.WRONG_PASSPHRASE),
        "format": ("hanchain-key/2", CryptoReason.MALFORMED_KEY_FILE),
    }
    assert changes.keys() == document.keys()
    for field, (value, reason) in changes.items():
        _path_of(store, "a").write_text(json.dumps({**document, field: value}))
        assert _reason_of(lambda: store.unlock("a", "secret")) is reason, field
    _path_of(store, "a").write_text(json.dumps(document))
    store.unlock("a", "secret")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"\xff", b"[" * 10_000, b"0" * 20_000, b'{"format": NaN}'],
    ids=["empty", "no fields", "array", "not text", "deep", "large", "nan"],
)
def test_files_that_are_not_keys(store, content):
    """A file of another form is refused as malformed."""
    store.new("a", "secret", SUITE)
    _path_of(store, "a").write_bytes(content)
    assert _reason_of(lambda: store.show("a")) is CryptoReason.MALFORMED_KEY_FILE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("kdf_iterations", True),
        ("kdf_iterations", 1.0),
        ("name", 5),
        ("protected", 1),
        ("nonce", "AAAA"),
        ("kdf_salt", "é"),
        ("public_key", "xyz"),
        ("ciphertext", "***"),
    ],
)
def test_fields_of_another_form(store, field, value):
    """A field of another type or alphabet is refused as malformed."""
    store.new("a", "secret", SUITE)
    document = json.loads(_path_of(store, "a").read_text())
    _path_of(store, "a").write_text(json.dumps({**document, field: value}))
    assert _reason_of(lambda: store.unlock("a", "secret")) is CryptoReason.MALFORMED_KEY_FILE


@pytest.mark.parametrize(("memory_kib", "iterations"), [(2**31, 1), (7, 1), (8, 0), (8, 1000), (-1, 1)])
def test_cost_is_bounded(store, memory_kib, iterations):
    """A file cannot make the reader take unbounded memory or time."""
    store.new("a", "secret", SUITE)
    document = json.loads(_path_of(store, "a").read_text())
    changed = {**document, "kdf_memory_kib": memory_kib, "kdf_iterations": iterations}
    _path_of(store, "a").write_text(json.dumps(changed))
    assert _reason_of(lambda: store.unlock("a", "secret")) is CryptoReason.COST_OUT_OF_RANGE
    cost = Cost(memory_kib, iterations)
    costly = KeyStore(store._directory, cost=cost)
    assert _reason_of(lambda: costly.new("b", "secret", SUITE)) is CryptoReason.COST_OUT_OF_RANGE
