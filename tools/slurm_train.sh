#!/usr/bin/env bash
# Train on a Slurm cluster: bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of train.py]
# GPUS processes in all, GPUS_PER_NODE on each machine; GPUS_PER_NODE=0 trains on CPUs with NTASKS processes.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG [options of train.py]" >&2
    exit 2
fi
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
ROOT=$(cd "$(dirname "$0")/.." && pwd)
VENV=$ROOT/.venv/bin/python  # of make env
PYTHON=${PYTHON:-$([ -x "$VENV" ] && echo "$VENV" || echo python)}
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
CPUS_PER_TASK=${CPUS_PER_TASK:-5}

if [ "$GPUS_PER_NODE" -gt 0 ]; then
    TASKS=(--gres="gpu:$GPUS_PER_NODE" --ntasks="$GPUS" --ntasks-per-node="$GPUS_PER_NODE")
else
    TASKS=(--ntasks="${NTASKS:?number of processes}")
fi

# SRUN_ARGS holds any number of further options, so it is split at its spaces.
# shellcheck disable=SC2086
PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" \
exec srun -p "$PARTITION" --job-name="$JOB_NAME" "${TASKS[@]}" --cpus-per-task="$CPUS_PER_TASK" \
    --kill-on-bad-exit=1 ${SRUN_ARGS:-} \
    "$PYTHON" -u "$ROOT/tools/train.py" "$CONFIG" --launcher slurm "${@:4}"
