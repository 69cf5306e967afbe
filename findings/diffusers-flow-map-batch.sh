#!/usr/bin/env bash
# diffusers: FlowMapEulerDiscreteScheduler.step with one time a sample moves all samples by the first one's interval,
# if the first one's time is on the schedule.
#
# Guess: t and r may be tensors of shape (B,); each sample moves by its own t - r, or the call is refused.
# Seen (2026-11, diffusers 0.42.1): so it is while the first time lies off the schedule. On it, the first one's counts for all.
#     schedule [1000.0, 750.0, 500.0, 250.0]
#     t [900, 300] r [600, 200] moved [0.3, 0.1] asked [0.3, 0.1]
#     t [1000, 500] r [500, 250] moved [0.5, 0.5] asked [0.5, 0.25]
#     t [1000, 500] r [0, 250] moved [1.0, 0.75] asked [1.0, 0.25]
# Instead: step the samples of a batch one by one, or write x - (t - r) v yourself.
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT && cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q torch==2.13.0 diffusers==0.42.1 numpy==2.4.6
venv/bin/python - <<'PY'
import torch
from diffusers import FlowMapEulerDiscreteScheduler, __version__

print("diffusers", __version__, "torch", torch.__version__)
scheduler = FlowMapEulerDiscreteScheduler()
scheduler.set_timesteps(4)
print("schedule", scheduler.timesteps.tolist())
x, velocity = torch.zeros(2, 1, 2, 2), torch.ones(2, 1, 2, 2)
right = []
for t, r in (([900, 300], [600, 200]), ([1000, 500], [500, 250]), ([1000, 500], [0, 250])):
    times, targets = torch.tensor(t, dtype=torch.float32), torch.tensor(r, dtype=torch.float32)
    moved = -scheduler.step(velocity, times, x, r_timestep=targets).prev_sample[:, 0, 0, 0]
    asked = (times - targets) / 1000
    print("t", t, "r", r, "moved", [round(x, 2) for x in moved.tolist()], "asked", [round(x, 2) for x in asked.tolist()])
    right.append(torch.allclose(moved, asked))
raise SystemExit(0 if right == [True, False, False] else 1)
PY
