"""The commands and their options; the work is done in the modules beside this one."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

import cpool
from cpool.cli import files

_PATH = click.Path(path_type=Path)
_MODES = click.Choice(["constant", "reflect", "mirror", "nearest", "wrap"])


class _Commands(click.Group):
    """A group that tells every foreseen failure in one line and leaves with exit code 2."""

    def main(self, *args: Any, standalone_mode: bool = True, **kwargs: Any) -> Any:
        try:
            sys.exit(super().main(*args, standalone_mode=False, **kwargs))
        except click.ClickException as error:
            message = " ".join(error.format_message().split())
            click.echo(f"cpool: error: {message}", err=True)
            sys.exit(2)
        except click.Abort:
            sys.exit(130)


def _numbers(text: str | int) -> int | tuple[int, ...]:
    """``3`` is 3, for all axes; ``3,5`` is (3, 5), one for each."""
    try:
        numbers = tuple(map(int, str(text).split(",")))
    except ValueError:
        message = f"{text!r} is neither an integer nor integers joined by commas"
        raise click.BadParameter(message) from None
    return numbers if len(numbers) > 1 else numbers[0]


def _padding(text: str | int) -> int | tuple[int, ...] | str:
    return text if text in ("valid", "same", "same_lower") else _numbers(text)


_window_option = partial(click.option, type=_numbers, metavar="N[,N...]")


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.version_option(cpool.__version__, message="cpool %(version)s")
@click.pass_context
def command(context: click.Context) -> None:
    """Pooling of arrays and images by compiled kernels."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@command.command()
@click.argument("photo", metavar="[FILE]", required=False, type=_PATH)
@click.option("--output", default="cpool-demo.png", type=_PATH, help="The picture to write.")
def demo(photo: Path | None, output: Path) -> int:
    """Pool a photograph forward and backward, check it, time it, and draw it.

    Takes the image FILE, or else the photograph that comes with matplotlib. The results are
    compared with those of scipy.ndimage, the gradients with the identities they must obey. The
    exit code is 1 if one of these checks fails.
    """
    from cpool.cli.demo import run
    from cpool.cli.picture import draw

    files.check_suffix(output)
    result = run(photo)
    click.echo(result.report())
    files.write(output, {"picture": draw(result)})
    click.echo(f"The picture is {output}")
    return 0 if result.passed else 1


@command.command()
@click.argument("photo", metavar="[IMAGE]", required=False, type=_PATH)
@click.option(
    "--out", "--output", "output", default="cpool-compare.png", type=_PATH,
    help="The picture to write.",
)  # fmt: skip
def compare(photo: Path | None, output: Path) -> None:
    """Draw what every pooling operator makes of an image, and say what each costs.

    Takes IMAGE, or else the photograph that comes with matplotlib. Windows are 8 x 8 pixels, side
    by side, so large that operators can be told apart; where an operator has others, or arguments
    of its own, its panel names them.
    """
    from cpool.cli.compare import draw, run

    files.check_suffix(output)
    comparison = run(photo)
    files.write(output, {"picture": draw(comparison)})
    click.echo(comparison.report())
    click.echo(f"The picture is {output}")


@command.command()
@click.argument("source", metavar="IN", type=_PATH)
@click.argument("target", metavar="OUT", type=_PATH)
@click.option("--op", default="max", type=click.Choice(["max", "min", "avg", "sum"]))
@_window_option("--kernel", "kernel_size", required=True, help="Size of a window.")
@_window_option("--stride", help="From window to window.  [default: the kernel]")
@_window_option(
    "--padding",
    default=0,
    type=_padding,
    help='Elements added at both ends of an axis; or "valid", "same" or "same_lower".',
)
@_window_option("--dilation", default=1, help="From element to element.")
@click.option("--ceil-mode", is_flag=True, help="Keep a last window that is not complete.")
@click.option("--padding-mode", default="constant", type=_MODES, help="As scipy.ndimage has them.")
@click.option(
    "--count-include-pad/--no-count-include-pad",
    default=None,
    help="Whether averages count constant padding as zeros.  [default: they do]",
)
@_window_option("--axes", help="Those of an array to pool.  [default: -2,-1]")
def pool(source: Path, target: Path, op: str, **options: Any) -> None:
    """Pool the file IN and write the result to OUT.

    Each is a .npy or .npz file or an image, as its suffix says; OUT is replaced by a complete
    file or not at all. Every array of a .npz is pooled, and keeps its name. Images are pooled
    over rows and columns, each channel by itself; palettes and colour spaces other than grey and
    RGB become RGB. The type of the elements is kept, averages of integers are rounded half to
    even; but sums of integers have 64 bits, which no image can hold.

    Numbers are one for all axes (--kernel 3) or one for each (--kernel 3,5).
    """
    files.check_suffix(target, *files.ARRAYS)
    if op == "sum" and files.is_image(target):
        raise click.UsageError("--op sum does not fit an image; OUT must be .npy or .npz")
    if options["count_include_pad"] is None:
        del options["count_include_pad"]
    elif op != "avg":
        raise click.UsageError("--count-include-pad and its opposite are for --op avg only")
    image = files.is_image(source)
    if options["axes"] is None:
        options["axes"] = (0, 1) if image else (-2, -1)
    elif image:
        raise click.UsageError("--axes is for arrays; an image is pooled over rows and columns")
    arrays = files.read(source)
    results = {name: _pooled(name, x, op, options) for name, x in arrays.items()}
    files.write(target, results)
    for name, y in results.items():
        click.echo(f"{name}: {arrays[name].shape} {arrays[name].dtype} -> {y.shape} {y.dtype}")


def _pooled(name: str, x: np.ndarray, op: str, options: dict[str, Any]) -> np.ndarray:
    if op == "avg":  # without it, averages of integers would be float64
        options = {**options, "dtype": x.dtype.newbyteorder("=")}
    try:
        return getattr(cpool, f"{op}_pool")(x, **options)
    except (TypeError, ValueError, MemoryError) as error:
        raise click.ClickException(f"{name}: {error or 'not enough memory'}") from error


@command.command()
def info() -> None:
    """Say what this cpool is made of: version, instruction set, threads."""
    cpool.show_config()
