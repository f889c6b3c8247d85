"""The benchmarks are scripts of the checkout: found behind everything that is installed, so that the wheel is tested."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))
