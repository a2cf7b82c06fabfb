"""The methods as a Markdown table, for documents: derived from the table of methods, like everything else."""

from __future__ import annotations

from hanchain.api.method import Method, Parameter, Required
from hanchain.api.methods import METHODS
from hanchain.api.strictjson import dump


def markdown_table() -> str:
    """Return one row per method: call, what it does, what it returns, its REST form."""
    rows = [
        "| method | parameters | what it does | result | REST |",
        "|---|---|---|---|---|",
        *map(_row, METHODS.values()),
    ]
    return "\n".join(rows) + "\n"


def _row(method: Method) -> str:
    parameters = "<br>".join(map(_parameter, method.parameters)) or "none"
    rest = "" if method.path is None else f"`GET {method.path}`"
    return f"| `{method.name}` | {parameters} | {method.doc} | {method.result} | {rest} |"


def _parameter(parameter: Parameter) -> str:
    default = "" if isinstance(parameter.default, Required) else f", default `{dump(parameter.default).decode()}`"
    return f"`{parameter.name}` ({parameter.kind.name}{default}): {parameter.doc}"
