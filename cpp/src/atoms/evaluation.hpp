#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "atoms/network.hpp"
#include "base/aligned.hpp"

namespace nonideal::atoms::detail {

/// Who is near whom: the edges of owned atoms, as a full list. `reverse` says where an edge stands turned
/// round; it is empty where nobody knows, or where a list was truncated and it may stand nowhere.
struct GraphView {
  std::int64_t n_owned = 0, n_total = 0;  ///< owned atoms come first
  std::span<const std::int64_t> indptr;
  std::span<const std::int32_t> neighbors;
  std::span<const double> vectors;  ///< D = r_j - r_i, angstrom
  std::span<const std::int64_t> reverse;
};

enum class Wanted { energy, direct, gradient };

/// One pass through a network, phase by phase, and what is remembered from phase to phase. Several processes
/// may share a structure: between phases they copy rows of features or gradients of owned atoms to whoever
/// holds them as ghosts, and add up global().
///
/// Forward: start, then for every layer begin_layer, [features], edges, [global], end_layer; then readout.
/// Backward, from the last layer on: backward_begin, [global], backward_gradients, [gradients],
/// backward_edges; then forces.
///
/// The same bits for every number of threads.
template <class T>
class Evaluation {
 public:
  explicit Evaluation(const Network<T>& network) : Evaluation(network, network.k) {}
  /// With other kernels than the network's own.
  Evaluation(const Network<T>& network, const KernelTable<T>& kernels) : net_(network), k_(kernels) {}

  /// `species` are rows of the embedding, of ghosts too.
  void start(const GraphView& graph, std::span<const std::int32_t> species, Wanted wanted, int threads);
  void begin_layer(int l);
  void edges(int l);
  void end_layer(int l);
  void readout();
  void backward_begin(int l);
  void backward_gradients(int l);
  void backward_edges(int l);
  /// With `virials` those of the atoms too.
  void forces(bool virials = false);

  /// Numbers that processes add up; may be empty.
  std::span<double> global() { return global_; }
  /// Rows of 6 F numbers; none in layer 0.
  T* features(int l) { return layers_[static_cast<std::size_t>(l)].features.data(); }
  /// Rows of 4 F numbers.
  T* gradients() { return gradients_.data(); }

  std::span<const double> energies() const { return {energies_.data(), energies_.size()}; }
  std::span<const double> force() const { return {forces_.data(), forces_.size()}; }
  const std::array<double, 9>& virial() const { return virial_; }
  std::span<const double> virials() const { return {virials_.data(), virials_.size()}; }
  const Network<T>& network() const { return net_; }

 private:
  struct LayerState {
    AlignedVector<T> features;           ///< (n_total, 6 F)
    AlignedVector<T> hidden;             ///< of q, before sigma
    AlignedVector<T> projected;          ///< (3 n, 2 F) or (3 n, F)
    AlignedVector<T> mix_hidden, mixed;  ///< before sigma; [p, q, (r)]
    AlignedVector<T> own;                ///< v1: lin(x); else x before the update
    AlignedVector<T> pool_hidden, s, t;  ///< of the global vector
    std::array<T, 3> global_vector{};
    AlignedVector<T> distribute_hidden, distribute_out;
    AlignedVector<T> aggregate_hidden, aggregate_out;  ///< one row
  };

  /// Scratch memory of one thread, handed out piece by piece.
  class Arena {
   public:
    void reset() { used_ = 0; }
    void reserve(std::size_t n) {
      if (memory_.size() < n) memory_.resize(n);
    }
    T* take(std::int64_t n) {
      T* const piece = memory_.data() + used_;
      used_ += (static_cast<std::size_t>(n) + 15) / 16 * 16;
      return piece;
    }

   private:
    AlignedVector<T> memory_;
    std::size_t used_ = 0;
  };

  LayerState& state(int l) { return layers_[static_cast<std::size_t>(l)]; }
  const Layer<T>& weights(int l) const { return net_.layers[static_cast<std::size_t>(l)]; }
  bool last(int l) const { return l + 1 == net_.n_layers; }
  /// Whether layer l's vectors are of any use once its scalars are known.
  bool updates_vectors(int l) const { return !last(l) || wanted_ == Wanted::direct; }
  bool projects_first(int l) const { return updates_vectors(l) || net_.kind == kernels::UpdateKind::vanilla; }
  bool backward() const { return wanted_ == Wanted::gradient; }

  void take_graph(const GraphView& graph);
  void take_reverse(const GraphView& graph, const std::vector<std::int64_t>& place);
  void transpose();
  void reserve();

  /// Runs body(begin, end, arena) over blocks of owned atoms.
  template <class Body>
  void blocks(const Body& body);
  /// Calls body(filter, begin, end) for the centres [begin, end), in parts where filters are not tabulated.
  template <class Body>
  void with_filter(int l, std::int64_t begin, std::int64_t end, const std::vector<std::int64_t>& indptr,
                   const std::vector<double>& distances, Arena& arena, const Body& body);
  kernels::Update<T> update_of(int l, std::int64_t begin, std::int64_t end);
  void distribute(int l, std::int64_t begin, std::int64_t end, Arena& arena);
  void pool(int l, std::int64_t begin, std::int64_t end, Arena& arena);
  void update(int l, std::int64_t begin, std::int64_t end, Arena& arena);
  void update_backward(int l, std::int64_t begin, std::int64_t end, Arena& arena);
  void distribute_backward(int l, std::int64_t begin, std::int64_t end, Arena& arena);
  void sum_rows(const T* rows, std::int64_t ld, std::int64_t n, std::int64_t width, double* to) const;
  void aggregate(int l);
  void aggregate_backward(int l);
  void check_finite();

  const Network<T>& net_;
  const KernelTable<T>& k_;
  Wanted wanted_ = Wanted::energy;
  int threads_ = 1;
  std::int64_t n_ = 0, n_total_ = 0, most_edges_ = 0;
  double largest_ = 0.0;  ///< bytes that were asked for until now, at least
  std::vector<std::int32_t> species_;

  // The graph without edges that reach the cutoff.
  std::vector<std::int64_t> indptr_;
  AlignedVector<kernels::Edge<T>> edges_;
  std::vector<double> distances_, vectors_;
  std::vector<std::int64_t>
      reverse_;  ///< the place in pull order of the same edge's derivatives; -1: in own_
  bool symmetric_ = true;
  bool complete_ = true;  ///< every edge has its place in pull order
  // Pull order where it is another one: for every atom the edges that leave it.
  std::vector<std::int64_t> pull_indptr_;
  AlignedVector<kernels::Edge<T>> pull_edges_;
  std::vector<double> pull_distances_;

  std::vector<LayerState> layers_;
  AlignedVector<T> x_, v_, gx_, gv_, gradients_;
  AlignedVector<T> derivatives_, own_derivatives_;  ///< (edges, 4): dE/dd, dE/du
  AlignedVector<T> global_parts_;                   ///< (n, 3)
  AlignedVector<T> node_x_, node_v_, bias_x_, bias_v_, gnode_x_, gnode_v_, pooled_;
  std::vector<double> global_, block_sums_;
  double count_ = 0;  ///< atoms of all processes, where means are taken
  std::vector<double> energies_, forces_, virials_;
  std::array<double, 9> virial_{};
  std::vector<Arena> arenas_;
};

/// All phases of a structure that is not shared; `virials`: of every atom too.
template <class T>
void run(Evaluation<T>& evaluation, const GraphView& graph, std::span<const std::int32_t> rows, Wanted wanted,
         int threads, bool virials = false) {
  evaluation.start(graph, rows, wanted, threads);
  const int layers = static_cast<int>(evaluation.network().n_layers);
  for (int l = 0; l < layers; ++l) {
    evaluation.begin_layer(l);
    evaluation.edges(l);
    evaluation.end_layer(l);
  }
  evaluation.readout();
  if (wanted != Wanted::gradient) return;
  for (int l = layers - 1; l >= 0; --l) {
    evaluation.backward_begin(l);
    evaluation.backward_gradients(l);
    evaluation.backward_edges(l);
  }
  evaluation.forces(virials);
}

extern template class Evaluation<float>;
extern template class Evaluation<double>;

}  // namespace nonideal::atoms::detail
