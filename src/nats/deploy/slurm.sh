#!/bin/sh
#SBATCH --array=1-100
#SBATCH --cpus-per-task=8
#SBATCH --time=4:00:00
#SBATCH --signal=B:TERM@90
# Workers as a Slurm array: `sbatch slurm.sh`. A minute and a half before the time is up the worker, which has taken the
# place of this shell, is told to stop; what it has started is not. `bash .ci/deploy` has a shell read it.
export COQUAD_NATS_CREDS="$HOME/worker.creds"
exec coquad-worker --server tls://nats.lab:4222 --serve gap-v3 --slots "${SLURM_CPUS_PER_TASK:-1}" --patience 60 -- ./gap
