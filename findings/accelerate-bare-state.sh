#!/usr/bin/env bash
# accelerate: PartialState() before Accelerator(cpu=True) makes each process the only one.
#
# Guess: PartialState is a singleton that reads the launcher's variables; whoever asks first, two processes are two.
# Seen (2026-11, accelerate 1.15.0, a machine without a GPU): both say that they are alone and main. They train on all
# of the data and write the same files, and nothing says so.
#     Accelerator(cpu=True) alone:  processes 2 main False, processes 2 main True
#     after PartialState():         processes 1 main True, processes 1 main True
# Instead: PartialState(cpu=True). (ACCELERATE_USE_CPU=1 in the environment does not help.)
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT && cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q torch==2.13.0 accelerate==1.15.0 numpy==2.4.6
cat >who.py <<'PY'
import sys

from accelerate import Accelerator, PartialState

if "bare" in sys.argv:
    PartialState()
accelerator = Accelerator(cpu=True)
print("processes", accelerator.num_processes, "main", accelerator.is_main_process, flush=True)
PY
venv/bin/python -c "import accelerate, torch; print('accelerate', accelerate.__version__, 'torch', torch.__version__)"
run() { CUDA_VISIBLE_DEVICES='' venv/bin/torchrun --nproc_per_node 2 who.py "$@" 2>/dev/null | grep processes | sort; }
alone=$(run) && bare=$(run bare)
printf 'Accelerator(cpu=True) alone:\n%s\nafter PartialState():\n%s\n' "$alone" "$bare"
[ "$alone" = $'processes 2 main False\nprocesses 2 main True' ]
[ "$bare" = $'processes 1 main True\nprocesses 1 main True' ]
