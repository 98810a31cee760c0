#pragma once

#include <cstdint>
#include <span>

#include "nonideal/base/export.hpp"

/// Counts of measured outcomes, exactly distributed: no normal approximation.
///
/// Binomial numbers: inversion where shots * min(p, 1 - p) < 10, else Hoermann's transformed rejection (BTRS;
/// J. Stat. Comput. Simul. 46, 101, 1993). Only +, -, *, / and square roots decide, so that the same bits
/// come out on every machine.
///
/// Random numbers: Philox4x32-10, key = seed. Counter word 0: low half of the row's number (offset + i); word
/// 1: outcome; word 2, from its lowest bit: attempt (16 bits), high part of the row (8 bits),
/// Purpose::kCounts (8 bits); word 3: stream. Row i depends on (its probabilities, shots, seed, stream,
/// offset + i) alone.
namespace nonideal::quantum {

inline constexpr std::int64_t kMaxShots = 2'147'483'647;

struct SamplingOptions {
  std::int64_t shots = 1024;  ///< in [1, kMaxShots]
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;  ///< below 2^32
  std::int64_t offset = 0;   ///< number of the first row; offset + rows <= 2^40
  int num_threads = 0;
};

/// counts[i] ~ Binomial(shots, probabilities[i]). Throws InvalidArgument for probabilities outside [-1e-9, 1
/// + 1e-9] (what rounding leaves outside [0, 1] counts as 0 or 1) and options out of range.
NONIDEAL_API void sample_binomial(std::span<const double> probabilities, const SamplingOptions& options,
                                  std::span<std::int64_t> counts);

/// Row i of counts (n, n_outcomes) ~ Multinomial(shots, row i of probabilities): binomials of what is left,
/// outcome by outcome. Throws as sample_binomial() does, and where a row does not sum to 1 within 1e-9.
NONIDEAL_API void sample_multinomial(std::span<const double> probabilities, std::int64_t n_outcomes,
                                     const SamplingOptions& options, std::span<std::int64_t> counts);

/// Estimated variance of a frequency in so many shots: f (1 - f) / shots, and never less than that of two
/// shots, so that an outcome that was not seen has no standard error of zero. On average it is p (1 - p) /
/// shots within 1 % where shots p (1 - p) >= 10. Throws InvalidArgument for a frequency outside [0, 1] and
/// shots below 1.
NONIDEAL_API double frequency_variance(double frequency, std::int64_t shots);

}  // namespace nonideal::quantum
