"""What happens to a file: cut off, bits flipped, lengths out of all proportion, parts moved."""

import random
import struct

from fuzz.image_seeds import png_chunk

EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
HEAD = 200  # bytes where the lengths of most formats stand


def mutate(data: bytes, rng: random.Random, other: bytes) -> bytes:
    """Change a file in one to three ways; ``other`` is one that parts may come from."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3))):
        rng.choice(WAYS)(changed, rng, other)
    whole = bytes(changed)
    # without the right checksum nothing behind it would ever be tried
    if whole.startswith(b"\x89PNG") and rng.random() < 0.7:
        whole = _mend_checksums(whole)
    return whole


def _place(data: bytearray, rng: random.Random) -> int:
    end = min(HEAD, len(data)) if rng.random() < 0.5 else len(data)
    return rng.randrange(max(1, end))


def _cut(data: bytearray, rng: random.Random, other: bytes) -> None:
    del data[_place(data, rng) :]


def _flip(data: bytearray, rng: random.Random, other: bytes) -> None:
    for _ in range(rng.choice((1, 1, 4, 16))):
        if data:
            data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _oversize(data: bytearray, rng: random.Random, other: bytes) -> None:
    place, size = _place(data, rng), rng.choice((1, 2, 4))
    value = rng.choice(EXTREMES) & (2 ** (8 * size) - 1)
    data[place : place + size] = value.to_bytes(size, rng.choice(("big", "little")))


def _random(data: bytearray, rng: random.Random, other: bytes) -> None:
    place = _place(data, rng)
    data[place : place + rng.randrange(1, 9)] = rng.randbytes(rng.randrange(1, 9))


def _drop(data: bytearray, rng: random.Random, other: bytes) -> None:
    place = _place(data, rng)
    del data[place : place + rng.choice((1, 4, 32))]


def _repeat(data: bytearray, rng: random.Random, other: bytes) -> None:
    place = _place(data, rng)
    part = data[place : place + rng.choice((4, 16, 64))]
    data[place:place] = part * rng.choice((1, 2, 50))


def _splice(data: bytearray, rng: random.Random, other: bytes) -> None:
    place = rng.randrange(max(1, len(other)))
    data[_place(data, rng) :] = other[place:]


WAYS = (_cut, _flip, _flip, _oversize, _oversize, _random, _drop, _repeat, _splice)


def _mend_checksums(data: bytes) -> bytes:
    mended, place = data[:8], 8
    while place + 8 <= len(data):
        length = struct.unpack_from(">I", data, place)[0]
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        if len(body) < length:
            return mended + data[place:]
        mended += png_chunk(kind, body)
        place += 12 + length
    return mended + data[place:]
