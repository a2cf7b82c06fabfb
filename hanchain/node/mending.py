"""What an operator does to a validator that halted: only with its log closed, so only while the node is stopped."""

from __future__ import annotations

from consensus.interface import Record, RecordKind
from consensus.restore import CorruptLog, Halted, clearing, halt_in
from hanchain.node.config import Config
from storage.errors import Corruption
from storage.wal import WalRecord, WriteAheadLog


def read_halt(config: Config) -> Halted | None:
    """Return the halt that the log of a stopped node remembers, None when it may vote.

    Raises StorageError: there is no log, another process has it open, or it is damaged.
    """
    return _with_log(config, clear=False)


def clear_halt(config: Config) -> Halted | None:
    """Have the log say that the cause of its halt is mended, and return that halt; None when there was none.

    Raises StorageError as ``read_halt``.
    """
    return _with_log(config, clear=True)


def _with_log(config: Config, *, clear: bool) -> Halted | None:
    directory = config.path(config.node.data) / "log"
    log = WriteAheadLog(directory)
    try:
        records = log.open(create=False)
        try:
            halted = halt_in(Record(RecordKind(r.kind), r.payload) for r in records)
        except CorruptLog as error:
            raise Corruption(str(directory), str(error)) from error
        if halted is not None and clear:
            record = clearing()
            log.append([WalRecord(int(record.kind), record.payload)])
            log.sync()
        return halted
    finally:
        log.close()
