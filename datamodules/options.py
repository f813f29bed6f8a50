"""What a user can say about their data, whatever its source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from datamodules.annotations.options import BoxOptions
from datamodules.files.window import find_window_problems
from datamodules.loading.cache_folder import find_cache_problems
from datamodules.problems import raise_problems

Imbalance = Literal["none", "class_weights", "balanced_sampler", "focal", "logit_adjustment"]
BadImagePolicy = Literal["error", "skip", "quarantine"]


@dataclass(kw_only=True)
class DataOptions(BoxOptions):
    """Options that every source understands.

    Args:
        batch_size: Images a step, at least 1; ``auto``: as many as a training step's memory takes,
            settled before a run is made.
        image_size: Pixels of the network's input, one number for a square or (height, width);
            None takes the backbone's own.
        num_workers: Loading processes; None chooses from the number of CPU cores.
        classes: Class names in the order of the outputs; None sorts them.
        class_map: Class names of the data to those that are meant, such as the model's; None (null)
            leaves the images of a class out. Names that it lacks stay as they are.
        positive_class: Of two classes the one to detect; None takes the last.
        group_from: Where the subject of an image is found: a column, ``parent`` (the name of its
            folder) or a regular expression on its path (its first group, else the whole match).
            None takes the column ``group`` when there is one.
        slice_by: Columns over which, crossed with the class, the worst group is reported.
        pair_by: Column that joins images which differ in the background only.
        roi_fraction: Share in [0, 1] of the training images with ROI that keep it: class by class,
            seeded; the others count as not annotated.
        roi_at_test: Whether validation and test may be gated by the ROIs of their images; otherwise
            these only measure, as in the field, where nobody draws them.
        split_by: Column by whose values the test is chosen: a site, a laboratory. A column of the
            words train, val and test is the split itself.
        test_on: Its values to test on; None: the last in alphabetical order.
        num_folds: Test on one of so many parts, at least 2, group-stratified, or ``groups``: on one
            group each; None: no folds.
        fold: Number of that part, from 0.
        val_fraction: Share of the images for validation, in (0, 1), when no split is given; where
            the test is chosen by column or fold, of the images that it leaves.
        test_fraction: Share of the images for the test, in (0, 1), when no split is given.
        imbalance: What is done about rare classes, see ``datamodules.loading.imbalance``.
        frames_per_sequence: An epoch trains on at most so many frames of each ``sequence``, other
            ones in other epochs, at least 1; None: on all.
        on_bad_image: What becomes of an image that cannot be read, or whose mask cannot or has
            another size: ``error`` lists all and stops, ``skip`` leaves them out and counts them,
            ``quarantine`` also lists them in the run folder.
        allow_duplicates: Whether one image may stand in two splits under two names.
        allow_outside: Whether files may lie outside the root.
        corrections: CSV of decisions on labels, see ``datamodules.tables.corrections``; None: the
            labels are right as they are.
        cache: ``auto`` decodes every image once and keeps it in outputs/cache, ``off`` decodes it
            each time; else the folder to keep them in, such as a disk of this machine.
        cache_gigabytes: Most that is kept there.
        cache_features: Where the backbone is frozen and nothing in training is left to chance, show
            it every image once and train the last layer on what it reads of them: True refuses to
            train where that cannot be, ``auto`` then says why not.
        window: Values (low, high) of 16-bit and 32-bit grey and of DICOM that become black and
            white, the same in every file; None: the upper 8 bits of 16, and deeper grey is refused.
    """

    batch_size: int | Literal["auto"] = 32
    image_size: int | Sequence[int] | None = None
    num_workers: int | None = None
    classes: Sequence[str | int] | None = None
    class_map: Mapping[str | int, str | int | None] | None = None
    positive_class: str | int | None = None
    group_from: str | None = None
    slice_by: Sequence[str] = ()
    pair_by: str | None = None
    roi_fraction: float = 1.0
    roi_at_test: bool = True
    split_by: str | None = None
    test_on: Sequence[str | float | bool] | None = None
    num_folds: int | Literal["groups"] | None = None
    fold: int = 0
    val_fraction: float = 0.15
    test_fraction: float = 0.15
    imbalance: Imbalance = "none"
    frames_per_sequence: int | None = None
    on_bad_image: BadImagePolicy = "error"
    allow_duplicates: bool = False
    allow_outside: bool = False
    corrections: str | None = None
    cache: str | bool = "auto"
    cache_gigabytes: float = 20.0
    cache_features: Literal["auto"] | bool = "auto"
    window: Sequence[float] | None = None

    def __post_init__(self) -> None:
        self.slice_by = _as_tuple(self.slice_by)
        # labels such as 0 and 1 are names, however they are typed
        if self.classes is not None:
            self.classes = tuple(str(name) for name in _as_tuple(self.classes))
        if self.class_map is not None:
            meant = self.class_map.items()
            self.class_map = {str(k): None if v is None else str(v) for k, v in meant}
        if self.positive_class is not None:
            self.positive_class = str(self.positive_class)
        if self.test_on is not None:
            self.test_on = tuple(str(value) for value in _as_tuple(self.test_on))
        raise_problems(
            [*self._find_problems(), *self._find_split_problems(), *self.find_box_problems()],
            "the options of data",
        )

    def _find_problems(self) -> list[str]:
        problems = list(find_cache_problems(self.cache))
        if not self.cache_gigabytes > 0:
            problems.append(f"data.cache_gigabytes is {self.cache_gigabytes}, expected above 0")
        if self.batch_size != "auto" and self.batch_size < 1:
            problems.append(f"data.batch_size is {self.batch_size}, expected at least 1")
        size = self.image_size
        if size is not None and len(_as_tuple(size)) not in (1, 2):
            problems.append(f"data.image_size is {size}, expected one number or [height, width]")
        elif size is not None and min(_as_tuple(size)) < 8:
            problems.append(f"data.image_size is {size}, expected at least 8 pixels")
        if self.num_workers is not None and self.num_workers < 0:
            problems.append(f"data.num_workers is {self.num_workers}, expected 0 or more")
        for name in ("val_fraction", "test_fraction"):
            if not 0 < getattr(self, name) < 1:
                problems.append(f"data.{name} is {getattr(self, name)}, expected between 0 and 1")
        if not 0 <= self.roi_fraction <= 1:
            problems.append(f"data.roi_fraction is {self.roi_fraction}, expected a share, 0 to 1")
        if self.val_fraction + self.test_fraction >= 1:
            problems.append("data.val_fraction and data.test_fraction leave nothing to train on")
        if self.window is not None:
            self.window = _as_tuple(self.window)
            problems += find_window_problems(self.window)
        if self.imbalance not in get_args(Imbalance):
            problems.append(
                f"data.imbalance is {self.imbalance!r}, expected {' or '.join(get_args(Imbalance))}"
            )
        if self.frames_per_sequence is not None and self.frames_per_sequence < 1:
            problems.append(
                f"data.frames_per_sequence is {self.frames_per_sequence}, expected at least 1"
            )
        if self.on_bad_image not in get_args(BadImagePolicy):
            problems.append(
                f"data.on_bad_image is {self.on_bad_image!r}, expected "
                f"{' or '.join(get_args(BadImagePolicy))}"
            )
        return problems

    def _find_split_problems(self) -> list[str]:
        problems = []
        if self.split_by is None and self.test_on is not None:
            problems.append("data.test_on names values of a column: set data.split_by to it")
        if self.test_on == ():
            problems.append("data.test_on is empty, expected values of data.split_by or null")
        if self.split_by is not None and self.num_folds is not None:
            problems.append("data.split_by and data.num_folds both make the split; leave one out")
        if self.num_folds is None and self.fold:
            problems.append(f"data.fold is {self.fold}, of how many? Set data.num_folds")
        elif self.num_folds == "groups":
            if self.fold < 0:
                problems.append(f"data.fold is {self.fold}, expected 0 or more")
        elif self.num_folds is not None and self.num_folds < 2:
            problems.append(f"data.num_folds is {self.num_folds}, expected at least 2")
        elif self.num_folds is not None and not 0 <= self.fold < self.num_folds:
            problems.append(f"data.fold is {self.fold}, expected 0 to {self.num_folds - 1}")
        return problems

    @property
    def size(self) -> tuple[int, int] | None:
        """Height and width of the network's input in pixels, None for the backbone's own."""
        if self.image_size is None:
            return None
        size = _as_tuple(self.image_size)
        return (size[0], size[-1])


@dataclass(kw_only=True)
class AsTrained:
    """For evaluation: the images of the run itself; what is not None replaces the run's value.

    Args:
        batch_size: As in ``DataOptions``, as all others.
        num_workers: Loading processes.
        slice_by: Columns of the worst group.
        pair_by: Column that joins pairs.
        roi_at_test: Whether the ROIs gate.
        on_bad_image: What becomes of images that cannot be read.
        allow_duplicates: Whether one image may stand in two splits.
        allow_outside: Whether files may lie outside the root.
        corrections: Decisions on labels, beside those that the run was trained with.
        cache: Where decoded images are kept.
        cache_gigabytes: Most that is kept there.
    """

    batch_size: int | None = None
    num_workers: int | None = None
    slice_by: str | Sequence[str] | None = None
    pair_by: str | None = None
    roi_at_test: bool | None = None
    on_bad_image: BadImagePolicy | None = None
    allow_duplicates: bool | None = None
    allow_outside: bool | None = None
    corrections: str | None = None
    cache: str | bool | None = None
    cache_gigabytes: float | None = None


def _as_tuple(value: object) -> tuple:
    """Accept one value where a list is expected: brackets break in some shells."""
    if isinstance(value, str) or not isinstance(value, Sequence):
        return (value,)
    return tuple(value)
