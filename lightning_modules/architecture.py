"""Names of backbones: whether weights of one can be taken by another."""

from pathlib import Path

HUBS = ("hf-hub:", "hf_hub:", "local-dir:")


def check_backbone(before: object, now: object, path: Path) -> None:
    """Refuse weights of another backbone as a start.

    Args:
        before: Name in timm of the backbone that the weights are of; tags make no difference.
        now: Of this run.
        path: Of the weights.

    Raises:
        ValueError: They differ.
    """
    before, now = _without_tag(before), _without_tag(now)
    if before != now:
        raise ValueError(
            f"init_from={path} has the backbone {before}, and this run has {now}. Choose "
            f"model.backbone={before}, or leave init_from= out."
        )


def _without_tag(name: object) -> str:
    text = str(name)
    return text if text.startswith(HUBS) else text.partition(".")[0]
