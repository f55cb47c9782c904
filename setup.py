"""Build of the compiled modules; everything else about the package is in pyproject.toml.

CPOOL_OPENMP=0 builds without threads; so does a compiler that has no OpenMP.
"""

import os
import platform
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy
from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# Instruction set -> flags. AVX-512 with 256-bit vectors: 512-bit ones lose on short rows.
X86 = {
    "baseline": [],
    "avx2": ["-march=x86-64-v3"],
    "avx512": ["-march=x86-64-v4", "-mprefer-vector-width=256"],
}
OTHERS = {"baseline": []}
INSTRUCTION_SETS = X86 if platform.machine().lower() in ("x86_64", "amd64") else OTHERS

# -ffp-contract=off: the same bits on every instruction set. -fno-trapping-math and
# -fno-math-errno: selects and conversions can be vectorised (results do not change).
# Fused functions exist in versions that nobody calls: no warnings of these.
COMMON = ["-O3", "-g0", "-fwrapv", "-Wno-unused-function", "-Wno-sign-compare"]
# What is inlined is said in the sources: gcc's own choice takes three times as long to compile and
# is no faster.
KERNELS = [
    *COMMON, "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
    "-fno-inline-functions", "-fno-ipa-cp-clone",
]  # fmt: skip

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": False,
}


# The source in comments would make the C of the kernels several times as long.
Options.emit_code_comments = False


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
    sources = sorted(str(path) for path in Path("cpool/kernels").glob("*.px[di]"))
    for name, flags in INSTRUCTION_SETS.items():
        yield Extension(
            f"cpool.kernels.{name}",
            [f"cpool/kernels/{name}.pyx"],
            extra_compile_args=[*KERNELS, *flags],
            depends=sources,
        )
    for name in ("kernels.cpu", "windows", "dtypes", "views", "tiling", "driver", "arrays"):
        flags = threads if name == "driver" else []
        yield Extension(
            f"cpool.{name}",
            [f"cpool/{name.replace('.', '/')}.pyx"],
            include_dirs=[numpy.get_include()],
            extra_compile_args=[*COMMON, *flags],
            extra_link_args=flags,
            depends=[*sources, *headers],
        )


class BuildExt(build_ext):
    """Cython runs when modules are built, not whenever this file is read (an sdist needs none of
    it); modules are compiled side by side."""

    def build_extensions(self):
        jobs = os.cpu_count() or 1
        made = cythonize(list(extensions()), compiler_directives=DIRECTIVES, nthreads=jobs)
        for extension, compiled in zip(self.extensions, made, strict=True):
            extension.sources = compiled.sources
        self.parallel = self.parallel or jobs
        super().build_extensions()


setup(ext_modules=list(extensions()), cmdclass={"build_ext": BuildExt})
