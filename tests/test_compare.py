"""The command that draws what every operator makes of an image."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from matplotlib.backends.backend_agg import FigureCanvasAgg
from operators import KINDS
from PIL import Image

import cpool
from cpool.cli import compare
from cpool.cli.commands import command
from cpool.reductions import REGISTRY

#: What pools nothing.
LEFT_OUT = ["max_unpool2d: it takes maxima back to their places, and pools nothing"]
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
    assert comparison.left_out == LEFT_OUT
    names = [panel.name for panel in comparison.panels]
    assert names == [name for name in compare.operators() if name != "max_unpool2d"]
    assert names[0] == "max_pool2d"
    assert names.index("stochastic_pool2d") < names.index("sppf")
    for panel in comparison.panels:
        if panel.name in ("max_pool2d", "min_pool2d", "sum_pool2d", "avg_pool2d"):
            y = getattr(cpool, panel.name)(comparison.x, 8, channels_last=True)
            np.testing.assert_array_equal(panel.pixels, y)
            assert panel.summary.endswith("of each window")


def test_every_operator_has_a_panel_and_every_panel_a_cost(photo):
    """Of each public function the form for two axes, or the only one."""
    expected = {f"{kind.function}2d" for kind in REGISTRY.values()}
    for name in cpool.alternatives.__all__:
        stem = re.sub(r"[123]d$", "", name)
        if not name.startswith(("adaptive_", "global_")) and not isinstance(
            getattr(cpool, name), type
        ):
            expected.add(f"{stem}2d" if hasattr(cpool, f"{stem}2d") else stem)
    panels = {panel.name: panel for panel in compare.run(photo).panels}
    assert set(panels) == expected
    assert {"conv2d", "sppf", "attention_pool", "roi_align", "s3_pool2d"} < expected
    for panel in panels.values():
        assert re.fullmatch(r"([\d,.]+ \w+(, | and )?)+ an output", panel.costs[0]), panel.costs
        assert re.fullmatch(r"\d+\.\d\d operations a byte", panel.costs[1])
    assert panels["conv2d"].costs[0] == "63 additions and 64 multiplications an output"
    assert panels["sum_pool2d"].costs == ["63 additions an output", "0.24 operations a byte"]


def test_panels_of_operators_with_arguments_of_their_own(photo):
    comparison = compare.run(photo)
    x, panels = comparison.x, {panel.name: panel.pixels for panel in comparison.panels}
    cells = x.reshape(6, 8, 9, 8, 3).swapaxes(1, 2)
    top, mean = (getattr(cpool, f"{name}_pool2d")(x, 8, channels_last=True)
                 for name in ("max", "avg"))  # fmt: skip
    row = np.array([1, 7, 21, 35, 35, 21, 7, 1]) / 128
    expected = {
        "roi_pool": top,
        "roi_align": cpool.roi_align(x[np.newaxis], [[0, 0, 0, 72, 48]], (6, 9),
                                     channels_last=True)[0],
        "conv2d": np.einsum("hwijc,i,j->hwc", cells, row, row),
        "sppf": cpool.max_pool2d(x, 13, 1, "same", channels_last=True),
        "spatial_pyramid_pool": cpool.adaptive_max_pool2d(x, 16, channels_last=True),
        "haar_pool2d": 2 * cpool.avg_pool2d(x, 2, channels_last=True),
    }  # fmt: skip
    weights = np.exp(5 * x)
    sums = [cpool.sum_pool2d(each, 8, channels_last=True) for each in (x * weights, weights)]
    expected["lip_pool2d"] = sums[0] / sums[1]
    edges = cells[:, :, :, 4:].sum((2, 3)) / 8 - cells[:, :, :, :4].sum((2, 3)) / 8
    gate = 1 / (1 + np.exp(-edges))
    expected["gated_pool2d"] = gate * top + (1 - gate) * mean
    scores = np.exp(5 * cells.sum(-1, keepdims=True) / np.sqrt(3))
    expected["attention_pool"] = (cells * scores).sum((2, 3)) / scores.sum((2, 3))
    for name, pixels in expected.items():
        np.testing.assert_allclose(panels[name], pixels, rtol=1e-5, atol=1e-6, err_msg=name)
    dense = cpool.max_pool2d(x, 8, 1, "same", channels_last=True)
    for pixel, cell in zip(
        panels["s3_pool2d"].reshape(-1, 3), dense.reshape(6, 8, 9, 8, 3).swapaxes(1, 2)
        .reshape(-1, 64, 3), strict=True,
    ):  # fmt: skip
        assert (cell == pixel).all(axis=1).any()


def test_other_windows_and_arguments_are_named(photo):
    comparison = compare.run(photo)
    report = comparison.report()
    for panel in comparison.panels:
        assert panel.pixels.shape[:2] == (6, 9) or "windows" in panel.given, panel.name
        assert panel.given in report
    given = {panel.name: panel.given for panel in comparison.panels}
    assert given["max_pool2d"] == given["median_pool2d"] == ""
    assert given["haar_pool2d"] == "2×2 windows, stride 2"
    assert given["quantile_pool2d"] == "q = 0.75"


# The sheet ----------------------------------------------------------------------------------------


SHAPES = {"photo": (48, 72, 3), "wide": (20, 300), "tall": (300, 20, 3), "small": (16, 17)}


@pytest.mark.parametrize("form", SHAPES)
def test_no_text_is_cut_off_or_meets_another(tmp_path, form):
    name = "a-photograph-whose-name-has-many-letters-and-no-space-at-all.png"
    comparison = compare.run(an_image(tmp_path / name, *SHAPES[form]))
    figure = compare.sheet(comparison)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [*figure.texts, *(text for axis in figure.axes for text in axis.texts)]
    texts = [text for text in texts if text.get_text()]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in texts]
    for i, box in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0 < box.x1 <= figure.bbox.x1, texts[i]
        assert figure.bbox.y0 <= box.y0 < box.y1 <= figure.bbox.y1, texts[i]
        for j in range(i):
            assert not box.overlaps(boxes[j]), (texts[i], texts[j])
        for axis in figure.axes:
            assert not box.overlaps(axis.get_window_extent()), texts[i]
    words = " ".join(" ".join(text.get_text().split()) for text in texts)
    assert "…" not in words
    for panel in comparison.panels:
        for each in (panel.name, panel.summary, panel.given, *panel.costs):
            assert each in words
    assert name in words.replace(" ", "")


def test_words_are_wrapped_to_a_width():
    text = "63 comparisons, 130 additions, 66 multiplications, 2 divisions and 1 function an output"
    lines = compare._wrapped(text)
    assert " ".join(lines) == text
    assert len(lines) == 3
    assert compare._wrapped("") == []
    assert "".join(compare._wrapped("m" * 200)) == "m" * 200
    for line in [*lines, *compare._wrapped("m" * 200)]:
        assert compare._width(line, compare._TEXT, "normal") <= compare._SIDE


def test_what_windows_do_not_fill_is_cut_off(tmp_path):
    comparison = compare.run(an_image(tmp_path / "odd.png", 47, 65, 3))
    assert comparison.x.shape == (40, 64, 3)
    assert comparison.origin.endswith("65 x 47 pixels, uint8, cut to 64 x 40")


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
        height, width = visible.shape[:2]
        assert near.sum() >= (PANEL // width) * (PANEL * 48 // 72 // height), panel.name


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
    def new_pool2d(x, kernel_size=3, stride=2):
        """Blur and subsample: what it is."""
        assert kernel_size == stride == 8
        return x[..., ::stride, ::stride]

    def any_pool(x, stride):
        """Of any axes."""
        return x[..., ::stride, ::stride]

    def needy_pool2d(x, secrets, kernel_size):
        raise AssertionError("it has no secrets")

    def broken_pool2d(x, kernel_size):
        raise ValueError("it is broken")

    def flat_pool2d(x, kernel_size):
        return x.ravel()

    any_pool._vjp = None
    for function in (new_pool2d, any_pool, needy_pool2d, broken_pool2d, flat_pool2d):
        monkeypatch.setattr(cpool, function.__name__, function, raising=False)
    comparison = compare.run(photo)
    panels = {panel.name: panel for panel in comparison.panels}
    assert panels["new_pool2d"].summary == "Blur and subsample"
    assert panels["new_pool2d"].costs == ["cost not known"]
    assert panels["new_pool2d"].pixels.shape == panels["any_pool"].pixels.shape == (6, 9, 3)
    assert sorted(comparison.left_out) == sorted([
        *LEFT_OUT,
        "needy_pool2d: it needs secrets",
        "broken_pool2d: it is broken",
        "flat_pool2d: its result is no image",
    ])  # fmt: skip
    assert "left out: needy_pool2d: it needs secrets" in comparison.report()


@pytest.mark.parametrize("shape, dtype", [((20, 300), np.uint8), ((300, 20), np.uint16)])
def test_grey_wide_and_tall_images(tmp_path, shape, dtype):
    photo = an_image(tmp_path / "grey.png", *shape, dtype=dtype)
    result = run(photo, "--output", tmp_path / "sheet.png")
    assert result.exit_code == 0, result.output
    assert f"{shape[0] // 8} × {shape[1] // 8}" in result.output


def test_names_with_dollars(tmp_path):
    """They are no formulas."""
    photo = an_image(tmp_path / r"a$\frac$b $x_1$.png", 40, 48)
    result = run(photo, "--output", tmp_path / "sheet.png")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "sheet.png").exists()


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
