"""Whom DICOM files show: their PatientID is the group where nobody named another."""

import os

import pyarrow as pa

from datamodules.files.dicom import is_dicom, read_patient
from datamodules.files.opening import open_file
from datamodules.files.unreadable import UnreadableImage, reading
from datamodules.progress import show_progress
from datamodules.tables.manifest import RawTable


def find_patients(raw: RawTable, notes: list[str]) -> pa.Array | None:
    """PatientID of every row, (rows,) text; None where the first file is no DICOM.

    An image without one stands for itself. One and the same in all files, as some anonymisers
    write it, tells nothing.

    Args:
        raw: The source.
        notes: Takes what is to be said.
    """
    if _read_patient(raw, raw.columns["image"][0].as_py()) is None:
        return None
    images = raw.columns["image"].to_pylist()
    found = [_read_patient(raw, image) for image in show_progress(images, len(images))]
    known = {patient for patient in found if patient}
    if len(known) < 2:
        notes.append(
            "The DICOM files name "
            f"{f'the one PatientID {known.pop()!r}' if known else 'no PatientID'}, which tells "
            "nothing about groups."
        )
        return None
    blank = sum(not patient for patient in found)
    rest = f"; {blank} of {len(images)} images have none and count as groups of their own"
    notes.append(
        f"Groups are the {len(known)} PatientIDs of the DICOM files{rest if blank else ''}."
    )
    return pa.array(
        [patient or f"image {image}" for patient, image in zip(found, images, strict=True)]
    )


def _read_patient(raw: RawTable, image: str) -> str | None:
    """None where it is no DICOM or cannot be read; the check of the files says that by name."""
    path = os.path.join(raw.roots[0], image)
    try:
        with reading(path), open_file(path) as stream:
            return read_patient(stream) if is_dicom(stream, path) else None
    except UnreadableImage:
        return None
