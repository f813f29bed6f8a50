"""A column of text whose words repeat, kept as one small number a row."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class Codes:
    """Text by row, as numbers into its different words; ten million rows take 40 MB.

    ``codes[rows]`` gives the (len(rows),) text of some rows, or of one; comparing with a word gives
    (rows,) bool.

    Args:
        numbers: (rows,) integers into ``words``.
        words: The different words.
    """

    def __init__(self, numbers: np.ndarray, words: pa.Array) -> None:
        self.numbers = numbers
        self.words = words

    @classmethod
    def encode(cls, column: pa.ChunkedArray | pa.Array) -> "Codes":
        """Number the words of a text column in alphabetical order."""
        encoded = pc.dictionary_encode(column)
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.combine_chunks()
        order = pc.sort_indices(encoded.dictionary).to_numpy()
        rank = np.empty(len(order), np.int32)
        rank[order] = np.arange(len(order), dtype=np.int32)
        return cls(rank[encoded.indices.to_numpy()], encoded.dictionary.take(pa.array(order)))

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: object) -> np.ndarray | str:
        chosen = self.numbers[rows]
        if np.ndim(chosen) == 0:
            return self.words[int(chosen)].as_py()
        # words first: few of them stand for many rows
        used, inverse = np.unique(chosen, return_inverse=True)
        return np.array(self.words.take(pa.array(used)).to_pylist(), dtype=np.str_)[inverse]

    def __iter__(self) -> Iterator[str]:
        return iter(self[:].tolist())

    def __eq__(self, other: object) -> np.ndarray:
        if isinstance(other, str):
            return self.numbers == self.words.index(pa.scalar(other, self.words.type)).as_py()
        return self[:] == (other[:] if isinstance(other, Codes) else other)

    def __ne__(self, other: object) -> np.ndarray:
        return ~(self == other)

    __hash__ = None

    def tolist(self) -> list[str]:
        """All rows as text."""
        return self[:].tolist()

    def keep(self, rows: np.ndarray) -> "Codes":
        """Some rows, by the same words."""
        return Codes(self.numbers[rows], self.words)

    def to_arrow(self) -> pa.DictionaryArray:
        """The column as Arrow's dictionary type, without a copy."""
        return pa.DictionaryArray.from_arrays(pa.array(self.numbers), self.words)
