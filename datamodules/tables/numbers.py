"""Numbers in columns of text, read without a loop over the rows."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

# a decimal number as people write it; no nan, no inf
NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"


def is_number(column: pa.ChunkedArray) -> np.ndarray:
    """Whether a text is one finite number, (rows,) bool; blank is none."""
    return pc.match_substring_regex(column, f"^{NUMBER}$").to_numpy(zero_copy_only=False)


def parse_numbers(column: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Texts that all are numbers as float64."""
    # Arrow reads no plus sign and no bare point
    plain = pc.replace_substring_regex(column, r"^\+", "")
    plain = pc.replace_substring_regex(plain, r"^(-?)\.", r"\10.")
    return plain.cast(pa.float64()).to_numpy(zero_copy_only=False)
