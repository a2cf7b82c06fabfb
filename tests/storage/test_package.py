"""What the package costs to import, and the bounds it promises."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import storage
from storage import limits
from storage.treeproof import DIGEST_BYTES_MAX, DIGEST_BYTES_MIN


def run_blocked(program: str, *blocked: str) -> str:
    """Run a program in another Python in which importing the given modules fails; return what it prints."""
    preamble = f"import sys\nfor name in {blocked!r}:\n    sys.modules[name] = None\n"
    command = [sys.executable, "-c", preamble + textwrap.dedent(program)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_importing_the_package_needs_no_database_and_no_event_loop() -> None:
    """`import storage`, and everything but `storage.leveldb`, works where LevelDB's binding cannot be imported."""
    program = """
        import storage, storage.blocks, storage.codec, storage.faulty, storage.faultyfiles, storage.memory, storage.wal
        import storage.state, storage.tree, storage.treeproof
        print(storage.blocks.BlockStore(storage.memory.Memory()).height)
        """
    assert run_blocked(program, "plyvel", "plyvel_next", "asyncio", "aiohttp") == "-1\n"


def test_proofs_need_nothing_but_the_standard_library() -> None:
    """A verifier can import `storage.proof` without msgpack, and without a file of this package that does IO."""
    program = """
        import sys
        from storage.proof import merkle_root
        print(merkle_root([], lambda data: data + b"!"))
        print(sorted(name for name in sys.modules if name.startswith("storage.")))
        """
    loaded = "['storage.errors', 'storage.kv', 'storage.proof']"
    assert run_blocked(program, "msgpack", "plyvel", "plyvel_next", "asyncio") == f"b'!'\n{loaded}\n"


def test_the_examples_of_the_readme_run(tmp_path: Path) -> None:
    """The programs in the package's README work as printed, in an empty directory."""
    readme = (Path(storage.__file__).parent / "README.md").read_text(encoding="utf-8")
    blocks, state = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    program = blocks + "print(store.locate(b'txid'), store.receipt(1, 0), store.by_sender(b'alice', limit=20))"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert ran.stdout == "Location(height=1, index=0) b'receipt' [Location(height=1, index=0)]\n"
    program = state + "print(state.get(b'alice'), value, state.root == root)"
    ran = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=tmp_path)
    assert ran.stdout == "b'10' None True\n"


def test_the_longest_keys_and_values_fit() -> None:
    """The bounds agree with one another: the longest key and the greatest record can be stored."""
    sender_key = 1 + 1 + limits.SENDER_BYTES_MAX + 12
    assert max(sender_key, 1 + limits.DIGEST_BYTES_MAX) <= limits.KEY_BYTES_MAX
    assert max(1 + limits.STATE_KEY_BYTES_MAX, 2 + limits.TREE_DIGEST_BYTES_MAX) <= limits.KEY_BYTES_MAX
    assert (limits.TREE_DIGEST_BYTES_MIN, limits.TREE_DIGEST_BYTES_MAX) == (DIGEST_BYTES_MIN, DIGEST_BYTES_MAX)
    assert limits.SEGMENT_BYTES < limits.RECORD_BYTES_MAX < limits.SEGMENT_BYTES_MAX
    assert limits.TRANSACTIONS_PER_BLOCK_MAX <= 1 << 32
