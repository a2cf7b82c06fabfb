"""The configuration file: defaults, round trips, and every refusal with the name of its key."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.config import (
    ApiSection,
    Config,
    KeySection,
    LogSection,
    MempoolSection,
    NodeSection,
    P2pSection,
    load,
    parse_address,
    render,
)


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""

    def writer(text):
        path = tmp_path / "node.toml"
        path.write_text(text)
        return path

    return writer


def refusal(path, environment=None):
    """Return the words in which a file is refused, without its path."""
    with pytest.raises(Rejection) as caught:
        load(path, environment or {})
    assert caught.value.reason is Reason.BAD_CONFIG
    assert caught.value.detail.startswith(f"{path}: ")
    return caught.value.detail.removeprefix(f"{path}: ")


def test_a_name_is_enough(write, tmp_path):
    """Everything but the name has a default."""
    assert load(write('[node]\nname = "n"'), {}) == Config(tmp_path.resolve(), node=NodeSection(name="n"))


def test_paths_are_relative_to_the_file(write, tmp_path):
    """A relative path starts at the file's directory, an absolute one is taken as it is."""
    config = load(write('[node]\nname = "n"'), {})
    assert config.path(config.key.directory) == tmp_path.resolve() / "keys"
    assert str(config.path("/etc/key")) == "/etc/key"


def test_a_file_that_is_not_there_is_named(tmp_path):
    """A missing file is refused with the words of the system."""
    assert refusal(tmp_path / "absent.toml") == "No such file or directory"


TEXT = st.text(st.characters(codec="utf-8"), max_size=30)


@given(
    name=TEXT.filter(bool),
    data=TEXT,
    key=TEXT,
    authority=TEXT,
    transactions=st.integers(1, 10**9),
    port=st.integers(0, 65535),
)
def test_what_is_rendered_is_loaded(tmp_path_factory, name, data, key, authority, transactions, port):
    """The rendered file of any configuration loads as the same configuration, whatever characters its texts have."""
    directory = tmp_path_factory.mktemp("config").resolve()
    config = Config(
        directory,
        node=NodeSection(name=name, data=data),
        key=KeySection(name=key),
        p2p=P2pSection(listen=f"127.0.0.1:{port}", authority=authority),
        api=ApiSection(listen=f"[::1]:{port}"),
        mempool=MempoolSection(transactions_max=transactions),
        log=LogSection(level="debug", format="json"),
    )
    path = directory / "node.toml"
    path.write_bytes(render(config).encode())
    assert load(path, {}) == config


def test_the_environment_overrides(write):
    """HANCHAIN_<SECTION>_<KEY> replaces a key or supplies it, numbers included; other variables mean nothing."""
    environment = {
        "HANCHAIN_NODE_NAME": "other",
        "HANCHAIN_API_LISTEN": "127.0.0.1:9",
        "HANCHAIN_MEMPOOL_BYTES_MAX": "77",
        "PATH": "/bin",
    }
    config = load(write('[node]\nname = "n"\n[mempool]\nbytes_max = 5'), environment)
    assert (config.node.name, config.api.listen, config.mempool.bytes_max) == ("other", "127.0.0.1:9", 77)


NAMED = '[node]\nname = "n"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "[node] name is missing: the validator's name in the genesis"),
        ("[nodes]\n", "unknown key 'nodes'; known are api, key, log, mempool, node, p2p"),
        (
            '[node]\nnmae = "n"',
            "[node]: unknown key 'nmae'; known are data, executor, executor_memory_mib, genesis, name",
        ),
        ("node = 3", "[node]: a table expected"),
        ("[node]\nname = 3", "[node] name: str expected, not 3"),
        (NAMED + "[mempool]\nbytes_max = true", "[mempool] bytes_max: int expected, not True"),
        (NAMED + "[mempool]\nbytes_max = 1.0", "[mempool] bytes_max: int expected, not 1.0"),
        (NAMED + "[mempool]\ntransactions_max = 0", "[mempool] transactions_max: a positive number expected"),
        (NAMED + 'executor = "thread"', "[node] executor: one of process, inline, not 'thread'"),
        (NAMED + '[log]\nlevel = "loud"', "[log] level: one of debug, info, warning, error, not 'loud'"),
        (NAMED + '[p2p]\nlisten = "host"', "[p2p] listen: host:port expected, not 'host'"),
        (NAMED + '[api]\nlisten = "h:65536"', "[api] listen: host:port expected, not 'h:65536'"),
    ],
)
def test_a_refusal_names_the_key(write, text, words):
    """Unknown sections and keys, wrong types and values are refused in words that name the key."""
    assert refusal(write(text)) == words


def test_bad_toml_and_bad_bytes_are_refused(write, tmp_path):
    """What is not TOML, or not text, is refused as such."""
    assert "at end of document" in refusal(write("[node"))
    path = tmp_path / "bytes.toml"
    path.write_bytes(b"\xff")
    assert "utf-8" in refusal(path)


def test_a_large_file_is_refused(write):
    """A file of more than 64 KiB is no configuration."""
    assert refusal(write("#" * (64 * 1024 + 1))) == "more than 65536 bytes"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HANCHAIN_NODE_NMAE", "n", "[node] (environment): unknown key 'nmae'"),
        ("HANCHAIN_MEMPOOL_BYTES_MAX", "many", "[mempool] bytes_max: int expected, not 'many'"),
        ("HANCHAIN_MEMPOOL_BYTES_MAX", "-5", "[mempool] bytes_max: int expected, not '-5'"),
        ("HANCHAIN_MEMPOOL_BYTES_MAX", "9" * 5000, "[mempool] bytes_max: int expected"),
        ("HANCHAIN_LOG_FORMAT", "xml", "[log] format: one of console, json, not 'xml'"),
    ],
)
def test_the_environment_is_judged_alike(write, name, value, words):
    """A bad variable is refused like a bad key."""
    assert refusal(write(NAMED), {name: value}).startswith(words)


@pytest.mark.parametrize(
    ("text", "address"), [("h:1", ("h", 1)), ("[::1]:80", ("::1", 80)), ("a.example:65535", ("a.example", 65535))]
)
def test_addresses(text, address):
    """Names, IPv4 and bracketed IPv6 hosts are understood."""
    assert parse_address(text, "here") == address


@pytest.mark.parametrize("text", ["", ":", ":80", "h:", "h:x", "h:-1", "h:65536", "h:٣", "h:" + "9" * 5000, "h: 1"])
def test_bad_addresses(text):
    """Anything else is refused with the place it stands in."""
    with pytest.raises(Rejection) as caught:
        parse_address(text, "here")
    assert (caught.value.reason, caught.value.detail) == (
        Reason.BAD_CONFIG,
        f"here: host:port expected, not {text!r}",
    )


def test_every_key_has_a_default():
    """A section can be made from nothing: no key is required but the node's name."""
    for field in dataclasses.fields(Config):
        if field.name != "directory":
            assert field.default_factory is not dataclasses.MISSING
