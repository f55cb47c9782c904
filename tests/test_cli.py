"""The command line: what it writes, what it says, and what it leaves behind when it fails."""

from __future__ import annotations

import pickle
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import cpool
from cpool import reference
from cpool.cli import files, main
from cpool.cli.commands import command


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def succeed(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def fail(*arguments: object) -> str:
    """The message of a command that must end with exit code 2 and exactly one line."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.output.startswith("cpool: error: ")
    assert result.output.count("\n") == 1
    return result.output


def save_image(path: Path, array: np.ndarray, **options: object) -> Path:
    Image.fromarray(array).save(path, **options)
    return path


def load_image(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.fixture
def photo(tmp_path, rng) -> Path:
    """A small image in colour with smooth parts, edges and noise."""
    rows, columns = np.mgrid[:60, :90]
    pixels = np.stack([rows * 4, columns * 2, 200 * (rows > columns / 2)], axis=-1)
    noisy = np.clip(pixels + rng.integers(-20, 20, pixels.shape), 0, 255)
    return save_image(tmp_path / "photo.png", noisy.astype(np.uint8))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


# The demonstration --------------------------------------------------------------------------------


def test_demo_checks_reports_and_draws(tmp_path, photo):
    picture = tmp_path / "picture.png"
    output = succeed("demo", photo, "--output", picture)
    for expected in (
        "photo.png, 90 x 60 pixels, uint8",
        "(60, 90, 3) float32, channels last",
        "(7, 11, 3)",
        "(30, 45, 3)",
        "equals SciPy's",
        "7 of 7 checks passed",
        str(cpool.get_num_threads()),
        cpool.show_config(mode="dict")["instruction_set"],
    ):
        assert expected in output
    assert "FAILED" not in output
    pixels = load_image(picture)
    assert pixels.shape[0] > 800
    assert pixels.shape[1] > 1200
    assert pixels.std() > 30  # not a blank page
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "picture.png"]


def test_demo_columns_are_aligned(tmp_path, photo):
    lines = succeed("demo", photo, "--output", tmp_path / "p.png").splitlines()
    (header,) = [line for line in lines if line.endswith("check")]
    table = lines[lines.index(header) + 1 :][:7]
    assert {line.index("ok: ") for line in table} == {header.index("check")}


@pytest.mark.parametrize(
    "pixels",
    [
        np.arange(40 * 50, dtype=np.uint8).reshape(40, 50),
        np.arange(40 * 50, dtype=np.uint16).reshape(40, 50),
        np.linspace(-1, 5, 40 * 50, dtype=np.float32).reshape(40, 50),
        np.zeros((40, 40), np.uint8),
        np.full((20, 300, 4), 255, np.uint8),
        np.zeros((30, 16, 2), np.uint8),
        np.ones((16, 16), bool),
    ],
    ids=["grey", "16 bits", "float", "black", "RGBA", "LA", "1 bit"],
)
def test_demo_takes_every_kind_of_image(tmp_path, pixels):
    suffix = ".tif" if pixels.dtype == np.float32 else ".png"
    photo = save_image(tmp_path / f"photo{suffix}", pixels)
    channels = 3 if pixels.shape[2:] == (4,) else 1
    output = succeed("demo", photo, "--output", tmp_path / "picture.png")
    assert f"{(*pixels.shape[:2], channels)} float32" in output


def test_demo_makes_large_photographs_smaller(tmp_path):
    large = np.arange(1100 * 64, dtype=np.uint8).reshape(64, 1100)
    output = succeed("demo", save_image(tmp_path / "l.png", large), "--output", tmp_path / "p.png")
    assert "1100 x 64 pixels, uint8, made 2 times smaller" in output
    assert "(32, 550, 1) float32" in output


@pytest.mark.slow
def test_demo_on_the_photograph_of_matplotlib(tmp_path):
    output = succeed("demo", "--output", tmp_path / "picture.png")
    assert "(600, 512, 3) float32" in output
    assert "7 of 7 checks passed" in output


def _wrong_mean(x, *args, **kwargs):
    return _mean(x, *args, **kwargs) + np.float32(0.001)


def _wrong_shape(x, *args, **kwargs):
    return _mean(x, *args, **kwargs)[1:]


def _wrong_maximum(x, *args, **kwargs):
    y = _maximum(x, *args, **kwargs).copy()
    y.flat[-1] = np.nextafter(y.flat[-1], np.float32(2))
    return y


def _wrong_pullback(function, *args, **kwargs):
    y, pullback = _vjp(function, *args, **kwargs)
    return y, lambda gy: pullback(gy) * np.float32(1.001)


_mean, _maximum, _vjp = reference.avg_pool2d, reference.max_pool2d, cpool.vjp


@pytest.mark.parametrize(
    "where, name, broken, failures",
    [
        (reference, "avg_pool2d", _wrong_mean, 2),
        (reference, "avg_pool2d", _wrong_shape, 2),
        (reference, "max_pool2d", _wrong_maximum, 2),
        (cpool, "vjp", _wrong_pullback, 2),
    ],
)
def test_demo_fails_where_a_check_does(tmp_path, photo, monkeypatch, where, name, broken, failures):
    monkeypatch.setattr(where, name, broken)
    picture = tmp_path / "picture.png"
    result = run("demo", photo, "--output", picture)
    assert result.exit_code == 1
    assert result.output.count("FAILED: ") == failures
    assert f"{7 - failures} of 7 checks passed" in result.output
    assert picture.exists()  # to see what is wrong


def test_demo_fails_where_a_position_is_wrong(tmp_path, photo, monkeypatch):
    maximum = cpool.max_pool2d

    def misplaced(x, *args, return_indices=False, **kwargs):
        y, positions = maximum(x, *args, return_indices=True, **kwargs)
        return (y, positions[::-1]) if return_indices else y

    def vjp(function, *args, **kwargs):
        return _vjp(maximum if function is misplaced else function, *args, **kwargs)

    monkeypatch.setattr(cpool, "max_pool2d", misplaced)
    monkeypatch.setattr(cpool, "vjp", vjp)
    result = run("demo", photo, "--output", tmp_path / "picture.png")
    assert result.exit_code == 1
    assert result.output.count("FAILED: ") == 1


def test_demo_errors(tmp_path, photo):
    picture = tmp_path / "picture.png"
    assert "cannot read" in fail("demo", tmp_path / "none.png", "--output", picture)
    assert "unknown suffix '.npy'" in fail("demo", photo, "--output", tmp_path / "p.npy")
    tiny = save_image(tmp_path / "tiny.png", np.zeros((15, 90), np.uint8))
    assert "too small or too narrow: 90 x 15" in fail("demo", tiny, "--output", picture)
    np.save(tmp_path / "a.npy", np.zeros((20, 20)))
    assert "is no image" in fail("demo", tmp_path / "a.npy", "--output", picture)
    nan = save_image(tmp_path / "nan.tif", np.full((20, 20), np.nan, np.float32))
    assert "NaN" in fail("demo", nan, "--output", picture)
    assert not picture.exists()


def test_demo_reports_even_if_it_cannot_draw(tmp_path, photo):
    result = run("demo", photo, "--output", tmp_path / "none" / "picture.png")
    assert result.exit_code == 2
    assert "7 of 7 checks passed" in result.output
    assert result.output.splitlines()[-1].startswith("cpool: error: cannot write ")


# Pooling of files ---------------------------------------------------------------------------------


@pytest.mark.parametrize("op", ["max", "min", "avg", "sum"])
@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", ">f4", "uint8", "int16", "int64"]
)
def test_pool_npy(tmp_path, rng, op, dtype):
    x = rng.integers(0, 100, (2, 9, 12)).astype(dtype)
    np.save(tmp_path / "x.npy", x)
    output = succeed("pool", tmp_path / "x.npy", tmp_path / "y.npy", "--op", op, "--kernel", "3")
    y = np.load(tmp_path / "y.npy")
    native = x.dtype.newbyteorder("=")
    keeps = native if op != "sum" or native.kind == "f" else cpool.sum_pool2d(x, 3).dtype
    assert y.dtype == keeps
    kwargs = {"dtype": native} if op == "avg" else {}
    np.testing.assert_array_equal(y, getattr(reference, f"{op}_pool2d")(x, 3, **kwargs))
    assert output == f"x: (2, 9, 12) {x.dtype} -> (2, 3, 4) {y.dtype}\n"


def test_pool_rounds_means_half_to_even(tmp_path):
    pairs = [[0, 1], [1, 2], [2, 3], [253, 254], [254, 255]]
    np.save(tmp_path / "x.npy", np.array(pairs, np.uint8))
    succeed("pool", tmp_path / "x.npy", tmp_path / "y.npy", "--op", "avg", "--kernel", "1,2")
    y = np.load(tmp_path / "y.npy")
    assert y.dtype == np.uint8
    assert y.ravel().tolist() == [0, 2, 2, 254, 254]


@pytest.mark.parametrize(
    "options, kwargs",
    [
        ("--kernel 3 --stride 2 --padding 1", {"stride": 2, "padding": 1}),
        ("--kernel 3,2 --stride 2,3", {"kernel_size": (3, 2), "stride": (2, 3)}),
        ("--kernel 3 --padding 1,0 --dilation 2,1", {"padding": (1, 0), "dilation": (2, 1)}),
        ("--kernel 3 --stride 2 --padding same", {"stride": 2, "padding": "same"}),
        (
            "--kernel 4 --stride 1 --padding same_lower",
            {"kernel_size": 4, "stride": 1, "padding": "same_lower"},
        ),
        ("--kernel 3 --padding valid", {"padding": "valid"}),
        ("--kernel 3 --stride 2 --ceil-mode", {"stride": 2, "ceil_mode": True}),
        (
            "--kernel 5 --padding 4 --padding-mode mirror",
            {"kernel_size": 5, "padding": 4, "padding_mode": "mirror"},
        ),
        ("--kernel 3 --axes -3,1", {"axes": (-3, 1)}),
        ("--kernel 3 --axes 0", {"axes": (0,)}),
        ("--kernel 2 --axes 2,0,1", {"kernel_size": 2, "axes": (2, 0, 1)}),
    ],
)
def test_pool_options(tmp_path, rng, options, kwargs):
    x = rng.normal(size=(6, 10, 11))
    np.save(tmp_path / "x.npy", x)
    succeed("pool", tmp_path / "x.npy", tmp_path / "y.npy", *options.split())
    expected = cpool.max_pool(x, **{"kernel_size": 3, "axes": (-2, -1), **kwargs})
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), expected)


@pytest.mark.parametrize("counted", [True, False, None])
def test_pool_count_include_pad(tmp_path, counted):
    np.save(tmp_path / "x.npy", np.ones((4, 4)))
    option = [] if counted is None else [f"--{'' if counted else 'no-'}count-include-pad"]
    words = ["--op", "avg", "--kernel", "2", "--padding", "1", *option]
    succeed("pool", tmp_path / "x.npy", tmp_path / "y.npy", *words)
    assert np.load(tmp_path / "y.npy")[0, 0] == (1 if counted is False else 0.25)


def test_pool_npz_keeps_names(tmp_path, rng):
    arrays = {
        "a": rng.integers(0, 9, (4, 6), np.uint8),
        "file": rng.normal(size=(3, 4, 4)),  # a name that numpy.savez itself cannot take
        "group/b": rng.normal(size=(2, 2)).astype(np.float32),
    }
    files.write(tmp_path / "x.npz", arrays)
    output = succeed("pool", tmp_path / "x.npz", tmp_path / "y.npz", "--kernel", "2")
    assert output.count("\n") == 3
    with np.load(tmp_path / "y.npz") as pooled:
        assert pooled.files == list(arrays)
        for name, x in arrays.items():
            assert pooled[name].dtype == x.dtype
            np.testing.assert_array_equal(pooled[name], cpool.max_pool2d(x, 2))


def test_pool_between_npy_and_npz(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(4))
    succeed("pool", tmp_path / "x.npy", tmp_path / "y.npz", "--kernel", "2")
    succeed("pool", tmp_path / "y.npz", tmp_path / "z.npy", "--kernel", "2")
    np.testing.assert_array_equal(np.load(tmp_path / "z.npy"), [[1]])
    np.savez(tmp_path / "two.npz", a=np.eye(2), b=np.eye(2))
    assert "2 arrays need a .npz" in fail(
        "pool", tmp_path / "two.npz", tmp_path / "one.npy", "--kernel", "2"
    )
    assert not (tmp_path / "one.npy").exists()


@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 2), (20, 30, 3), (20, 30, 4)])
@pytest.mark.parametrize("op", ["max", "min", "avg"])
def test_pool_png(tmp_path, rng, shape, op):
    x = rng.integers(0, 256, shape, np.uint8)
    save_image(tmp_path / "x.png", x)
    succeed("pool", tmp_path / "x.png", tmp_path / "y.png", "--op", op, "--kernel", "2,3")
    y = load_image(tmp_path / "y.png")
    kwargs = {"dtype": np.uint8} if op == "avg" else {}
    expected = getattr(cpool, f"{op}_pool")(x, (2, 3), axes=(0, 1), **kwargs)
    assert y.dtype == np.uint8
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("op", ["max", "avg"])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_pool_16_bit_grey(tmp_path, rng, op, suffix):
    x = rng.integers(0, 65536, (20, 30), np.uint16)
    source, target = save_image(tmp_path / f"x{suffix}", x), tmp_path / f"y{suffix}"
    succeed("pool", source, target, "--op", op, "--kernel", "2")
    kwargs = {"dtype": np.uint16} if op == "avg" else {}
    y = load_image(target)
    assert y.dtype == np.uint16
    np.testing.assert_array_equal(y, getattr(reference, f"{op}_pool2d")(x, 2, **kwargs))


@pytest.mark.parametrize("suffix, dtype", [(".png", bool), (".tif", np.float32)])
def test_pool_other_types_of_images(tmp_path, rng, suffix, dtype):
    x = rng.integers(0, 2, (20, 30)).astype(dtype)
    source, target = save_image(tmp_path / f"x{suffix}", x), tmp_path / f"y{suffix}"
    succeed("pool", source, target, "--kernel", "2")
    assert load_image(target).dtype == dtype
    np.testing.assert_array_equal(load_image(target), cpool.max_pool2d(x, 2))


def test_pool_converts_between_images_and_arrays(tmp_path, photo):
    succeed("pool", photo, tmp_path / "y.npy", "--kernel", "2")
    succeed("pool", tmp_path / "y.npy", tmp_path / "z.png", "--kernel", "5", "--axes", "0,1")
    expected = cpool.max_pool2d(load_image(photo), 10, channels_last=True)
    np.testing.assert_array_equal(load_image(tmp_path / "z.png"), expected)


def test_pool_image_sums_go_to_arrays_only(tmp_path, photo):
    succeed("pool", photo, tmp_path / "y.npy", "--op", "sum", "--kernel", "2")
    assert np.load(tmp_path / "y.npy").dtype.itemsize == 8
    message = fail("pool", photo, tmp_path / "y.png", "--op", "sum", "--kernel", "2")
    assert "--op sum does not fit an image" in message
    np.save(tmp_path / "x.npy", np.ones((4, 4)))
    assert "does not fit" in fail(
        "pool", tmp_path / "x.npy", tmp_path / "y.png", "--op", "sum", "--kernel", "2"
    )


def test_pool_palettes_become_colours(tmp_path, photo):
    with Image.open(photo) as image:
        palette = image.quantize(16)
    palette.save(tmp_path / "palette.png")
    succeed("pool", tmp_path / "palette.png", tmp_path / "y.png", "--kernel", "4")
    expected = cpool.max_pool2d(np.asarray(palette.convert("RGB")), 4, channels_last=True)
    np.testing.assert_array_equal(load_image(tmp_path / "y.png"), expected)


def test_pool_turns_photographs_upright(tmp_path, photo):
    sideways = Image.Exif()
    sideways[0x0112] = 6  # orientation: to be turned by a quarter
    save_image(tmp_path / "x.png", load_image(photo), exif=sideways)
    succeed("pool", tmp_path / "x.png", tmp_path / "y.png", "--kernel", "2,3")
    expected = cpool.max_pool(np.rot90(load_image(photo), -1), (2, 3), axes=(0, 1))
    np.testing.assert_array_equal(load_image(tmp_path / "y.png"), expected)


def test_pool_onto_itself_and_through_a_link(tmp_path):
    path, link = tmp_path / "x.npy", tmp_path / "link.npy"
    np.save(path, np.eye(4))
    path.chmod(0o640)
    link.symlink_to(path)
    succeed("pool", link, link, "--kernel", "2")
    assert link.is_symlink()
    assert np.load(path).shape == (2, 2)
    assert path.stat().st_mode & 0o777 == 0o640


# What goes wrong ----------------------------------------------------------------------------------


def colour_of_16_bits(path: Path) -> Path:
    """A PNG that Pillow can read but not write: 4 x 4 pixels of 3 x 16 bits."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + bytes(4 * 3 * 2)) * 4)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


def damaged_files(folder: Path) -> dict[str, str]:
    """Names of files that cannot be pooled, and what is said about each."""
    frame = Image.fromarray(np.zeros((8, 8), np.uint8))
    other = Image.fromarray(np.full((8, 8), 255, np.uint8))
    frame.save(folder / "frames.gif", save_all=True, append_images=[other])
    colour_of_16_bits(folder / "deep.png")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    whole = save_image(folder / "whole.png", noise).read_bytes()
    (folder / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.png").write_text("no image")
    (folder / "text.npy").write_text("no array")
    (folder / "text.npz").write_text("no archive")
    (folder / "empty.npy").write_bytes(b"")
    (folder / "pickle.npy").write_bytes(pickle.dumps([1, 2]))
    np.save(folder / "object.npy", np.array([[None, 1]] * 2, dtype=object), allow_pickle=True)
    np.savez(folder / "none.npz")
    np.save(folder / "complex.npy", np.ones((4, 4), complex))
    np.save(folder / "line.npy", np.ones(4))
    return {
        "absent.npy": "No such file",
        "absent.png": "No such file",
        "frames.gif": "2 frames",
        "deep.png": "16 bits",
        "half.png": "truncated",
        "text.png": "not a known kind of image",
        "text.npy": "cannot read",
        "text.npz": "cannot read",
        "empty.npy": "cannot read",
        "pickle.npy": "pickle",
        "object.npy": "allow_pickle=False",
        "none.npz": "no arrays",
        "complex.npy": "complex",
        "line.npy": "line: ",
    }


def test_unusable_input_is_one_line(tmp_path):
    for name, reason in damaged_files(tmp_path).items():
        before = sorted(tmp_path.iterdir())
        message = fail("pool", tmp_path / name, tmp_path / "y.npy", "--kernel", "2")
        assert reason in message
        assert name in message or message.startswith(f"cpool: error: {Path(name).stem}: ")
        assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "options, reason",
    [
        ("", "--kernel"),
        ("--kernel 2.5", "neither an integer nor integers joined by commas"),
        ("--kernel 2,", "neither an integer"),
        ("--kernel 0", "kernel_size"),
        ("--kernel 2 --stride 0", "stride"),
        ("--kernel 2 --padding -1", "padding"),
        ("--kernel 2 --padding full", "--padding"),
        ("--kernel 2 --dilation 0", "dilation"),
        ("--kernel 2,2,2", "x: "),
        ("--kernel 99", "x: "),
        ("--kernel 2 --axes 7", "x: "),
        ("--kernel 2 --axes 0,0", "x: "),
        ("--kernel 2 --op median", "--op"),
        ("--kernel 2 --padding-mode zeros", "--padding-mode"),
        ("--kernel 2 --count-include-pad", "--op avg only"),
        ("--kernel 2 --no-count-include-pad", "--op avg only"),
        ("--kernel 2 --colour", "--colour"),
        ("--kernel 2 extra.npy", "extra.npy"),
    ],
)
def test_bad_options_are_one_line(tmp_path, options, reason):
    np.save(tmp_path / "x.npy", np.ones((6, 6)))
    message = fail("pool", tmp_path / "x.npy", tmp_path / "y.npy", *options.split())
    assert reason in message
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


def test_axes_are_not_for_images(tmp_path, photo):
    message = fail("pool", photo, tmp_path / "y.png", "--kernel", "2", "--axes", "0,1")
    assert "--axes is for arrays" in message


def test_an_error_in_an_archive_names_the_array(tmp_path):
    np.savez(tmp_path / "x.npz", good=np.eye(4), bad=np.eye(1))
    message = fail("pool", tmp_path / "x.npz", tmp_path / "y.npz", "--kernel", "2")
    assert message.startswith("cpool: error: bad: ")
    assert not (tmp_path / "y.npz").exists()


@pytest.mark.parametrize(
    "name, array, reason",
    [
        ("y.xyz", np.ones((4, 4)), "unknown suffix '.xyz'"),
        ("y", np.ones((4, 4)), "unknown suffix ''"),
        ("y.pdf", np.ones((4, 4), np.uint8), "unknown suffix '.pdf'"),
        ("no/y.npy", np.ones((4, 4)), "No such file"),
        ("y.png", np.ones((4, 4)), "cannot write"),
        ("y.png", np.ones((4, 4), np.int64), "no image has shape (2, 2) and type int64"),
        ("y.png", np.ones((3, 5, 4, 4), np.uint8), "no image has shape"),
        ("y.tif", np.ones((4, 4)), "(2, 2) float64 into (2, 2) float32"),
        ("y.jpg", np.ones((4, 4), np.uint16), "cannot write"),
        ("y.jpg", np.ones((4, 4), bool), "bool into (2, 2) uint8"),
    ],
)
def test_an_output_that_cannot_hold_the_result(tmp_path, name, array, reason):
    np.save(tmp_path / "x.npy", array)
    message = fail("pool", tmp_path / "x.npy", tmp_path / name, "--kernel", "2")
    assert reason in message
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".png"])
@pytest.mark.parametrize("existing", [None, b"precious"])
@pytest.mark.parametrize("failing", ["write", "replace"])
def test_nothing_is_left_when_writing_fails(tmp_path, monkeypatch, suffix, existing, failing):
    np.save(tmp_path / "x.npy", np.ones((4, 4), np.uint8))
    target = tmp_path / f"y{suffix}"
    if existing is not None:
        target.write_bytes(existing)
    before = sorted(tmp_path.iterdir())
    save = files._save

    def save_then_fail(*args):
        save(*args)
        assert len(list(tmp_path.iterdir())) == len(before) + 1
        raise OSError(28, "No space left on device")

    def refuse(*args):
        raise PermissionError(13, "Permission denied")

    if failing == "write":
        monkeypatch.setattr(files, "_save", save_then_fail)
    else:
        monkeypatch.setattr(files.os, "replace", refuse)
    message = fail("pool", tmp_path / "x.npy", target, "--kernel", "2")
    assert f"cannot write {target}: " in message
    assert "No space left" in message or "Permission denied" in message
    assert sorted(tmp_path.iterdir()) == before
    assert existing is None or target.read_bytes() == existing


def test_nothing_is_left_when_interrupted(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", np.ones((4, 4)))

    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(files, "_save", interrupted)
    result = run("pool", tmp_path / "x.npy", tmp_path / "y.npy", "--kernel", "2")
    assert result.exit_code == 130
    assert [path.name for path in tmp_path.iterdir()] == ["x.npy"]


# The rest -----------------------------------------------------------------------------------------


def test_info_shows_the_configuration(capsys):
    cpool.show_config()
    assert succeed("info") == capsys.readouterr().out


def test_version_and_help():
    assert succeed("--version") == f"cpool {cpool.__version__}\n"
    assert succeed() == succeed("--help")
    for name in ("demo", "pool", "info"):
        assert name in succeed("--help")
        assert f"cpool {name}" in succeed(name, "--help").replace("command", "cpool")


def test_unknown_commands_are_one_line():
    assert "No such command 'nothing'" in fail("nothing")


@pytest.mark.parametrize("missing", ["click", "PIL", "matplotlib"])
def test_without_the_extra(monkeypatch, capsys, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert missing in error
    assert 'pip install "cpool[cli]"' in error


def test_the_module_is_the_command(tmp_path):
    def module(*arguments: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "cpool", *arguments]
        return subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)

    np.save(tmp_path / "x.npy", np.eye(4))
    done = module("pool", "x.npy", "y.npy", "--kernel", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "x: (4, 4) float64 -> (2, 2) float64\n"
    assert np.load(tmp_path / "y.npy").tolist() == [[1, 0], [0, 1]]
    failed = module("pool", "none.npy", "y.npy", "--kernel", "2")
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr == "cpool: error: cannot read none.npy: No such file or directory\n"
