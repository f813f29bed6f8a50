"""Pictures can spell the names of classes."""

import datamodules.captions
import lightning_modules.captions


def test_letters_of_europe_do_not_become_one_and_the_same_box():
    for font in (datamodules.captions.caption_font(), lightning_modules.captions.caption_font()):
        drawn = {bytes(font.getmask(letter)) for letter in "äöüßéñłøЖΩ"}
        assert len(drawn) == 10
