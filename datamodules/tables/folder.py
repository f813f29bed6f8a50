"""Class-per-folder images, as Keras' ``image_dataset_from_directory`` reads them."""

from pathlib import Path, PurePosixPath

import pyarrow as pa

from datamodules.files.dicom import SUFFIXES as DICOM_SUFFIXES
from datamodules.files.dicom import is_dicom
from datamodules.files.tar_index import open_tar
from datamodules.problems import list_some, raise_problems
from datamodules.tables.manifest import RawTable

IMAGE_SUFFIXES = DICOM_SUFFIXES | {
    ".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".ppm", ".pgm",
}  # fmt: skip
SPLIT_FOLDERS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip


def read_folder(images: Path, masks: Path | None) -> RawTable:
    """List ``images/<class>/**`` or ``images/<split>/<class>/**``.

    Args:
        images: The folder that holds the class or split folders, or an uncompressed tar of it.
        masks: A folder that mirrors it: the mask of ``a/b.jpg`` is ``a/b.png`` or any other image
            file of that name; an image without one has an unknown ROI. None: no ROI at all.

    Raises:
        ValueError: A folder is missing, or holds no class folders with images.
    """
    for key, folder in (("images", images), ("masks", masks)):
        if folder is not None and not (folder.is_dir() or _is_tar(folder)):
            raise ValueError(f"data.{key}: there is no folder {folder}, nor a tar.")
    images = images.resolve()
    rows = _list_rows(images)
    _check_rows(images, rows)
    columns = {name: [row[name] for row in rows] for name in ("image", "label")}
    if any(row["split"] for row in rows):
        columns["split"] = [row["split"] for row in rows]
    if masks is not None:
        columns["mask"] = _find_masks([row["image"] for row in rows], masks.resolve())
    roots = (images,) if masks is None else (images, masks.resolve())
    return RawTable(pa.table(columns), {}, False, roots, images.name, 1)


def _list_rows(images: Path) -> list[dict[str, str]]:
    rows = []
    for name in _list_images(images):
        parts = tuple(name.split("/"))
        split = SPLIT_FOLDERS.get(parts[0].lower(), "") if len(parts) > 2 else ""
        folders = parts[1:-1] if split else parts[:-1]
        label = folders[0] if folders else ""
        rows.append({"image": "/".join(parts), "label": label, "split": split})
    return rows


def _stem_of(name: str) -> str:
    """Without its suffix, where it has one: the last number of a DICOM identifier is none."""
    suffix = PurePosixPath(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in IMAGE_SUFFIXES else name


def _list_images(folder: Path) -> list[str]:
    """Paths of the images below a folder or in a tar, relative to it, sorted."""
    if _is_tar(folder):
        names = open_tar(str(folder)).list_files()
        found = [n for n in names if PurePosixPath(n).suffix.lower() in IMAGE_SUFFIXES]
        return [name for name in found if not PurePosixPath(name).name.startswith(".")]
    return [
        path.relative_to(folder).as_posix()
        for path in sorted(folder.rglob("*"))
        if not path.name.startswith(".") and _is_image(path)
    ]


def _is_tar(path: Path) -> bool:
    return path.suffix.lower() == ".tar" and path.is_file()


def _is_image(path: Path) -> bool:
    """By its suffix; files of DICOM often have none, or end in the last number of an identifier."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return True
    if suffix.strip(".0123456789") or not path.is_file():
        return False
    with path.open("rb") as file:
        return is_dicom(file, "")


def _check_rows(images: Path, rows: list[dict[str, str]]) -> None:
    if not rows:
        raise ValueError(
            f"data.images: {images} holds no images below class folders. "
            f"Expected {images.name}/<class>/<image>, suffixes {', '.join(sorted(IMAGE_SUFFIXES))}."
        )
    problems = []
    loose = [row["image"] for row in rows if not row["label"]]
    if loose:
        problems.append(f"images outside of a class folder: {list_some(loose)}; move them into one")
    unknown = [ascii(row["image"]) for row in rows if not is_text(row["image"])]
    if unknown:
        problems.append(f"names that are no text in UTF-8: {list_some(unknown)}; rename them")
    unsplit = [row["image"] for row in rows if not row["split"]]
    if 0 < len(unsplit) < len(rows):
        problems.append(
            f"some images stand below train/ val/ test/ and some do not: {list_some(unsplit)}"
        )
    raise_problems(problems, f"data.images ({images})")


def is_text(name: str) -> bool:
    """Whether a name can be written down: some systems allow any bytes in it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _find_masks(images: list[str], masks: Path) -> list[str]:
    """Absolute path of each image's mask, "" where there is none."""
    by_stem: dict[str, str] = {}
    for name in _list_images(masks):
        by_stem.setdefault(_stem_of(name), f"{masks.as_posix()}/{name}")
    found = [by_stem.get(_stem_of(image), "") for image in images]
    if not any(found):
        raise ValueError(
            f"data.masks: {masks} holds no mask with the path of an image. "
            f"Expected for {images[0]} the file {_stem_of(images[0])}.png."
        )
    return found
