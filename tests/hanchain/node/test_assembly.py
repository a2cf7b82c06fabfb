"""From a configuration to a node: what is refused, in which words, and that nothing stays open behind a refusal."""

import shutil

import pytest

from hanchain.ledger.reasons import Rejection
from hanchain.node.assembly import assemble
from hanchain.node.config import load
from hanchain.testnet.files import create_network
from storage.errors import Locked, Missing


async def test_a_key_runs_once(cluster):
    """R6: a second node on the same directory is refused in words; closing the first frees it."""
    async with cluster(start=False) as net:
        node = net.assemble("node0")
        with pytest.raises(Locked, match=r"lock is locked by another process"):
            net.assemble("node0")
        await node.close()
        await net.assemble("node0").close()


async def test_a_lost_log_is_not_replaced(cluster):
    """R4: a validator with blocks and without its log is refused: it would not know what it has voted for."""
    async with cluster() as net:
        await net.seal("node0")
        await net.stop()
        shutil.rmtree(net.files.directory / "node1" / "data" / "log")
        with pytest.raises(Missing, match="might contradict its votes"):
            net.assemble("node1")


async def test_a_lost_state_is_made_again(cluster):
    """A state database that was deleted is made again from the ordered log, with the same hashes."""
    async with cluster() as net:
        for _ in range(3):
            await net.seal("node0")
        await net.agree(3)
        before = net.heads()
        await net.stop()
        shutil.rmtree(net.files.directory / "node2" / "data" / "state")
        await net.start()
        assert net.heads() == before
        await net.seal("node2")


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("node0/node.toml", 'name = "node0"', 'name = "node9"', "node9 is no validator of hanchain-testnet"),
        ("node0/node.toml", 'genesis = "../genesis.json"', 'genesis = "none.json"', "none.json: No such file"),
        ("node0/node.toml", 'name = "node0"', 'name = "node1"', "is not the one that the genesis lists for node1"),
        ("node0/node.toml", 'passphrase_file = ""', 'passphrase_file = "absent"', "passphrase file"),
        ("node0/node.toml", 'name = "validator"', 'name = "other"', "key other"),
        ("genesis.json", '"version": 1', '"version": 2', "genesis.json: $.version"),
    ],
)
def test_what_the_operator_has_to_mend_is_said(tmp_path, file, old, new, words):
    """A wrong name, genesis, key or passphrase is a rejection that names the file or key, and holds no lock."""
    files = create_network(tmp_path / "net")
    path = files.directory / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(Rejection) as caught:
        assemble(load(files.config_path("node0"), {}))
    assert words in caught.value.detail


async def test_a_refused_assembly_releases_what_it_opened(cluster):
    """When the data belongs to another network, nothing stays locked behind the refusal."""
    async with cluster(start=False) as net:
        await net.assemble("node0").close()
        other = create_network(net.files.directory.parent / "other")
        data = other.directory / "node0" / "data"
        shutil.copytree(net.files.directory / "node0" / "data", data)
        for _ in range(2):
            with pytest.raises(Rejection, match="belongs to another network"):
                assemble(load(other.config_path("node0"), {}))
