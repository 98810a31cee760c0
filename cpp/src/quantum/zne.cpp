#include "nonideal/quantum/zne.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "base/check.hpp"
#include "base/elementary.hpp"
#include "base/parallel.hpp"
#include "nonideal/base/random.hpp"
#include "nonideal/base/threads.hpp"

namespace nonideal::quantum {
namespace {

using detail::shortest;
using Kind = Extrapolator::Kind;

// ---- folding ----

bool foldable(const Instruction& instruction, std::span<const Gate> only) {
  return instruction.gate != Gate::barrier &&
         (only.empty() || std::find(only.begin(), only.end(), instruction.gate) != only.end());
}

struct FoldCount {
  std::int64_t gates;  ///< that may be folded
  std::int64_t folds;  ///< in all
};

FoldCount count_folds(const Circuit& circuit, double scale, Fold fold, std::span<const Gate> only) {
  if (!(scale >= 1.0) || !std::isfinite(scale)) {
    throw InvalidArgument("scale = " + shortest(scale) + " is not a finite number >= 1");
  }
  if (fold == Fold::global && !only.empty()) {
    throw InvalidArgument("only: a global fold has no choice of gates");
  }
  if (std::find(only.begin(), only.end(), Gate::barrier) != only.end()) {
    throw InvalidArgument("only: a barrier cannot be folded");
  }
  const std::span<const Instruction> list = circuit.instructions();
  const std::int64_t gates =
      std::count_if(list.begin(), list.end(), [&](const Instruction& i) { return foldable(i, only); });
  if (gates == 0 && scale > 1.0) {
    throw InvalidArgument("scale = " + shortest(scale) + ": the circuit has no gate that may be folded");
  }
  const double total = scale * static_cast<double>(gates);
  if (total > static_cast<double>(kMaxFoldedGates)) {
    throw InvalidArgument("scale = " + shortest(scale) + " makes " + std::to_string(gates) +
                          " gates more than " + std::to_string(kMaxFoldedGates));
  }
  const auto folds =
      static_cast<std::int64_t>(std::floor((scale - 1.0) * static_cast<double>(gates) / 2.0 + 0.5));
  return {gates, folds};
}

/// `chosen` of `gates` numbers, marked: those with the smallest random words.
std::vector<bool> random_subset(std::int64_t gates, std::int64_t chosen, std::uint64_t seed) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> order;
  order.reserve(static_cast<std::size_t>(gates));
  for (std::int64_t i = 0; i < gates; ++i) {
    const Words4 words = philox(
        {{static_cast<std::uint32_t>(i), 0, static_cast<std::uint32_t>(Purpose::kFold) << 24, 0}}, seed);
    order.emplace_back(words.w[0] | static_cast<std::uint64_t>(words.w[1]) << 32, i);
  }
  std::nth_element(order.begin(), order.begin() + chosen, order.end());
  std::vector<bool> marked(static_cast<std::size_t>(gates), false);
  for (std::int64_t i = 0; i < chosen; ++i) {
    marked[static_cast<std::size_t>(order[static_cast<std::size_t>(i)].second)] = true;
  }
  return marked;
}

void append_backwards(Circuit& out, const Circuit& circuit, std::span<const Instruction> gates) {
  for (auto i = gates.rbegin(); i != gates.rend(); ++i) {
    if (i->gate != Gate::barrier) out.append(circuit, *i, true);
  }
}

void append_forwards(Circuit& out, const Circuit& circuit, std::span<const Instruction> gates) {
  for (const Instruction& i : gates) {
    if (i.gate != Gate::barrier) out.append(circuit, i);
  }
}

}  // namespace

double realized_scale(const Circuit& circuit, double scale, Fold fold, std::span<const Gate> only) {
  const FoldCount count = count_folds(circuit, scale, fold, only);
  if (count.gates == 0) return 1.0;
  return 1.0 + 2.0 * static_cast<double>(count.folds) / static_cast<double>(count.gates);
}

std::vector<double> realized_scales(const Circuit& circuit, std::span<const double> scales, Fold fold,
                                    std::span<const Gate> only) {
  std::vector<double> out;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    out.push_back(realized_scale(circuit, scales[i], fold, only));
    const auto before = static_cast<std::size_t>(std::ranges::find(out, out[i]) - out.begin());
    if (before == i) continue;
    const auto text = [&](std::size_t j) {
      return detail::bracketed("scales", static_cast<std::int64_t>(j)) + " = " + shortest(scales[j]);
    };
    const std::int64_t gates = count_folds(circuit, scales[i], fold, only).gates;
    throw InvalidArgument(text(before) + " and " + text(i) + " are both realised as " + shortest(out[i]) +
                          ": folds of " + std::to_string(gates) + (gates == 1 ? " gate" : " gates") +
                          " make steps of " +
                          shortest(2.0 / static_cast<double>(std::max<std::int64_t>(gates, 1))));
  }
  return out;
}

std::string channel_obstacle(const Circuit& circuit, const NoiseModel& noise, std::span<const double> scales,
                             Fold fold, std::span<const Gate> only) {
  if (fold == Fold::global) return "fold = 'global' repeats gates far from one another";
  if (!only.empty()) return "fold_gates leaves gates as they are";
  if (std::string found = power_obstacle(circuit, noise); !found.empty()) return found;
  for (const double scale : scales) {
    try {
      noise.scaled(scale, circuit);
    } catch (const InvalidArgument& refusal) {
      return refusal.what();
    }
  }
  return {};
}

Circuit folded(const Circuit& circuit, double scale, Fold fold, std::uint64_t seed,
               std::span<const Gate> only) {
  const auto [gates, folds] = count_folds(circuit, scale, fold, only);
  const std::int64_t everywhere = gates == 0 ? 0 : folds / gates;
  const std::int64_t rest = gates == 0 ? 0 : folds % gates;
  const std::span<const Instruction> list = circuit.instructions();
  Circuit out(circuit.n_qubits());
  if (fold == Fold::gate) {
    const std::vector<bool> once_more = rest == 0 ? std::vector<bool>(static_cast<std::size_t>(gates), false)
                                                  : random_subset(gates, rest, seed);
    std::size_t place = 0;
    for (const Instruction& instruction : list) {
      out.append(circuit, instruction);
      if (!foldable(instruction, only)) continue;
      const std::int64_t times = everywhere + (once_more[place++] ? 1 : 0);
      for (std::int64_t k = 0; k < times; ++k) {
        out.append(circuit, instruction, true);
        out.append(circuit, instruction);
      }
    }
  } else {
    for (const Instruction& instruction : list) out.append(circuit, instruction);
    for (std::int64_t k = 0; k < everywhere; ++k) {
      append_backwards(out, circuit, list);
      append_forwards(out, circuit, list);
    }
    std::size_t first = list.size();
    for (std::int64_t left = rest; left > 0;) {
      if (list[--first].gate != Gate::barrier) --left;
    }
    append_backwards(out, circuit, list.subspan(first));
    append_forwards(out, circuit, list.subspan(first));
  }
  if (!circuit.measured().empty()) out.measure(circuit.measured());
  return out;
}

// ---- extrapolation ----

namespace {

constexpr std::size_t kMost = kMaxScales;
constexpr double kMaxDecay = 20.0;  // |c| (largest - smallest scale)
constexpr int kGrid = 41;           // decays that are tried before one is refined
constexpr std::int64_t kBlock = 1024;
constexpr std::int64_t kMinColumns = 4096;  // per thread

using Row = std::array<double, kMost>;

/// Where results go; what is empty is not wanted.
struct Outputs {
  std::span<double> value, variance, gain;
  std::span<std::uint8_t> crossed;

  void put(std::int64_t column, const Extrapolated& found) const {
    const auto j = static_cast<std::size_t>(column);
    if (!value.empty()) value[j] = found.value;
    if (!variance.empty()) variance[j] = found.variance;
    if (!gain.empty()) gain[j] = found.gain;
    if (!crossed.empty()) crossed[j] = found.crossed ? 1 : 0;
  }
};

bool is_exponential(Kind kind) { return kind == Kind::exponential || kind == Kind::poly_exponential; }

bool fits_asymptote(const Extrapolator& e) { return e.kind == Kind::exponential && !e.asymptote; }

/// Order of the polynomial, of the values or of their logarithm.
int order_of(const Extrapolator& e, int n_scales) {
  switch (e.kind) {
    case Kind::linear:
    case Kind::exponential:
      return 1;
    case Kind::richardson:
      return n_scales - 1;
    default:
      return e.order;
  }
}

const char* name_of(Kind kind) {
  constexpr std::array<const char*, 5> names{"linear", "polynomial", "richardson", "exponential",
                                             "poly_exponential"};
  return names[static_cast<std::size_t>(kind)];
}

/// Linear least squares by orthogonal columns, read off at scale 0: value = sum w_i y_i.
class LeastSquares {
 public:
  LeastSquares(const double* weights, std::size_t n) : weights_(weights), n_(n) {}

  /// Adds a function by its values at the scales and at 0.
  void add(const Row& column, double at_zero) {
    Row& q = columns_[size_];
    q = column;
    for (int pass = 0; pass < 2; ++pass) {  // the second one removes what rounding left
      for (std::size_t k = 0; k < size_; ++k) {
        const double share = dot(columns_[k], q);
        for (std::size_t i = 0; i < n_; ++i) q[i] -= share * columns_[k][i];
        at_zero -= share * at_zero_[k];
      }
    }
    const double norm = std::sqrt(dot(q, q));
    for (std::size_t i = 0; i < n_; ++i) q[i] /= norm;
    at_zero_[size_++] = at_zero / norm;
  }

  /// Adds 1, s, s^2, ... up to an order, each made from the one before: powers themselves are nearly
  /// parallel.
  void add_powers(const Row& at, double zero, int order) {
    Row column{};
    column.fill(1.0);
    double at_zero = 1.0;
    for (int k = 0; k <= order; ++k) {
      add(column, at_zero);
      for (std::size_t i = 0; i < n_; ++i) column[i] = columns_[size_ - 1][i] * at[i];
      at_zero = at_zero_[size_ - 1] * zero;
    }
  }

  Row at_zero_weights() const {
    Row w{};
    for (std::size_t k = 0; k < size_; ++k) {
      for (std::size_t i = 0; i < n_; ++i) w[i] += at_zero_[k] * columns_[k][i];
    }
    for (std::size_t i = 0; i < n_; ++i) w[i] *= weights_[i];
    return w;
  }

 private:
  double dot(const Row& a, const Row& b) const {
    double sum = 0.0;
    for (std::size_t i = 0; i < n_; ++i) sum += weights_[i] * a[i] * b[i];
    return sum;
  }

  const double* weights_;
  std::size_t n_;
  std::size_t size_ = 0;
  std::array<Row, kMost> columns_;
  Row at_zero_;
};

/// (1 - e^-z) / z, which is 1 at z = 0, and its derivative.
std::pair<double, double> decay(double z) {
  if (std::abs(z) < 0.5) {
    double value = 0.0, slope = 0.0;  // sum (-z)^n / (n + 1)!
    for (std::size_t n = 16; n-- > 0;) {
      slope = value - z * slope;
      value = detail::kInverseFactorials[n + 1] - z * value;
    }
    return {value, -slope};
  }
  const double e = detail::portable_exp(-z);
  const double value = (1.0 - e) / z;
  return {value, (e - value) / z};
}

/// Everything about one extrapolation that does not depend on the values.
class Plan {
 public:
  Plan(const Extrapolator& extrapolator, std::span<const double> scales)
      : e_(extrapolator), n_(scales.size()), order_(order_of(extrapolator, static_cast<int>(scales.size()))) {
    first_ = static_cast<std::size_t>(std::min_element(scales.begin(), scales.end()) - scales.begin());
    const double least = scales[first_];
    const double span = *std::max_element(scales.begin(), scales.end()) - least;
    equal_.fill(1.0);
    for (std::size_t i = 0; i < n_; ++i) at_[i] = n_ == 1 ? 0.0 : (scales[i] - least) / span;
    zero_ = n_ == 1 ? 0.0 : -least / span;
    interpolates_ = static_cast<std::size_t>(order_) + 1 == n_;
    if (interpolates_) {
      for (std::size_t i = 0; i < n_; ++i) {
        fixed_[i] = 1.0;
        for (std::size_t j = 0; j < n_; ++j) {
          if (j != i) fixed_[i] *= scales[j] / (scales[j] - scales[i]);
        }
      }
    } else {
      fixed_ = polynomial_weights(equal_.data());
    }
    if (fits_asymptote(e_)) {
      for (int g = 0; g < kGrid; ++g) {
        const double t = 2.0 * g / (kGrid - 1) - 1.0;
        grid_[static_cast<std::size_t>(g)] = kMaxDecay * t * (0.05 + 0.95 * t * t);  // denser around 0
      }
      for (std::size_t g = 0; g < kGrid; ++g) {
        for (std::size_t i = 0; i < n_; ++i) curve_[g][i] = at_[i] * decay(grid_[g] * at_[i]).first;
      }
    }
  }

  const Row& fixed_weights() const { return fixed_; }
  /// Whether every column has the same weights, and the value is their sum.
  bool is_fixed(bool with_variances) const {
    return !is_exponential(e_.kind) && (interpolates_ || !with_variances);
  }

  /// `y` and `variance` (or nullptr) hold n numbers.
  Extrapolated column(const double* y, const double* variance) const {
    if (variance != nullptr && !std::all_of(variance, variance + n_, [](double v) { return v > 0.0; })) {
      return propagate(fit(y, nullptr), y, variance);
    }
    return propagate(fit(y, variance), y, variance);
  }

  /// Columns [begin, end) of n, at most kBlock, where is_fixed(): the numbers of column(), scale by scale.
  /// False where one is not finite.
  bool fixed_columns(std::span<const double> values, std::span<const double> variances, std::int64_t n,
                     std::int64_t begin, std::int64_t end, const Outputs& out) const {
    std::array<double, kBlock> value{}, variance{};
    const auto width = static_cast<std::size_t>(end - begin);
    double gain = 0.0;
    bool finite = true;
    for (std::size_t i = 0; i < n_; ++i) {
      const double w = fixed_[i];
      const std::size_t row = i * static_cast<std::size_t>(n) + static_cast<std::size_t>(begin);
      gain += w * w;
      for (std::size_t j = 0; j < width; ++j) value[j] += w * values[row + j];
      if (variances.empty()) continue;
      for (std::size_t j = 0; j < width; ++j) variance[j] += w * w * variances[row + j];
    }
    for (std::size_t j = 0; j < width; ++j) finite &= std::isfinite(value[j]) && std::isfinite(variance[j]);
    if (!finite || !std::isfinite(gain)) return false;
    for (std::size_t j = 0; j < width; ++j) {
      const double clipped = std::min(std::max(value[j], e_.lowest), e_.highest);
      out.put(begin + static_cast<std::int64_t>(j), {clipped, variance[j], gain, false});
    }
    return true;
  }

 private:
  struct Fit {
    double value = 0.0;
    Row gradient{};
    bool exists = true;
  };

  Row polynomial_weights(const double* weights) const {
    LeastSquares squares(weights, n_);
    squares.add_powers(at_, zero_, order_);
    return squares.at_zero_weights();
  }

  Fit fit(const double* y, const double* variance) const {
    if (fits_asymptote(e_)) return fit_decay(y, variance);
    return is_exponential(e_.kind) ? fit_logarithm(y, variance) : fit_polynomial(y, variance);
  }

  Fit fit_polynomial(const double* y, const double* variance) const {
    Fit fit;
    fit.gradient = fixed_;
    if (variance != nullptr && !interpolates_) {
      Row weights{};
      const double best = *std::min_element(variance, variance + n_);
      for (std::size_t i = 0; i < n_; ++i) weights[i] = best / variance[i];
      fit.gradient = polynomial_weights(weights.data());
    }
    for (std::size_t i = 0; i < n_; ++i) fit.value += fit.gradient[i] * y[i];
    return fit;
  }

  Fit fit_logarithm(const double* y, const double* variance) const {
    Fit fit;
    Row distance{}, weights{};
    const double sign = y[first_] > *e_.asymptote ? 1.0 : -1.0;
    double heaviest = 0.0;
    for (std::size_t i = 0; i < n_; ++i) {
      distance[i] = sign * (y[i] - *e_.asymptote);
      if (!(distance[i] >= std::numeric_limits<double>::min())) {
        fit.exists = false;
        return fit;
      }
      if (variance != nullptr) {
        weights[i] = distance[i] / std::sqrt(variance[i]);
        heaviest = std::max(heaviest, weights[i]);
      }
    }
    Row g = fixed_;
    if (variance != nullptr && !interpolates_) {
      for (std::size_t i = 0; i < n_; ++i) weights[i] = (weights[i] / heaviest) * (weights[i] / heaviest);
      g = polynomial_weights(weights.data());
    }
    double exponent = 0.0;
    for (std::size_t i = 0; i < n_; ++i) exponent += g[i] * detail::portable_log(distance[i]);
    const double at_zero = sign * detail::portable_exp(exponent);
    fit.value = *e_.asymptote + at_zero;
    for (std::size_t i = 0; i < n_; ++i) fit.gradient[i] = sign * at_zero * g[i] / distance[i];
    return fit;
  }

  /// Weighted sum of squares that is left of y after 1 and `curve`, and half its derivative by the decay.
  struct Residual {
    double squares = 0.0;
    double slope = 0.0;
  };

  Residual residual(const Row& y, const Row& curve, const Row* derivative, const Row& weights) const {
    double total = 0.0, mean_y = 0.0, mean_c = 0.0;
    for (std::size_t i = 0; i < n_; ++i) {
      total += weights[i];
      mean_y += weights[i] * y[i];
      mean_c += weights[i] * curve[i];
    }
    mean_y /= total;
    mean_c /= total;
    double cc = 0.0, cy = 0.0;
    for (std::size_t i = 0; i < n_; ++i) {
      cc += weights[i] * (curve[i] - mean_c) * (curve[i] - mean_c);
      cy += weights[i] * (curve[i] - mean_c) * (y[i] - mean_y);
    }
    const double b = cy / cc;
    Residual out;
    for (std::size_t i = 0; i < n_; ++i) {
      const double left = (y[i] - mean_y) - b * (curve[i] - mean_c);
      out.squares += weights[i] * left * left;
      if (derivative != nullptr) out.slope -= weights[i] * left * b * (*derivative)[i];
    }
    return out;
  }

  void curves_at(double k, Row& curve, Row& derivative) const {
    for (std::size_t i = 0; i < n_; ++i) {
      const auto [value, slope] = decay(k * at_[i]);
      curve[i] = at_[i] * value;
      derivative[i] = at_[i] * at_[i] * slope;
    }
  }

  /// y = alpha + beta (1 - exp(-k t)) / k with t from 0 at the smallest scale to 1 at the largest: the
  /// exponential in a form that stays finite at k = 0, where it is the straight line.
  Fit fit_decay(const double* values, const double* variance) const {
    Fit fit;
    Row y{}, weights = equal_, curve{}, derivative{};
    const auto [lowest, highest] = std::minmax_element(values, values + n_);
    const double height = *highest - *lowest;
    for (std::size_t i = 0; i < n_; ++i) y[i] = height > 0.0 ? (values[i] - *lowest) / height : 0.0;
    if (variance != nullptr) {
      const double best = *std::min_element(variance, variance + n_);
      for (std::size_t i = 0; i < n_; ++i) weights[i] = best / variance[i];
    }
    double k = 0.0;
    if (height > 0.0) {
      std::size_t least = 0;
      double smallest = std::numeric_limits<double>::infinity();
      for (std::size_t g = 0; g < kGrid; ++g) {
        const double squares = residual(y, curve_[g], nullptr, weights).squares;
        if (squares < smallest) {
          smallest = squares;
          least = g;
        }
      }
      if (least == 0 || least + 1 == kGrid) {
        fit.exists = false;
        return fit;
      }
      k = refine(y, weights, least);
    }
    curves_at(k, curve, derivative);
    // A straight least-squares fit in the three derivatives: its gradient is the delta method's, and its
    // value is that of the decay, corrected for what k still lacks.
    LeastSquares squares(weights.data(), n_);
    squares.add(equal_, 1.0);
    const auto [value, slope] = decay(k * zero_);
    squares.add(curve, zero_ * value);
    squares.add(derivative, zero_ * zero_ * slope);
    fit.gradient = squares.at_zero_weights();
    double above = 0.0;
    for (std::size_t i = 0; i < n_; ++i) above += fit.gradient[i] * y[i];
    fit.value = *lowest + height * above;
    return fit;
  }

  /// The decay of least squares between the neighbours of grid point `least`, where the sum's slope changes
  /// its sign. Invariant: at `low` the sum falls, and at `high` it rises or is larger than at `low`.
  double refine(const Row& y, const Row& weights, std::size_t least) const {
    Row curve{}, derivative{};
    const auto at = [&](double k) {
      curves_at(k, curve, derivative);
      return residual(y, curve, &derivative, weights);
    };
    const Residual middle = at(grid_[least]);
    const bool falls = middle.slope < 0.0;
    double low = falls ? grid_[least] : grid_[least - 1];
    double high = falls ? grid_[least + 1] : grid_[least];
    Residual left = falls ? middle : at(low);
    Residual right = falls ? at(high) : middle;
    for (int step = 0; step < 200 && high - low > 1e-15 * std::max(1.0, std::abs(low)); ++step) {
      double k = 0.5 * (low + high);
      if (left.slope < 0.0 && right.slope > 0.0 && step % 3 != 2) {  // every third step halves the interval
        const double secant = low - left.slope * (high - low) / (right.slope - left.slope);
        if (secant > low && secant < high) k = secant;
      }
      if (!(k > low && k < high)) break;
      const Residual here = at(k);
      if (here.slope == 0.0) return k;
      if (here.slope < 0.0 && (right.slope > 0.0 || here.squares <= right.squares)) {
        low = k;
        left = here;
      } else {
        high = k;
        right = here;
      }
    }
    return 0.5 * (low + high);
  }

  Extrapolated propagate(const Fit& fit, const double* y, const double* variance) const {
    Extrapolated out{fit.value, 0.0, 0.0, false};
    for (std::size_t i = 0; i < n_; ++i) {
      out.gain += fit.gradient[i] * fit.gradient[i];
      if (variance != nullptr) out.variance += fit.gradient[i] * fit.gradient[i] * variance[i];
    }
    if (!fit.exists || !std::isfinite(out.value) || !std::isfinite(out.gain) ||
        !std::isfinite(out.variance)) {
      return {y[first_], variance == nullptr ? 0.0 : variance[first_], 1.0, true};
    }
    out.value = std::min(std::max(out.value, e_.lowest), e_.highest);
    return out;
  }

  Extrapolator e_;
  std::size_t n_;
  int order_;
  std::size_t first_;  ///< of the smallest scale
  bool interpolates_;  ///< as many parameters as points
  double zero_;        ///< where scale 0 lies on the axis from 0 (smallest scale) to 1 (largest)
  Row at_{};
  Row equal_{};
  Row fixed_{};
  std::array<double, kGrid> grid_;
  std::array<Row, kGrid> curve_;
};

void expect_numbers(const char* argument, std::span<const double> numbers, std::int64_t columns,
                    bool negative) {
  const auto wrong = std::find_if(numbers.begin(), numbers.end(), [&](double number) {
    return !std::isfinite(number) || (!negative && number < 0.0);
  });
  if (wrong == numbers.end()) return;
  const std::int64_t place = wrong - numbers.begin();
  const std::string index =
      columns == 1 ? "[" + std::to_string(place) + "]"
                   : "[" + std::to_string(place / columns) + ", " + std::to_string(place % columns) + "]";
  throw InvalidArgument(argument + index + " = " + shortest(*wrong) +
                        (negative ? " is not finite" : " is not a finite number >= 0"));
}

[[noreturn]] void refuse_crossing(const Extrapolator& e, std::span<const double> values, std::int64_t columns,
                                  std::int64_t column) {
  std::string text = columns == 1 ? "" : "column " + std::to_string(column) + ": ";
  text += name_of(e.kind);
  text += " extrapolation of";
  for (std::size_t i = static_cast<std::size_t>(column); i < values.size();
       i += static_cast<std::size_t>(columns)) {
    text += (i < static_cast<std::size_t>(columns) ? " " : ", ") + shortest(values[i]);
  }
  if (e.asymptote) {
    text += ": the values are not on one side of the asymptote " + shortest(*e.asymptote) +
            ", or their curve grows beyond all numbers";
  } else if (is_exponential(e.kind)) {
    text += ": no exponential fits";
  } else {
    text += " grows beyond all numbers";
  }
  throw NumericalError(text);
}

}  // namespace

int n_parameters(const Extrapolator& extrapolator, int n_scales) {
  return order_of(extrapolator, n_scales) + 1 + (fits_asymptote(extrapolator) ? 1 : 0);
}

void check(const Extrapolator& extrapolator, std::span<const double> scales) {
  const auto n = static_cast<std::int64_t>(scales.size());
  detail::expect_within("order", extrapolator.order, 1, kMaxScales - 1);
  if (extrapolator.kind == Kind::poly_exponential && !extrapolator.asymptote) {
    throw InvalidArgument("asymptote: poly_exponential needs one");
  }
  if (extrapolator.asymptote && !std::isfinite(*extrapolator.asymptote)) {
    throw InvalidArgument("asymptote = " + shortest(*extrapolator.asymptote) + " is not finite");
  }
  if (!(extrapolator.lowest <= extrapolator.highest)) {
    throw InvalidArgument("lowest = " + shortest(extrapolator.lowest) +
                          " is not <= highest = " + shortest(extrapolator.highest));
  }
  for (std::int64_t i = 0; i < n; ++i) {
    const double scale = scales[static_cast<std::size_t>(i)];
    if (!(scale >= 1.0) || !std::isfinite(scale)) {
      throw InvalidArgument(detail::bracketed("scales", i) + " = " + shortest(scale) +
                            " is not a finite number >= 1");
    }
    for (std::int64_t j = 0; j < i; ++j) {
      if (scales[static_cast<std::size_t>(j)] == scale) {
        throw InvalidArgument(detail::bracketed("scales", i) + " = " + shortest(scale) + " is there already");
      }
    }
  }
  detail::expect_within("len(scales)", n, 1, kMaxScales);
  const int needed = n_parameters(extrapolator, static_cast<int>(n));
  if (n < needed) {
    throw InvalidArgument("scales: " + std::string(name_of(extrapolator.kind)) + " extrapolation needs " +
                          std::to_string(needed) + ", got " + std::to_string(n));
  }
}

std::vector<double> linear_weights(const Extrapolator& extrapolator, std::span<const double> scales) {
  check(extrapolator, scales);
  if (is_exponential(extrapolator.kind)) {
    throw InvalidArgument("extrapolator = " + std::string(name_of(extrapolator.kind)) +
                          " is not linear in the values");
  }
  const Row weights = Plan(extrapolator, scales).fixed_weights();
  return {weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(scales.size())};
}

Extrapolated extrapolate(const Extrapolator& extrapolator, std::span<const double> scales,
                         std::span<const double> values, std::span<const double> variances) {
  Extrapolated out{};
  std::uint8_t crossed = 0;
  extrapolate_many(extrapolator, scales, values, variances, {&out.value, 1}, {&out.variance, 1},
                   {&out.gain, 1}, {&crossed, 1}, 1);
  out.crossed = crossed != 0;
  return out;
}

void extrapolate_many(const Extrapolator& extrapolator, std::span<const double> scales,
                      std::span<const double> values, std::span<const double> variances,
                      std::span<double> value, std::span<double> variance, std::span<double> gain,
                      std::span<std::uint8_t> crossed, int num_threads) {
  check(extrapolator, scales);
  const auto n_scales = static_cast<std::int64_t>(scales.size());
  const auto size = static_cast<std::int64_t>(values.size());
  if (size % n_scales != 0) {
    throw InvalidArgument("values: " + std::to_string(size) + " numbers are not a multiple of " +
                          std::to_string(n_scales) + " scales");
  }
  const std::int64_t n = size / n_scales;
  const bool weighted = !variances.empty();
  if (weighted) {
    detail::expect_count("variances", "numbers", static_cast<std::int64_t>(variances.size()), size);
  }
  for (const auto& [name, length] : {std::pair{"value", value.size()}, std::pair{"variance", variance.size()},
                                     std::pair{"gain", gain.size()}, std::pair{"crossed", crossed.size()}}) {
    if (length != 0) detail::expect_count(name, "numbers", static_cast<std::int64_t>(length), n);
  }
  expect_numbers("values", values, n, true);
  expect_numbers("variances", variances, n, false);
  const Plan plan(extrapolator, scales);
  const int threads = resolve_threads(num_threads, n, kMinColumns);
  std::vector<std::int64_t> failed(static_cast<std::size_t>((n + kBlock - 1) / kBlock), n);
  const bool fixed = plan.is_fixed(weighted);
  const Outputs out{value, variance, gain, crossed};
  detail::for_blocks(n, kBlock, threads, [&](std::int64_t begin, std::int64_t end) {
    if (fixed && plan.fixed_columns(values, variances, n, begin, end, out)) return;
    Row y{}, var{};
    for (std::int64_t j = begin; j < end; ++j) {
      const auto column = static_cast<std::size_t>(j);
      for (std::size_t i = 0; i < scales.size(); ++i) {
        const std::size_t place = i * static_cast<std::size_t>(n) + column;
        y[i] = values[place];
        if (weighted) var[i] = variances[place];
      }
      const Extrapolated found = plan.column(y.data(), weighted ? var.data() : nullptr);
      out.put(j, found);
      if (found.crossed) {
        std::int64_t& lowest = failed[static_cast<std::size_t>(begin / kBlock)];
        lowest = std::min(lowest, j);
      }
    }
  });
  if (extrapolator.on_crossing == Extrapolator::OnCrossing::raw) return;
  const std::int64_t lowest = failed.empty() ? n : *std::min_element(failed.begin(), failed.end());
  if (lowest < n) refuse_crossing(extrapolator, values, n, lowest);
}

}  // namespace nonideal::quantum
