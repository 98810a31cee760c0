#pragma once

#include <cstdint>

#include "quantum/kernels/batch.hpp"

/// What distance.cpp and its kernel share: plain structs of raw pointers, no member functions.
namespace nonideal::quantum::kernels {

/// Where cosine and sine of a program's slot come from.
struct Fill {
  std::int32_t slot;
  std::int32_t source;  ///< angle A of the query and B of the point; -1: the circuit's first angle
  double point;         ///< +1 or -1: A + B or A - B
  double sine;          ///< factor of the sine: -1 for a negated angle
};

/// One noise scale: the probability of 1 is `base` + `factor` * register `at`.
struct ScaleCode {
  const Fill* fills;
  std::int64_t n_fills;  ///< 0: the angles of the scale before serve again
  const Step* steps;
  std::int64_t n_steps;
  double base;
  double factor;
  std::int64_t at;
};

/// One query against kLanes points; arrays are kLanes numbers per row, aligned to 64 bytes.
struct Pairs {
  const double* cosine_query;  ///< n_angles
  const double* sine_query;
  const double* cosine_point;  ///< n_angles rows, `stride` apart
  const double* sine_point;
  std::int64_t stride;
  double norm_query;
  const double* norm_point;
  double head_sine;  ///< the first angle has sine head_sine * 2 |a| |b| / Z and cosine (|a|^2 - |b|^2) / Z
  const ScaleCode* scales;
  std::int64_t n_scales;
  double* registers;
  /// Probabilities (scale, lane), or frequencies where shots > 0; probabilities are cut to [0, 1] for
  /// drawing.
  double* values;
  double shots;  ///< 0: none
  std::uint64_t seed;
  std::uint32_t point, query, word2,
      stream;  ///< counter of the first lane; the scale is added to word 2's bits 16-23
};

/// Tables of kLanes vectors. Row 2^(k-1) - 1 + w of `cosine` and `sine` is for level k >= 1 of the tree over
/// (index, data) and Walsh index w < 2^(k-1): the angle A_w, in which the index qubit's control is taken out.
/// Every gate angle of a pair is A_w(a) + A_w(b) or A_w(a) - A_w(b).
struct Columns {
  double* entries;  ///< 2^data_qubits rows of kLanes numbers, the vectors; overwritten
  double* scratch;  ///< as many again, twice
  int data_qubits;
  double* cosine;  ///< rows are `stride` apart
  double* sine;
  std::int64_t stride;
  double* norm;  ///< kLanes
};

/// Exponentials a + b exp(-c s) with a given: a straight line through ln |y - a|, as extrapolate() fits it.
struct Decays {
  const double* values;  ///< (scale, lane)
  const double* scales;
  std::int64_t n_scales;
  double asymptote;
  double shots;          ///< 0: equal weights, and variance 0
  double* extrapolated;  ///< kLanes
  double* variance;
  double* usable;  ///< 0 where the values are not all on one side of a, or the fit leaves all bounds: nothing
                   ///< was fitted
};

namespace baseline {
void measure(const Pairs& pairs);
void tabulate(const Columns& columns);
void decay(const Decays& decays);
}  // namespace baseline
namespace avx2 {
void measure(const Pairs& pairs);
void tabulate(const Columns& columns);
void decay(const Decays& decays);
}  // namespace avx2
namespace avx512 {
void measure(const Pairs& pairs);
void tabulate(const Columns& columns);
void decay(const Decays& decays);
}  // namespace avx512

}  // namespace nonideal::quantum::kernels
