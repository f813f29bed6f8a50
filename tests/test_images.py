"""Files of every kind are decoded to the pixels that a person sees, or refused by name."""

import pickle
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from fuzz.image_seeds import interlaced_png, png_chunk, tiled_tiff
from PIL import Image, TiffImagePlugin

from datamodules.files import images
from datamodules.files.images import read_image, read_mask, read_size
from datamodules.files.unreadable import UnreadableImage

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 18), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (12, 18, 3), dtype=np.uint8)
DEEP = RNG.integers(0, 65536, (12, 18), dtype=np.uint16)
# what turns the stored pixels upright, for each orientation of EXIF
UPRIGHT = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: p.swapaxes(0, 1),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: np.rot90(p, 2).swapaxes(0, 1),
    8: np.rot90,
}


def save(path, pixels, mode=None, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return str(path)


def grey3(values):
    return np.repeat(values[..., None], 3, axis=2)


def refusal(path, read=read_image):
    with pytest.raises(UnreadableImage) as caught:
        read(str(path))
    message = str(caught.value)
    assert message.startswith(str(path)) and "\n" not in message
    return message


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp", "ppm"])
def test_colour_and_grey_without_loss(tmp_path, suffix):
    assert (read_image(save(tmp_path / f"c.{suffix}", COLOUR)) == COLOUR).all()
    assert (read_image(save(tmp_path / f"g.{suffix}", GREY)) == grey3(GREY)).all()
    assert (read_mask(save(tmp_path / f"m.{suffix}", GREY)) == (GREY > 0)).all()
    bits = grey3((GREY > 99) * np.uint8(255))
    assert (read_image(save(tmp_path / f"b.{suffix}", GREY > 99)) == bits).all()
    assert (read_mask(save(tmp_path / f"b.{suffix}", GREY > 99)) == (GREY > 99)).all()


def test_what_pillow_does_not_write_interlaced_png_and_tiled_tiff(tmp_path):
    for name, data in (("i.png", interlaced_png(GREY)), ("t.tif", tiled_tiff(GREY))):
        (tmp_path / name).write_bytes(data)
        assert (read_image(str(tmp_path / name)) == grey3(GREY)).all()


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "lzma"])
def test_compressed_tiff(tmp_path, compression):
    path = save(tmp_path / "c.tif", COLOUR, compression=compression)
    assert (read_image(path) == COLOUR).all()


def test_a_palette_is_looked_up_in_an_image_and_counted_in_a_mask(tmp_path):
    image = Image.fromarray(GREY // 64, "P")
    image.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0, 0, 0, 0])
    path = save(tmp_path / "p.png", image)
    colours = np.array([[9, 9, 9], [200, 0, 0], [0, 200, 0], [0, 0, 0]], np.uint8)
    assert (read_image(path) == colours[GREY // 64]).all()
    assert (read_mask(path) == (GREY // 64 > 0)).all()


def test_what_is_transparent_is_black_whatever_stands_below(tmp_path):
    """Programs that cut objects out often leave the background below full transparency."""
    alpha = np.where(GREY > 127, 255, 0).astype(np.uint8)
    seen = np.where(alpha[..., None] > 0, COLOUR, 0)
    path = save(tmp_path / "rgba.png", np.dstack([COLOUR, alpha]))
    assert (read_image(path) == seen).all()
    half = np.dstack([COLOUR, np.full_like(GREY, 128)])
    mixed = read_image(save(tmp_path / "half.png", half)).astype(int)
    assert abs(mixed - COLOUR * (128 / 255)).max() <= 1
    opaque = np.dstack([COLOUR, np.full_like(GREY, 255)])
    assert (read_image(save(tmp_path / "opaque.png", opaque)) == COLOUR).all()
    grey_alpha = save(tmp_path / "la.png", np.dstack([GREY, alpha]))
    assert (read_image(grey_alpha) == grey3(np.where(alpha > 0, GREY, 0))).all()
    assert (read_mask(grey_alpha) == (GREY > 0)).all()


@pytest.mark.parametrize("suffix", ["png", "gif"])
def test_a_transparent_colour_is_black(tmp_path, suffix):
    image = Image.fromarray(GREY // 64, "P")
    image.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0, 0, 0, 90])
    pixels = read_image(save(tmp_path / f"t.{suffix}", image, transparency=1))
    assert (pixels[GREY // 64 == 1] == 0).all()
    assert (pixels[GREY // 64 == 0] == 9).all()


def test_a_transparent_grey_of_sixteen_bits_is_black(tmp_path):
    key = int(DEEP[3, 3])
    pixels = read_image(save(tmp_path / "k.png", DEEP, transparency=key))
    assert (pixels == grey3(np.where(key == DEEP, 0, DEEP >> 8).astype(np.uint8))).all()


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_the_upper_eight_or_follow_the_window(tmp_path, suffix):
    path = save(tmp_path / f"d.{suffix}", DEEP)
    assert (read_image(path) == grey3((DEEP >> 8).astype(np.uint8))).all()
    scaled = np.clip(np.round((DEEP.astype(float) - 1000) * 255 / 3000), 0, 255)
    assert (read_image(path, (1000, 4000)) == grey3(scaled.astype(np.uint8))).all()
    assert (read_mask(path) == (DEEP > 0)).all()


def test_the_window_does_not_touch_eight_bits(tmp_path):
    path = save(tmp_path / "g.png", GREY)
    assert (read_image(path, (100, 200)) == read_image(path)).all()


def test_one_bright_corner_does_not_change_the_rest(tmp_path):
    written = DEEP // 16
    path = save(tmp_path / "a.png", written)
    plain = read_image(path), read_image(path, (0, 4095))
    written = written.copy()
    written[:3, :3] = 65535
    path = save(tmp_path / "b.png", written)
    for before, after in zip(plain, (read_image(path), read_image(path, (0, 4095))), strict=True):
        assert (before[3:] == after[3:]).all()


def test_white_is_zero_in_sixteen_bit_tiff_too(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[262] = 0
    path = save(tmp_path / "w.tif", DEEP, tiffinfo=tags)
    with Image.open(path) as file:
        if file.tag_v2[262] != 0:
            pytest.skip("this Pillow does not write it")
        stored = np.asarray(file)
    assert (read_image(path) == grey3(255 - (stored >> 8).astype(np.uint8))).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_thirty_two_bits_need_a_window(tmp_path, dtype):
    values = DEEP.astype(dtype) * 3
    path = save(tmp_path / "d.tif", values)
    assert "data.window" in refusal(path)
    scaled = np.clip(np.round((values.astype(float) - 5) * 255 / 150000), 0, 255).astype(int)
    assert abs(read_image(path, (5, 150005))[..., 0].astype(int) - scaled).max() <= 1


def test_values_that_are_no_numbers_are_refused(tmp_path):
    values = DEEP.astype(np.float32)
    values[0, 0] = np.nan
    path = save(tmp_path / "n.tif", values)
    with pytest.raises(UnreadableImage, match="NaN"):
        read_image(path, (0, 1))
    assert "NaN" in refusal(path, read_mask)


def test_cmyk_as_it_is_printed(tmp_path):
    flat = np.zeros((16, 16, 3), np.uint8) + np.array([200, 40, 90], np.uint8)
    path = save(tmp_path / "c.jpg", flat, mode="CMYK", quality=95)
    assert abs(read_image(path).astype(int) - flat).max() < 8
    white = save(tmp_path / "w.tif", np.full((4, 4, 3), 255, np.uint8), mode="CMYK")
    assert read_mask(white).all() and (read_image(white) == 255).all()


def test_lab_as_it_is_seen(tmp_path):
    red = save(tmp_path / "red.tif", Image.new("LAB", (4, 4), (136, 208, 195)))
    assert abs(read_image(red).astype(int) - [255, 0, 0]).max() < 12


@pytest.mark.parametrize("orientation", UPRIGHT)
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg", "webp"])
def test_every_orientation_turns_image_mask_and_size_alike(tmp_path, orientation, suffix):
    blocks = np.kron(RNG.integers(0, 2, (3, 4, 1)) * np.ones(3), np.ones((8, 8, 1))) * 255
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if suffix == "webp" else {"quality": 95}
    options = options if suffix in ("webp", "jpg") else {}
    path = save(tmp_path / f"x.{suffix}", blocks.astype(np.uint8), exif=exif, **options)
    expected = UPRIGHT[orientation](blocks)
    assert abs(read_image(path).astype(int) - expected).max() < 12
    assert (read_mask(path) == (expected[..., 0] > 127)).all()
    assert read_size(path) == expected.shape[:2]


@pytest.mark.parametrize(
    ("name", "what"),
    [("x.tif", "pages"), ("x.gif", "frames"), ("x.png", "frames"), ("x.webp", "frames")],
)
def test_several_images_in_one_file_are_refused(tmp_path, name, what):
    other = Image.fromarray(255 - COLOUR)
    path = save(tmp_path / name, COLOUR, save_all=True, append_images=[other])
    assert f"several {what}" in refusal(path) and f"several {what}" in refusal(path, read_mask)


def test_smaller_copies_in_a_tiff_and_the_preview_of_a_photo_do_not_count(tmp_path):
    small = Image.fromarray(COLOUR).resize((9, 6))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    path = save(tmp_path / "x.tif", COLOUR, save_all=True, append_images=[small])
    with Image.open(path) as file:
        file.seek(1)
        assert file.tag_v2[254] == 1
    assert (read_image(path) == COLOUR).all()
    smooth = np.full((16, 16, 3), 90, np.uint8)
    photo = tmp_path / "photo.jpg"
    preview = Image.fromarray(smooth).resize((8, 8))
    Image.fromarray(smooth).save(photo, "MPO", save_all=True, append_images=[preview])
    assert read_image(str(photo)).shape == (16, 16, 3)


def bomb(width, height):
    """A PNG of one bit that unpacks to zeros."""
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([1, 0, 0, 0, 0])
    pack = zlib.compressobj(9)
    line = b"\0" * (1 + (width + 7) // 8)
    data = b"".join(pack.compress(line * 100) for _ in range(height // 100)) + pack.flush()
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", data)


def test_a_bomb_is_refused_with_its_size_before_it_is_unpacked(tmp_path):
    (tmp_path / "bomb.png").write_bytes(bomb(30_000, 20_000))
    start = time.perf_counter()
    assert "has 600000000 pixels; at most 179 million" in refusal(tmp_path / "bomb.png")
    assert "has 600000000 pixels" in refusal(tmp_path / "bomb.png", read_mask)
    assert time.perf_counter() - start < 1
    (tmp_path / "less.png").write_bytes(bomb(13_000, 15_000))
    assert "has 195000000 pixels" in refusal(tmp_path / "less.png")
    webp = b"VP8X" + b"\x0a\0\0\0" + bytes(4) + (2**24 - 1).to_bytes(3, "little") * 2
    (tmp_path / "x.webp").write_bytes(b"RIFF\x16\0\0\0WEBP" + webp)
    assert "16777216 x 16777216" in refusal(tmp_path / "x.webp")


def test_a_large_image_is_read_in_strips_and_the_same(tmp_path, monkeypatch):
    path = save(tmp_path / "c.png", np.tile(COLOUR, (50, 2, 1)))
    plain = read_image(path)
    monkeypatch.setattr(images, "LARGE", 100)
    assert (read_image(path) == plain).all()


def test_text_that_unpacks_without_end_is_refused(tmp_path):
    path = tmp_path / "text.png"
    save(path, GREY)
    data = path.read_bytes()
    text = b"Comment\0\0" + zlib.compress(b"a" * 200_000_000, 9)
    path.write_bytes(data[:33] + png_chunk(b"zTXt", text) + data[33:])
    assert "MAX_TEXT_CHUNK" in refusal(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"%PDF-1.7", "PDF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"nothing that anybody knows", "JPEG, PNG, TIFF"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "JPEG, PNG, TIFF"),
    ],
)
def test_what_is_no_image_is_called_by_its_name(tmp_path, data, said):
    (tmp_path / "x.jpg").write_bytes(data)
    assert said in refusal(tmp_path / "x.jpg") and said in refusal(tmp_path / "x.jpg", read_mask)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "gif", "bmp", "webp"])
def test_a_file_that_is_cut_off_is_refused(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    save(path, RNG.integers(0, 256, (90, 90, 3), dtype=np.uint8))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cannot be decoded" in refusal(path)


@pytest.mark.skipif(sys.platform == "win32", reason="libtiff is inside of Pillow there")
def test_damage_inside_a_tiff_is_no_image(tmp_path, capfd):
    """Pillow alone gives an image with wrong lines and says nothing."""
    path = tmp_path / "fax.tif"
    save(path, GREY > 127, compression="group4")
    data = bytearray(path.read_bytes())
    data[14:30] = bytes(byte ^ 0x5A for byte in data[14:30])
    path.write_bytes(data)
    assert np.asarray(Image.open(path)).shape == GREY.shape
    assert "libtiff finds damage" in refusal(path) and capfd.readouterr().err == ""


def test_what_is_no_file_is_refused_and_never_waited_for(tmp_path):
    assert "does not exist" in refusal(tmp_path / "none.png")
    assert "is a folder" in refusal(tmp_path)
    assert "cannot be opened" in refusal(f"{tmp_path}/a\0b.png")
    assert "cannot be opened" in refusal(f"{tmp_path}/{'a' * 5000}.png")
    if sys.platform != "win32":
        import os

        os.mkfifo(tmp_path / "pipe.png")
        assert "is a pipe" in refusal(tmp_path / "pipe.png")


def test_the_refusal_survives_the_way_from_a_loading_process():
    error = pickle.loads(pickle.dumps(UnreadableImage("a.png", "is empty (0 bytes)")))
    assert str(error) == "a.png is empty (0 bytes)" and isinstance(error, ValueError)
    assert str(UnreadableImage(str(error))) == str(error)


def test_decoding_says_nothing_on_the_screen(tmp_path):
    path = save(tmp_path / "p.png", Image.fromarray(GREY, "P"), transparency=bytes([0, 9]))
    code = f"from datamodules.files.images import read_image; read_image({path!r})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout == done.stderr == b""


def test_twelve_bits_in_a_tiff_keep_their_own_upper_eight(tmp_path):
    values = (DEEP >> 4).astype(np.uint16)
    first, second = values.reshape(-1, 2).T.astype(np.uint32)
    packed = ((first << 12) | second).astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes()
    height, width = values.shape
    tags = {256: width, 257: height, 258: 12, 259: 1, 262: 1, 266: 1, 273: 134, 277: 1}
    tags |= {278: height, 279: len(packed)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    (tmp_path / "x.tif").write_bytes(head.ljust(134, b"\0") + packed)
    assert (read_image(str(tmp_path / "x.tif")) == grey3((values >> 4).astype(np.uint8))).all()
