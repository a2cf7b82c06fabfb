"""Assembly: from a configuration file to a node that can be started."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import structlog

from consensus import Replica
from consensus.restore import CorruptLog, StaleBlocks
from hanchain.crypto import CryptoRejection, PrivateKey
from hanchain.crypto.keystore import KeyStore
from hanchain.ledger.execution import rules_of
from hanchain.ledger.genesis import Genesis, parse_genesis
from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node.catchup import body_matches
from hanchain.node.chain import Chain
from hanchain.node.config import Config
from hanchain.node.executor import Executor, Mode
from hanchain.node.executor_inline import InlineExecutor
from hanchain.node.executor_process import ProcessExecutor
from hanchain.node.metrics import Metrics
from hanchain.node.node import Node
from hanchain.node.settings import settings_of
from p2p.tls import TlsFiles, make_context
from storage.blocks import BlockStore
from storage.errors import Corruption, Missing
from storage.leveldb import LevelDB
from storage.wal import WriteAheadLog

_LOG = structlog.get_logger("hanchain.node")


def read_genesis(path: Path) -> Genesis:
    """Return the genesis in a file; raise Rejection naming the file and what is wrong with it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Rejection(Reason.BAD_CONFIG, f"{path}: {error.strerror}") from error
    try:
        return parse_genesis(data)
    except Rejection as error:
        raise Rejection(error.reason, f"{path}: {error.detail}") from error


def unlock_key(config: Config) -> PrivateKey:
    """Return the validator's key; raise Rejection when the store, the name or the passphrase is wrong."""
    passphrase = ""
    if config.key.passphrase_file:
        path = config.path(config.key.passphrase_file)
        try:
            passphrase = path.read_text().rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise Rejection(Reason.BAD_CONFIG, f"passphrase file {path}: {error}") from error
    try:
        return KeyStore(config.path(config.key.directory)).unlock(config.key.name, passphrase)
    except CryptoRejection as error:
        raise Rejection(Reason.BAD_CONFIG, f"key {config.key.name}: {error}") from error


def assemble(config: Config) -> Node:
    """Open everything a node needs, bring its disk up to date, and return it ready to start.

    Raises Rejection for what the operator has to mend, StorageError for what the disk has.
    """
    genesis = read_genesis(config.path(config.node.genesis))
    names = [v.name for v in genesis.validators]
    if config.node.name not in names:
        raise Rejection(Reason.BAD_CONFIG, f"{config.node.name} is no validator of {genesis.chain_name}: {names}")
    index = names.index(config.node.name)
    signer = unlock_key(config)
    if signer.public_key != genesis.validators[index].public_key:
        raise Rejection(
            Reason.BAD_CONFIG, f"the key {config.key.name} is not the one that the genesis lists for {names[index]}"
        )
    _check_tls(config)
    opened = ExitStack()
    try:
        return _open(config, genesis, index, signer, opened)
    except BaseException:
        opened.close()
        raise


def _check_tls(config: Config) -> None:
    """Raise Rejection unless the TLS files can be read and belong together; warn when others may read a secret."""
    section = config.p2p
    for name in ("certificate", "private_key", "authority"):
        path = config.path(getattr(section, name))
        try:
            path.read_bytes()
        except OSError as error:
            raise Rejection(Reason.BAD_CONFIG, f"[p2p] {name}: {path}: {error.strerror}") from error
    files = [config.path(p) for p in (section.certificate, section.private_key, section.authority)]
    try:
        make_context(TlsFiles(*files), server_side=True)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        names = ", ".join(map(str, files))
        raise Rejection(
            Reason.BAD_CONFIG, f"[p2p] no certificate with its key and authority in {names}: {error}"
        ) from error
    secrets = [files[1], *config.path(config.key.directory).glob("*")]
    for path in secrets:
        if path.stat().st_mode & 0o077:
            _LOG.warning("secret readable by others", path=str(path), mend="chmod 600")


def _open(config: Config, genesis: Genesis, index: int, signer: PrivateKey, opened: ExitStack) -> Node:
    data = config.path(config.node.data)
    data.mkdir(parents=True, exist_ok=True)
    log = WriteAheadLog(data / "log")
    # First the lock on the log: two processes with one key must never run (R6). A log that is gone while blocks are
    # there is not made anew: this validator would not know any more what it has voted for (R4).
    try:
        records = log.open(create=not (data / "blocks").exists())
    except Missing as error:
        raise Missing(
            f"{error}, but there are blocks: a validator without its log might contradict its votes"
        ) from error
    opened.callback(log.close)
    blocks = LevelDB(data / "blocks")
    opened.callback(blocks.close)
    metrics = Metrics(genesis.chain_name, config.node.name)
    executor = _open_executor(config, genesis, data / "state")
    opened.callback(executor.close)
    chain = Chain(genesis, BlockStore(blocks), executor, metrics.observe)
    chain.recover()
    try:
        replica = Replica(
            context=genesis.context,
            validators=genesis.validator_set,
            index=index,
            signer=signer,
            settings=settings_of(genesis),
            body_matches=lambda header, body: body_matches(header, body, genesis.suite),
            recovery=chain.recovery(records),
        )
    except CorruptLog as error:
        raise Corruption(str(data / "log"), str(error)) from error
    except StaleBlocks as error:
        raise Corruption(str(data / "blocks"), str(error)) from error
    return Node(
        config=config,
        genesis=genesis,
        index=index,
        chain=chain,
        log=log,
        replica=replica,
        metrics=metrics,
        release=opened.close,
    )


def _open_executor(config: Config, genesis: Genesis, path: Path) -> Executor:
    if config.node.executor == Mode.PROCESS:
        return ProcessExecutor(genesis, path, memory_mib=config.node.executor_memory_mib)
    return InlineExecutor(LevelDB(path), rules_of(genesis), genesis.block0)
