"""Records and state machines: classes that declare the shape of data."""

from __future__ import annotations

import ast

from contracts.compiler.cells import check_default
from contracts.compiler.constants import Constants, NotConstant
from contracts.compiler.errors import Problems, Reason
from contracts.compiler.naming import (
    check_declared,
    check_identifier,
    did_you_mean,
    documentation_of,
    without_documentation,
)
from contracts.compiler.symbols import Contract, Parameter, RecordSymbol, StatesSymbol
from contracts.compiler.types import Types
from contracts.limits import MACHINE_MOVES_MAX, MACHINE_STATES_MAX, MACHINES_MAX, RECORD_FIELDS_MAX, RECORDS_MAX


def read_record(
    node: ast.ClassDef, contract: Contract, types: Types, constants: Constants, problems: Problems
) -> RecordSymbol:
    """Read ``class Name(Record)`` with its fields."""
    check_declared(node.name, node, problems)
    if len(contract.records) == RECORDS_MAX:
        problems.error(node, Reason.TOO_MANY, f"a contract has at most {RECORDS_MAX} records")
    fields: dict[str, Parameter] = {}
    for statement in without_documentation(node.body):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            if not isinstance(statement, ast.Pass):
                suggestion = "write functions outside of the record, and give each field a type: name: str"
                problems.error(statement, Reason.BAD_DECLARATION, "a record holds fields with types only", suggestion)
            continue
        name = statement.target.id
        if name in fields:
            problems.error(statement.target, Reason.DUPLICATE, f"the field {name!r} is there twice")
            continue
        fields[name] = _read_field(statement, name, types, constants, problems)
        if fields[name].has_default < any(field.has_default for field in fields.values()):
            problems.error(
                statement,
                Reason.BAD_DECLARATION,
                "a field without default follows one that has one",
                "put fields with defaults last",
            )
    if not fields:
        problems.error(node, Reason.BAD_DECLARATION, "a record has at least one field", "name: type")
    if len(fields) > RECORD_FIELDS_MAX:
        problems.error(node, Reason.TOO_MANY, f"a record has at most {RECORD_FIELDS_MAX} fields", "split it in two")
    return RecordSymbol(node.name, len(contract.records), tuple(fields.values()), documentation_of(node))


def _read_field(
    statement: ast.AnnAssign, name: str, types: Types, constants: Constants, problems: Problems
) -> Parameter:
    check_identifier(name, statement.target, problems)
    declared = types.read(statement.annotation)
    if statement.value is None:
        return Parameter(name, declared)
    try:
        default = constants.scalar(statement.value)
    except NotConstant:
        return Parameter(name, declared, has_default=True)
    if declared is not None:
        check_default(statement.value, default, declared, problems)
    return Parameter(name, declared, has_default=True, default=default)


def read_states(node: ast.ClassDef, contract: Contract, constants: Constants, problems: Problems) -> StatesSymbol:
    """Read ``class Name(States)``: each state names those that may follow it, ``draft = to("issued", "void")``."""
    check_declared(node.name, node, problems)
    if len(contract.machines) == MACHINES_MAX:
        problems.error(node, Reason.TOO_MANY, f"a contract has at most {MACHINES_MAX} state machines")
    followers: dict[str, tuple[ast.Call, tuple[str, ...]]] = {}
    for statement in without_documentation(node.body):
        if isinstance(statement, ast.Pass):
            continue
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        if (
            not isinstance(statement, ast.Assign)
            or not isinstance(target, ast.Name)
            or not _is_to(statement.value, contract)
        ):
            problems.error(
                statement,
                Reason.BAD_DECLARATION,
                "states are declared by to(...)",
                'state = to("next", "other"), and state = to() for an end',
            )
            continue
        check_identifier(target.id, target, problems)
        if target.id in followers:
            problems.error(target, Reason.DUPLICATE, f"the state {target.id!r} is there twice")
        assert isinstance(statement.value, ast.Call)
        followers[target.id] = (statement.value, _followers(statement.value, constants, problems))
    states = tuple(followers)
    if not states:
        problems.error(node, Reason.BAD_DECLARATION, "a state machine has at least one state", 'draft = to("issued")')
    moves: list[tuple[int, int]] = []
    for origin, (call, names) in followers.items():
        for name in names:
            if name not in followers:
                problems.error(
                    call, Reason.UNKNOWN_NAME, f"{node.name} has no state {name!r}", did_you_mean(name, states)
                )
            elif (states.index(origin), states.index(name)) in moves:
                problems.error(call, Reason.DUPLICATE, f"the move from {origin!r} to {name!r} is there twice")
            else:
                moves.append((states.index(origin), states.index(name)))
    if len(states) > MACHINE_STATES_MAX or len(moves) > MACHINE_MOVES_MAX:
        problems.error(
            node,
            Reason.TOO_MANY,
            f"a state machine has at most {MACHINE_STATES_MAX} states and {MACHINE_MOVES_MAX} moves",
        )
    return StatesSymbol(node.name, len(contract.machines), states, tuple(moves), documentation_of(node))


def _is_to(value: ast.expr, contract: Contract) -> bool:
    return isinstance(value, ast.Call) and contract.is_language(value.func, "to")


def _followers(call: ast.Call, constants: Constants, problems: Problems) -> tuple[str, ...]:
    if call.keywords:
        problems.error(call, Reason.WRONG_ARGUMENTS, "to() takes names of states", 'to("issued", "void")')
    try:
        return tuple(constants.text(argument) for argument in call.args)
    except NotConstant:
        return ()
