"""The compiler's tables are the machine's."""

from contracts import exports, failures
from contracts.compiler import grammar, vocabulary
from contracts.expressions import EXPRESSIONS
from contracts.functions import FUNCTIONS
from contracts.methods import METHODS
from contracts.statements import STATEMENTS


def test_functions_have_the_numbers_and_arguments_of_the_machine() -> None:
    """A function is called by its number: the two tables hold the same."""
    known = {**vocabulary.BUILTINS, **vocabulary.LIBRARY}
    assert {name: number for name, (number, _) in known.items()} == {
        function.name: number for number, function in enumerate(FUNCTIONS)
    }
    assert [known[function.name][1] for function in FUNCTIONS] == [function.arities for function in FUNCTIONS]


def test_methods_take_what_some_type_takes() -> None:
    """A method may have as many arguments as it has for any type."""
    machine = {
        name: frozenset().union(*(table[name].arities for table in METHODS.values() if name in table))
        for name in {name for table in METHODS.values() for name in table}
    }
    assert dict(vocabulary.METHODS) == machine


def test_kinds_of_nodes_are_those_of_the_machine() -> None:
    """Every kind that the compiler emits is one that the machine knows, and it can emit all of them."""
    assert {int(kind) for kind in grammar.Kind} == set(EXPRESSIONS) | set(STATEMENTS)


def test_kinds_of_failures_and_exports_are_those_of_the_machine() -> None:
    """What ``except`` catches and what is exported have the machine's numbers."""
    names = {"Revert": "REVERT", "CallError": "CALL", "KeyError": "KEY", "IndexError": "INDEX", "ValueError": "VALUE"}
    names["ZeroDivisionError"] = "ZERO_DIVISION"
    known = {**vocabulary.FAILURES, **vocabulary.BUILTIN_FAILURES}
    assert known == {name: failures.Kind[kind].value for name, kind in names.items()}
    assert {kind.name: kind.value for kind in grammar.ExportKind} == {
        kind.name: kind.value for kind in exports.ExportKind if kind.name != "MIGRATE"
    }


def test_the_language_module_has_every_name() -> None:
    """What the compiler lets a contract import is what editors and type checkers find, and nothing else."""
    from contracts import language

    assert set(language.__all__) == vocabulary.LANGUAGE
    assert [name for name in language.__all__ if not hasattr(language, name)] == []
