"""What the command line says when it is used wrongly, and its small commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from hanchain import __version__
from hanchain.cli import output
from hanchain.cli.main import app


def run(*arguments: object) -> Result:
    """Run the command line in this process."""
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_version_in_words_and_as_json() -> None:
    """Both name the version of the package."""
    assert run("version").output.startswith(f"hanchain {__version__}")
    assert json.loads(run("version", "--json").output)["version"] == __version__


def test_keys_are_made_listed_and_shown(tmp_path: Path) -> None:
    """The account shown is the same everywhere, and a name is taken only once."""
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    made = run("keys", "new", "alice", "--keys", tmp_path / "k", "--passphrase-file", secret, "--json")
    assert made.exit_code == 0, made.output
    alice = json.loads(made.output)
    assert json.loads(run("keys", "show", "alice", "--keys", tmp_path / "k", "--json").output) == alice
    assert json.loads(run("keys", "list", "--keys", tmp_path / "k", "--json").output)[0] == {
        "name": "alice",
        "suite": "ed25519",
        "account": alice["account"],
        "public_key": alice["public_key"],
        "protected": True,
    }
    again = run("keys", "new", "alice", "--keys", tmp_path / "k", "--passphrase-file", secret)
    assert again.exit_code == 1
    assert "key_exists" in again.output


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["keys", "show", "nobody", "--keys", "k"], 1, "key_not_found"),
        (["keys", "new", "Not A Name", "--keys", "k", "--unprotected"], 1, "bad_name"),
        (["testnet", "status", "--dir", "nothing"], 1, "holds no network"),
        (["testnet", "init", "--validators", "0"], 2, "--validators"),
        (["verify", "missing.json", "--genesis", "missing.json"], 2, "does not exist"),
        (["node", "status", "--url", "http://127.0.0.1:9"], 3, "no node answered"),
        (["tx", "status", "zz", "--url", "http://127.0.0.1:9"], 1, "holds no network"),
        (["node", "status", "--url", "nonsense"], 2, "is not the address of a node"),
        (["node", "status", "--url", "http://127.0.0.1:99999"], 2, "is not the address of a node"),
        (["testnet", "status", "--dir", "[/x]"], 1, "[/x] holds no network"),
        (["demo", "missing.pdf"], 1, "is no file"),
        (["demo", "[/red]missing.pdf"], 1, "[/red]missing.pdf is no file"),
        (["no-such-command"], 2, "No such command"),
    ],
)
def test_wrong_usage_ends_with_its_code_and_says_what_is_wrong(
    arguments: list[str], code: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exit code for scripts, a sentence for people, never a traceback."""
    monkeypatch.chdir(tmp_path)
    result = run(*arguments)
    assert (result.exit_code, words in " ".join(result.output.split())) == (code, True), result.output
    assert "Traceback" not in result.output


def test_a_network_is_made_once_and_its_configuration_is_checked(tmp_path: Path) -> None:
    """``init`` never overwrites; ``node run`` refuses a file with an unknown key and names it."""
    made = run("testnet", "init", "--validators", 4, "--dir", tmp_path / "net", "--json")
    assert json.loads(made.output)["nodes"] == ["node0", "node1", "node2", "node3"]
    again = run("testnet", "init", "--dir", tmp_path / "net")
    assert (again.exit_code, "not empty" in " ".join(again.output.split())) == (1, True)
    config = tmp_path / "net" / "node0" / "node.toml"
    config.write_text(config.read_text() + "\n[tuning]\nspeed = 11\n")
    refused = run("node", "run", config)
    assert (refused.exit_code, "tuning" in refused.output) == (1, True), refused.output


def test_a_network_of_one_is_allowed_with_a_warning(tmp_path: Path) -> None:
    """Fewer than four validators tolerate no failure, and ``init`` says so."""
    result = run("testnet", "init", "--validators", 1, "--dir", tmp_path / "net")
    assert (result.exit_code, "one failure stops the chain" in " ".join(result.output.split())) == (0, True)


def test_a_table_in_a_narrow_terminal_has_a_line_for_each_cell(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Columns of two letters would be read by nobody; a hash stays whole and can be copied."""
    rows = [("node0", "changing view", 40, "cdd13662888d99dc"), ("node1", "down", "-", "-")]
    columns = ("node", "state", "height", "block hash")
    monkeypatch.setattr(output, "console", Console(width=30, highlight=False, markup=False))
    output.print_table("", columns, rows)
    assert capsys.readouterr().out.splitlines() == [
        "node        node0",
        "state       changing view",
        "height      40",
        "block hash  cdd13662888d99dc",
        "",
        "node        node1",
        "state       down",
        "height      -",
        "block hash  -",
        "",
    ]
    monkeypatch.setattr(output, "console", Console(width=60, highlight=False, markup=False))
    output.print_table("", columns, rows)
    wide = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert wide[0] == ["node", "state", "height", "block", "hash"]
    assert wide[1] == ["node0", "changing", "view", "40", "cdd13662888d99dc"]
