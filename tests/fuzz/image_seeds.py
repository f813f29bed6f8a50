"""Whole files of every kind and flavour that mutated inputs start from."""

import io
import struct
import tarfile
import zlib

import numpy as np
from PIL import Image

PIXELS = np.add.outer(np.arange(24) * 9, np.arange(32) * 5).astype(np.uint8)
TAR_NAMES = ("1.png", f"{'long' * 40}/2.png", "gr\u00fcn/3.png")
COLOUR = np.dstack([PIXELS, 255 - PIXELS, PIXELS // 2])


def save(image: Image.Image, kind: str, **options: object) -> bytes:
    """Bytes of an image as Pillow writes it."""
    file = io.BytesIO()
    image.copy().save(file, kind, **options)  # a saved image remembers its encoder
    return file.getvalue()


def make_seeds() -> dict[str, list[bytes]]:
    """Format to its flavours; DICOM is there where its packages are."""
    grey, colour = Image.fromarray(PIXELS), Image.fromarray(COLOUR)
    alpha = colour.copy()
    alpha.putalpha(grey)
    palette = colour.quantize(16)
    deep = Image.fromarray(PIXELS.astype(np.uint16) * 257)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description"
    turned = colour.rotate(90)
    seeds = {
        "jpeg": [
            save(colour, "JPEG", quality=90, exif=exif),
            save(colour, "JPEG", progressive=True, subsampling=2),
            save(grey, "JPEG", optimize=True, restart_marker_rows=1),
            save(colour.convert("CMYK"), "JPEG"),
            save(colour, "MPO", save_all=True, append_images=[turned.copy()]),
        ],
        "png": [
            save(colour, "PNG", exif=exif),
            save(alpha, "PNG"),
            save(palette, "PNG", transparency=3),
            save(deep, "PNG"),
            save(grey.convert("1"), "PNG"),
            save(grey.convert("LA"), "PNG", optimize=True),
            interlaced_png(PIXELS),
            save(colour, "PNG", save_all=True, append_images=[turned.copy()]),
        ],
        "tiff": [
            save(colour, "TIFF"),
            *(save(colour, "TIFF", compression=c) for c in ("tiff_lzw", "tiff_adobe_deflate")),
            save(colour, "TIFF", compression="jpeg", exif=exif),
            save(grey, "TIFF", compression="packbits"),
            save(grey.convert("1"), "TIFF", compression="group4"),
            save(deep, "TIFF", compression="tiff_lzw"),
            save(Image.fromarray(PIXELS / np.float32(9)), "TIFF"),
            save(colour, "TIFF", save_all=True, append_images=[turned.copy()]),
            tiled_tiff(PIXELS),
        ],
        "gif": [save(palette, "GIF"), save(palette, "GIF", transparency=2, interlace=1),
                save(palette, "GIF", save_all=True, append_images=[palette.rotate(90)])],
        "bmp": [save(colour, "BMP"), save(palette, "BMP"), save(grey.convert("1"), "BMP")],
        "webp": [save(colour, "WEBP"), save(alpha, "WEBP", lossless=True, exif=exif),
                 save(colour, "WEBP", save_all=True, append_images=[turned.copy()])],
        "ppm": [save(colour, "PPM"), save(grey, "PPM"), save(deep.convert("I"), "PPM"),
                save(grey.convert("1"), "PPM"), b"P2 4 2 255\n" + b"9 200 3 4\n" * 2],
    }  # fmt: skip
    seeds["tar"] = [
        _pack_tar(seeds["png"][0], kind) for kind in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)
    ]
    return seeds | ({"dicom": scans} if (scans := _make_scans()) else {})


def interlaced_png(pixels: np.ndarray) -> bytes:
    """Grey of 8 bits in the seven passes of Adam7, which Pillow does not write."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
              (1, 0, 2, 1)]  # fmt: skip
    lines = b"".join(
        b"\0" + line.tobytes() for y, x, dy, dx in passes for line in pixels[y::dy, x::dx]
    )
    head = struct.pack(">IIBBBBB", *pixels.shape[::-1], 8, 0, 0, 0, 1)
    parts = [(b"IHDR", head), (b"IDAT", zlib.compress(lines)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in parts)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk with its length and its checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def tiled_tiff(pixels: np.ndarray, tile: int = 16) -> bytes:
    """Grey of 8 bits in tiles, which Pillow does not write."""
    height, width = pixels.shape
    rows, columns = -(-height // tile), -(-width // tile)
    padded = np.zeros((rows * tile, columns * tile), np.uint8)
    padded[:height, :width] = pixels
    tiles = [padded[y * tile :, x * tile :][:tile, :tile] for y in range(rows)
             for x in range(columns)]  # fmt: skip
    num = len(tiles)
    # tag, type (3: 16 bits, 4: 32 bits), values
    tags = [(256, 3, [width]), (257, 3, [height]), (258, 3, [8]), (259, 3, [1]), (262, 3, [1]),
            (277, 3, [1]), (322, 3, [tile]), (323, 3, [tile])]  # fmt: skip
    start = 8 + 2 + 12 * (len(tags) + 2) + 4
    first = start + 8 * num
    offsets = [first + tile * tile * index for index in range(num)]
    entries = b"".join(struct.pack("<HHIHH", t, k, 1, v[0], 0) for t, k, v in tags)
    entries += struct.pack("<HHII", 324, 4, num, start)
    entries += struct.pack("<HHII", 325, 4, num, start + 4 * num)
    head = b"II*\0" + struct.pack("<IH", 8, len(tags) + 2) + entries + struct.pack("<I", 0)
    vectors = struct.pack(f"<{2 * num}I", *offsets, *[tile * tile] * num)
    return head + vectors + b"".join(t.tobytes() for t in tiles)


def _pack_tar(image: bytes, kind: int) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=kind) as tar:
        for name in TAR_NAMES:
            info = tarfile.TarInfo(name)
            info.size = len(image)
            tar.addfile(info, io.BytesIO(image))
    return file.getvalue()


def _make_scans() -> list[bytes]:
    try:
        import imagecodecs  # noqa: F401
        import pydicom  # noqa: F401
    except ImportError:
        return []
    from test_dicom import LOSSLESS, RAMP, compress, make_dicom

    scans = [make_dicom(RAMP, bits=12, RescaleSlope="1"), make_dicom(COLOUR, kind="RGB")]
    scans += [compress(make_dicom(RAMP, bits=12), syntax) for syntax in LOSSLESS]
    files = [io.BytesIO() for _ in scans]
    for scan, file in zip(scans, files, strict=True):
        scan.save_as(file, enforce_file_format=True)
    return [file.getvalue() for file in files]
