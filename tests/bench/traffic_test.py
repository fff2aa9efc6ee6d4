#!/usr/bin/env python3
"""What bench/replay and bench/policies count: what is late is late."""
import math
import sys
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import traffic


class Figures(unittest.TestCase):
    def test_what_was_not_done_is_infinitely_late(self):
        whole = {"due_s": 1.0, "whole": True, "tokens": 3, "late_s": 0.001, "times_s": [0.5, 0.55, 0.65]}
        slow = whole | {"due_s": 2.0, "times_s": [2.5, 2.6, 2.7]}
        refused = whole | {"due_s": 3.0, "whole": False, "tokens": 0, "times_s": []}
        told = traffic.live_figures([whole, slow, refused])
        self.assertEqual(told["ttft_p50"], 2.5)
        self.assertEqual(told["ttft_p99"], math.inf)
        self.assertAlmostEqual(told["good"], 1 / 4.7)
        self.assertAlmostEqual(told["good_share"], 1 / 3)
        self.assertAlmostEqual(told["rate"], 6 / 4.7)
        self.assertAlmostEqual(told["itl_p99"], 0.1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])  # what CMake gives every test of bench/ is not needed here
