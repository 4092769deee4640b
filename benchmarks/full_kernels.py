"""Whole tangent kernels of the networks of CIFAR-10: seconds and peak memory.

python benchmarks/full_kernels.py [--networks resnet9,vgg11] [--n 1000] [--dtype mixed]
                                  [--memory 8GB] [--threads 2] [--device cpu]

Random images, initial weights, all ten classes: 10,000 rows for 1,000 images. The peak is that of
the process, PyTorch and the finished kernel among it; on a GPU, that of the GPU. Prints a Markdown
table, row by row.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import time


def row(network: str, n: int, dtype: str, memory: str, threads: int, device: str) -> None:
    """Assemble one kernel and print its row; in a process of its own, for the peak's sake."""
    import torch

    from htmu import networks
    from htmu.ntk import gram

    torch.set_num_threads(threads)
    model = networks.build_model(network).eval()
    x = torch.randn(n, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    wall, processor = time.perf_counter(), time.process_time()
    gram(model, x, dtype=dtype, memory=memory, device=device)
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    if device == "cpu":
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    else:
        peak = torch.cuda.max_memory_allocated() / 1e9
    print(
        f"| {network} | {n} | {dtype} | {memory} | {wall:.0f} s | {processor:.0f} s | "
        f"{peak:.1f} GB |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", default="minialexnet,vgg11,resnet9")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--dtype", default="mixed,float32", help="one or more")
    parser.add_argument("--memory", default="8GB")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()
    print("| network | images | precision | limit | time | processor time | peak |")
    print("|---|---:|---|---:|---:|---:|---:|", flush=True)
    context = multiprocessing.get_context("spawn")
    for network in arguments.networks.split(","):
        for dtype in arguments.dtype.split(","):
            process = context.Process(
                target=row,
                args=(
                    network,
                    arguments.n,
                    dtype,
                    arguments.memory,
                    arguments.threads,
                    arguments.device,
                ),
            )
            process.start()
            process.join()
            if process.exitcode:
                raise SystemExit(process.exitcode)


if __name__ == "__main__":
    main()
