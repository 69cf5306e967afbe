#!/usr/bin/env bash
# diffusers: export_to_video of uint8 frames writes a negative.
#
# Guess: frames are pixels; a uint8 array is written as it is, as PIL images are and as imageio does.
# Seen (2026-11, diffusers 0.42.1): every array is multiplied by 255 and wraps, so v becomes 256 - v. No warning.
#     uint8 array  [200, 120, 40] -> [55, 135, 215]
#     float array  [200, 120, 40] -> [200, 119, 40]
#     PIL image    [200, 120, 40] -> [200, 119, 40]
# Instead: give floats in [0, 1] (a pipeline's output_type="np") or PIL images.
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT && cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q diffusers==0.42.1 numpy==2.4.6 pillow==12.3.0 imageio==2.38.1 imageio-ffmpeg==0.6.0
venv/bin/python - <<'PY'
import imageio
import imageio.v2
import numpy as np
from diffusers import __version__
from diffusers.utils import export_to_video
from PIL import Image

print("diffusers", __version__, "numpy", np.__version__, "imageio", imageio.__version__)
colour = np.array([200, 120, 40], np.uint8)
frames = [np.broadcast_to(colour, (64, 64, 3)).copy() for _ in range(5)]
kinds = {
    "uint8 array": frames,
    "float array": [frame / 255 for frame in frames],
    "PIL image": [Image.fromarray(frame) for frame in frames],
}
seen = {}
for kind, given in kinds.items():
    path = export_to_video(given, f"{kind}.mp4", fps=8)
    seen[kind] = imageio.v2.get_reader(path).get_data(2).mean(axis=(0, 1)).round().astype(int)
    print(f"{kind:12} {colour.tolist()} -> {seen[kind].tolist()}")
near = {kind: bool(np.abs(mean - colour).max() < 4) for kind, mean in seen.items()}
negative = bool(np.abs(seen["uint8 array"] - (255 - colour)).max() < 4)
raise SystemExit(0 if negative and near["float array"] and near["PIL image"] else 1)
PY
