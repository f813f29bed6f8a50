"""Images whose classes and regions come from a file of annotations."""

from dataclasses import dataclass
from pathlib import Path

from datamodules.annotations.labelled import read_labelled
from datamodules.tables.manifest import RawTable
from datamodules.tables.source import ImageSource


@dataclass(kw_only=True)
class AnnotatedData(ImageSource):
    """Annotations of COCO, LabelMe or CVAT that tell class and region of their images.

    Args:
        annotations: The file, or the folder with a file an image.
        images: Folder of the images; None: that of the annotations.
        label_from: What tells the class: ``category``, or a value of the image or an attribute of
            its annotations by name; None: flag or tag of the image if there are any, else category.
        mask_cache: Folder in which outlines and masks are drawn once, as files; may be deleted.
    """

    annotations: str
    images: str | None = None
    label_from: str | None = None
    mask_cache: str

    @property
    def has_boxes(self) -> bool:
        """Always: the annotations have them."""
        return True

    def read_raw(self, notes: list[str]) -> RawTable:  # noqa: D102
        if self.boxes is not None:
            raise ValueError(
                f"data.boxes={self.boxes} beside data.annotations={self.annotations}: one of them "
                "gives the regions. Leave data.boxes out, or take data=manifest."
            )
        images = None if self.images is None else Path(self.images).expanduser()
        path = Path(self.annotations).expanduser()
        return read_labelled(path, images, self.label_from, self, Path(self.mask_cache), notes)
