"""A node's configuration: one TOML file, unknown keys refused, every key with its default and unit.

Nothing here can split the chain: whatever must be equal on all nodes is in the genesis.

Paths are relative to the configuration file. The environment overrides a key as ``HANCHAIN_<SECTION>_<KEY>``, for
example ``HANCHAIN_API_PORT=8600``.
"""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from hanchain.ledger.reasons import Reason, Rejection
from hanchain.node import limits


@dataclass(frozen=True, slots=True)
class NodeSection:
    """Who this node is and where it keeps its data."""

    name: str = ""  # the validator's name in the genesis
    genesis: str = "genesis.json"
    data: str = "data"  # write-ahead log, block database, state database
    executor: str = "process"  # where transactions are executed: in a process of its own, or inline (to look into it)
    executor_memory_mib: int = limits.EXECUTOR_MEMORY_MIB  # address space of that process


@dataclass(frozen=True, slots=True)
class KeySection:
    """The validator's consensus key."""

    directory: str = "keys"
    name: str = "validator"
    passphrase_file: str = ""  # empty: the key has an empty passphrase (test networks)


@dataclass(frozen=True, slots=True)
class P2pSection:
    """Links to other validators."""

    listen: str = "127.0.0.1:26600"
    certificate: str = "tls/node.pem"
    private_key: str = "tls/node-key.pem"
    authority: str = "tls/authority.pem"


@dataclass(frozen=True, slots=True)
class ApiSection:
    """HTTP interface."""

    listen: str = "127.0.0.1:8600"


@dataclass(frozen=True, slots=True)
class MempoolSection:
    """Transactions waiting here."""

    transactions_max: int = limits.POOL_TRANSACTIONS_MAX
    bytes_max: int = limits.POOL_BYTES_MAX


@dataclass(frozen=True, slots=True)
class LogSection:
    """Logs."""

    level: str = "info"  # debug, info, warning, error
    format: str = "console"  # console or json


@dataclass(frozen=True, slots=True)
class Config:
    """The whole file."""

    directory: Path
    node: NodeSection = field(default_factory=NodeSection)
    key: KeySection = field(default_factory=KeySection)
    p2p: P2pSection = field(default_factory=P2pSection)
    api: ApiSection = field(default_factory=ApiSection)
    mempool: MempoolSection = field(default_factory=MempoolSection)
    log: LogSection = field(default_factory=LogSection)

    def path(self, relative: str) -> Path:
        """Return a path of the file, resolved against its directory."""
        return self.directory / relative


_CHOICES = {
    "executor": ("process", "inline"),
    "level": ("debug", "info", "warning", "error"),
    "format": ("console", "json"),
}


def load(path: Path, environment: Mapping[str, str]) -> Config:
    """Read a configuration file; raise Rejection(bad_config) naming the key and what is expected."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Rejection(Reason.BAD_CONFIG, f"{path}: {error.strerror}") from error
    if len(data) > limits.CONFIG_BYTES_MAX:
        raise Rejection(Reason.BAD_CONFIG, f"{path}: more than {limits.CONFIG_BYTES_MAX} bytes")
    try:
        document = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Rejection(Reason.BAD_CONFIG, f"{path}: {error}") from error
    sections = {f.name: f for f in dataclasses.fields(Config) if f.name != "directory"}
    _refuse_unknown(str(path), document, sections)
    hints = get_type_hints(Config)
    values = {
        name: _section(f"{path}: [{name}]", hints[name], document.get(name, {}), _overrides(name, environment))
        for name in sections
    }
    config = Config(directory=path.resolve().parent, **values)
    if not config.node.name:
        raise Rejection(Reason.BAD_CONFIG, f"{path}: [node] name is missing: the validator's name in the genesis")
    parse_address(config.p2p.listen, f"{path}: [p2p] listen")
    parse_address(config.api.listen, f"{path}: [api] listen")
    return config


def parse_address(text: str, where: str) -> tuple[str, int]:
    """Return host and port of ``host:port``; raise Rejection(bad_config) for anything else."""
    host, separator, port = text.rpartition(":")
    if not separator or not host or not _is_number(port) or int(port) >= 65_536:
        raise Rejection(Reason.BAD_CONFIG, f"{where}: host:port expected, not {text!r}")
    return host.strip("[]"), int(port)


def render(config: Config) -> str:
    """Return the file's text: what ``load`` reads back."""
    lines: list[str] = []
    for section in dataclasses.fields(config):
        if section.name == "directory":
            continue
        lines.append(f"[{section.name}]")
        value = getattr(config, section.name)
        for key in dataclasses.fields(value):
            held = getattr(value, key.name)
            lines.append(f"{key.name} = {held if isinstance(held, int) else _quoted(held)}")
        lines.append("")
    return "\n".join(lines)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 18


def _quoted(text: str) -> str:
    """Return a basic string of TOML: that of JSON, where DEL must be escaped too."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _overrides(section: str, environment: Mapping[str, str]) -> dict[str, str]:
    prefix = f"HANCHAIN_{section.upper()}_"
    return {k[len(prefix) :].lower(): v for k, v in environment.items() if k.startswith(prefix)}


def _refuse_unknown(where: str, found: Mapping[str, object], known: Mapping[str, object]) -> None:
    for key in found:
        if key not in known:
            raise Rejection(Reason.BAD_CONFIG, f"{where}: unknown key {key!r}; known are {', '.join(sorted(known))}")


def _section(where: str, kind: Any, found: object, overrides: Mapping[str, str]) -> Any:
    if not isinstance(found, dict):
        raise Rejection(Reason.BAD_CONFIG, f"{where}: a table expected")
    hints = get_type_hints(kind)
    _refuse_unknown(where, found, hints)
    _refuse_unknown(f"{where} (environment)", overrides, hints)
    values: dict[str, object] = {}
    for name, expected in hints.items():
        value = found.get(name)
        if name in overrides:
            text = overrides[name]
            value = int(text) if expected is int and _is_number(text) else text
        if value is None:
            continue
        if type(value) is not expected:
            raise Rejection(Reason.BAD_CONFIG, f"{where} {name}: {expected.__name__} expected, not {value!r}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise Rejection(Reason.BAD_CONFIG, f"{where} {name}: one of {', '.join(_CHOICES[name])}, not {value!r}")
        if isinstance(value, int) and value <= 0:
            raise Rejection(Reason.BAD_CONFIG, f"{where} {name}: a positive number expected")
        values[name] = value
    return kind(**values)
