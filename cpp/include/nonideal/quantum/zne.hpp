#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/quantum/circuit.hpp"
#include "nonideal/quantum/noise.hpp"

/// Zero-noise extrapolation: circuits with more noise, and what their results say about none.
namespace nonideal::quantum {

inline constexpr std::int64_t kMaxFoldedGates = std::int64_t{1} << 26;

enum class Fold : std::uint8_t {
  gate,    ///< G -> G (G^dagger G)^k, gate by gate
  global,  ///< U -> U (U^dagger U)^k, the circuit as a whole
};

/// The scale that folded() realises: 1 + 2 f / N, where N is the number of gates that may be folded (barriers
/// are none) and f the whole number nearest to (scale - 1) N / 2, halves rounded up. It is `scale` itself
/// where scale is an odd whole number, and within 1 / N of it otherwise. Throws as folded() does.
NONIDEAL_API double realized_scale(const Circuit& circuit, double scale, Fold fold,
                                   std::span<const Gate> only = {});

/// realized_scale() of each. Throws InvalidArgument where two of them are realised alike, too: what differs
/// by less than one fold of one gate makes the same circuit twice.
NONIDEAL_API std::vector<double> realized_scales(const Circuit& circuit, std::span<const double> scales,
                                                 Fold fold, std::span<const Gate> only = {});

/// Why running the circuit with every channel to the power of the scale is not the same as folding, or cannot
/// be done at one of these scales. Empty where it can. Channels that the circuit does not meet do not count.
NONIDEAL_API std::string channel_obstacle(const Circuit& circuit, const NoiseModel& noise,
                                          std::span<const double> scales, Fold fold,
                                          std::span<const Gate> only = {});

/// The circuit with more gates that together do nothing, so that noise acts about `scale` times as often.
///
/// Of the f folds of realized_scale() every gate gets f / N, and f % N gates get one more: with Fold::gate a
/// subset that is drawn with `seed` (Philox, Purpose::kFold; a larger scale with the same f / N folds the
/// same gates and more), with Fold::global the last ones, as L^dagger L at the end of the circuit. `only`
/// restricts Fold::gate to these gates; N counts them alone. Measurements stay at the end, barriers where
/// they were.
///
/// Throws InvalidArgument where scale < 1 or is not finite, where scale > 1 and no gate may be folded, where
/// `only` comes with Fold::global or names the barrier, and above kMaxFoldedGates gates.
NONIDEAL_API Circuit folded(const Circuit& circuit, double scale, Fold fold, std::uint64_t seed,
                            std::span<const Gate> only = {});

inline constexpr int kMaxScales = 32;

/// A curve through results at several noise scales, read off at scale 0.
struct Extrapolator {
  enum class Kind : std::uint8_t {
    linear,           ///< a straight line
    polynomial,       ///< of `order`
    richardson,       ///< the polynomial through all points
    exponential,      ///< a + b exp(-c s)
    poly_exponential  ///< a +- exp(p(s)) with a polynomial p of `order`
  };
  /// What happens where no such curve exists: exponentials whose values are on both sides of the asymptote,
  /// or that no decay fits.
  enum class OnCrossing : std::uint8_t {
    error,  ///< NumericalError with the values
    raw     ///< the value at the smallest scale, and a flag
  };

  Kind kind = Kind::richardson;
  int order = 1;                                   ///< of polynomial and poly_exponential
  std::optional<double> asymptote = std::nullopt;  ///< a; nothing: fitted (exponential only)
  double lowest =
      -std::numeric_limits<double>::infinity();  ///< extrapolated values are clipped to this range
  double highest = std::numeric_limits<double>::infinity();
  OnCrossing on_crossing = OnCrossing::error;
};

/// Numbers that the curve fits to `n_scales` points.
NONIDEAL_API int n_parameters(const Extrapolator& extrapolator, int n_scales);

/// Throws InvalidArgument where a scale is below 1, not finite or repeated, where there are fewer scales than
/// parameters or more than kMaxScales, where the order is outside [1, 31], the asymptote is missing or not
/// finite, or lowest > highest.
NONIDEAL_API void check(const Extrapolator& extrapolator, std::span<const double> scales);

/// w with value = sum w_i y_i, for equally weighted points; (15/8, -10/8, 3/8) for Richardson at (1, 3, 5).
/// Throws as check() does, and for exponentials.
NONIDEAL_API std::vector<double> linear_weights(const Extrapolator& extrapolator,
                                                std::span<const double> scales);

struct Extrapolated {
  double value;
  double variance;  ///< sum g_i^2 var_i with g_i = d value / d y_i (delta method); 0 without variances
  double gain;      ///< sum g_i^2: by what a variance that is alike at all scales is multiplied
  bool crossed;     ///< no curve; the value at the smallest scale stands here
};

/// Least squares, weighted by 1 / variance: of the values, or of ln |y - a| with weights (y - a)^2 / variance
/// where the asymptote is given. Without variances, and where one of them is 0 (a variance estimated from too
/// few shots), all points weigh the same, in the logarithm too. A fitted asymptote: least squares of the
/// values over a, b and -20 <= c (largest - smallest scale) <= 20 by variable projection, c = 0 meaning the
/// straight line; a best fit at either bound counts as none. Clipping leaves the variance as it is.
///
/// Only + - * / and square roots: the same bits on every machine. Throws as check() does, for sizes that
/// differ, values that are not finite, variances that are negative or not finite, and NumericalError as
/// on_crossing says.
NONIDEAL_API Extrapolated extrapolate(const Extrapolator& extrapolator, std::span<const double> scales,
                                      std::span<const double> values, std::span<const double> variances = {});

/// extrapolate() for n columns: values and variances are (n_scales, n), row-major; variances may be empty.
/// The outputs have length n; those that are empty are not written. Bitwise equal to extrapolate() of each
/// column for every number of threads (0: the default). An error names the lowest column that has one.
NONIDEAL_API void extrapolate_many(const Extrapolator& extrapolator, std::span<const double> scales,
                                   std::span<const double> values, std::span<const double> variances,
                                   std::span<double> value, std::span<double> variance,
                                   std::span<double> gain, std::span<std::uint8_t> crossed,
                                   int num_threads = 0);

}  // namespace nonideal::quantum
