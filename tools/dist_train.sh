#!/usr/bin/env bash
# Train in several processes: bash tools/dist_train.sh CONFIG NPROC [options of train.py]
# One GPU a process; where there is none, the processes share the CPU (gloo).
# Several machines: set NNODES, NODE_RANK, MASTER_ADDR and PORT on each.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: bash tools/dist_train.sh CONFIG NPROC [options of train.py]" >&2
    exit 2
fi
CONFIG=$1
NPROC=$2
ROOT=$(cd "$(dirname "$0")/.." && pwd)
VENV=$ROOT/.venv/bin/python  # of make env
PYTHON=${PYTHON:-$([ -x "$VENV" ] && echo "$VENV" || echo python)}

if [ "${NNODES:-1}" -gt 1 ]; then
    RENDEZVOUS=(--nnodes="$NNODES" --node_rank="${NODE_RANK:?rank of this machine, 0 to NNODES - 1}"
                --master_addr="${MASTER_ADDR:?address of the machine of rank 0}" --master_port="${PORT:-29500}")
else
    RENDEZVOUS=(--standalone)  # takes a free port
fi

# Processes that share a few cores are slower with more threads than cores.
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
PYTHONPATH="$ROOT${PYTHONPATH:+:$PYTHONPATH}" \
exec "$PYTHON" -m torch.distributed.run "${RENDEZVOUS[@]}" --nproc_per_node="$NPROC" \
    "$ROOT/tools/train.py" "$CONFIG" --launcher pytorch "${@:3}"
