"""Whether the file of a checkpoint is whole; told without torch, so before it is imported.

torch reads weights without looking at their checksums: a flipped bit would become a wrong weight.
"""

import zipfile
import zlib
from pathlib import Path

TWIN = ".safetensors"
MAGIC = b"PK\x03\x04"
BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, OSError)
INSTEAD = "Take another checkpoint, such as the run's other one (which=best, which=last), or a copy"


def is_twin(path: Path) -> bool:
    """Whether a path names the weights of a twin."""
    return path.suffix == TWIN


def check_file(path: Path) -> None:
    """Check that a file is an archive as ``torch.save`` writes it, with every byte as written.

    Of a twin both files have to be there.

    Raises:
        ValueError: There is none, it was cut or damaged, or it is something else.
    """
    if not path.exists():
        raise ValueError(f"There is no checkpoint {path}.")
    if is_twin(path):
        about = path.with_suffix(".json")
        if not about.is_file():
            raise ValueError(
                f"{path} has no {about.name} beside it, which says how the model is built. Copy "
                "both. Weights of elsewhere are tested by evaluate.py with backbone= and classes=, "
                "and trained on by train.py with model.pretrained=."
            )
        return
    reason = _find_fault(path)
    if reason is not None:
        raise ValueError(f"{path} cannot be opened as a checkpoint: {reason}. {INSTEAD}.")


def _find_fault(path: Path) -> str | None:
    if path.is_dir():
        return "it is a folder, expected a file (a run's folder has them in checkpoints/)"
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
        if not start:
            return "it is empty, as a full disk leaves it"
        if start != MAGIC:
            return (
                "it is no checkpoint, for it does not begin as one; other pickled files may be "
                "one that carries code, which is never run"
            )
        with zipfile.ZipFile(path) as archive:
            return _find_damage(archive, path.stat().st_size)
    except PermissionError:
        return "it may not be read (permissions)"
    except BROKEN_ZIP as error:
        return f"it was cut or damaged ({_first_line(error)})"
    except RuntimeError as error:  # what zipfile says of encrypted records
        return f"it is no checkpoint ({_first_line(error)})"


def _find_damage(archive: zipfile.ZipFile, num_bytes: int) -> str | None:
    records = archive.infolist()
    if any("/code/" in one.filename or one.filename.endswith("/constants.pkl") for one in records):
        return "it is a TorchScript archive, which carries code, which is never run"
    if not any(one.filename.endswith("/data.pkl") for one in records):
        return "it is a zip archive, but no checkpoint"
    packed = [one for one in records if one.compress_type != zipfile.ZIP_STORED]
    if packed or sum(one.file_size for one in records) > num_bytes:
        return "it is packed in a way that no checkpoint is, and may unpack to any size"
    damaged = archive.testzip()
    return f"its record {damaged} is damaged (checksum)" if damaged else None


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
