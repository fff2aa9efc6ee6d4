// Functions over Vec. Included by one .cc per ISA, after its vec_<isa>.h and a definition of TERN_ISA_NS; no
// include guard, no std::.

namespace tern::TERN_ISA_NS {
namespace {

// e^x to 2 ulp for x in -87.3..88.3; 0 below, e^88.3 above. NaN stays NaN.
// x = n ln 2 + r, |r| <= ln 2 / 2; ln 2 is split so that n times its upper part is exact. The polynomial is
// that of the Cephes library's expf (S. Moshier): e^r = 1 + r + r^2 P(r).
[[maybe_unused]] inline Vec Exp(Vec x) {
  const Vec clamped = Min(Vec::Set(88.3f), Max(Vec::Set(-87.3f), x));
  const Vec n = Round(clamped * Vec::Set(1.44269504f));
  Vec r = NegMulAdd(n, Vec::Set(0x1.62ep-1f), clamped);
  r = NegMulAdd(n, Vec::Set(0x1.0bfbe8p-15f), r);
  Vec p = Vec::Set(1.9875691500e-4f);
  p = MulAdd(p, r, Vec::Set(1.3981999507e-3f));
  p = MulAdd(p, r, Vec::Set(8.3334519073e-3f));
  p = MulAdd(p, r, Vec::Set(4.1665795894e-2f));
  p = MulAdd(p, r, Vec::Set(1.6666665459e-1f));
  p = MulAdd(p, r, Vec::Set(5.0000001201e-1f));
  p = MulAdd(p, r * r, r) + Vec::Set(1.f);
  return SelectLess(x, Vec::Set(-87.3f), Vec::Set(0.f), TimesPow2(p, n));
}

// Small numbers by their series, whose next term is below 1e-7 of the sum: the difference below would lose
// them. Others: tanh x = 1 - 2 / (e^2x + 1).
[[maybe_unused]] inline Vec Tanh(Vec x) {
  constexpr float kSeries[] = {62.f / 2835, -17.f / 315, 2.f / 15, -1.f / 3, 1.f};
  const Vec one = Vec::Set(1.f), square = x * x;
  Vec p = Vec::Set(kSeries[0]);
  for (int i = 1; i < 5; ++i) p = MulAdd(p, square, Vec::Set(kSeries[i]));
  const Vec large = one - Vec::Set(2.f) / (Exp(x + x) + one);
  return SelectLess(Abs(x), Vec::Set(0.3f), x * p, large);
}

[[maybe_unused]] inline Vec Sigmoid(Vec x) {
  const Vec one = Vec::Set(1.f);
  return one / (one + Exp(Vec::Set(0.f) - x));
}

[[maybe_unused]] inline Vec Silu(Vec x) {
  const Vec one = Vec::Set(1.f);
  return x / (one + Exp(Vec::Set(0.f) - x));
}

// x/2 (1 + tanh u) = x / (1 + e^-2u), u = sqrt(2 / pi) (x + 0.044715 x^3).
[[maybe_unused]] inline Vec GeluTanh(Vec x) {
  const Vec inner = MulAdd(x * x * x, Vec::Set(0.044715f), x);
  return x / (Vec::Set(1.f) + Exp(inner * Vec::Set(-1.59576912f)));
}

// x Phi(x), Phi(x) = erfc(-x / sqrt 2) / 2. For z >= 0, erfc(z) = e^(-z^2) P(t), t = 1 / (1 + 0.4 z); P was
// fitted on z <= 9.5 by weighted least squares to a relative error of 1.3e-9.
[[maybe_unused]] inline Vec Gelu(Vec x) {
  constexpr float kP[] = {-0.03944125599f, 0.2547984007f, -0.6422760324f,  0.7561676323f,
                          -0.4776982696f,  0.3909743014f, 0.08057380496f,  0.2283471229f,
                          0.2226272665f,   0.2259369054f, -9.874878589e-6f};
  const Vec zero = Vec::Set(0.f), one = Vec::Set(1.f);
  const Vec z = Abs(x) * Vec::Set(0.707106781f);
  const Vec t = one / MulAdd(z, Vec::Set(0.4f), one);
  Vec p = Vec::Set(kP[0]);
  for (int i = 1; i < 11; ++i) p = MulAdd(p, t, Vec::Set(kP[i]));
  const Vec tail = p * Vec::Set(0.5f) * Exp(zero - z * z);
  return x * SelectLess(x, zero, tail, one - tail);
}

}  // namespace
}  // namespace tern::TERN_ISA_NS
