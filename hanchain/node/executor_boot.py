"""Starts the executor's process: run by its path, in an isolated interpreter, by ``executor_link``.

Neither the environment nor the current directory choose the code. It has to be the node's, also where that runs from
sources and another copy is installed: then the directory of this very file goes first.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

if __name__ == "__main__":
    here = Path(__file__).resolve().parents[2]
    found = find_spec("hanchain")
    if found is None or found.origin is None or Path(found.origin).resolve().parents[1] != here:
        sys.path.insert(0, str(here))

    from hanchain.node.executor_child import main

    sys.exit(main(sys.argv))
