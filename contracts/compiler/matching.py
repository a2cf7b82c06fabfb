"""``match`` on values: a chain of branches over the subject, which is evaluated once."""

from __future__ import annotations

import ast

from contracts.compiler.body import Body
from contracts.compiler.catching import LowerBlock
from contracts.compiler.errors import Reason
from contracts.compiler.grammar import Compare, Kind, Node
from contracts.compiler.scope import Assigned, merge
from contracts.compiler.vocabulary import STR

_SHAPES = "match compares values; take shapes apart by assignment"


def lower_match(body: Body, node: ast.Match, lower_block: LowerBlock) -> list[Node]:
    """Return ``match`` as branches inside one another; a case that always holds ends them."""
    slot = body.scope.temporary()
    subject = body.node(node.subject, Kind.ASSIGN, slot, body.expression(node.subject))
    end: Assigned = None
    # Each case: statements in front of its test, the test (None: always), its block.
    cases: list[tuple[list[Node], Node | None, tuple[Node, ...], ast.match_case]] = []
    for position, case in enumerate(node.cases):
        before, test = _lower_pattern(body, case.pattern, slot)
        if test is None and case.guard is None and position < len(node.cases) - 1:
            body.refuse(
                case.pattern, Reason.MISPLACED, "this case always holds: those behind are never reached", "put it last"
            )
        when_false: Assigned = body.scope.assigned if test is not None else None
        if case.guard is not None:
            guard = body.test(case.guard)
            when_false = merge(when_false, guard.when_false)
            body.scope.assigned = guard.when_true
            test = guard.node if test is None else body.node(case.guard, Kind.AND, test, guard.node)
        block = lower_block(body, case.body)
        end = merge(end, body.scope.assigned)
        body.scope.assigned = when_false
        cases.append((before, test, block, case))
    body.scope.assigned = merge(end, body.scope.assigned)
    chain: tuple[Node, ...] = ()
    for before, test, block, case in reversed(cases):
        branches = block if test is None else (body.node(case.pattern, Kind.IF, test, block, chain),)
        chain = (*before, *branches)
    return [subject, *chain]


def _lower_pattern(body: Body, pattern: ast.pattern, slot: int) -> tuple[list[Node], Node | None]:
    """Return statements that bind names, and the test of a pattern; None if it always holds."""
    subject = body.local(pattern, slot)
    if isinstance(pattern, ast.MatchValue):
        value = body.expression(pattern.value)
        return [], body.node(pattern, Kind.COMPARE, Compare.EQUAL, subject, value)
    if isinstance(pattern, ast.MatchSingleton):
        if pattern.value is None:
            return [], body.node(pattern, Kind.IS_NONE, subject)
        # `case True` asks for identity, and 1 == True: the text of a value tells them apart.
        value = body.constant(pattern, pattern.value)
        equal = body.node(pattern, Kind.COMPARE, Compare.EQUAL, subject, value)
        text = body.node(pattern, Kind.FUNCTION, STR, (subject,))
        same = body.node(pattern, Kind.COMPARE, Compare.EQUAL, text, body.constant(pattern, str(pattern.value)))
        return [], body.node(pattern, Kind.AND, equal, same)
    if isinstance(pattern, ast.MatchOr):
        tests: list[Node] = []
        for inner in pattern.patterns:
            if isinstance(inner, ast.MatchAs):
                body.refuse(inner, Reason.UNSUPPORTED, "alternatives are values", "case 1 | 2:")
                continue
            before, test = _lower_pattern(body, inner, slot)
            assert not before, "values bind no names"
            if test is not None:
                tests.append(test)
        whole = tests[0] if tests else body.constant(pattern, False)
        for test in tests[1:]:
            whole = body.node(pattern, Kind.OR, whole, test)
        return [], whole
    if isinstance(pattern, ast.MatchAs):
        inner_test: Node | None = None
        if pattern.pattern is not None:
            before, inner_test = _lower_pattern(body, pattern.pattern, slot)
            if before or pattern.name is not None:
                body.refuse(
                    pattern, Reason.UNSUPPORTED, "no 'as' in a case", "the subject of match has the value already"
                )
        elif pattern.name is not None:
            target = body.scope.assign(pattern.name)
            return [body.node(pattern, Kind.ASSIGN, target, subject)], None
        return [], inner_test
    body.refuse(pattern, Reason.UNSUPPORTED, "a case is a value, values joined by |, or a name", _SHAPES)
    return [], body.constant(pattern, False)
