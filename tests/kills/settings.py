"""Settings of runs that are killed: every gate, schedule, extra and recipe is in one of them."""

SETTINGS: dict[str, list[str]] = {
    "pixel": ["gate=pixel", "model.dropout=0.2", "callbacks.last.every_n_steps=2"],
    "two_stage, accumulation": [
        "experiment=roi_in_training_only", "trainer.accumulate_grad_batches=2",
        "callbacks.last.every_n_steps=1",
    ],
    "mixup, CutMix, cosine, SGD": [
        "gate=pixel", "extras.mixup=0.4", "extras.cutmix=1.0", "scheduler=cosine", "optimizer=sgd",
        "callbacks.last.every_n_steps=1", "augment=strong",
    ],
    "plateau, early stopping": [
        "gate=none", "scheduler=plateau", "scheduler.patience_epochs=0",
        "callbacks.early_stopping.patience=1", "callbacks.last.every_n_steps=3",
    ],
    "crops, balanced sampler": [
        "gate=crops", "data.imbalance=balanced_sampler", "callbacks.last.every_n_steps=2",
        "interventions=default",
    ],
    "swap and jitter, class weights, clock": [
        "gate=pixel", "extras=roi_given", "data.imbalance=class_weights",
        "callbacks.last.every_n_minutes=0.001", "augment=standard",
    ],
    "validation inside the epoch": [
        "gate=attention", "+trainer.val_check_interval=3", "callbacks.last.every_n_steps=1",
        "trainer.accumulate_grad_batches=2",
    ],
    "guide, focal": [
        "gate=guide", "data.imbalance=focal", "scheduler=none", "callbacks.last.every_n_steps=2",
    ],
    "hint, ROI dropout, bf16": [
        "gate=hint", "extras.roi_dropout=0.3", "trainer.precision=bf16-mixed",
        "callbacks.last.every_n_steps=2",
    ],
    "late, logit adjustment": [
        "gate=late", "data.imbalance=logit_adjustment", "callbacks.last.every_n_steps=2",
    ],
    "unsupervised two_stage": [
        "experiment=no_roi", "control=false", "optimizer.name=lamb",
        "callbacks.last.every_n_steps=2", "+trainer.check_val_every_n_epoch=2",
    ],
    "token, transformer, layer decay": [
        "gate=token", "model.backbone=test_vit", "optimizer.layer_decay=0.7",
        "callbacks.last.every_n_steps=2",
    ],
    "EMA, accumulation, freezing": [
        "gate=pixel", "average=ema", "trainer.accumulate_grad_batches=3", "model.freeze_epochs=2",
        "callbacks.last.every_n_steps=1",
    ],
    "SWA, stochastic depth, two_stage": [
        "experiment=roi_in_training_only", "average=swa", "average.last_share=0.6",
        "model.drop_path=0.2", "callbacks.last.every_n_steps=1",
    ],
    "recipe=strong": ["gate=pixel", "recipe=strong", "callbacks.last.every_n_steps=2"],
}  # fmt: skip
EVERY = [
    "data=manifest", "data.batch_size=4", "data.image_size=32", "model.backbone=test_resnet",
    "trainer.max_epochs=8", "trainer.accelerator=cpu", "interventions=none",
]  # fmt: skip
