#!/usr/bin/env bash
# PyAV: a frame whose side_data was looked at is freed by the garbage collector alone, and with it its pixels.
#
# Guess: a decoded frame is freed when the next one takes its name.
# Seen (2026-11, PyAV 18.1.0): so it is, unless `frame.side_data` was read: the container that it returns names the
# frame, and the frame names it. The collector counts objects and not bytes, so hundreds of megabytes pile up first.
#     60 frames of 1280 x 720, the collector off: dropped: 0 MB, after side_data: 84 MB
# Instead: read side_data (a display matrix, say) of the first frame only.
set -euo pipefail
export PIP_DISABLE_PIP_VERSION_CHECK=1
tmp=$(mktemp -d) && trap 'rm -rf "$tmp"' EXIT && cd "$tmp"
python3 -m venv venv
venv/bin/pip install -q av==18.1.0 numpy==2.4.6
cat >grows.py <<'PY'
import gc

import av

gc.disable()


def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6


def grows(look):
    before = resident()
    for i in range(60):
        frame = av.VideoFrame(1280, 720, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([i]) * plane.buffer_size)
        if look:
            frame.side_data
    del frame, plane
    return resident() - before


grows(False)
print(f"dropped: {grows(False):.0f} MB, after side_data: {grows(True):.0f} MB")
PY
venv/bin/python -c "import av; print('av', av.__version__)"
out=$(venv/bin/python grows.py) && echo "$out"
[[ $out =~ dropped:\ (-?[0-9]+)\ MB,\ after\ side_data:\ ([0-9]+)\ MB ]]
[ "${BASH_REMATCH[1]}" -lt 20 ] && [ "${BASH_REMATCH[2]}" -gt 60 ]
