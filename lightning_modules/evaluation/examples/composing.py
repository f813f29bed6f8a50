"""From what is known of images to examples with pictures and captions."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from lightning_modules.evaluation.examples.backgrounds import Swapped
from lightning_modules.evaluation.examples.drawing import (
    PREDICTED,
    ROI,
    cover_with_heat,
    draw_image,
    fit_size,
    outline,
)
from lightning_modules.evaluation.examples.looks import Look
from lightning_modules.evaluation.examples.sections import HEAT, Example
from lightning_modules.evaluation.predictions import PredictionTable


class Native(NamedTuple):
    """An image as its file has it: pixels (H, W, 3) uint8, roi (R, H, W) bool."""

    pixels: np.ndarray
    roi: np.ndarray


class Composer:
    """Composes examples of a table of predictions.

    Args:
        table: Of the test.
        read: Reads an image by its id.
    """

    def __init__(self, table: PredictionTable, read: Callable[[str], Native]) -> None:
        self.table, self.read = table, read
        self._probs, self._predicted = table.probs, table.predicted
        self._read: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    def show_data(self, row: int) -> Example:
        """The image of a row with its ROI, without any answer."""
        name = self.table.ids[row]
        caption = "ROI outlined" if self._find(name)[1].any() else "no ROI known"
        return self._describe(row, [(caption, self._outlined(name))], told=False)

    def show_answer(self, row: int, look: Look, classes: Sequence[int]) -> Example:
        """Image, what the gate lets through, and a heat map of each class."""
        name = self.table.ids[row]
        picture, roi = self._find(name)
        pictures = [(_caption_roi(roi, self.table.mask_origin[row]), self._outlined(name))]
        pictures += _show_seen(picture, look)
        for turn, number in enumerate(classes):
            heat = None if look.heat is None else look.heat[turn]
            if heat is not None and heat.any():
                shown = cover_with_heat(picture, heat)
                pictures.append((self._caption_heat(row, number), outline(shown, roi, ROI)))
        return self._describe(row, pictures)

    def show_mask(self, row: int, look: Look, rank: str) -> Example:
        """The user's ROI and the predicted mask, and what the gate lets through."""
        name = self.table.ids[row]
        picture, _ = self._find(name)
        dice = self.table.mask_quality["mask_dice"][row]
        caption = f"{rank}: Dice {dice:.2f}; your ROI orange, predicted mask blue"
        drawn = self._outlined(name)
        drawn = drawn if look.found is None else outline(drawn, look.found, PREDICTED)
        return self._describe(row, [(caption, drawn), *_show_seen(picture, look)])

    def show_swapped(self, row: int, swapped: Swapped) -> Example:
        """The image on its own background and on others, with the answers."""
        names, picture = self.table.class_names, self._find(swapped.id)[0]
        answers, pictures = swapped.probs.argmax(axis=1).tolist(), []
        for turn, (lent, best) in enumerate(zip(swapped.classes, answers, strict=True)):
            says = f"answer {names[best]} ({100 * swapped.probs[turn, best]:.0f} %)"
            where = f"background of an image of {names[lent]}" if turn else "its own background"
            changed = ", CHANGED" if best != answers[0] else ""
            shown = draw_image(swapped.pixels[turn], picture.shape[1::-1])
            pictures.append((f"{where}: {says}{changed}", shown))
        return self._describe(row, pictures)

    def _describe(
        self, row: int, pictures: list[tuple[str, np.ndarray]], told: bool = True
    ) -> Example:
        table, predicted = self.table, int(self._predicted[row])
        return Example(
            id=table.ids[row],
            label=table.class_names[table.labels[row]],
            predicted=table.class_names[predicted] if told else None,
            prob=float(self._probs[row, predicted]) if told else None,
            group=None if table.groups is None else str(table.groups[row]),
            pictures=pictures,
        )

    def _find(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Picture and ROI (H, W) bool of an image; each is read once."""
        if name not in self._read:
            native = self.read(name)
            size = fit_size(*native.pixels.shape[:2])
            self._read[name] = draw_image(native.pixels, size), native.roi.any(axis=0)
        return self._read[name]

    def _outlined(self, name: str) -> np.ndarray:
        return outline(*self._find(name), ROI)

    def _caption_heat(self, row: int, number: int) -> str:
        named = f"{HEAT}: what speaks for {self.table.class_names[number]}"
        if number == self._predicted[row]:
            return f"{named}, the answer"
        return f"{named}, the {'true class' if number == self.table.labels[row] else 'runner-up'}"


def _caption_roi(roi: np.ndarray, origin: str) -> str:
    caption = "ROI outlined" if roi.any() else "no ROI known"
    return f"{caption}; no mask, so shown whole" if origin == "full" else caption


def _show_seen(picture: np.ndarray, look: Look) -> list[tuple[str, np.ndarray]]:
    if look.seen is None:
        return []
    return [("what the gate lets through", draw_image(look.seen, picture.shape[1::-1]))]
