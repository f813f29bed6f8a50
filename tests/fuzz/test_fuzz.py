"""Whatever is in a file: it decodes or is reported by name, and nothing crashes or hangs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.child import HANG, KINDS, MOST_SECONDS

CHILD = Path(__file__).with_name("child.py")
PEAK = 1500  # MB of one process: an image of as many pixels as are read, and what decodes it
QUICK, MANY, PART = 30, 2_000, 1_000
# 20,000 or more in all, also where the packages of DICOM are missing
NUMBERS = {"jpeg": 4_000, "png": 4_000, "tiff": 4_000, "csv": 3_000}


def try_kind(kind, first, number, folder):
    """Run one child; its result, or an error that says at which input it ended."""
    command = [sys.executable, "-X", "faulthandler", CHILD, kind, first, number, folder]
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=HANG + number
    )
    now = folder / f"{kind}_{first}.now"
    place = now.read_text() if now.is_file() else "the start"
    assert done.returncode == 0, f"{kind} ended at {place}:\n{done.stderr[-3000:]}"
    result = json.loads((folder / f"{kind}_{first}.json").read_text())
    assert result["failures"] == [], f"{kind}: {result['failures'][0]}"
    assert result["tried"] == number
    return result


def check(result):
    assert result["slowest_s"] < MOST_SECONDS, result
    assert result["peak_mb"] < PEAK, result


@pytest.mark.parametrize("kind", KINDS)
def test_some_broken_files_of_every_kind(kind, tmp_path):
    result = try_kind(kind, 0, QUICK, tmp_path)
    check(result)
    assert 0 < len(result["reasons"]) and result["decoded"] < QUICK


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_twenty_thousand_broken_files(kind, tmp_path):
    """With -s: how many decoded, why the others did not, the slowest and the memory."""
    number = NUMBERS.get(kind, MANY)
    for first in range(0, number, PART):
        result = try_kind(kind, first, PART, tmp_path)
        check(result)
        print(kind, first, {name: value for name, value in result.items() if name != "failures"})
        assert 0 < result["decoded"] < PART
