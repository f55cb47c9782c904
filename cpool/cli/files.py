"""Reading and writing of arrays and images: as they are, and completely or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import zipfile
from pathlib import Path
from typing import IO

import click
import numpy as np
from PIL import Image, ImageOps

#: Suffixes of NumPy's files; all others are images.
ARRAYS = (".npy", ".npz")
#: Pillow's modes whose pixels are numbers that can be pooled as they are.
_PLAIN_MODES = {"1", "L", "LA", "RGB", "RGBA", "I", "F", "I;16", "I;16L", "I;16B", "I;16N"}


def is_image(path: Path) -> bool:
    """Whether the suffix is not one of NumPy's."""
    return path.suffix.lower() not in ARRAYS


def _image_format(path: Path) -> str | None:
    """Pillow's name of a format that can be written, and read again to see what became of it."""
    name = Image.registered_extensions().get(path.suffix.lower())
    return name if name in Image.SAVE and name in Image.OPEN else None


def check_suffix(path: Path, *others: str) -> None:
    """Refuse an output that is neither an image nor one of `others`, before any work is done."""
    if path.suffix.lower() not in others and _image_format(path) is None:
        allowed = ", ".join([*others, "or an image's (.png, .tif, .jpg ...)"])
        raise click.ClickException(f"unknown suffix {path.suffix!r} of {path}: use {allowed}")


def read(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file by name; one that has none is named as the file is."""
    try:
        with open(path, "rb") as file:
            if is_image(path):
                return {path.stem: _read_image(file)}
            loaded = np.load(file, allow_pickle=False)
            arrays = {path.stem: loaded} if isinstance(loaded, np.ndarray) else dict(loaded)
    except Image.UnidentifiedImageError as error:
        raise click.ClickException(f"cannot read {path}: not a known kind of image") from error
    except Exception as error:  # what a parser raises for a damaged file can be anything
        raise click.ClickException(f"cannot read {path}: {_reason(error)}") from error
    if not arrays or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise click.ClickException(f"cannot read {path}: it holds no arrays, or other things too")
    return arrays


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _read_image(file: IO[bytes]) -> np.ndarray:
    """(height, width) or (height, width, channels), upright, as deep as the file has it."""
    with Image.open(file) as image:
        _refuse_loss(image)
        # Pillow widens the 16-bit grey of some formats to int32
        dtype = np.uint16 if image.mode == "I" and image.format in {"PNG", "PPM"} else None
        image = ImageOps.exif_transpose(image)
        if image.mode not in _PLAIN_MODES:
            image = image.convert("RGBA" if image.has_transparency_data else "RGB")
        return np.asarray(image, dtype)


def _refuse_loss(image: Image.Image) -> None:
    """Pillow would read 8 bits of 16-bit colours, and the first of many frames, silently."""
    layout = str(image.tile[0][3]) if image.tile else ""
    if ";16" in layout and not image.mode.startswith(("I", "F")):
        raise ValueError("its colours have 16 bits, of which 8 would be lost; use .npy")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # which is a photograph with its previews
        raise ValueError(f"it holds {frames} frames; only single images are pooled")


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write the arrays in the format of the suffix: a complete file, or none and an error."""
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".cpool-{secrets.token_hex(8)}{target.suffix}")
    try:
        with open(temporary, "x+b") as file:
            _save(file, arrays, path)
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except Exception as error:
        raise click.ClickException(f"cannot write {path}: {_reason(error)}") from error
    finally:
        with contextlib.suppress(OSError):  # it is gone if all went well
            temporary.unlink()


def _save(file: IO[bytes], arrays: dict[str, np.ndarray], path: Path) -> None:
    if path.suffix.lower() == ".npz":
        return _save_archive(file, arrays)
    if len(arrays) > 1:
        raise ValueError(f"{len(arrays)} arrays need a .npz")
    (array,) = arrays.values()
    if is_image(path):
        return _save_image(file, array, path)
    return np.save(file, array, allow_pickle=False)


def _save_archive(file: IO[bytes], arrays: dict[str, np.ndarray]) -> None:
    # numpy.savez takes the names as keywords, so that no array can be named "file"
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _save_image(file: IO[bytes], array: np.ndarray, path: Path) -> None:
    try:
        image = Image.fromarray(array)
    except (TypeError, ValueError) as error:
        raise ValueError(f"no image has shape {array.shape} and type {array.dtype}") from error
    image.save(file, format=_image_format(path))
    file.seek(0)
    kept = _read_image(file)  # what a format cannot hold, Pillow converts silently
    if (kept.shape, kept.dtype.name) != (array.shape, array.dtype.name):
        was, now = (f"{a.shape} {a.dtype}" for a in (array, kept))
        raise ValueError(f"{path.suffix} would turn {was} into {now}")
