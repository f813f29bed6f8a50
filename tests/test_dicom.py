"""DICOM: one frame by a fixed window, bright is bright, and the patient is the group."""

import io
import sys

import numpy as np
import pytest
from PIL import Image

pydicom = pytest.importorskip("pydicom")
from pydicom.dataset import FileDataset, FileMetaDataset  # noqa: E402
from pydicom.uid import (  # noqa: E402
    UID,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from datamodules.files.images import read_image, read_mask, read_size  # noqa: E402
from datamodules.files.unreadable import UnreadableImage  # noqa: E402
from datamodules.sources import FolderData  # noqa: E402

LOSSLESS = (RLELossless, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless)
RAMP = np.linspace(0, 4095, 20 * 24).astype(np.uint16).reshape(20, 24)


def make_dicom(pixels, kind="MONOCHROME2", bits=None, patient="p1", **changes):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset = FileDataset(None, {}, file_meta=meta, preamble=b"\0" * 128)
    dataset.SOPClassUID = meta.MediaStorageSOPClassUID
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.PatientID = patient
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.PhotometricInterpretation = kind
    dataset.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    if pixels.ndim == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = 8 * pixels.dtype.itemsize
    dataset.BitsStored = bits or dataset.BitsAllocated
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = pixels.tobytes()
    for name, value in changes.items():
        setattr(dataset, name, value)
    return dataset


def save(dataset, path):
    dataset.save_as(path, enforce_file_format=True)
    return str(path)


def compress(dataset, syntax):
    """Encode the pixels of a data set, without loss."""
    if syntax == RLELossless:
        dataset.compress(RLELossless, generate_instance_uid=False)
        return dataset
    codecs = pytest.importorskip("imagecodecs")
    pixels = dataset.pixel_array
    if syntax == JPEG2000Lossless:
        frame = codecs.jpeg2k_encode(pixels, level=0, codecformat="j2k", resolutions=2)
    elif syntax == JPEGLSLossless:
        frame = codecs.jpegls_encode(pixels)
    else:
        frame = codecs.jpeg8_encode(pixels, lossless=True, predictor=1, bitspersample=None)
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    return dataset


def expected(values, low, high):
    grey = np.clip(np.round((values.astype(float) - low) * 255 / (high - low)), 0, 255)
    return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)


def test_a_fixed_window_applies_to_the_rescaled_values(tmp_path):
    scan = make_dicom(RAMP.astype(np.int16), RescaleSlope="2", RescaleIntercept="-1024")
    path = save(scan, tmp_path / "ct.dcm")
    assert (read_image(path, (-1000, 3000)) == expected(2.0 * RAMP - 1024, -1000, 3000)).all()
    assert read_size(path) == (20, 24)


def test_monochrome1_is_turned_round(tmp_path):
    plain = read_image(save(make_dicom(RAMP, bits=12), tmp_path / "a.dcm"), (0, 4095))
    turned = make_dicom(RAMP, kind="MONOCHROME1", bits=12)
    assert (read_image(save(turned, tmp_path / "b.dcm"), (0, 4095)) == 255 - plain).all()


def test_what_lies_elsewhere_in_the_image_does_not_change_a_pixel(tmp_path):
    """Text burnt into a corner would, by a window of each image's own."""
    plain = read_image(
        save(make_dicom(RAMP, WindowCenter="9", WindowWidth="3"), tmp_path / "a"), (0, 4095)
    )
    written = RAMP.copy()
    written[:4, :4] = 65535
    other = read_image(save(make_dicom(written), tmp_path / "b"), (0, 4095))
    assert (plain[4:] == other[4:]).all()


def test_grey_of_eight_bits_and_colour_need_no_window(tmp_path):
    grey = (RAMP >> 4).astype(np.uint8)
    assert (read_image(save(make_dicom(grey), tmp_path / "g.dcm"))[..., 1] == grey).all()
    colour = np.dstack([grey, 255 - grey, grey // 2])
    path = save(make_dicom(colour, kind="RGB"), tmp_path / "c.dcm")
    assert (read_image(path) == colour).all()
    planes = make_dicom(colour, kind="RGB", PlanarConfiguration=1)
    planes.PixelData = np.moveaxis(colour, 2, 0).tobytes()
    assert (read_image(save(planes, tmp_path / "p.dcm")) == colour).all()


def test_a_mask_in_dicom_is_inside_where_it_is_not_black(tmp_path):
    inside = RAMP > 2000
    assert (
        read_mask(save(make_dicom(inside.astype(np.uint8)), tmp_path / "m.dcm")) == inside
    ).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"NumberOfFrames": 3}, "3 frames"),
        ({"Rows": 30000, "Columns": 30000}, "30000 x 30000 pixels, 900 million"),
        ({"PhotometricInterpretation": "HSV"}, "HSV of 16 bits"),
        ({"PixelData": b"\0" * 100}, "cannot be decoded"),
        ({}, "data.window"),
    ],
)
def test_what_is_no_single_image_is_refused_by_name(tmp_path, change, said):
    path = save(make_dicom(RAMP, bits=12, **change), tmp_path / "x.dcm")
    with pytest.raises(UnreadableImage, match=said) as caught:
        read_image(path, (0, 4095) if change else None)
    assert str(caught.value).startswith(path) and "\n" not in str(caught.value)


@pytest.mark.parametrize("syntax", LOSSLESS, ids=lambda uid: uid.keyword)
@pytest.mark.parametrize("kind", ["MONOCHROME2", "RGB"])
def test_lossless_transfer_syntaxes_decode_to_the_same_pixels(tmp_path, syntax, kind):
    grey = (RAMP >> 4).astype(np.uint8)
    scan = make_dicom(RAMP, bits=12)
    if kind == "RGB":
        scan = make_dicom(np.dstack([grey, 255 - grey, grey // 2]), kind=kind)
    plain = read_image(save(scan, tmp_path / "plain.dcm"), (0, 4095))
    packed = save(compress(scan, syntax), tmp_path / "packed.dcm")
    assert (read_image(packed, (0, 4095)) == plain).all()


def test_a_transfer_syntax_without_decoder_is_named(tmp_path):
    scan = compress(make_dicom(RAMP, bits=12), RLELossless)
    scan.file_meta.TransferSyntaxUID = HTJ2KLossless
    with pytest.raises(UnreadableImage, match="High-Throughput JPEG 2000"):
        read_image(save(scan, tmp_path / "x.dcm"), (0, 4095))


def test_jpeg_inside_dicom_is_decoded_and_a_mask_is_read_at_its_middle(tmp_path):
    grey = np.repeat(np.arange(0, 240, 10, dtype=np.uint8)[None], 20, axis=0)
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "JPEG", quality=95)
    for kind in ("MONOCHROME2", "MONOCHROME1"):
        dataset = make_dicom(grey, kind=kind)
        dataset.PixelData = pydicom.encaps.encapsulate([file.getvalue()])
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        path = save(dataset, tmp_path / "x.dcm")
        expected_grey = grey if kind == "MONOCHROME2" else 255 - grey
        assert abs(read_image(path)[..., 0].astype(int) - expected_grey).max() < 8
        clear = abs(expected_grey.astype(int) - 128) > 8
        assert (read_mask(path) == (expected_grey > 128))[clear].all()


@pytest.fixture
def scans(tmp_path):
    rng = np.random.default_rng(0)
    for index in range(24):
        label = ("healthy", "ill")[index % 2]
        folder = tmp_path / "scans" / label
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(100, 900, (16, 16)).astype(np.uint16)
        name = (f"{index}.dcm", f"IM{index:04d}", f"1.2.840.{index}")[index % 3]
        save(make_dicom(pixels, bits=12, patient=f"patient{index // 3}"), folder / name)
    return tmp_path / "scans"


def test_the_patient_is_the_group(scans):
    table = FolderData(images=str(scans), window=[100, 900]).read(0)
    assert len(table) == 24 and len(set(table.groups.tolist())) == 8
    assert any("8 PatientIDs" in note for note in table.notes)
    by_split = [set(table.groups[table.rows_of(split)].tolist()) for split in ("train", "test")]
    assert not by_split[0] & by_split[1]


def test_a_window_is_proposed_from_the_set(scans):
    with pytest.raises(ValueError, match=r"data\.window=\[10\d,89\d\]"):
        FolderData(images=str(scans)).read(0)


def test_without_the_extra_the_line_that_installs_it_is_said_once(scans, monkeypatch):
    from datamodules.files import dicom

    dicom.require_pydicom.cache_clear()
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ValueError, match=r'pip install -e "\.\[dicom\]"'):
        FolderData(images=str(scans), window=[100, 900]).read(0)
    dicom.require_pydicom.cache_clear()


def test_a_syntax_whose_decoder_is_missing_says_what_to_install(tmp_path, monkeypatch):
    from datamodules.files import dicom_codecs

    path = save(compress(make_dicom(RAMP, bits=12), JPEGLSLossless), tmp_path / "x.dcm")
    dicom_codecs.plugin_for.cache_clear()
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(UnreadableImage, match="needs imagecodecs: python -m pip"):
        read_image(path, (0, 4095))
    dicom_codecs.plugin_for.cache_clear()
