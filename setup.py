"""Build of the compiled modules; everything else about the package is in pyproject.toml.

CPOOL_OPENMP=0 builds without threads; so does a compiler that has no OpenMP.
"""

import copy
import gc
import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from itertools import product
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Instruction set -> flags. Exponentials and their like are compiled for AVX-512 beside AVX2
# (kernels/elementary.h). With vectors of 256 bits it gains nothing elsewhere, with those of 512
# on some processors (kernels/processor.h).
X86 = {
    "baseline": [],
    "avx2": ["-march=x86-64-v3"],
    "avx512_wide": ["-march=x86-64-v4", "-mprefer-vector-width=512"],
}
OTHERS = {"baseline": []}
INSTRUCTION_SETS = X86 if platform.machine().lower() in ("x86_64", "amd64") else OTHERS

# -ffp-contract=off: the same bits on every instruction set. -fno-trapping-math and
# -fno-math-errno: selects and conversions can be vectorised (results do not change).
# Fused functions exist in versions that nobody calls, and with types whose elements are never NaN:
# no warnings of these. gcc looks up the line of each warning, and of each brace whose indentation
# it compares, in a file of many MB: that took as long as all the rest.
COMMON = [
    "-O2", "-g0", "-fwrapv", "-ffp-contract=off", "-Wno-unused-function", "-Wno-sign-compare",
    "-Wno-unused-but-set-variable", "-Wno-tautological-compare", "-Wno-memset-elt-size",
    "-Wno-misleading-indentation",
]  # fmt: skip
# What is inlined is said in the sources. All that -O3 does takes four times as long to compile and
# is no faster.
KERNELS = [
    *COMMON, "-fno-inline-functions", "-ftree-vectorize", "-fvect-cost-model=dynamic",
    "-fno-math-errno", "-fno-trapping-math",
]  # fmt: skip
# Unit -> flags. Loops that follow positions one by one need all registers for themselves (0.75 of
# the time); elsewhere a call more for each row costs as much as it gains. Where the jumps of one
# minimum are threaded through those of the next, neither is a minimum any more.
UNITS = {
    "extrema": ["-fno-thread-jumps"],
    "sums": [],
    "products": [],
    "positions": ["-fno-thread-jumps"],
    "means": ["-fno-inline-functions-called-once"],
    "order": ["-fno-inline-functions-called-once", "-fno-thread-jumps"],
    "unpooling": ["-fno-inline-functions-called-once"],
    "regions": [],
    "weighted": [],
}

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": False,
    # They would make the C of the kernels nearly three times as long.
    "emit_code_comments": False,
}


def openmp_flags():
    """Flags with which this machine's compiler makes OpenMP programs, or none."""
    if os.environ.get("CPOOL_OPENMP") == "0":
        return []
    compiler = (sysconfig.get_config_var("CC") or "cc").split()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "try.c")
        source.write_text("#include <omp.h>\nint main(void) { return !omp_get_max_threads(); }\n")
        command = [*compiler, "-fopenmp", str(source), "-o", str(Path(folder, "try"))]
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            print("cpool: no OpenMP here; building for one thread", file=sys.stderr)
            return []
    return ["-fopenmp"]


def extensions():
    threads = openmp_flags()
    headers = sorted(str(path) for path in Path("cpool").glob("*.pxd"))
    folder = Path("cpool/kernels")
    sources = sorted(str(path) for path in (*folder.glob("*.px[di]"), *folder.glob("*.h")))
    for (unit, own), (name, flags) in product(UNITS.items(), INSTRUCTION_SETS.items()):
        yield Extension(
            f"cpool.kernels.{name}.{unit}",
            [f"cpool/kernels/{unit}.pyx"],
            extra_compile_args=[*KERNELS, *own, *flags],
            depends=sources,
        )
    for name in ("kernels.cpu", "windows", "dtypes", "views", "tiling", "driver", "calls",
                 "arrays", "lanes", "ordering", "bins", "weighted"):
        flags = threads if name == "driver" else []
        yield Extension(
            f"cpool.{name}",
            [f"cpool/{name.replace('.', '/')}.pyx"],
            include_dirs=[numpy.get_include(), "cpool/kernels"],
            extra_compile_args=[*COMMON, *flags],
            extra_link_args=flags,
            depends=[*sources, *headers],
        )


class BuildExt(build_ext):
    """Cython runs when modules are built, not whenever this file is read (an sdist needs none of
    it), and once for each source; modules are compiled side by side."""

    def build_extensions(self):
        self.parallel = self.parallel or os.cpu_count() or 1
        sources = sorted({extension.sources[0] for extension in self.extensions})
        gc.disable()  # half of Cython's time: its millions of nodes live to its end anyway
        cythonize(sources, compiler_directives=DIRECTIVES, nthreads=self.parallel)
        gc.enable()
        for extension in self.extensions:
            extension.sources = [str(Path(extension.sources[0]).with_suffix(".c"))]
        super().build_extensions()

    def copy_extensions_to_source(self):
        """For editable installs; the source tree has no folders for instruction sets."""
        for extension in self.extensions:
            Path(*extension.name.split(".")).parent.mkdir(exist_ok=True)
        super().copy_extensions_to_source()

    def build_extension(self, ext):
        """The object files of each module in a folder of their own: a source makes several."""
        build = copy.copy(self)
        build.build_temp = os.path.join(self.build_temp, ext.name)
        super(BuildExt, build).build_extension(ext)


setup(ext_modules=list(extensions()), cmdclass={"build_ext": BuildExt})
