"""The figure of a busy machine: who is busy, and when."""

from __future__ import annotations

from x2vkit.bench import busy


def test_clips_take_turns_with_and_without_busy_processes(monkeypatch):
    beside, started, clock = [], [], iter(range(100))
    popen = busy.subprocess.Popen
    monkeypatch.setattr(
        busy.subprocess,
        "Popen",
        lambda *args, **options: started.append(popen(*args, **options)) or started[-1],
    )
    monkeypatch.setattr(busy, "perf_counter", lambda: next(clock))

    def clip(prompt: str, num_inference_steps: int) -> None:
        beside.append(sum(process.poll() is None for process in started))

    line = busy.beside_busy_processes(clip, "a dog", repeats=2)
    assert beside == [0, 0, 2, 0, 2] and line.value == 1 and line.reached
    assert len(started) == 4 and all(process.returncode is not None for process in started)
