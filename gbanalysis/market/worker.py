"""A worker process of the simulation: does its share of the batches and names each one that it has written."""

from __future__ import annotations

import os
import sys

from gbanalysis.market.writing import work

if __name__ == "__main__":
    for number in work(sys.stdin.buffer.read()):
        os.write(1, f"{number}\n".encode())  # one write a line: the workers share the pipe
