"""The command ``cpool``: a demonstration, pooling of files, and what this build is made of.

It needs the packages of the extra ``cli``; the library itself needs none of them.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec

__all__ = ["main"]

#: What the extra ``cli`` installs, by import name.
_NEEDED = ("click", "PIL", "matplotlib")


def main() -> None:
    """Run the command line that ``sys.argv`` holds, and leave with its exit code."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        names = ", ".join(missing)
        hint = f'the command line lacks {names}; pip install "cpool[cli]"'
        print(f"cpool: error: {hint}", file=sys.stderr)
        sys.exit(2)
    from cpool.cli.commands import command

    command(prog_name="cpool")
