"""One source, one program: on every version of Python, under every hash seed."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgpack
import pytest

from contracts.library import NAMES, source

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
HEAD = 'from contracts.language import Contract, view\nclass C(Contract):\n    """Doc\n\n      of it.\n    """\n'
METHOD = "    @view\n    def f(self, a: int, d: dict[str, str]) -> str:\n        "

# Texts that versions of Python parse differently, or have parsed differently at some time.
BODIES = [
    "return f'{d['k']}'",
    "return f'{d[\"k\"]}'",
    "return f'{a + 1}'",
    "return f'{\"\\n\".join([])}'",
    "return f'''{d[\"k\"]}\n{a}'''",
    "return f'''{a # comment\n}'''",
    "return f'''{\n a\n }'''",
    "return f'{\na}'",
    "return f'{a!r}'",
    "return f'{a:>3}'",
    "return f'{a:{a}}'",
    "return f'{a=}'",
    "return f'{a!=1}'",
    "return f'{a,}'",
    "return f'{*d,}'",
    "return f'{}'",
    "return f'{ }'",
    "return f'{a}}'",
    "return f'{{a}}'",
    "return f'{{{a}}}'",
    "return f'{a' '}'",
    "return f'{a}' 'b' f'{a}c' ''",
    "return 'b' f'' f'{a}' ''",
    "return rf'\\d{a}'",
    "return f'\\{a}'",
    "return f'\\x7b{a}'",
    "return f'\\N{DIGIT ONE}'",
    "return '\\N{DIGIT ONE}'",
    "return '\\d'",
    "return '\\777'",
    "return f'{lambda x: 1}'",
    "return f'{(lambda x: 1)}'",
    "return f'{f\"{a}\"}'",
    "return f'{f\"{f'{a}'}\"}'",
    'return f"""{f\'\'\'{f"{a}"}\'\'\'}"""',
    "return f'{(b := a)}{b}'",
    "return f'{a if a else 1}'",
    "return f'{[x for x in [a]]}'",
    "return f'{yield}'",
    "return f'\u6c49{a}'",
    "return f'{\u6c49}'",
    "return str(1if a else 2)",
    "return str(0x1for x in [])",
    "return str(1_000)",
    "return str(0777)",
    "return str(" + "9" * 80 + ")",
    "return str(" + "9" * 5_000 + ")",
    "return str(" + "(" * 60 + "a" + ")" * 60 + ")",
    "return str(" + "(" * 70 + "a" + ")" * 70 + ")",
    "return str(" + "-" * 59 + "a" + ")",
    "return str(" + "-" * 3_000 + "a" + ")",
    "return str(" + "a+" * 2_500 + "a)",
    "type X = int\n        return ''",
    "def g[T](x: T) -> T:\n            return x\n        return ''",
    "try:\n            pass\n        except* KeyError:\n            pass\n        return ''",
    "with (d as e, d as g):\n            pass\n        return ''",
    "match a:\n            case 1 | 2:\n                return 'x'\n        return ''",
    "match = a\n        return str(match)",
    "type = a\n        return str(type)",
    "print a\n        return ''",
    "return '''\n    kept\n  as it is'''",
    "return 'a' if a else \\\n            'b'",
    "a: int = 1; b = 2; return str(a + b)",
    "return d[a:=1]",
    "for x in *d, *d:\n            pass\n        return ''",
    "return str([*d])",
]


def interpreter(version: str) -> str | None:
    """Return an interpreter of this version that runs, None if there is none."""
    installed = sorted((Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python"))
    for candidate in [shutil.which(f"python{version}"), *map(str, installed)]:
        if candidate is not None:
            command = [candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
            answer = subprocess.run(command, capture_output=True, text=True, check=False)
            if answer.stdout.strip() == version:
                return candidate
    return None


def told_by(executable: str, sources: list[str], hash_seed: str) -> list[Any]:
    """Return what an interpreter says of each source; other versions use the pure form of MessagePack."""
    packages = Path(msgpack.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{packages}", "PYTHONHASHSEED": hash_seed}
    environment["MSGPACK_PUREPYTHON"] = "1"
    command = [executable, "-B", str(HERE / "compiled.py")]
    answer = subprocess.run(
        command, input=json.dumps(sources), capture_output=True, text=True, check=False, env=environment, cwd=ROOT
    )
    assert answer.returncode == 0, answer.stderr
    result: list[Any] = json.loads(answer.stdout)
    return result


@pytest.fixture(scope="module")
def sources() -> list[str]:
    """Return sources of all kinds: the standard contracts, all that is lowered, and what versions differ in."""
    differential = runpy.run_path(str(HERE / "test_differential.py"))
    lowered = [differential["HEAD"] + differential["indented"](body) for body in differential["CASES"].values()]
    random_ones = [
        differential["HEAD"] + differential["indented"](differential["Generator"](seed).body()) for seed in range(10)
    ]
    state = runpy.run_path(str(HERE / "test_state.py"))["SOURCE"]
    return [*map(source, NAMES), state, *lowered, *random_ones, *(HEAD + METHOD + body + "\n" for body in BODIES)]


@pytest.fixture(scope="module")
def ours(sources: list[str]) -> list[Any]:
    """Return what the running version says."""
    return told_by(sys.executable, sources, "1")


def test_the_sources_are_of_both_kinds(sources: list[str], ours: list[Any]) -> None:
    """There is something to compare: most compile, and many of the odd ones do not."""
    compiled = [len(answer[0]) == 64 if answer and answer != "refused" else False for answer in ours]
    assert sum(compiled[: -len(BODIES)]) == len(sources) - len(BODIES)
    assert 15 < sum(compiled[-len(BODIES) :]) < len(BODIES) - 25


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13"])
def test_versions_of_python_agree(sources: list[str], ours: list[Any], version: str) -> None:
    """The same programs, ABIs and refusals come from each version, under another hash seed."""
    executable = interpreter(version)
    if executable is None:
        pytest.skip(f"no Python {version} here to compare with")
    theirs = told_by(executable, sources, "4242")
    assert [(text, mine, other) for text, mine, other in zip(sources, ours, theirs, strict=True) if mine != other] == []
