// The message passes from C++: symmetric lists as their own transpose, threads, ghosts, graphs without edges,
// refusals.
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "check.hpp"
#include "nonideal/atoms/message.hpp"
#include "nonideal/base/random.hpp"

namespace a = nonideal::atoms;

namespace {

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

/// Numbers in [-1, 1).
template <class T>
std::vector<T> random(std::int64_t n, std::uint64_t stream) {
  std::vector<T> numbers(index(n));
  for (std::int64_t i = 0; i < n; ++i) {
    const auto words = nonideal::philox(11, stream, static_cast<std::uint64_t>(i));
    numbers[index(i)] = static_cast<T>(2 * nonideal::uniform53(words.w[0], words.w[1]) - 1);
  }
  return numbers;
}

/// Atoms at random places in a box, all that are closer than the cutoff: a symmetric list.
template <class T>
struct Case {
  a::MessageOptions options;
  std::vector<std::int64_t> indptr{0};
  std::vector<std::int32_t> neighbors, reverse;
  std::int64_t n;
  std::vector<T> q, v, vectors, weight, bias, gx, gv;

  Case(std::int64_t atoms, std::int64_t channels, std::int64_t n_rbf, bool smooth) : n(atoms) {
    options = {channels, n_rbf, 3.0, 5, smooth};
    const auto places = random<double>(3 * n, 1);
    std::vector<std::vector<std::int64_t>> edge(index(n), std::vector<std::int64_t>(index(n), -1));
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double square = 0.0, difference[3];
        for (std::int64_t k = 0; k < 3; ++k) {
          difference[k] = 4.0 * (places[index(3 * j + k)] - places[index(3 * i + k)]);
          square += difference[k] * difference[k];
        }
        if (i == j || square >= 10.0) continue;  // some beyond the cutoff, as in a list with a skin
        edge[index(i)][index(j)] = static_cast<std::int64_t>(neighbors.size());
        neighbors.push_back(static_cast<std::int32_t>(j));
        for (const double x : difference) vectors.push_back(static_cast<T>(x));
      }
      indptr.push_back(static_cast<std::int64_t>(neighbors.size()));
    }
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        if (edge[index(i)][index(j)] >= 0) {
          reverse.push_back(static_cast<std::int32_t>(edge[index(j)][index(i)]));
        }
      }
    }
    q = random<T>(n * 3 * channels, 2);
    v = random<T>(n * 3 * channels, 3);
    weight = random<T>(3 * channels * n_rbf, 4);
    bias = random<T>(3 * channels, 5);
    gx = random<T>(n * channels, 6);
    gv = random<T>(n * 3 * channels, 7);
  }

  a::CsrView csr() const { return {indptr, neighbors, n}; }
  a::MessageInputs<T> inputs() const { return {q, v, vectors, weight, bias}; }
};

/// The results of a forward or backward pass, side by side.
template <class T>
struct Results {
  std::vector<T> dx, dv, q, v, vectors, weight, bias;

  explicit Results(const Case<T>& c)
      : dx(c.gx.size()),
        dv(c.gv.size()),
        q(c.q.size()),
        v(c.v.size()),
        vectors(c.vectors.size()),
        weight(c.weight.size()),
        bias(c.bias.size()) {}
  a::MessageGradients<T> gradients() { return {q, v, vectors, weight, bias}; }
};

template <class T>
Results<T> both_passes(const Case<T>& c, int threads = 1) {
  Results<T> r(c);
  a::message_forward<T>(c.csr(), c.options, c.inputs(), r.dx, r.dv, threads);
  a::message_backward<T>(a::transpose(c.csr()).view(), c.options, c.inputs(), c.gx, c.gv, r.gradients(),
                         threads);
  return r;
}

template <class T>
double largest(const std::vector<T>& x) {
  double most = 0.0;
  for (const T value : x) most = std::fmax(most, std::fabs(static_cast<double>(value)));
  return most;
}

/// A symmetric list with its reverse edges is its own transpose.
void symmetric() {
  const Case<double> c(60, 23, 12, true);
  const Results<double> want = both_passes(c);
  Results<double> got(c);
  a::message_backward<double>({c.indptr, c.reverse, c.neighbors}, c.options, c.inputs(), c.gx, c.gv,
                              got.gradients(), 1);
  CHECK(got.q == want.q && got.v == want.v && got.vectors == want.vectors);
  CHECK(got.weight == want.weight && got.bias == want.bias);
}

/// What is not wanted changes nothing of what is.
void optional_gradients() {
  const Case<double> c(40, 11, 7, true);
  const Results<double> want = both_passes(c);
  const a::Transposed sources = a::transpose(c.csr());
  for (const bool vectors : {true, false}) {
    for (const bool weights : {true, false}) {
      Results<double> got(c);
      a::MessageGradients<double> gradients = got.gradients();
      if (!vectors) gradients.vectors = {};
      if (!weights) gradients.weight = gradients.bias = {};
      a::message_backward<double>(sources.view(), c.options, c.inputs(), c.gx, c.gv, gradients, 1);
      CHECK(got.q == want.q && got.v == want.v);
      CHECK(vectors ? got.vectors == want.vectors : largest(got.vectors) == 0.0);
      CHECK(weights ? got.weight == want.weight && got.bias == want.bias : largest(got.weight) == 0.0);
    }
  }
}

template <class T>
void threads() {
  const Case<T> c(300, 67, 12, true);
  const auto second = [&](int n) {
    Results<T> r(c);
    const a::MessageInputs<T> direction{c.v, c.q, c.vectors, c.weight, c.bias};
    a::message_second<T>(c.csr(), a::transpose(c.csr()).view(), c.options, c.inputs(), c.gx, c.gv, direction,
                         r.gradients(), r.dx, r.dv, n);
    return r;
  };
  const auto same = [](const Results<T>& x, const Results<T>& y) {
    return x.dx == y.dx && x.dv == y.dv && x.q == y.q && x.v == y.v && x.vectors == y.vectors &&
           x.weight == y.weight && x.bias == y.bias;
  };
  const Results<T> first = both_passes(c), first_second = second(1);
  for (const int n : {2, 3}) {
    CHECK(same(both_passes(c, n), first));
    CHECK(same(second(n), first_second));
  }
}

/// Fewer centres than nodes, as where ghosts only send: the same as a graph in which ghosts receive nothing.
void ghosts() {
  Case<double> c(20, 9, 6, true);
  const std::int64_t owned = 12;
  const auto edges = c.indptr[index(owned)];
  c.neighbors.resize(index(edges));
  c.vectors.resize(index(3 * edges));
  for (std::int64_t i = owned; i <= c.n; ++i) c.indptr[index(i)] = edges;
  const Results<double> whole = both_passes(c);
  Results<double> r(c);
  r.dx.resize(index(owned * 9));
  r.dv.resize(index(owned * 27));
  const a::CsrView part{std::span(c.indptr).first(index(owned + 1)), c.neighbors, c.n};
  a::validate(part);
  a::message_forward<double>(part, c.options, c.inputs(), r.dx, r.dv, 1);
  CHECK(r.dx == std::vector<double>(whole.dx.begin(), whole.dx.begin() + owned * 9));
  CHECK(r.dv == std::vector<double>(whole.dv.begin(), whole.dv.begin() + owned * 27));
  const std::span<const double> gx(c.gx), gv(c.gv);
  a::message_backward<double>(a::transpose(part).view(), c.options, c.inputs(), gx.first(index(owned * 9)),
                              gv.first(index(owned * 27)), r.gradients(), 1);
  CHECK(r.q == whole.q && r.v == whole.v && r.vectors == whole.vectors && r.weight == whole.weight);
  CHECK(largest(whole.q) > 0.1);
}

void no_edges() {
  const a::MessageOptions options{3, 4, 5.0, 5, true};
  const std::vector<double> weight(36, 1.0), bias(9, 1.0), q(18, 1.0), v(18, 1.0), none;
  const std::vector<std::int64_t> indptr{0, 0, 0};
  const a::CsrView csr{indptr, {}, 2};
  a::validate(csr);
  std::vector<double> dx(6, 9.0), dv(18, 9.0), by_q(18, 9.0), by_v(18, 9.0), by_w(36, 9.0), by_b(9, 9.0);
  a::message_forward<double>(csr, options, {q, v, none, weight, bias}, dx, dv);
  a::message_backward<double>(a::transpose(csr).view(), options, {q, v, none, weight, bias}, dx, dv,
                              {by_q, by_v, {}, by_w, by_b});
  for (const auto* zeros : {&dx, &dv, &by_q, &by_v, &by_w, &by_b}) CHECK_EQUAL(largest(*zeros), 0.0);
  const std::vector<std::int64_t> empty{0};
  const a::CsrView nobody{empty, {}, 0};
  a::validate(nobody);
  std::vector<double> nothing;
  a::message_forward<double>(nobody, options, {none, none, none, weight, bias}, nothing, nothing);
}

void refusals() {
  const Case<double> c(10, 3, 4, true);
  std::vector<double> dx(c.gx.size()), dv(c.gv.size());
  const auto forward = [&](const a::MessageOptions& options, const a::MessageInputs<double>& inputs) {
    a::message_forward<double>(c.csr(), options, inputs, dx, dv, 1);
  };
  const auto with = [&](auto change) {
    a::MessageOptions options = c.options;
    change(options);
    forward(options, c.inputs());
  };
  CHECK_REFUSED("channels = 0 is outside [1, 1048576]", with([](auto& o) { o.channels = 0; }));
  CHECK_REFUSED("n_rbf = 1 is outside [2, 65536]", with([](auto& o) { o.n_rbf = 1; }));
  CHECK_REFUSED("exponent = 65 is outside [1, 64]", with([](auto& o) { o.exponent = 65; }));
  CHECK_REFUSED("cutoff = 0 is not > 0", with([](auto& o) { o.cutoff = 0.0; }));
  CHECK_REFUSED("q: expected 120 numbers, got 90", with([](auto& o) { o.channels = 4; }));
  auto vectors = c.vectors;
  vectors[3] = vectors[4] = vectors[5] = 0.0;
  CHECK_REFUSED("vectors[1] has length 0, not a finite one > 0",
                forward(c.options, {c.q, c.v, vectors, c.weight, c.bias}));
  vectors[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK_REFUSED("vectors[1] has length nan, not a finite one > 0",
                forward(c.options, {c.q, c.v, vectors, c.weight, c.bias}));
  CHECK_REFUSED("bias: expected 9 numbers, got 0", forward(c.options, {c.q, c.v, c.vectors, c.weight, {}}));
  std::vector<std::int64_t> indptr = c.indptr;
  std::vector<std::int32_t> neighbors = c.neighbors;
  neighbors[1] = 10;
  CHECK_REFUSED("neighbors[1] = 10 is outside [0, 10)", a::validate({c.indptr, neighbors, 10}));
  indptr[1] = -1;
  CHECK_REFUSED("indptr[1] = -1 is below 0", a::validate({indptr, c.neighbors, 10}));
  indptr[0] = 1;
  CHECK_REFUSED("indptr[0] = 1 is outside [0, 0]", a::validate({indptr, c.neighbors, 10}));
  CHECK_REFUSED("indptr: expected at least 1 number, got 0", a::validate({}));
  CHECK_REFUSED("n_nodes = -1 is outside [0, 2147483647]", a::validate({c.indptr, {}, -1}));
  CHECK_REFUSED("n_nodes = 2147483648 is outside [0, 2147483647]",
                a::validate({c.indptr, c.neighbors, std::int64_t{1} << 31}));
  const std::vector<std::int64_t> many{0, 5, std::int64_t{1} << 31};
  CHECK_REFUSED("indptr[2] = 2147483648 is outside [0, 2147483647]", a::validate({many, {}, 10}));
  neighbors.pop_back();
  CHECK_REFUSED("neighbors: expected " + std::to_string(c.neighbors.size()) + " edges, got " +
                    std::to_string(neighbors.size()),
                a::validate({c.indptr, neighbors, 10}));
}

}  // namespace

int main() {
  return check::run([] {
    symmetric();
    optional_gradients();
    threads<float>();
    threads<double>();
    ghosts();
    no_edges();
    refusals();
  });
}
