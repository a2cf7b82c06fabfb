"""Headers of functions and methods: parameters, types, and the decorators that export them."""

from __future__ import annotations

import ast

from contracts.compiler.cells import check_default
from contracts.compiler.constants import Constants, NotConstant
from contracts.compiler.errors import Problems, Reason
from contracts.compiler.grammar import ExportKind
from contracts.compiler.naming import check_identifier, did_you_mean, documentation_of
from contracts.compiler.symbols import Contract, FunctionSymbol, Guard, Parameter, StatesSymbol, Type
from contracts.compiler.types import NONE, Types
from contracts.compiler.vocabulary import DECORATORS
from contracts.limits import NAME_LENGTH_MAX, PARAMETERS_MAX, ROLES_MAX

_KINDS = {"init": ExportKind.INIT, "export": ExportKind.EXPORT, "view": ExportKind.VIEW}


def read_function(
    node: ast.FunctionDef,
    index: int,
    contract: Contract,
    types: Types,
    constants: Constants,
    problems: Problems,
    *,
    method: bool,
) -> FunctionSymbol:
    """Read a function's header; errors are noted, and what is wrong is left out."""
    if getattr(node, "type_params", None):
        problems.error(node, Reason.UNSUPPORTED, "functions have no type parameters", "name the types")
    export, guard = _read_decorators(node, contract, constants, problems, method=method)
    parameters = _read_parameters(node, types, constants, problems, method=method, exported=export is not None)
    result: Type | None = None
    if node.returns is not None:
        result = types.read(node.returns)
    elif export in (ExportKind.EXPORT, ExportKind.VIEW):
        problems.error(
            node, Reason.MISSING_TYPE, f"the result of {node.name!r} has no type", "write -> None if there is none"
        )
    if export is ExportKind.INIT and result not in (None, NONE):
        problems.error(node, Reason.BAD_DECLARATION, "an @init method returns nothing", "write -> None")
    if export is ExportKind.VIEW and result is NONE:
        problems.error(
            node, Reason.BAD_DECLARATION, "a @view that returns nothing is of no use", "name the result's type"
        )
    if export is not None and node.name.startswith("_"):
        problems.error(
            node,
            Reason.BAD_NAME,
            "the underscore says helper, the decorator says method of the contract",
            "remove one of them",
        )
    return FunctionSymbol(node.name, index, node, parameters, result, method, export, guard, documentation_of(node))


def _read_parameters(
    node: ast.FunctionDef, types: Types, constants: Constants, problems: Problems, *, method: bool, exported: bool
) -> tuple[Parameter, ...]:
    arguments = node.args
    for extra in (arguments.vararg, arguments.kwarg):
        if extra is not None:
            problems.error(
                extra, Reason.UNSUPPORTED, "a method has a fixed number of parameters", "take a list or a dict"
            )
    if arguments.kwonlyargs or arguments.posonlyargs:
        where = (arguments.kwonlyargs or arguments.posonlyargs)[0]
        problems.error(where, Reason.UNSUPPORTED, "parameters have no / or * between them here", "remove it")
    plain = arguments.args
    if method:
        if not plain or plain[0].arg != "self":
            problems.error(
                node, Reason.BAD_DECLARATION, "the first parameter of a method is self", f"def {node.name}(self, ...)"
            )
        else:
            plain = plain[1:]
    if len(plain) > PARAMETERS_MAX:
        problems.error(plain[PARAMETERS_MAX], Reason.TOO_MANY, f"at most {PARAMETERS_MAX} parameters", "take a Record")
    defaults = dict(zip(reversed(plain), reversed(arguments.defaults), strict=False))
    parameters: dict[str, Parameter] = {}
    for argument in plain:
        check_identifier(argument.arg, argument, problems)
        declared = types.read(argument.annotation) if argument.annotation is not None else None
        if exported and argument.annotation is None:
            problems.error(
                argument, Reason.MISSING_TYPE, f"the parameter {argument.arg!r} has no type", f"{argument.arg}: int"
            )
        if argument.arg in parameters or argument.arg == "self":
            problems.error(argument, Reason.DUPLICATE, f"the parameter {argument.arg!r} is there twice")
        parameters[argument.arg] = Parameter(argument.arg, declared)
        if argument in defaults:
            try:
                value = constants.read(defaults[argument]) if not exported else constants.scalar(defaults[argument])
            except NotConstant:
                value = None
            else:
                if declared is not None:
                    check_default(defaults[argument], value, declared, problems)
            parameters[argument.arg] = Parameter(argument.arg, declared, has_default=True, default=value)
    return tuple(parameters.values())


def _read_decorators(
    node: ast.FunctionDef, contract: Contract, constants: Constants, problems: Problems, *, method: bool
) -> tuple[ExportKind | None, Guard]:
    export: ExportKind | None = None
    guard = Guard()
    for decorator in node.decorator_list:
        inner = decorator.func if isinstance(decorator, ast.Call) else decorator
        name = inner.id if isinstance(inner, ast.Name) else ""
        if name in DECORATORS and not contract.is_language(inner, name):
            problems.error(
                inner, Reason.UNKNOWN_NAME, f"{name!r} is not imported", f"from contracts.language import {name}"
            )
        if name not in DECORATORS:
            suggestion = did_you_mean(name, DECORATORS) or "there are @export, @view and @init"
            problems.error(decorator, Reason.BAD_DECORATOR, f"no decorator @{ast.unparse(inner)[:60]}", suggestion)
        elif name == "migrate":
            problems.error(
                decorator,
                Reason.NOT_ENFORCED,
                "this release runs no migrations",
                "an upgrade keeps all cells as they are; add new ones",
            )
        elif not method:
            problems.error(
                decorator, Reason.MISPLACED, "only methods of the contract are exported", "move it into the class"
            )
        elif export is not None:
            problems.error(
                decorator, Reason.BAD_DECORATOR, "a method has one of @export, @view and @init", "remove one"
            )
        else:
            export = _KINDS[name]
            if isinstance(decorator, ast.Call):
                guard = _read_guard(decorator, name, contract, constants, problems)
    return export, guard


def _read_guard(call: ast.Call, name: str, contract: Contract, constants: Constants, problems: Problems) -> Guard:
    """Read ``roles=``, ``kyc=``, ``move=`` and ``reentrant=`` of a decorator."""
    allowed = {"export": ("roles", "kyc", "move", "reentrant"), "view": ("reentrant",)}.get(name, ())
    roles: tuple[str, ...] = ()
    level = 0
    moves: tuple[tuple[StatesSymbol, str, str], ...] = ()
    reentrant = False
    if call.args:
        problems.error(call, Reason.BAD_DECORATOR, f"@{name} takes keywords only", 'as in @export(roles=("notary",))')
    for keyword in call.keywords:
        try:
            if keyword.arg == "policy":
                problems.error(keyword, Reason.NOT_ENFORCED, "this release enforces no policies", "use roles= or kyc=")
            elif keyword.arg not in allowed:
                taken = f"there are {', '.join(allowed)}" if allowed else "it takes nothing"
                suggestion = "anybody may ask a view; state is public" if name == "view" else ""
                problems.error(
                    keyword, Reason.BAD_DECORATOR, f"@{name} takes no {keyword.arg or '**'}: {taken}", suggestion
                )
            elif keyword.arg == "roles":
                roles = _read_roles(keyword, constants, problems)
            elif keyword.arg == "kyc":
                level = _read_level(keyword, constants, problems)
            elif keyword.arg == "move":
                moves = _read_moves(keyword.value, contract, constants, problems)
            else:
                value = constants.read(keyword.value)
                if not isinstance(value, bool):
                    problems.error(keyword, Reason.BAD_CONSTANT, "reentrant is True or False")
                reentrant = value is True
        except NotConstant:
            continue
    return Guard(roles, level, moves, reentrant)


def _read_roles(keyword: ast.keyword, constants: Constants, problems: Problems) -> tuple[str, ...]:
    roles = constants.texts(keyword.value)
    if not 1 <= len(roles) <= ROLES_MAX or len(set(roles)) != len(roles):
        problems.error(keyword, Reason.TOO_MANY, f"one to {ROLES_MAX} different roles")
    if not all(1 <= len(role) <= NAME_LENGTH_MAX for role in roles):
        problems.error(keyword, Reason.BAD_NAME, f"a role has 1 to {NAME_LENGTH_MAX} characters")
    return roles


def _read_level(keyword: ast.keyword, constants: Constants, problems: Problems) -> int:
    value = constants.read(keyword.value)
    if type(value) is not int or not 0 <= value <= 255:
        problems.error(keyword, Reason.BAD_CONSTANT, "kyc is the least level of the sender, 0 to 255")
        return 0
    return value


def _read_moves(
    node: ast.expr, contract: Contract, constants: Constants, problems: Problems
) -> tuple[tuple[StatesSymbol, str, str], ...]:
    """Read one move ``("issued", "active")`` or ``(Status.issued, Status.active)``, or a tuple of such pairs."""
    items = [node]
    if isinstance(node, ast.Tuple) and node.elts and all(isinstance(item, ast.Tuple) for item in node.elts):
        items = node.elts
    moves: list[tuple[StatesSymbol, str, str]] = []
    for item in items:
        pair = constants.texts(item)
        fitting = [
            machine
            for machine in contract.machines
            if len(pair) == 2
            and set(pair) <= set(machine.states)
            and (machine.states.index(pair[0]), machine.states.index(pair[1])) in machine.moves
        ]
        if len(fitting) != 1:
            message = "more than one state machine has this move" if fitting else "no state machine has this move"
            problems.error(
                item, Reason.UNKNOWN_MEMBER, message, 'a pair of states with a declared move: move=("issued", "active")'
            )
            continue
        moves.append((fitting[0], pair[0], pair[1]))
    return tuple(moves)
