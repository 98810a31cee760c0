#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "nonideal/base/export.hpp"
#include "nonideal/quantum/noise.hpp"
#include "nonideal/quantum/zne.hpp"

/// Squared distances |a - b|^2 as noisy quantum circuits measure them, for all pairs of two sets of vectors,
/// and the nearest neighbours that follow from them.
///
/// With Z = |a|^2 + |b|^2 the circuits give (qubit 0 is measured; vectors are padded with zeros to a power of
/// two):
///   swap           P(0) = 1/2 + |a - b|^2 / (4 Z)      3 + log2 D qubits (swap test)
///   hadamard       P(1) = |a - b|^2 / (2 Z)            1 + log2 D qubits (interference of one register)
///   inner_product  P(0) = (1 + a b / |a| |b|) / 2      1 + log2 D qubits
///
/// Amplitudes are prepared by a binary tree of uniformly controlled RY gates in Gray-code order (Moettoenen
/// et al., Quantum Inf. Comput. 5, 467, 2005). Every angle of the tree is a sum A(a) +- B(b), so that cosines
/// and sines of a pair come from tables of each vector by the addition theorems: the loop over pairs needs no
/// trigonometry, and the tables need square roots only.
///
/// Determinism: a pair's result depends on (the two vectors, the centre, the options, seed, stream, the
/// numbers of query and point) alone; the same bits for every thread count, instruction set and division of
/// the work.
///
/// Random numbers: Philox4x32-10, key = seed; counter word 0: number of the point; word 1: number of the
/// query; word 2, from its lowest bit: attempt (16 bits), noise scale (8), Purpose::kDistanceShots (8); word
/// 3: stream.
namespace nonideal::quantum {

enum class DistanceMethod : std::uint8_t { swap, hadamard, inner_product };

/// How noise is scaled for extrapolation.
enum class Realization : std::uint8_t {
  automatic,  ///< powers of the channels where that is exact, else folded circuits
  channel,    ///< powers of the channels; refused where that is not the same as folding every gate
  circuit     ///< folded circuits
};

/// Zero-noise extrapolation of every measured probability.
struct Mitigation {
  std::vector<double> scales = {1.0, 3.0, 5.0};
  Fold fold = Fold::gate;
  std::vector<Gate> fold_gates;  ///< empty: all
  std::uint64_t fold_seed = 0;   ///< of scales that are no odd numbers
  Realization realization = Realization::automatic;
  Extrapolator extrapolator;
};

struct DistanceOptions {
  DistanceMethod method = DistanceMethod::hadamard;
  NoiseModel noise;
  bool noisy_preparation = true;
  bool readout_mitigation = false;  ///< undoes the readout error of the measured qubit, by its inverse
  std::optional<Mitigation> mitigation;
  std::int64_t shots = 0;  ///< per circuit; 0: exact probabilities
};

/// Vectors are rows of `dimension` numbers. Queries are grouped into cells; in a cell both vectors are taken
/// relative to its centre, which changes Z but not the distance.
struct DistanceData {
  std::span<const double> queries;
  std::span<const double> points;
  std::span<const double> centres = {};      ///< (n_cells, dimension); empty: the origin
  std::span<const std::int64_t> cells = {};  ///< of every query, below n_cells
};

struct DistanceRun {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;      ///< below 2^32
  std::int64_t first_query = 0;  ///< numbers in a larger job
  std::int64_t first_point = 0;
  int num_threads = 0;
};

struct DistanceCounts {
  std::int64_t shortcuts = 0;  ///< pairs with a zero vector: no circuit, the other one's norm, exactly
  std::int64_t circuits = 0;
  std::int64_t crossings = 0;  ///< pairs without an extrapolating curve, which keep the least noisy value
};

/// A compiled distance measurement; threads may share it.
class NONIDEAL_API DistanceProgram {
 public:
  /// Throws InvalidArgument for dimension outside [1, 4096], shots outside [0, kMaxShots], noise without a
  /// channel for a gate it meets, Realization::channel where powers are not exact (naming gate and channel),
  /// readout errors that leave nothing to mitigate (they add up to 1), and what check(extrapolator, scales)
  /// refuses.
  DistanceProgram(int dimension, const DistanceOptions& options);
  DistanceProgram(const DistanceProgram&);
  DistanceProgram(DistanceProgram&&) noexcept;
  DistanceProgram& operator=(const DistanceProgram&);
  DistanceProgram& operator=(DistanceProgram&&) noexcept;
  ~DistanceProgram();

  int n_qubits() const;
  /// Of all noise scales together.
  std::int64_t instruction_count() const;
  /// Which realization was taken; circuit where nothing is mitigated.
  Realization realization() const;

  /// squared[i * n_points + j] and its standard error (both (n_queries, n_points)). Not clipped: noise makes
  /// some negative. Throws InvalidArgument for sizes that do not fit, numbers that are not finite or whose
  /// squares overflow, and numbers of queries and points beyond 2^32.
  DistanceCounts pairwise(const DistanceData& data, const DistanceRun& run, std::span<double> squared,
                          std::span<double> standard_error) const;

  /// The point of least measured distance to every query, lowest number on ties; its distance and standard
  /// error; the distance and standard error of the second best (infinity and 0 with one point). Memory
  /// O(queries), whatever the number of points. Throws as pairwise() does, and for no points.
  struct Nearest {
    std::span<std::int64_t> index;
    std::span<double> squared;
    std::span<double> standard_error;
    std::span<double> second_squared;
    std::span<double> second_standard_error;
  };
  DistanceCounts nearest(const DistanceData& data, const DistanceRun& run, const Nearest& out) const;

  struct Code;  // private to the library

 private:
  std::shared_ptr<const Code> code_;
};

/// The circuit of one pair, with angles as numbers. Throws InvalidArgument for vectors of different or no
/// length, numbers that are not finite, and a zero vector (which needs no circuit).
NONIDEAL_API Circuit distance_circuit(DistanceMethod method, std::span<const double> a,
                                      std::span<const double> b);

/// Prepares sum_i v_i |i> / |v| from |0...0>; qubit n - 1 of the circuit is the most significant bit of i.
/// Throws InvalidArgument for a length that is no power of two above 1, numbers that are not finite, and zero
/// vectors.
NONIDEAL_API Circuit state_preparation(std::span<const double> amplitudes);

}  // namespace nonideal::quantum
