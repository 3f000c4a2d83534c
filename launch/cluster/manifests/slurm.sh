#!/bin/bash
# A run on nodes of Slurm: a Ray cluster for as long as the job lasts, and `plumb train` in it.
#   sbatch --nodes=4 launch/cluster/manifests/slurm.sh my.yaml run_dir=/shared/runs/first
# A job that is ended and queued again goes on from its newest checkpoint.
#SBATCH --job-name=plumb
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
#SBATCH --open-mode=append
set -euo pipefail

PLUMB_HOME=${PLUMB_HOME:-$SLURM_SUBMIT_DIR}
export PATH="$PLUMB_HOME/.venv/bin:$PATH"
port=$((20000 + SLURM_JOB_ID % 20000)) # two jobs on a node do not meet
mapfile -t nodes < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes[0]}
address="$head:$port"

srun --overlap --nodes=1 --ntasks=1 --nodelist="$head" \
    ray start --head --block --port="$port" --include-dashboard=false &
cluster=($!)
trap 'kill "${cluster[@]}" 2>/dev/null || true' EXIT

wait_for() {
    local attempt
    for ((attempt = 0; attempt < 60; attempt++)); do
        ray status --address "$address" >/dev/null 2>&1 && return
        sleep 2
    done
    echo "Ray's head on $address does not answer" >&2
    exit 1
}
wait_for

if ((${#nodes[@]} > 1)); then
    others=$(IFS=,; echo "${nodes[*]:1}")
    srun --overlap --nodes=$((${#nodes[@]} - 1)) --ntasks-per-node=1 --nodelist="$others" \
        ray start --address="$address" --block &
    cluster+=($!)
fi

export RAY_ADDRESS="$address"
run=
trap '[[ -z $run ]] || kill -TERM "$run" 2>/dev/null || true' TERM
plumb train "$@" --retry &
run=$!
# `wait` returns when a signal came too: the run saves its step, and is waited for again.
code=0
wait "$run" || code=$?
if kill -0 "$run" 2>/dev/null; then
    code=0
    wait "$run" || code=$?
fi
exit "$code"
