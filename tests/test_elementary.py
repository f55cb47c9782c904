"""exp, log and pow of the kernels, which no function of the package gives away alone: compiled here
from their header, with the flags of the kernels."""

from __future__ import annotations

import ctypes
import decimal
import itertools
import math
import platform
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import cpool.kernels
from cpool.kernels import cpu

HEADERS = Path(cpool.kernels.__file__).parent
COMPILER = (sysconfig.get_config_var("CC") or "cc").split()
#: Those of KERNELS in setup.py.
FLAGS = [
    "-O2", "-fwrapv", "-fno-inline-functions", "-ftree-vectorize", "-fvect-cost-model=dynamic",
    "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-Wno-unused-function",
]  # fmt: skip
INTEL = platform.machine().lower() in ("x86_64", "amd64")
BUILDS = {"baseline": []}
if INTEL and cpu.level() > 0:
    BUILDS["avx2"] = ["-march=x86-64-v3"]
if INTEL and cpu.level() > 1:
    BUILDS["avx512"] = BUILDS["avx2"]  # which has both

SOURCE = """
#include "elementary.h"
#define FUNCTIONS(type) \\
    void exp_##type(type *y, const type *x, ptrdiff_t n) { cpool_exps_##type(y, x, n); } \\
    void log_##type(type *y, const type *x, ptrdiff_t n) { cpool_logs_##type(y, x, n); } \\
    void cube_root_##type(type *y, const type *x, ptrdiff_t n) { \\
        cpool_cube_roots_##type(y, x, n); \\
    } \\
    void exp_moderate_##type(type *restrict y, const type *restrict x, ptrdiff_t n) { \\
        for (ptrdiff_t i = 0; i < CPOOL_WHOLE(n, type); i++) \\
            y[i] = cpool_exp_moderate_##type(x[i]); \\
    } \\
    void powers_##type(type *y, const type *x, double p, ptrdiff_t n) { \\
        cpool_powers_##type(y, x, p, n); \\
    } \\
    void general_##type(type *restrict y, const type *restrict x, double p, ptrdiff_t n) { \\
        const cpool_power power = cpool_power_of(p); \\
        for (ptrdiff_t i = 0; i < CPOOL_WHOLE(n, type); i++) \\
            y[i] = cpool_power_##type(x[i], power); \\
    } \\
    void pow_##type(type *restrict y, const type *restrict x, const double *restrict p, \\
                    ptrdiff_t n) { \\
        for (ptrdiff_t i = 0; i < n; i++) y[i] = cpool_pow_##type(x[i], p[i]); \\
    }
FUNCTIONS(float)
FUNCTIONS(double)
void use_avx512(int yes) { cpool_use_avx512(yes); }
"""
TYPES = {np.dtype(np.float32): "float", np.dtype(np.float64): "double"}
#: Powers that are products and square roots, and what doubles of them may err by.
PRODUCTS = {
    -1: 0.5, -0.5: 1.5, 0: 0.5, 0.5: 0.5, 1: 0.5, 1.5: 1.5,
    2: 0.5, 2.5: 2.5, 3: 1.5, 3.5: 3.5, 4: 2.5,
}  # fmt: skip
POWERS = [*PRODUCTS, 2.7, -1.5, 1 / 3, -7.0, 40.5, 1e-3]


class Build:
    """The functions, compiled for an instruction set, of contiguous arrays."""

    def __init__(self, folder: Path, name: str):
        source = folder / "elementary.c"
        source.write_text(SOURCE)
        self.path = folder / "elementary.so"
        flags = [*FLAGS, *BUILDS[name], "-shared", "-fPIC", f"-I{HEADERS}"]
        subprocess.run([*COMPILER, *flags, source, "-lm", "-o", self.path], check=True)
        self.library = ctypes.CDLL(str(self.path))
        self.library.use_avx512(name == "avx512")

    def __call__(self, name, x, p=None):
        block = 32 // x.itemsize
        inside = np.ones(-(-x.size // block) * block, x.dtype)
        inside[: x.size] = x
        y = np.empty_like(inside)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (y, inside)]
        if isinstance(p, np.ndarray):
            powers = np.ascontiguousarray(p, np.float64)
            pointers.append(ctypes.c_void_p(powers.ctypes.data))
        elif p is not None:
            pointers.append(ctypes.c_double(p))
        getattr(self.library, f"{name}_{TYPES[x.dtype]}")(*pointers, ctypes.c_ssize_t(x.size))
        return y[: x.size]


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    if shutil.which(COMPILER[0]) is None:
        pytest.skip(f"there is no compiler {COMPILER[0]}")
    if not (HEADERS / "elementary.h").is_file():
        pytest.skip("the header was not installed")
    return {name: Build(tmp_path_factory.mktemp(name), name) for name in BUILDS}


@pytest.fixture(scope="module", params=BUILDS)
def build(request, builds):
    return builds[request.param]


@pytest.fixture
def rng():
    return np.random.default_rng(20)


def as_bits(x):
    return x.view(f"u{x.itemsize}")


def around(*places, dtype, n=2000):
    """The n numbers before and after each place."""
    steps = np.arange(-n, n + 1)
    numbers = np.dtype(f"i{np.dtype(dtype).itemsize}")
    found = [(np.array(x, dtype).view(numbers) + steps).astype(numbers) for x in places]
    return np.concatenate(found).view(dtype)


def float_errors(y, true):
    """Errors of floats in ulp, `true` being of float64; infinity is 2**128 here."""
    exponent = np.maximum(np.frexp(true)[1], -125)
    y = np.where(np.isinf(y), np.copysign(2.0**128, y), y.astype(np.float64))
    return np.abs(y - true) / np.ldexp(1.0, exponent - 24)


def double_errors(y, true):
    """Errors of doubles in ulp, `true` being of Decimal."""
    errors = []
    for value, exact in zip(y.tolist(), true, strict=True):
        largest = decimal.Decimal(2) ** 1024
        got = largest.copy_sign(exact) if math.isinf(value) else decimal.Decimal(value)
        ulp = math.ulp(min(abs(float(exact)), 1.7e308))
        errors.append(float(abs(got - exact) / decimal.Decimal(ulp)))
    return np.array(errors)


@pytest.fixture(autouse=True)
def _exact():
    """Decimals have 40 digits, each right; and NumPy may overflow."""
    context = decimal.Context(prec=40, Emin=-9999, Emax=9999)
    with decimal.localcontext(context), np.errstate(all="ignore"):
        yield


# --- errors --------------------------------------------------------------------------------------


def test_exp_of_floats(build, rng):
    edges = (-103.97, -103.28, -87.34, -0.34657, -1e-4, 1e-38, 1e-4, 0.34657, 1.03972, 88.7)
    x = np.concatenate([
        rng.uniform(-104.5, 88.72, 400_000),
        rng.uniform(-1.1, 1.1, 200_000),
        (np.arange(-149, 129) + 0.5)[:, None].repeat(500, 1).ravel() * math.log(2)
        + rng.normal(0, 1e-5, 278 * 500),
        around(*edges, dtype=np.float32),
    ]).astype(np.float32)  # fmt: skip
    x = x[x <= np.float32(88.72283)]
    assert float_errors(build("exp", x), np.exp(x.astype(np.float64))).max() < 1


def test_log_of_floats(build, rng):
    edges = (1e-45 * 3000, 1.1754944e-38, 0.5, 0.70710678, 1, 1.41421356, 2, 3.4e38)
    x = np.concatenate([
        rng.integers(1, 0x7F800000, 400_000, np.uint32).view(np.float32),
        rng.uniform(0.5, 2, 400_000),
        around(*edges, dtype=np.float32),
    ]).astype(np.float32)  # fmt: skip
    assert float_errors(build("log", x), np.log(x.astype(np.float64))).max() < 1


def test_pow_of_floats(build, rng):
    n = 100_000
    x = rng.integers(1, 0x7F800000, 4 * n, np.uint32).view(np.float32)
    x[:n] = rng.uniform(0.6, 1.6, n)
    # Results all over the floats, half of them near the ends, the subnormal ones included.
    logs = np.log2(x.astype(np.float64))
    aim = rng.uniform(-150, 128, 4 * n)
    aim[n : 2 * n] = rng.uniform(-150, -125, n)
    p = aim / logs
    p[3 * n :] = rng.uniform(-4, 4, n)
    inside = np.isfinite(p) & (p * logs < 127.99)
    x, p = x[inside], p[inside]
    assert float_errors(build("pow", x, p), np.power(x.astype(np.float64), p)).max() < 0.51


def test_exp_of_doubles(build, rng):
    edges = (-745.13, -708.4, -0.346573, 1e-300, 1e-9, 0.346573, 1.0397, 709.78)
    x = np.concatenate([
        rng.uniform(-745.13, 709.78, 6000),
        rng.uniform(-745.13, -708, 2000),
        rng.uniform(-1.1, 1.1, 4000),
        around(*edges, dtype=np.float64, n=100),
    ])  # fmt: skip
    true = [decimal.Decimal(value).exp() for value in x.tolist()]
    assert double_errors(build("exp", x), true).max() < 1.5


@pytest.mark.parametrize("dtype, end", [(np.float32, 87), (np.float64, 700)])
def test_exp_of_moderate_numbers_is_the_same(build, rng, dtype, end):
    x = np.concatenate([
        rng.uniform(-end, end, 100_000), rng.uniform(-1, 1, 100_000), [0, -end, end, 1e-300],
    ]).astype(dtype)  # fmt: skip
    np.testing.assert_array_equal(as_bits(build("exp_moderate", x)), as_bits(build("exp", x)))
    # A NaN stays one whatever its lower bits are.
    nans = as_bits(np.full(1000, np.nan, dtype)) | np.arange(1000, dtype=as_bits(x).dtype)
    assert np.isnan(build("exp_moderate", nans.view(dtype))).all()


def test_cube_roots_of_floats(build, rng):
    x = np.concatenate([
        rng.uniform(1, 8, 400_000), np.exp2(rng.uniform(-126, 126, 400_000)),
        around(2.0**-125, 1, 8, 2.0**125, dtype=np.float32),
    ]).astype(np.float32)  # fmt: skip
    assert float_errors(build("cube_root", x), np.cbrt(x.astype(np.float64))).max() < 0.51


def test_cube_roots_of_doubles(build, rng):
    x = np.concatenate([
        rng.integers(1 << 52, 0x7FF0000000000000, 6000, np.uint64).view(np.float64),
        rng.uniform(1, 8, 6000), around(2.3e-308, 1, 8, 1.79e308, dtype=np.float64, n=100),
    ])  # fmt: skip
    third = decimal.Decimal(1) / 3
    true = [(third * decimal.Decimal(value).ln()).exp() for value in x.tolist()]
    assert double_errors(build("cube_root", x), true).max() < 1.5


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_special_cases_of_cube_roots(build, dtype):
    x = np.array([0, math.inf, math.nan, 1, 8, 27, 1e30], dtype)
    np.testing.assert_allclose(
        build("cube_root", x), np.cbrt(x), rtol=2 * np.finfo(dtype).eps, atol=0
    )


def test_log_of_doubles(build, rng):
    edges = (1e-320, 2.2250738585072014e-308, 0.5, math.sqrt(0.5), 1, math.sqrt(2), 2, 1.79e308)
    x = np.concatenate([
        rng.integers(1, 0x7FF0000000000000, 6000, np.uint64).view(np.float64),
        rng.uniform(0.5, 2, 6000),
        1 + rng.uniform(-1, 1, 1000) * 2.0 ** rng.integers(-52, -1, 1000),
        around(*edges, dtype=np.float64, n=100),
    ])  # fmt: skip
    true = [decimal.Decimal(value).ln() for value in x.tolist()]
    assert double_errors(build("log", x), true).max() < 1.5


def test_pow_of_doubles(build, rng):
    n = 1500
    x = rng.integers(1, 0x7FF0000000000000, 4 * n, np.uint64).view(np.float64)
    x[:n] = rng.uniform(0.6, 1.6, n)
    x[n : 2 * n : 3] = 1 + rng.uniform(-1, 1, n // 3) * 2.0 ** rng.integers(-52, -1, n // 3)
    logs = np.log2(x)
    aim = rng.uniform(-1075, 1023.9, 4 * n)
    aim[n // 2 : 2 * n] = rng.choice([-1, 1], 3 * n // 2) * rng.uniform(1015, 1023.9, 3 * n // 2)
    aim[2 * n : 3 * n] = rng.uniform(-1075, -1021, n)
    p = aim / logs
    p[3 * n :] = rng.uniform(-4, 4, n)
    inside = np.isfinite(p) & (p * logs < 1023.95) & (p * logs > -1080)
    x, p = x[inside], p[inside]
    true = [
        (decimal.Decimal(power) * decimal.Decimal(value).ln()).exp()
        for value, power in zip(x.tolist(), p.tolist(), strict=True)
    ]
    assert double_errors(build("pow", x, p), true).max() < 2


@pytest.mark.parametrize("p", PRODUCTS)
def test_products_are_powers(build, rng, p):
    x = rng.integers(1, 0x7F800000, 20_000, np.uint32).view(np.float32)
    x[:10_000] = rng.uniform(0, 5, 10_000)
    true = np.power(x.astype(np.float64), p)
    y = build("powers", x, p)
    over = true >= 2.0**128
    np.testing.assert_array_equal(np.isinf(y[over]), True)
    assert float_errors(y[~over], true[~over]).max() < 0.51
    x = rng.integers(1, 0x7FF0000000000000, 1000, np.uint64).view(np.float64)
    x[:500] = rng.uniform(0, 5, 500)
    true = [(decimal.Decimal(p) * decimal.Decimal(value).ln()).exp() for value in x.tolist()]
    y = build("powers", x, p)
    over = np.array([value >= decimal.Decimal(2) ** 1024 for value in true])
    np.testing.assert_array_equal(np.isinf(y), over)
    bound = PRODUCTS[p] + 1e-9
    assert double_errors(y[~over], itertools.compress(true, ~over)).max() <= bound


# --- special cases -------------------------------------------------------------------------------

SPECIAL = [0, 5e-324, 1e-310, 1e-46, 1e-40, 1e-30, 0.5, 1 - 2**-53, 1, 1 + 2**-52, 1.5, 2, 3, 1e30,
           1e300, math.inf, math.nan]  # fmt: skip


def assert_alike(y, expected):
    """The same, up to rounding; infinities and zeros exactly."""
    np.testing.assert_allclose(y, expected, rtol=5 * np.finfo(y.dtype).eps, atol=0)
    np.testing.assert_array_equal(np.signbit(y[y == 0]), False)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_special_cases_of_exp_and_log(build, dtype):
    x = np.array([*SPECIAL, *(-value for value in SPECIAL)]).astype(dtype)
    np.testing.assert_array_equal(build("exp", x[x == 0]), 1)
    assert_alike(build("exp", x), np.exp(x))
    y = build("log", x)
    assert_alike(y, np.log(x))
    assert not np.signbit(y[x == 1]).any()


@pytest.mark.parametrize(
    "dtype, largest, smallest",
    [(np.float32, 88.72283172607422, -103.97207641601562),
     (np.float64, 709.782712893384, -745.1332191019411)],
)  # fmt: skip
def test_where_exp_ends(build, dtype, largest, smallest):
    """The last numbers before overflow and before underflow to 0."""
    info = np.finfo(dtype)
    edges = np.array([largest, smallest], dtype)
    beyond = np.nextafter(edges, np.array([np.inf, -np.inf], dtype))
    y, past = build("exp", edges), build("exp", beyond)
    assert 0.99 * info.max < y[0] <= info.max
    assert y[1] == info.smallest_subnormal
    np.testing.assert_array_equal(past, [np.inf, 0])


@pytest.mark.parametrize("name", ["pow", "powers"])
@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_special_cases_of_pow(build, dtype, name):
    powers = [0, *(value for value in SPECIAL if value), 2.5, 0.75, 4]
    powers += [-value for value in powers]
    x = np.array([*SPECIAL, 0.999]).astype(dtype)
    for p in powers:
        expected = np.power(x.astype(np.float64), p).astype(dtype)
        argument = np.full(x.shape, p) if name == "pow" else p
        assert_alike(build(name, x, argument), expected)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_pow_of_what_is_below_0(build, dtype):
    x = np.array([-0.0, -5e-324, -1, -2.5, -1e30, -np.inf], dtype)
    below = x < 0
    for p in (-np.inf, -2, -0.3, 0.3, 2, 3, 1e300, np.inf):
        y = build("pow", x, np.full(x.shape, p, float))
        assert np.isnan(y[below]).all()
        np.testing.assert_array_equal(y[~below], 0 if p > 0 else np.inf)
    np.testing.assert_array_equal(build("pow", x, np.zeros(x.shape)), 1)
    assert np.isnan(build("pow", x, np.full(x.shape, np.nan))).all()


# --- builds --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_same_bits_of_every_build(builds, rng, dtype):
    if len(builds) < 2:
        pytest.skip("one build only")
    n = 40_000
    x, p = rng.integers(0, 256, (2, n * dtype.itemsize), np.uint8).view(dtype)
    x[: n // 2] = np.exp(rng.normal(0, 3, n // 2))
    p = p.astype(np.float64)
    p[::2] = rng.normal(0, 3, n // 2)
    cases = [("exp", x), ("exp", -x), ("log", x), ("pow", x, p)]
    cases.append(("cube_root", np.exp2(rng.uniform(-120, 120, n)).astype(dtype)))
    cases += [("powers", x, value) for value in [*POWERS, math.nan, math.inf, -math.inf]]
    for case in cases:
        first, *others = (as_bits(build(*case)) for build in builds.values())
        for other in others:
            np.testing.assert_array_equal(other, first, err_msg=str(case))


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_rows_are_the_single_numbers(build, rng, dtype):
    """Of any length, in whole blocks and not beyond."""
    x = rng.uniform(0.1, 3, 100).astype(dtype)
    for p in POWERS:
        if p not in PRODUCTS:
            single = build("pow", x, np.full(x.shape, p))
            np.testing.assert_array_equal(as_bits(build("powers", x, p)), as_bits(single))
    block = 32 // dtype.itemsize
    for n in (0, 1, block - 1, block, block + 1, 5 * block):
        whole = -(-n // block) * block
        for name, p in [("exp", []), ("log", []), *(("powers", [p]) for p in POWERS)]:
            y = np.full(100, 77, dtype)
            getattr(build.library, f"{name}_{TYPES[dtype]}")(
                ctypes.c_void_p(y.ctypes.data), ctypes.c_void_p(x.ctypes.data),
                *map(ctypes.c_double, p), ctypes.c_ssize_t(n),
            )  # fmt: skip
            np.testing.assert_array_equal(y[:n], build(name, x, *p)[:n])
            np.testing.assert_array_equal(y[whole:], 77)


def loops(body):
    """Instructions of the innermost loops of a function."""
    lines = re.findall(r"^ *([0-9a-f]+):\t(.+)", body, re.MULTILINE)
    places = {address: number for number, (address, _) in enumerate(lines)}
    for end, (_, jump) in enumerate(lines):
        if target := re.match(r"j(?!mp)\w+\s+([0-9a-f]+) ", jump):
            inside = [code for _, code in lines[places.get(target[1], end) : end]]
            if not any(re.match(r"j|ret", code) for code in inside):
                yield inside


@pytest.mark.skipif(shutil.which("objdump") is None, reason="needs objdump, of GNU binutils")
@pytest.mark.skipif(not INTEL, reason="instructions are those of x86-64")
@pytest.mark.skipif(
    not cpool.show_config(mode="dict")["compiler"].startswith("gcc"),
    reason="what other compilers make of it is theirs",
)
@pytest.mark.parametrize("name", ["exp", "exp_moderate", "log", "general", "powers", "cube_root"])
@pytest.mark.parametrize("kind", TYPES.values())
@pytest.mark.parametrize("instruction_set", BUILDS)
def test_loops_are_vectorised(builds, instruction_set, name, kind):
    if instruction_set == "avx512" and name in ("exp_moderate", "general"):
        pytest.skip("not compiled for AVX-512 besides")
    listing = subprocess.run(
        ["objdump", "--disassemble", "--no-show-raw-insn", builds[instruction_set].path],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    # gcc gives rows their own functions, or puts them into the one that calls them.
    bodies = re.findall(r"^[0-9a-f]+ <(.+)>:\n((?:.+\n)+)", listing, re.MULTILINE)
    width = "_avx512" if instruction_set == "avx512" else "(_usual)?"
    wanted = re.compile(rf"(cpool_)?(any_)?{name}s?_{kind}{width}(\..+)?")
    found = [loop for title, body in bodies if wanted.fullmatch(title) for loop in loops(body)]
    register = {"baseline": "xmm", "avx2": "ymm", "avx512": "zmm"}[instruction_set]
    packed = re.compile(rf"v?(?:mul|div|sqrt)p[sd]\s.*%{register}")
    scalar = re.compile(r"v?(?:mul|div|sqrt|add|sub)s[sd]\s|call")
    # 11 powers, of which 0 and 1 have nothing to compute, and the general one.
    expected = 10 if name == "powers" and instruction_set != "avx512" else 1
    assert sum(any(map(packed.match, loop)) for loop in found) == expected
    assert not [line for loop in found for line in loop if scalar.match(line)]
