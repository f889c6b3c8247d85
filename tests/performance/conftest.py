"""The benchmarks are scripts of the checkout, found behind all that is installed: the wheel is tested."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))
