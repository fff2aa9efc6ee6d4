#!/usr/bin/env python3
"""bench/scaling finds the law that made the points, and no negative terms where noise would like them."""
import sys
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path

import numpy

sys.dont_write_bytecode = True
BENCH = Path(__file__).resolve().parents[2] / "bench"
sys.path.insert(0, str(BENCH))
scaling = SourceFileLoader("scaling", str(BENCH / "scaling")).load_module()


class Fit(unittest.TestCase):
    x = numpy.array([16.0, 64, 256, 1024, 4096])

    def test_recovers_the_coefficients(self):
        for law in ([3, 0.5, 0.002], [0, 0.5, 0], [7, 0, 0.01]):
            coefficients, worst = scaling.fit(self.x, numpy.polyval(law[::-1], self.x), 2)
            numpy.testing.assert_allclose(coefficients, law, atol=1e-9)
            self.assertLess(worst, 1e-9)

    def test_no_term_is_negative(self):
        noisy = 5 + 0.3 * self.x * numpy.array([1.1, 1.0, 1.0, 0.95, 0.9])  # bends down: a quadratic would be negative
        coefficients, worst = scaling.fit(self.x, noisy, 2)
        self.assertGreaterEqual(min(coefficients), 0)
        self.assertLess(worst, 0.1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])  # what CMake gives every test of bench/ is not needed here
