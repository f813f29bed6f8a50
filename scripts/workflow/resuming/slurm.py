"""SLURM: a job that is told that its time is over is put back into the queue."""

import logging
import os
import subprocess

log = logging.getLogger(__name__)
# asked for by: #SBATCH --signal=USR1@90
SIGNAL = "SIGUSR1"


def requeue(signal_name: str) -> bool:
    """Put this job back into the queue, if it is one of SLURM's and the signal says so.

    Returns:
        Whether it was.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or signal_name != SIGNAL or os.environ.get("SLURM_PROCID", "0") != "0":
        return False
    if "SLURM_ARRAY_JOB_ID" in os.environ:
        job = f"{os.environ['SLURM_ARRAY_JOB_ID']}_{os.environ['SLURM_ARRAY_TASK_ID']}"
    try:
        done = subprocess.run(["scontrol", "requeue", job], capture_output=True, text=True)
    except OSError as error:
        log.warning("The job %s could not be put back into the queue: %s", job, error)
        return False
    if done.returncode:
        log.warning(
            "The job %s could not be put back into the queue (scontrol requeue: %s).",
            job,
            done.stderr.strip() or f"exit status {done.returncode}",
        )
        return False
    log.info("The job %s is back in the queue; with resume=auto it goes on from here.", job)
    return True
