"""Planted bugs: each is found within its budget of seeds, and the unmutated core passes the same ones."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from consensus.simulation.hunt import hunt
from consensus.simulation.mutation import Mutation
from hanchain.cli.simulate import app

FILES = sorted((Path(__file__).parent / "mutants").glob("*.py"))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", FILES, ids=[p.stem for p in FILES])
def test_a_planted_bug_is_found(path: Path) -> None:
    """The simulator reports a violation under the mutation; ``make mutants`` runs the core on the same seeds too."""
    hunted = hunt(str(path), unmutated=False)
    assert hunted.seeds is not None, f"{hunted.rule} Not found in {hunted.budget} seeds."


@pytest.mark.parametrize("name", ["m04_repeated_signers", "m14_log_ignored", "l06_claimed_height"])
def test_the_core_passes_where_the_bug_is_found(name: str) -> None:
    """What speaks is the planted bug: the core itself passes the same seeds, under the same liars."""
    hunted = hunt(str(Path(__file__).parent / "mutants" / f"{name}.py"))
    assert (hunted.unmutated, hunted.passed) == (None, True)


def test_every_file_names_its_rule() -> None:
    """The docstring starts with the label in the file's name, and says what is broken."""
    for path in FILES:
        label = path.stem.split("_")[0]
        expected = f"{label[0].upper()}{int(label[1:])}: "
        assert Mutation.load(str(path)).rule.startswith(expected), path.name


def test_a_mutation_is_taken_out_again() -> None:
    """After a mutated run the core is as before, wherever the function is known by name, methods included."""
    from consensus import normal, restore, safety, view_change, views

    def known() -> tuple[object, ...]:
        functions = (normal._decide, restore.recompute, view_change.select, views.select)
        return (*functions, vars(safety.Safety)["_vote"], vars(normal.Signatures)["collect"])

    before = known()
    for path in FILES:
        with Mutation.load(str(path)).applied():
            pass
    assert known() == before


def test_a_mutation_whose_text_is_gone_is_an_error(tmp_path: Path) -> None:
    """A planted bug that no longer applies fails loudly instead of passing for an undetected one."""
    path = tmp_path / "m99_gone.py"
    path.write_text(
        '"""M99: text that is nowhere."""\n\n'
        'PATCHES = [("consensus.normal", "_decide", "no such text", "pass")]\nPROFILE = "swarm"\nSEEDS = 1\n',
        encoding="utf-8",
    )
    with pytest.raises(AssertionError, match=r"m99_gone: the text to replace is in _decide 0 times"):
        hunt(str(path))


def test_the_table_of_mutants_fails_when_one_is_not_found(tmp_path: Path) -> None:
    """``hanchain sim mutants`` prints a line per bug and exits 1 when the judges stay silent about one."""
    (tmp_path / "m98_harmless.py").write_text(
        '"""M98: a change that changes nothing."""\n\n'
        'PATCHES = [("consensus.normal", "_decide", "enough = s.validators.quorum", "enough = +s.validators.quorum")]\n'
        'PROFILE = "quiet"\nSEEDS = 1\n',
        encoding="utf-8",
    )
    result = CliRunner().invoke(app, ["mutants", str(tmp_path), "--jobs", "1"])
    assert (result.exit_code, "not found" in result.output) == (1, True), result.output
