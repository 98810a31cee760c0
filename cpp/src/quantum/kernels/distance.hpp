#pragma once

#include <cmath>
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

/// One query against n_blocks times kLanes points; arrays are aligned to 64 bytes.
struct Pairs {
  const double* cosine_query;  ///< n_angles numbers
  const double* sine_query;
  const double* cosine_point;  ///< n_angles rows, `stride` apart
  const double* sine_point;
  std::int64_t stride;
  double norm_query;
  const double* norm_point;
  double head_sine;  ///< the first angle has sine head_sine * 2 |a| |b| / Z and cosine (|a|^2 - |b|^2) / Z
  const ScaleCode* scales;
  std::int64_t n_scales;
  std::int64_t n_blocks;
  double* registers;
  double* values;  ///< (block, scale, lane): probabilities, or frequencies where shots > 0
  double shots;    ///< 0: none
  std::uint64_t seed;
  std::uint32_t point, query, word2,
      stream;  ///< counter of the first point; the scale is added to word 2's bits 16-23
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

/// kLanes results at several noise scales, read off at scale 0.
struct Estimates {
  const double* values;  ///< (scale, lane)
  std::int64_t n_scales;
  double shots;                                   ///< 0: all weigh the same, and the variance is 0
  double lowest = -HUGE_VAL, highest = HUGE_VAL;  ///< extrapolated values are clipped to this range
  const double* weights;                          ///< extrapolate(): value = sum w_s y_s
  const double* scales;                           ///< decay()
  double* extrapolated;                           ///< kLanes
  double* variance;
};

/// squared = offset + slope * extrapolated, with offset and slope made of |a|^2 + |b|^2 and |a| |b|.
struct Conversion {
  double norm_query;
  const double* norm_point;  ///< kLanes, as all that follow
  double offset_total, offset_product;
  double slope_total, slope_product;
  const double* extrapolated;
  const double* variance;
  double* squared;
  double* standard_error;
};

inline constexpr std::int64_t kMostScales = 32;

// extrapolate(): weights that are the same for all pairs. decay(): exponentials a + b exp(-c s) with a given,
// a straight line through ln |y - a| as quantum::extrapolate() fits it. Values on both sides of a become the
// value of scale `raw` where raw >= 0. `done` becomes 1 for fitted lanes, 2 for those, and 0 for lanes that
// need quantum::extrapolate() itself; the return value says that all are fitted.
namespace baseline {
void measure(const Pairs& pairs);
void tabulate(const Columns& columns);
void extrapolate(const Estimates& estimates);
bool decay(const Estimates& estimates, double asymptote, std::int64_t raw, double* done);
void convert(const Conversion& conversion);
}  // namespace baseline
namespace avx2 {
void measure(const Pairs& pairs);
void tabulate(const Columns& columns);
void extrapolate(const Estimates& estimates);
bool decay(const Estimates& estimates, double asymptote, std::int64_t raw, double* done);
void convert(const Conversion& conversion);
}  // namespace avx2
namespace avx512 {
void measure(const Pairs& pairs);
void tabulate(const Columns& columns);
void extrapolate(const Estimates& estimates);
bool decay(const Estimates& estimates, double asymptote, std::int64_t raw, double* done);
void convert(const Conversion& conversion);
}  // namespace avx512

}  // namespace nonideal::quantum::kernels
