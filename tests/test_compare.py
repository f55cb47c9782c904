"""The command that draws what every operator makes of an image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from operators import KINDS
from PIL import Image

import cpool
from cpool.cli import compare
from cpool.cli.commands import command

#: What cannot be called with a kernel size and a stride alone.
LEFT_OUT = [
    "gated_pool2d: it needs weight",
    "lip_pool2d: it needs logits",
    "s3_pool2d: stride must divide grid_size (2, 2), got (8, 8)",
]
PANEL = 360  # pixels that a panel is wide


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(command, ["compare", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def fail(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.output.startswith("cpool: error: ")
    assert result.output.count("\n") == 1
    return result.output


def an_image(path: Path, *shape: int, dtype: type = np.uint8) -> Path:
    values = np.random.default_rng(20).integers(0, 256, shape)
    Image.fromarray(values.astype(dtype)).save(path)
    return path


@pytest.fixture
def photo(tmp_path) -> Path:
    return an_image(tmp_path / "photo.png", 48, 72, 3)


def test_every_operator_is_drawn_and_counted(tmp_path, photo):
    picture = tmp_path / "sheet.png"
    result = run(photo, "--out", picture)
    assert result.exit_code == 0, result.output
    lines = {line.split()[0]: line for line in result.output.splitlines() if line}
    for kind in KINDS:
        line = lines[f"{kind.function}2d"]
        assert "6 × 9" in line
        assert "an output" in line
        assert "operations a byte" in line
    assert "63 comparisons an output" in lines["max_pool2d"]
    assert "63 additions and 1 division an output" in lines["avg_pool2d"]
    assert "photo.png, 72 x 48 pixels, uint8" in result.output
    assert result.output.endswith(f"The picture is {picture}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.png", "sheet.png"]
    with Image.open(picture) as image:
        pixels = np.asarray(image)
    assert pixels.ndim == 3
    assert pixels.std() > 30  # not a blank page


def test_panels_are_what_the_operators_give(photo):
    comparison = compare.run(photo)
    assert sorted(comparison.left_out) == LEFT_OUT
    names = [panel.name for panel in comparison.panels]
    left_out = {line.partition(":")[0] for line in LEFT_OUT}
    assert names == [name for name in compare.operators() if name not in left_out]
    assert {f"{kind.function}2d" for kind in KINDS} <= set(names)
    for panel in comparison.panels:
        if panel.name in ("max_pool2d", "min_pool2d", "sum_pool2d", "avg_pool2d"):
            y = getattr(cpool, panel.name)(comparison.x, 8, channels_last=True)
            np.testing.assert_array_equal(panel.pixels, y)
            assert panel.summary.endswith("of each window")


def test_each_panel_is_on_the_sheet(photo):
    """The colour of an element of each panel fills its square, and more panels need room."""
    comparison = compare.run(photo)
    sheet = compare.draw(comparison)
    fewer = compare.draw(compare.Comparison("", comparison.x, comparison.panels[:1], []))
    assert sheet.shape[0] * sheet.shape[1] > fewer.shape[0] * fewer.shape[1]
    for panel in comparison.panels:
        visible, _ = compare._visible(panel.pixels)
        corner = np.round(255 * visible[2, 3]).astype(int)
        near = np.abs(sheet.astype(int) - corner).max(axis=2) <= 1
        assert near.sum() >= (PANEL // visible.shape[1]) ** 2, panel.name


def test_what_is_too_bright_is_scaled_and_said():
    pixels = np.array([[[0.0], [64.0]]])
    shown, note = compare._visible(pixels)
    assert shown.ravel().tolist() == [0, 1]
    assert note == "shown from 0 to 64"
    assert compare._visible(pixels / 64)[1] == ""
    negative, note = compare._visible(np.array([[[-1.0], [1.0]]]))
    assert negative.ravel().tolist() == [0, 1]
    assert note == "shown from -1 to 1"


@pytest.mark.parametrize("panels", [1, 2, 5, 12, 26, 40])
@pytest.mark.parametrize("ratio", [0.5, 1.0, 1.6])
def test_sheets_have_the_form_of_a_page(panels, ratio):
    columns = compare._columns(panels, ratio)
    rows = -(-panels // columns)
    assert rows * columns - panels < columns
    if panels >= 12:
        assert 0.8 < columns / (rows * ratio) < 3.2


def test_new_operators_appear_by_being_public(photo, monkeypatch):
    def blur_pool2d(x, filter_size=3, stride=2):
        """Blur and subsample: what it is."""
        assert stride == 8
        return x[..., ::stride, ::stride]

    def lip_pool2d(x, logits, kernel_size):
        raise AssertionError("it has no logits")

    def broken_pool2d(x, kernel_size):
        raise ValueError("it is broken")

    def flat_pool2d(x, kernel_size):
        return x.ravel()

    for function in (blur_pool2d, lip_pool2d, broken_pool2d, flat_pool2d):
        monkeypatch.setattr(cpool, function.__name__, function, raising=False)
    comparison = compare.run(photo)
    panels = {panel.name: panel for panel in comparison.panels}
    assert panels["blur_pool2d"].summary == "Blur and subsample"
    assert panels["blur_pool2d"].costs == ["cost not known"]
    assert panels["blur_pool2d"].pixels.shape == (6, 9, 3)
    assert sorted(comparison.left_out) == sorted([
        *LEFT_OUT,
        "broken_pool2d: it is broken",
        "flat_pool2d: its result is no image",
    ])  # fmt: skip
    assert "left out: lip_pool2d: it needs logits" in comparison.report()


@pytest.mark.parametrize("shape, dtype", [((20, 300), np.uint8), ((300, 20), np.uint16)])
def test_grey_wide_and_tall_images(tmp_path, shape, dtype):
    photo = an_image(tmp_path / "grey.png", *shape, dtype=dtype)
    result = run(photo, "--output", tmp_path / "sheet.png")
    assert result.exit_code == 0, result.output
    assert f"{shape[0] // 8} × {shape[1] // 8}" in result.output


def test_the_photograph_of_matplotlib():
    comparison = compare.run(None)
    assert comparison.x.shape == (600, 512, 3)


def test_errors(tmp_path, photo):
    sheet = tmp_path / "sheet.png"
    assert "cannot read" in fail(tmp_path / "none.png", "--out", sheet)
    assert "unknown suffix '.npy'" in fail(photo, "--out", tmp_path / "sheet.npy")
    (tmp_path / "text.png").write_text("no image")
    assert "not a known kind of image" in fail(tmp_path / "text.png", "--out", sheet)
    tiny = an_image(tmp_path / "tiny.png", 8, 90)
    assert "too small or too narrow: 90 x 8" in fail(tiny, "--out", sheet)
    assert "cannot write" in fail(photo, "--out", tmp_path / "nowhere" / "sheet.png")
    assert not sheet.exists()
    assert not list(tmp_path.glob(".cpool-*"))


def test_an_older_picture_stays_if_the_new_one_fails(tmp_path, photo, monkeypatch):
    sheet = tmp_path / "sheet.png"
    sheet.write_bytes(b"older")

    def no_room(*args, **kwargs):
        raise OSError("no room")

    monkeypatch.setattr(Image.Image, "save", no_room)
    assert "no room" in fail(photo, "--out", sheet)
    assert sheet.read_bytes() == b"older"
