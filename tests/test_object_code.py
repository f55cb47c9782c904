"""What the compiler made of the kernels: no test of time, but a guard against a loop that is no
longer vectorised, or that takes more instructions than it did."""

from __future__ import annotations

import collections
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cpool
import cpool.kernels

#: Loops that touch every element, or functions that they are inlined into, by unit.
LOOPS = {
    "extrema": ["fold2", "fold4", "fold_beside", "fold_leaf", "fold_many", "group_pairs",
                "group_quads", "halve_keys", "masked1", "masked_threes", "more1"],
    "sums": ["fold2", "fold4", "fold_beside", "fold_leaf", "fold_many", "group_pairs",
             "group_quads", "masked_threes", "mean_quads", "more1", "scale", "wide2"],
    "positions": ["select_taps", "select_full", "select_at_once", "merge_windows"],
    "unpooling": ["choose_taps", "choose_block", "choose_more", "name_taps", "put_pairs",
                  "unpool_channels"],
    "weighted": ["weigh", "weigh_channels", "weigh_nine"],
}  # fmt: skip
#: 128-bit integers: no processor has vectors of them.
SCALAR = {("sums", "3")}

PACKED = re.compile(
    r"v?(?:(?:add|sub|mul|div|max|min|cmp\w*|blendv?)p[sd]"
    r"|p(?:add|sub|max|min|cmp|blend)\w+|(?:andn|and|or)p[sd])\s.*%[xyz]mm"
)

#: Folders of modules that this processor runs, and the units of each.
MODULES = sorted({
    (cpool.kernels.FOLDERS[name], unit)
    for name in cpool.kernels.built()
    for unit in cpool.kernels.UNITS
})  # fmt: skip

needs_object_code = pytest.mark.skipif(
    shutil.which("objdump") is None
    or platform.machine() != "x86_64"
    or not cpool.show_config(mode="dict")["compiler"].startswith("gcc"),
    reason="needs objdump (GNU binutils), instructions of x86-64, names that gcc keeps",
)


def disassembled(instruction_set: str, unit: str) -> str:
    folder = Path(cpool.kernels.__file__).parent / instruction_set
    return subprocess.run(
        ["objdump", "--disassemble", "--no-show-raw-insn", next(folder.glob(f"{unit}.*"))],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def functions(listing: str) -> dict[tuple[str, str], list[str]]:
    """Instructions of the functions of a unit, by name and number of the type."""
    found = collections.defaultdict(list)
    current = None
    for line in listing.splitlines():
        if header := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            name = re.search(r"fuse_(\d+)\w*?kernels_\d+[a-z]+_([a-z]\w*?)(?:\.|$)", header[1])
            current = (name[2], name[1]) if name else None
        elif current is not None and "\t" in line:
            found[current].append(line.split("\t")[-1])
    return found


@pytest.mark.parametrize(
    "instruction_set, unit", [module for module in MODULES if module[1] in LOOPS]
)
@needs_object_code
def test_loops_are_vectorised(instruction_set, unit):
    found = functions(disassembled(instruction_set, unit))
    if not found:
        pytest.skip("the module was stripped of its names")
    loops = {key: code for key, code in found.items() if key[0] in LOOPS[unit]}
    assert loops, sorted(found)
    scalar = [
        key for key, code in loops.items()
        if (unit, key[1]) not in SCALAR and not any(map(PACKED.match, code))
    ]  # fmt: skip
    # SSE2 has no comparison of 64-bit integers, and positions go with values of another width.
    if instruction_set == "baseline":
        large = {"extrema": "67", "sums": "", "positions": "2345", "unpooling": "3",
                 "weighted": ""}[unit]
        scalar = [(name, number) for name, number in scalar if number not in large]
    assert not scalar, f"loops without packed instructions: {scalar}"


@pytest.mark.parametrize(
    "instruction_set, unit", [module for module in MODULES if module[1] in ("extrema", "sums")]
)
@needs_object_code
def test_fetching_is_not_left_out(instruction_set, unit):
    # A compiler may take a function that only fetches memory for one without effect.
    assert "prefetch" in disassembled(instruction_set, unit)


@pytest.mark.parametrize("unit", [unit for folder, unit in MODULES if folder == "avx512_wide"])
@needs_object_code
def test_wide_modules_have_vectors_of_512_bits(unit):
    listing = disassembled("avx512_wide", unit)
    wide = [line for line in listing.splitlines() if "%zmm" in line]
    assert any(PACKED.match(line.split("\t")[-1]) for line in wide)


@pytest.mark.skipif(("avx2", "sums") not in MODULES, reason="beside AVX2")
@needs_object_code
def test_exponentials_have_vectors_of_512_bits():
    """Rows that are compiled twice, in units that use them."""
    for unit, rows in {
        "sums": ["exps_float", "exps_wide", "logs_wide", "cube_roots_float", "any_powers_float"],
        "products": ["roots_narrow", "roots_of_narrow"],
        "means": ["exps_double", "logs_float", "any_powers_double"],
    }.items():
        listing = disassembled("avx2", unit)
        for row in rows:
            code = re.search(rf"<cpool_{row}_avx512[.\w]*>:\n(.+?)\n\n", listing, re.DOTALL)
            assert code, f"{unit} has no {row} for AVX-512"
            assert re.search(r"v(?:mul|div)p[sd]\s.*%zmm", code[1]), f"{row} of {unit}"


#: What is counted: the kernel's function, a call of it, outputs of all calls, and the most that
#: instructions for each may be: a third more than with AVX2 and gcc 12.
COUNTED = {
    "fold_max": ("cpool.max_pool2d(x, 2)", 16 * 56 * 56, 5.3),
    "fold_min": ("cpool.min_pool2d(x, 3, 2, 1)", 16 * 56 * 56, 13),
    "fold_add": ("cpool.avg_pool2d(x, 2)", 16 * 56 * 56, 5.3),
    "select_max": ("cpool.max_pool2d(x, 2, return_indices=True)", 2 * 16 * 56 * 56, 13),
    "scatter_any": ("cpool.vjp(cpool.max_pool2d, x, 2)[1](y)", 16 * 112 * 112, 1.7),
}


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="needs valgrind")
@pytest.mark.skipif("avx2" not in cpool.kernels.built(), reason="counted for AVX2")
def test_instructions(tmp_path):
    code = [
        "import numpy as np, cpool",
        "x = np.random.default_rng(0).random((16, 112, 112), dtype=np.float32)",
        "y = np.ones((16, 56, 56), np.float32)",
        *(call for call, _, _ in COUNTED.values()),
    ]
    profile = tmp_path / "callgrind.out"
    valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}"]
    subprocess.run(
        [*valgrind, sys.executable, "-c", "\n".join(code)],
        env={**os.environ, "CPOOL_ISA": "avx2", "OMP_NUM_THREADS": "1"},
        cwd=tmp_path, capture_output=True, check=True, timeout=600,
    )  # fmt: skip
    table = subprocess.run(
        ["callgrind_annotate", "--inclusive=yes", "--threshold=100", profile],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    counts = {}
    for name, (_, outputs, _) in COUNTED.items():
        line = re.search(rf"^ *([\d,]+) .*kernels_\d+[a-z]+_{name}\b", table, re.MULTILINE)
        assert line, f"{name} was not called"
        counts[name] = round(int(line[1].replace(",", "")) / outputs, 2)
    assert all(counts[name] <= limit for name, (_, _, limit) in COUNTED.items()), f"{counts}"
