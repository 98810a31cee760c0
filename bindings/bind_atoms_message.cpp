#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "nonideal/atoms/message.hpp"

namespace nonideal::bindings {

using namespace py::literals;
using namespace nonideal::atoms;

namespace {

using Index = Array<std::int64_t>;

/// A graph whose neighbours are narrowed to 32 bits, checked.
class Graph {
 public:
  Graph(std::span<const std::int64_t> indptr, std::span<const std::int64_t> neighbors, std::int64_t n_nodes)
      : indptr_(indptr), n_nodes_(n_nodes) {
    constexpr std::size_t kMost = std::numeric_limits<std::int32_t>::max();
    if (neighbors.size() > kMost) {
      throw InvalidArgument("neighbors: " + std::to_string(neighbors.size()) + " edges are more than " +
                            std::to_string(kMost));
    }
    narrow_.resize(neighbors.size());
    for (std::size_t e = 0; e < neighbors.size(); ++e) {
      if (neighbors[e] < 0 || neighbors[e] >= n_nodes) {
        throw InvalidArgument("neighbors[" + std::to_string(e) + "] = " + std::to_string(neighbors[e]) +
                              " is outside [0, " + std::to_string(n_nodes) + ")");
      }
      narrow_[e] = static_cast<std::int32_t>(neighbors[e]);
    }
    validate(view());
  }
  CsrView view() const { return {indptr_, narrow_, n_nodes_}; }

 private:
  std::span<const std::int64_t> indptr_;
  std::vector<std::int32_t> narrow_;
  std::int64_t n_nodes_;
};

template <class T>
MessageInputs<T> inputs_of(const Array<T>& q, const Array<T>& v, const Array<T>& vectors,
                           const Array<T>& weight, const Array<T>& bias) {
  return {view(q), view(v), view(vectors), view(weight), view(bias)};
}

MessageOptions options_of(py::ssize_t width, py::ssize_t n_rbf, double cutoff, int exponent, bool smooth) {
  return {width / 3, n_rbf, cutoff, exponent, smooth};
}

template <class T>
void bind(py::module_& m) {
  // q (N, 3F), v (N, 3, F), vectors (E, 3), weight (3F, R), bias (3F,), indptr (M + 1,), neighbors (E,)
  // -> (M, F), (M, 3, F)
  m.def(
      "message_forward",
      [](const Array<T>& q, const Array<T>& v, const Array<T>& vectors, const Array<T>& weight,
         const Array<T>& bias, const Index& indptr, const Index& neighbors, double cutoff, int exponent,
         bool smooth, int num_threads) {
        expect_ndim("q", q, 2);
        expect_ndim("weight", weight, 2);
        const auto options = options_of(q.shape(1), weight.shape(1), cutoff, exponent, smooth);
        const std::int64_t centers = indptr.size() - 1;
        if (centers < 0) validate({});
        Array<T> dx({centers, options.channels}), dv({centers, std::int64_t{3}, options.channels});
        const auto inputs = inputs_of(q, v, vectors, weight, bias);
        const auto ip = view(indptr), nb = view(neighbors);
        const auto x = mutable_view(dx), y = mutable_view(dv);
        const std::int64_t n_nodes = q.shape(0);
        {
          const py::gil_scoped_release unlocked;
          const Graph graph(ip, nb, n_nodes);
          message_forward<T>(graph.view(), options, inputs, x, y, num_threads);
        }
        return std::tuple(dx, dv);
      },
      "q"_a.noconvert(), "v"_a.noconvert(), "vectors"_a.noconvert(), "weight"_a.noconvert(),
      "bias"_a.noconvert(), "indptr"_a.noconvert(), "neighbors"_a.noconvert(), py::kw_only(), "cutoff"_a,
      "exponent"_a, "smooth"_a, "num_threads"_a = 0);

  // The gradients by q, v, vectors, weight and bias; what is not wanted has size 0.
  m.def(
      "message_backward",
      [](const Array<T>& gx, const Array<T>& gv, const Array<T>& q, const Array<T>& v,
         const Array<T>& vectors, const Array<T>& weight, const Array<T>& bias, const Index& indptr,
         const Index& neighbors, double cutoff, int exponent, bool smooth, bool by_vectors, bool by_weight,
         int num_threads) {
        expect_ndim("q", q, 2);
        expect_ndim("weight", weight, 2);
        const auto options = options_of(q.shape(1), weight.shape(1), cutoff, exponent, smooth);
        const std::int64_t n_nodes = q.shape(0), n_edges = neighbors.size(), width = q.shape(1);
        const std::int64_t vector_rows = by_vectors ? n_edges : 0, filter_rows = by_weight ? width : 0;
        Array<T> out_q({n_nodes, width}), out_v({n_nodes, std::int64_t{3}, width / 3});
        Array<T> out_vectors({vector_rows, std::int64_t{3}}), out_weight({filter_rows, options.n_rbf});
        Array<T> out_bias(filter_rows);
        const auto inputs = inputs_of(q, v, vectors, weight, bias);
        const MessageGradients<T> gradients = {mutable_view(out_q), mutable_view(out_v),
                                               mutable_view(out_vectors), mutable_view(out_weight),
                                               mutable_view(out_bias)};
        const auto ip = view(indptr), nb = view(neighbors);
        const auto x = view(gx), y = view(gv);
        {
          const py::gil_scoped_release unlocked;
          const Graph graph(ip, nb, n_nodes);
          const Transposed sources = transpose(graph.view());
          message_backward<T>(sources.view(), options, inputs, x, y, gradients, num_threads);
        }
        return std::tuple(out_q, out_v, out_vectors, out_weight, out_bias);
      },
      "gx"_a.noconvert(), "gv"_a.noconvert(), "q"_a.noconvert(), "v"_a.noconvert(), "vectors"_a.noconvert(),
      "weight"_a.noconvert(), "bias"_a.noconvert(), "indptr"_a.noconvert(), "neighbors"_a.noconvert(),
      py::kw_only(), "cutoff"_a, "exponent"_a, "smooth"_a, "by_vectors"_a = true, "by_weight"_a = true,
      "num_threads"_a = 0);

  // The gradients of <direction, message_backward> by q, v, vectors, weight, bias, gx and gv. A direction of
  // weight and bias of size 0 is zero.
  m.def(
      "message_second",
      [](const Array<T>& direction_q, const Array<T>& direction_v, const Array<T>& direction_vectors,
         const Array<T>& direction_weight, const Array<T>& direction_bias, const Array<T>& gx,
         const Array<T>& gv, const Array<T>& q, const Array<T>& v, const Array<T>& vectors,
         const Array<T>& weight, const Array<T>& bias, const Index& indptr, const Index& neighbors,
         double cutoff, int exponent, bool smooth, int num_threads) {
        expect_ndim("q", q, 2);
        expect_ndim("weight", weight, 2);
        const auto options = options_of(q.shape(1), weight.shape(1), cutoff, exponent, smooth);
        const std::int64_t n_nodes = q.shape(0), n_edges = neighbors.size(), width = q.shape(1);
        const std::int64_t centers = indptr.size() - 1;
        if (centers < 0) validate({});
        Array<T> out_q({n_nodes, width}), out_v({n_nodes, std::int64_t{3}, width / 3});
        Array<T> out_vectors({n_edges, std::int64_t{3}}), out_weight({width, options.n_rbf}), out_bias(width);
        Array<T> out_gx({centers, width / 3}), out_gv({centers, std::int64_t{3}, width / 3});
        const auto inputs = inputs_of(q, v, vectors, weight, bias);
        const auto direction =
            inputs_of(direction_q, direction_v, direction_vectors, direction_weight, direction_bias);
        const MessageGradients<T> gradients = {mutable_view(out_q), mutable_view(out_v),
                                               mutable_view(out_vectors), mutable_view(out_weight),
                                               mutable_view(out_bias)};
        const auto ip = view(indptr), nb = view(neighbors);
        const auto x = view(gx), y = view(gv);
        const auto by_x = mutable_view(out_gx), by_y = mutable_view(out_gv);
        {
          const py::gil_scoped_release unlocked;
          const Graph graph(ip, nb, n_nodes);
          const Transposed sources = transpose(graph.view());
          message_second<T>(graph.view(), sources.view(), options, inputs, x, y, direction, gradients, by_x,
                            by_y, num_threads);
        }
        return std::tuple(out_q, out_v, out_vectors, out_weight, out_bias, out_gx, out_gv);
      },
      "direction_q"_a.noconvert(), "direction_v"_a.noconvert(), "direction_vectors"_a.noconvert(),
      "direction_weight"_a.noconvert(), "direction_bias"_a.noconvert(), "gx"_a.noconvert(),
      "gv"_a.noconvert(), "q"_a.noconvert(), "v"_a.noconvert(), "vectors"_a.noconvert(),
      "weight"_a.noconvert(), "bias"_a.noconvert(), "indptr"_a.noconvert(), "neighbors"_a.noconvert(),
      py::kw_only(), "cutoff"_a, "exponent"_a, "smooth"_a, "num_threads"_a = 0);
}

}  // namespace

void bind_atoms_message(py::module_ m) {
  // Throws unless these are the edges of n_nodes centres and as many neighbours.
  m.def(
      "check_graph",
      [](const Index& indptr, const Index& neighbors, std::int64_t n_nodes) {
        const auto ip = view(indptr), nb = view(neighbors);
        const py::gil_scoped_release unlocked;
        const Graph graph(ip, nb, n_nodes);
      },
      "indptr"_a.noconvert(), "neighbors"_a.noconvert(), "n_nodes"_a);
  bind<float>(m);
  bind<double>(m);
}

}  // namespace nonideal::bindings
