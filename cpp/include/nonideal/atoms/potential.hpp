#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "nonideal/atoms/neighbors.hpp"
#include "nonideal/base/export.hpp"

/// LEIGNN, a light equivariant network, as an engine without Python: energies, forces and virials of atoms
/// from a model file (.leignn). Source: Yang et al., arXiv 2311.02869, both published forms and two
/// ablations.
///
/// Results are the same bits for every number of threads. Those of different instruction sets differ by
/// round-off: by 1e-9 in float64, 2e-5 in float32 of max(1 eV, |E|), and alike in forces.
namespace nonideal::atoms {

enum class Forces {
  none,
  direct,   ///< the model's force head: cheaper, not a gradient of the energy, with a net force
  gradient  ///< -dE/dr
};
enum class Precision { float32, float64 };

struct PotentialOptions {
  Precision precision =
      Precision::float32;  ///< of features; positions and sums of energies are in float64 always
  bool tabulate = true;  ///< the radial filter as splines of the distance (in float64: only where knots > 0)
  int knots = 0;         ///< intervals of the splines; 0: as default_knots()
  int num_threads = 0;
};

struct Request {
  Forces forces = Forces::gradient;
  bool virial = false;   ///< of the energy, whatever forces are asked for
  bool virials = false;  ///< the same of each atom
};

/// eV, eV/angstrom, eV. `forces` holds 3 n numbers, or none. virial = sum over edges of D (x) f with f =
/// -dE/dD; the stress is -virial / volume. `virials` holds 9 n numbers, or none: of each edge's D (x) f half
/// belongs to its centre, half to its neighbour, so that they add up to the virial. One atom's is not
/// symmetric.
struct Result {
  double energy = 0;
  std::vector<double> energies;
  std::vector<double> forces;
  std::array<double, 9> virial{};
  std::vector<double> virials;
};

/// Atoms in a cell; spans of what somebody else keeps.
struct System {
  std::span<const double> positions;      ///< (n, 3), row-major, angstrom, anywhere
  std::span<const std::int32_t> numbers;  ///< (n,) atomic numbers
  Cell cell;
};

class LayeredEvaluation;
struct KernelTime;

/// A model file, read and made ready. Copies share it.
class NONIDEAL_API Potential {
 public:
  /// Throws InvalidArgument where the file can't be read, or anything in it isn't as it should be; the text
  /// begins with the file's name.
  explicit Potential(const std::filesystem::path& file, const PotentialOptions& options = {});
  /// The same of a file's content, which is not kept; `name` takes the place of the file's.
  Potential(std::span<const std::uint8_t> content, const std::string& name,
            const PotentialOptions& options = {});

  /// Energy and what else is wanted of n atoms: `positions` (n, 3), row-major, angstrom, anywhere; `numbers`
  /// (n,) atomic numbers. Safe to call from several threads at once; memory is kept for later calls. Throws
  /// InvalidArgument for atoms the model does not know and for what find_neighbors() refuses, NumericalError
  /// where results are not finite.
  Result compute(std::span<const double> positions, std::span<const std::int32_t> numbers, const Cell& cell,
                 const Request& request = {}) const;

  /// Several systems; results in their order, the same bits as one by one. Small ones are evaluated side by
  /// side, one on each thread, large ones one after another, on all threads. Throws what the first system
  /// that fails throws, its text after "systems[3]: ".
  std::vector<Result> compute(std::span<const System> systems, const Request& request = {}) const;

  /// The same as the first with a full list of one's own, whose pairs reach the cutoff at least:
  /// NeighborList::table(). Vectors are made from positions and shifts; `reverse` is that of reverse_pairs(),
  /// or empty, which costs a call of it. The model must not limit the number of neighbours.
  Result compute(std::span<const double> positions, std::span<const std::int32_t> numbers, const Cell& cell,
                 const NeighborTable& table, std::span<const std::int64_t> reverse,
                 const Request& request = {}) const;

  double cutoff() const;                          ///< angstrom
  std::span<const std::int32_t> species() const;  ///< atomic numbers
  int layers() const;
  int channels() const;
  int n_rbf() const;
  /// 4 max(n_rbf - 1, p + 4) with the envelope's exponent p: an error below 2e-7 of the filter's largest
  /// value, 4e-6 of its largest slope. n times as many divide it by n^6 and n^5.
  int default_knots() const;
  const std::string& variant() const;  ///< v1, vn, vanilla, vanilla-nmu
  Forces forces() const;               ///< the model's own default
  std::int32_t max_neighbors() const;  ///< 0: no limit
  const std::string& header() const;   ///< of the file, JSON
  const PotentialOptions& options() const;

 private:
  friend class LayeredEvaluation;
  friend std::vector<KernelTime> profile(const Potential& potential, std::span<const double> positions,
                                         std::span<const std::int32_t> numbers, const Cell& cell,
                                         const Request& request);
  struct State;
  std::shared_ptr<const State> state_;
};

/// A part of a structure: atoms that this process owns, ghosts that it sees, and a full list of the owned
/// atoms' neighbours within ONE cutoff. Spans are read by LayeredEvaluation::start() alone.
struct LayeredInput {
  std::int64_t n_owned = 0;
  std::span<const std::int32_t> numbers;    ///< of owned atoms, then of ghosts
  std::span<const std::int64_t> indptr;     ///< n_owned + 1
  std::span<const std::int32_t> neighbors;  ///< within `numbers`
  std::span<const double>
      vectors;  ///< r_j - r_i, three for each, angstrom; those beyond the cutoff are left out
};

/// One structure shared by several processes, layer by layer. No force is ever sent back: each owned atom's
/// force is complete where it is owned, and the number of processes shows in the order of the global sums
/// alone.
///
///     start
///     l = 0 ... layers - 1:  begin_layer(l)
///                            ghosts get features(l) of their owners (none in layer 0)
///                            edges(l)
///                            global() is added up over processes
///                            end_layer(l)
///     readout
///     l = layers - 1 ... 0:  backward_begin(l)              (for gradient forces only)
///                            global() is added up over processes
///                            backward_gradients(l)
///                            ghosts get gradients() of their owners
///                            backward_edges(l)
///     result
///
/// Every process takes part in every step, without atoms too. Calls out of this order are refused. A call
/// that is refused, for its order or its arguments, changes nothing: the right one may follow. One that fails
/// in its work (no memory, numbers that are not finite) ends the evaluation: start() alone may follow.
class NONIDEAL_API LayeredEvaluation {
 public:
  /// Throws InvalidArgument for a model that limits the number of neighbours.
  explicit LayeredEvaluation(const Potential& potential);
  LayeredEvaluation(LayeredEvaluation&&) noexcept;
  LayeredEvaluation& operator=(LayeredEvaluation&&) noexcept;
  LayeredEvaluation(const LayeredEvaluation&) = delete;
  LayeredEvaluation& operator=(const LayeredEvaluation&) = delete;
  ~LayeredEvaluation();

  /// Throws InvalidArgument unless the list is one; virials need gradient forces.
  void start(const LayeredInput& input, const Request& request);
  void begin_layer(int layer);
  void edges(int layer);
  void end_layer(int layer);
  void readout();
  void backward_begin(int layer);
  void backward_gradients(int layer);
  void backward_edges(int layer);

  /// Of the owned atoms, whose virials are complete. Energy and virial are to be added up over processes.
  Result result();

  /// Numbers that processes add up; there may be none. The same number on each.
  std::span<double> global();

  int feature_size() const;   ///< numbers for each atom: 6 F
  int gradient_size() const;  ///< 4 F
  /// Copies the rows of these atoms, one after another.
  void pack_features(int layer, std::span<const std::int32_t> atoms, std::span<double> to) const;
  void pack_gradients(std::span<const std::int32_t> atoms, std::span<double> to) const;
  /// Takes rows of atoms first, first + 1, ...
  void unpack_features(int layer, std::int64_t first, std::span<const double> from);
  void unpack_gradients(std::int64_t first, std::span<const double> from);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace nonideal::atoms
