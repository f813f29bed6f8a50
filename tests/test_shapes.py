"""Outlines are drawn by the centres of pixels, like the boxes that they stand beside."""

import numpy as np
import pytest

from datamodules.annotations.shapes import Outline, Picture, Runs, ellipse, rectangle


def draw(shape, height=40, width=48):
    mask = np.zeros((height, width), bool)
    shape.draw(mask)
    return mask


def test_a_rectangle_is_the_half_open_box_of_its_corners():
    expected = np.zeros((40, 48), bool)
    expected[5:25, 10:30] = True
    assert (draw(rectangle(10, 5, 30, 25)) == expected).all()


def test_what_reaches_out_of_the_image_is_cut():
    expected = np.zeros((40, 48), bool)
    expected[:10, 40:] = True
    assert (draw(rectangle(40, -7, 99, 10)) == expected).all()
    assert (draw(Picture(np.ones((17, 59), bool), 40, -7)) == expected).all()
    assert not draw(rectangle(60, 0, 70, 9)).any()


def test_a_pixel_is_inside_if_its_centre_is():
    """Against the definition, pixel by pixel, for a triangle, by the sides that it lies on."""
    corners = np.array([[3.2, 2.1], [40.7, 11.3], [12.9, 37.6]])
    y, x = np.mgrid[:40, :48] + 0.5
    sides = []
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        sides.append((bx - ax) * (y - ay) - (by - ay) * (x - ax) > 0)
    assert (draw(Outline([corners])) == np.all(sides, axis=0)).all()


def test_rings_are_united():
    both = Outline([rectangle(2, 2, 20, 20).rings[0], rectangle(10, 10, 30, 30).rings[0]])
    assert (draw(both) == draw(rectangle(2, 2, 20, 20)) | draw(rectangle(10, 10, 30, 30))).all()
    assert both.bounds() == (2, 2, 30, 30)


def test_a_circle_has_its_area_and_a_quarter_turn_swaps_the_radii():
    assert draw(ellipse(24, 20, 15, 15)).sum() == pytest.approx(np.pi * 225, rel=0.02)
    turned = ellipse(24, 20, 6, 15, 90)
    assert turned.bounds() == pytest.approx((9, 14, 39, 26), abs=0.1)


def test_a_box_turns_clockwise_on_the_screen():
    """The upper left corner of a wide box goes up and to the right."""
    turned = rectangle(10, 15, 40, 25, 30).rings[0]
    x, y, cos, sin = -15, -5, np.cos(np.pi / 6), np.sin(np.pi / 6)
    expected = (25 + x * cos - y * sin, 20 + x * sin + y * cos)
    assert turned[0] == pytest.approx(expected)


def test_runs_draw_what_they_bound():
    runs = Runs(np.array([5, 3, 4]), 3, 4, by_columns=False, left=2, top=1)
    mask = draw(runs, 10, 10)
    assert np.argwhere(mask).tolist() == [[2, 3], [2, 4], [2, 5]]
    assert runs.bounds() == (3, 2, 6, 3)
