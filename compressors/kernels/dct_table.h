#pragma once

#include <array>
#include <cstddef>

/// The factors of dct.h, computed when it is compiled.
namespace laconic::kernels {

/// cos(pi * numerator / (2 * n)) by its series, on an angle of at most pi / 2, where it converges
/// fast.
constexpr double cosine(std::size_t numerator, std::size_t n) {
  constexpr double kPi = 3.14159265358979323846;
  numerator %= 4 * n;
  if (numerator > 2 * n) numerator = 4 * n - numerator;
  const bool negative = numerator > n;
  if (negative) numerator = 2 * n - numerator;
  const double angle = kPi * static_cast<double>(numerator) / static_cast<double>(2 * n);
  double term = 1, total = 1;
  for (int i = 1; i <= 12; ++i) {
    term *= -angle * angle / ((2 * i - 1) * (2 * i));
    total += term;
  }
  return negative ? -total : total;
}

inline constexpr float kDctFirst = 0.125f;  // sqrt(1/64)

/// sqrt(2/64) cos(pi (2i + 1) (2k + 1) / (2N)), k by k, i and k below N/2.
template <std::size_t N>
inline constexpr auto odd_cosines = [] {
  constexpr double kScale = 0.17677669529663688110;
  std::array<float, N / 2 * (N / 2)> table{};
  for (std::size_t k = 0; k < N / 2; ++k)
    for (std::size_t i = 0; i < N / 2; ++i)
      table[k * (N / 2) + i] = static_cast<float>(kScale * cosine((2 * i + 1) * (2 * k + 1), N));
  return table;
}();

}  // namespace laconic::kernels
