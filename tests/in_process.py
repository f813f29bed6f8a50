"""Commands without another interpreter."""

import json
from pathlib import Path


def train_in_process(manifest: Path, out: Path, *overrides: str) -> Path:
    """Train as scripts/train.py does, without another interpreter; returns the run folder."""
    from front.composition import compose_job
    from front.conf_tree import ConfTree
    from workflow.call import Call
    from workflow.fit import run
    from workflow.journal import Journal
    from workflow.plan import make_plan
    from workflow.resuming.resume import check_same_split, resume_config

    quick = [
        "data=manifest",
        f"data.manifest={manifest}",
        "data.image_size=32",
        "data.batch_size=4",
    ]
    quick += ["data.num_workers=0", "model.backbone=test_resnet", "trainer.max_epochs=2"]
    if not any(o.startswith("report") for o in overrides):
        quick.append("report=none")  # a second of each run
    typed = (
        list(overrides)
        if any(o.startswith("resume=") for o in overrides)
        else [*quick, "trainer.accelerator=cpu", f"out={out}", *overrides]
    )
    cfg = compose_job("train", typed, ConfTree()).cfg
    call, checkpoint = Call(typed, None, None), None
    if cfg.resume is not None:
        cfg, call, checkpoint = resume_config(cfg, call)
    journal = Journal()
    plan = make_plan(cfg, call)
    if checkpoint is not None:
        check_same_split(plan.table, checkpoint.parents[1])
    run(plan, journal, checkpoint)
    return out


def evaluate_in_process(out: Path | None, *overrides: str) -> dict:
    """Evaluate as scripts/evaluate.py does; returns the metrics."""
    from front.composition import compose_job
    from front.conf_tree import ConfTree
    from front.sets import name_table, spread_sets
    from omegaconf import OmegaConf
    from workflow.call import Call
    from workflow.evaluating.early import check_words
    from workflow.evaluating.evaluation import evaluate
    from workflow.evaluating.request import check_evaluation
    from workflow.evaluating.several_sets import evaluate_sets
    from workflow.journal import Journal

    typed = spread_sets(name_table([*overrides, *([] if out is None else [f"out={out}"])]))
    cfg = compose_job("evaluate", typed, ConfTree()).cfg
    call = Call(typed, None, None)
    if cfg.sets:
        evaluate_sets(cfg, call, Journal())
    else:
        asked = OmegaConf.to_container(cfg, resolve=True)
        check_evaluation(asked, call)
        check_words(asked, call)
        evaluate(cfg, call, Journal())
    return {} if out is None else json.loads((out / "metrics.json").read_text())
