"""How fast is the simulator of pipelines beside torch's own dry run of the same schedule?

Interleaved 1F1B on 16 ranks, 64 micro-batches: 4,096 pieces of work. Torch's also follows every message as a
step of its own and has no times; ours must take no longer.
"""

import statistics
import time
import warnings

from lessons_lib.parallel import make_schedule, simulate

RANKS, MICRO_BATCHES, LOWEST = 16, 64, 1.0
BOOKKEEPING = ("UNSHARD", "RESHARD", "REDUCE_GRAD")  # which torch's dry run doesn't know


def run(rounds: int) -> bool:
    """Print the row; return whether the ratio is high enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torch.distributed.pipelining._schedule_visualizer import get_schedule_ops
        from torch.distributed.pipelining.schedules import _simulate_comms_compute

        lists = get_schedule_ops("Interleaved1F1B", RANKS, MICRO_BATCHES, 2, with_comms=True)
    theirs = [[a for a in of if a.computation_type.name not in BOOKKEEPING] for of in lists]
    ours = make_schedule("interleaved", RANKS, MICRO_BATCHES)
    pieces, seconds = sum(map(len, ours)), []
    for _ in range(rounds):
        start = time.perf_counter()
        simulate(ours)
        middle = time.perf_counter()
        _simulate_comms_compute(dict(enumerate(theirs)), lambda stage: stage % RANKS, 2 * RANKS)
        seconds.append((middle - start, time.perf_counter() - middle))
    ratios = [other / own for own, other in seconds]
    own, other = (pieces / statistics.median(of) for of in zip(*seconds, strict=True))
    print("\nsimulating a pipeline beside torch's dry run, the same schedule; one thread")
    print(f"{'pieces a second':<22}{'ours':>12}{'torch':>12}{'ratio':>8}   {'range':<12}{'at least':>10}")
    ratio, spread = statistics.median(ratios), f"{min(ratios):.2f}-{max(ratios):.2f}"
    print(f"{'interleaved 1F1B':<22}{own:>12,.0f}{other:>12,.0f}{ratio:>8.2f}   {spread:<12}{LOWEST:>10}")
    return ratio >= LOWEST
