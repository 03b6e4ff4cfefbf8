"""Where does a training step's time go, how much of the machine does it reach, and what would help?

    python -m benchmarks.step_profile [--quick]

At both sizes: this machine's measured peak of matrix products (GFLOP in a CPU second, in float32
and in bfloat16), the share of the peak that a step reaches, the operators that take the most time,
and single changes to the step, tried in turn within one process on one batch.
"""

import time

import matplotlib.pyplot as plt

from asr_helpers import plots
from benchmarks.common import alone, measured, save, summary

SHAPES = {"tiny": (9, 2.5), "base": (4, 2.5)}  # utterances, seconds of each
GROUPS = {
    "matrix products": ("mm", "linear", "bmm", "matmul"), "convolutions": ("conv",),
    "CTC loss": ("ctc",), "normalisation": ("norm",),
    "AdamW": ("adam", "addcdiv", "addcmul", "lerp", "sqrt"),
    "softmax, dropout": ("softmax", "dropout", "bernoulli"),
    "GELU": ("gelu",), "copies and conversions": ("copy", "clone", "contiguous", "cat", "fill"),
}  # fmt: skip
CHANGES = {
    "as the course has it": {},
    "float32": {"bf16": False},
    "convolutions trained": {"frozen": False},
    "sdpa": {"attention": "sdpa"},
    "AdamW not fused": {"fused": False},
    "gradient checkpointing": {"checkpointing": True},
    "torch.compile": {"compiled": True},
}


def measure(size, rounds, compiled):
    """{"peak_gflop_a_cpu_second", "step_seconds", "share", "operators", "changes"} in this process."""
    import torch
    from torch.profiler import ProfilerActivity, profile, record_function
    from torch.utils.flop_counter import FlopCounterMode

    batch = make_batch(size)
    step = make_step(size, batch)
    step()
    with FlopCounterMode(display=False) as counter:
        step()
    flops = counter.get_total_flops()
    times = [timed(step) for _ in range(rounds)]
    with profile(activities=[ProfilerActivity.CPU]) as profiled, record_function("step"):
        step()
    rows = [(e.key, e.self_cpu_time_total / 1e6) for e in profiled.key_averages()]
    rows = sorted((r for r in rows if r[0] != "step"), key=lambda row: -row[1])
    total = sum(seconds for _, seconds in rows)
    groups = dict.fromkeys([*GROUPS, "the rest"], 0.0)
    for name, seconds in rows:
        groups[next((g for g, keys in GROUPS.items() if any(k in name.lower() for k in keys)),
                    "the rest")] += seconds / total  # fmt: skip
    # In CPU seconds, as the peak is measured: the time of other programs is in neither.
    busy = min(timed(step, time.process_time) for _ in range(rounds))
    peaks = {str(kind).removeprefix("torch."): matmul_peak(kind, rounds)
             for kind in (torch.float32, torch.bfloat16)}  # fmt: skip
    used = "bfloat16" if course_bf16() else "float32"
    return {
        "peak_gflop_a_cpu_second": peaks, "precision": used, "threads": torch.get_num_threads(),
        "audio_seconds": SHAPES[size][0] * SHAPES[size][1], "step_seconds": summary(times),
        "cpu_seconds": busy, "gflop": flops / 1e9, "gflop_a_cpu_second": flops / 1e9 / busy,
        "share_of_peak": flops / 1e9 / busy / peaks[used],
        "share_of_float32_peak": flops / 1e9 / busy / peaks["float32"],
        "operators": [[name, seconds / total] for name, seconds in rows[:8]],
        "groups": dict(sorted(groups.items(), key=lambda g: -g[1])),
        "changes": try_changes(size, batch, rounds, compiled),
    }  # fmt: skip


def course_bf16():
    """Whether the course trains in bfloat16 here."""
    from asr_helpers.training import fast_bfloat16

    return fast_bfloat16()


def timed(function, clock=time.perf_counter):
    """Seconds of one call, by that clock."""
    start = clock()
    function()
    return clock() - start


def matmul_peak(kind, rounds):
    """The most GFLOP a CPU second in a product of square matrices, 1024 to 2048 wide."""
    import torch

    best = 0.0
    for width in (1024, 2048):
        a, b = (torch.randn(width, width).to(kind) for _ in range(2))
        torch.mm(a, b)
        least = min(
            timed(lambda a=a, b=b: torch.mm(a, b), time.process_time) for _ in range(max(rounds, 5))
        )
        best = max(best, 2 * width**3 / least / 1e9)
    return best


def make_batch(size):
    """Noise of a typical batch's shape, and labels of about 10 letters a second."""
    import torch

    utterances, seconds = SHAPES[size]
    torch.manual_seed(0)
    return {
        "input_values": torch.randn(utterances, int(seconds * 16_000)),
        "labels": torch.randint(5, 31, (utterances, int(10 * seconds))),
    }


def make_step(size, batch, bf16=None, frozen=True, attention="eager", fused=True,
              checkpointing=False, compiled=False):  # fmt: skip
    """A function that does one step: forward, backward, clipped AdamW."""
    import torch

    from asr_helpers.processor import load_processor
    from asr_helpers.profiles import load_profile
    from benchmarks.training import load_model

    profile = load_profile("offline")
    model = load_model(size, load_processor(profile.base_model), profile)
    model.set_attn_implementation(attention)
    if not frozen:
        model.wav2vec2.feature_extractor.requires_grad_(True)
        model.wav2vec2.feature_extractor._requires_grad = True  # its own note of being frozen
    if checkpointing:
        model.gradient_checkpointing_enable()
    # What is drawn at random differs from step to step in cost: left out here.
    model.config.layerdrop = 0.0
    model.train()
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=1e-5, fused=fused)
    forward = torch.compile(model) if compiled else model
    bf16 = course_bf16() if bf16 is None else bf16

    def step():
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = forward(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()

    return step


def try_changes(size, batch, rounds, compiled):
    """{change: summary of its CPU seconds over the unchanged step's, round by round}; >1 is slower."""
    found, failed = {}, {}
    for name, change in CHANGES.items():
        if not change or (change.get("compiled") and not compiled):
            continue
        try:
            steps = [make_step(size, batch), make_step(size, batch, **change)]
            for step in steps:
                step()
            pairs = [[timed(step, time.process_time) for step in steps] for _ in range(rounds)]
            found[name] = summary([b / a for a, b in pairs])
        except Exception as error:  # a compiler that is missing is a finding, too
            failed[name] = f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}"
    return {"relative_cpu_seconds": found, "failed": failed}


def run(quick):
    """Both sizes; see `measure`."""
    result = {}
    for size in SHAPES:
        print(f"profile of a step, {size}:", flush=True)
        rounds = 1 if quick else {"tiny": 15, "base": 5}[size]
        result[size] = measured(
            "step_profile", size=size, rounds=rounds, compiled=not quick and size == "tiny"
        )
        group, share = next(iter(result[size]["groups"].items()))
        result[size]["bottleneck"] = f"{group}: {share:.0%} of the step"
    return result


def table(result):
    """Lines for people."""
    lines = []
    for size in SHAPES:
        row = result[size]
        peaks = ", ".join(
            f"{name} {one:.0f}" for name, one in row["peak_gflop_a_cpu_second"].items()
        )
        lines += [
            f"profile, {size}: {row['gflop_a_cpu_second']:.0f} GFLOP a CPU second in "
            f"{row['precision']}, "
            f"{row['share_of_peak']:.0%} of its measured peak ({peaks})",
            f"  next bottleneck: {row['bottleneck']}",
            "  " + ", ".join(f"{name} {share:.0%}" for name, share in row["groups"].items()),
        ]
        for name, one in row["changes"]["relative_cpu_seconds"].items():
            lines.append(f"  {name}: {one['median']:.2f} of the step's CPU seconds "
                         f"({one['low']:.2f} to {one['high']:.2f})")  # fmt: skip
        lines += [f"  {n}: failed ({why})" for n, why in row["changes"]["failed"].items()]
    return lines


def draw(result):
    """Shares of a step's time, and what single changes cost, a row each size."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 6), layout="constrained")
    for (left, right), size in zip(axes, SHAPES):
        row = result[size]
        names, shares = zip(*reversed(row["groups"].items()))
        left.barh(names, shares, color=plots.BLUE)
        left.set(xlabel="share of the step's time",
                 title=f"{size}: {row['share_of_peak']:.0%} of the {row['precision']} peak")  # fmt: skip
        names, ones = zip(*row["changes"]["relative_cpu_seconds"].items())
        middle = [one["median"] for one in ones]
        whisker = [[one["median"] - one["low"] for one in ones],
                   [one["high"] - one["median"] for one in ones]]  # fmt: skip
        right.barh(names, middle, xerr=whisker, color=plots.ORANGE, capsize=3)
        right.axvline(1, color="black", linewidth=1)
        right.set(xlabel="CPU seconds of a step / as the course has it",
                  title=f"{size}: one change at a time", xlim=(0, None))  # fmt: skip
    save(figure, "step_profile")


if __name__ == "__main__":
    alone("step_profile")
