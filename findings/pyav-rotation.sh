#!/usr/bin/env bash
# PyAV: the frames of a turned video (as telephones write them) come unturned.
#
# Guess: what is decoded is what players show; the rotation in the file is applied, as the ffmpeg command does by itself.
# Seen (2026-11, PyAV 18.1.0): frames and stream have the size before turning; only frame.rotation tells. imageio's pyav plugin
# gives the same, its ffmpeg plugin turns: the same file has two shapes.
#     ffmpeg command   (64, 32, 3)
#     PyAV             (32, 64, 3) frame.rotation 90
#     imageio, pyav    (32, 64, 3)
#     imageio, FFMPEG  (64, 32, 3)
# Instead: np.rot90(frame, rotation // 90).
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT && cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q av==18.1.0 numpy==2.4.6 pillow==12.3.0 imageio==2.38.1 imageio-ffmpeg==0.6.0
venv/bin/python - <<'PY'
import subprocess

import av
import imageio.v3 as imageio
import imageio_ffmpeg
import numpy as np

ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y"]
print("PyAV", av.__version__, "ffmpeg", imageio_ffmpeg.get_ffmpeg_version())
subprocess.run([*ffmpeg, "-f", "lavfi", "-i", "testsrc=size=64x32:duration=1", "flat.mp4"], check=True)
subprocess.run([*ffmpeg, "-display_rotation", "90", "-i", "flat.mp4", "-c", "copy", "turned.mp4"], check=True)
subprocess.run([*ffmpeg, "-i", "turned.mp4", "-frames:v", "1", "turned.png"], check=True)
shown = imageio.imread("turned.png")
with av.open("turned.mp4") as file:
    frame = next(file.decode(video=0))
decoded = frame.to_ndarray(format="rgb24")
print("ffmpeg command  ", shown.shape)
print("PyAV            ", decoded.shape, "frame.rotation", frame.rotation)
print("imageio, pyav   ", imageio.imread("turned.mp4", plugin="pyav").shape[1:])
print("imageio, FFMPEG ", imageio.imread("turned.mp4", plugin="FFMPEG", index=0).shape)
righted = np.rot90(decoded, frame.rotation // 90)
apart = np.abs(righted.astype(int) - shown).mean() if righted.shape == shown.shape else np.inf
print(f"np.rot90(frame, rotation // 90) against ffmpeg: {apart:.1f} of 255 apart")
raise SystemExit(0 if decoded.shape == (32, 64, 3) and shown.shape == (64, 32, 3) and apart < 4 else 1)
PY
