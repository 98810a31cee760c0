// The message passes from C++: the table against the exact filter, slopes against differences, symmetric
// lists as their own transpose, threads, refusals.
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
Results<T> exact(const Case<T>& c, int threads = 1) {
  Results<T> r(c);
  a::message_forward<T>(c.csr(), c.options, c.inputs(), r.dx, r.dv, threads);
  a::message_backward<T>(a::transpose(c.csr()).view(), c.options, c.inputs(), c.gx, c.gv, r.gradients(),
                         threads);
  return r;
}

template <class T>
Results<T> tabulated(const Case<T>& c, const a::RadialTable<T>& table, int threads = 1) {
  Results<T> r(c);
  table.forward(c.csr(), c.q, c.v, c.vectors, r.dx, r.dv, threads);
  const a::SourceView own{c.indptr, c.reverse, c.neighbors};
  table.backward(own, c.q, c.v, c.vectors, c.gx, c.gv, r.q, r.v, r.vectors, threads);
  return r;
}

template <class T>
double largest(const std::vector<T>& x) {
  double most = 0.0;
  for (const T value : x) most = std::fmax(most, std::fabs(static_cast<double>(value)));
  return most;
}

template <class T>
double distance(const std::vector<T>& x, const std::vector<T>& y) {
  double most = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    most = std::fmax(most, std::fabs(static_cast<double>(x[i]) - static_cast<double>(y[i])));
  }
  return most / largest(y);
}

std::vector<double> widened(const std::vector<double>& x) { return x; }
std::vector<double> widened(const std::vector<float>& x) { return {x.begin(), x.end()}; }

/// w and w' by one edge of length d: q = 1 and v = 0 leave c = w / sqrt 3 in dx, and its slope in the
/// gradient.
struct Radial {
  std::vector<double> value, slope;
};

template <class Forward, class Backward>
Radial radial(std::int64_t channels, double d, const Forward& forward, const Backward& backward) {
  const std::vector<double> q(index(6 * channels), 1.0), v(index(6 * channels), 0.0), vectors{d, 0.0, 0.0};
  Radial r;
  std::vector<double> dx(index(2 * channels)), dv(index(6 * channels));
  forward(q, v, vectors, dx, dv);
  for (std::int64_t c = 0; c < channels; ++c) {
    r.value.push_back(dx[index(c)]);
    std::vector<double> gx(index(2 * channels), 0.0), gv(index(6 * channels), 0.0), by_q(q), by_v(v);
    std::vector<double> by_vectors(3);
    gx[index(c)] = 1.0;
    backward(q, v, vectors, gx, gv, by_q, by_v, by_vectors);
    r.slope.push_back(by_vectors[0]);
  }
  return r;
}

/// The error of the table relative to the largest value and slope; 5.2b's figures are for 16 knots.
void table_errors() {
  for (const bool smooth : {true, false}) {
    for (const std::int64_t n_rbf : {16, 32}) {
      const std::int64_t channels = 8;
      const auto weight = random<double>(3 * channels * n_rbf, 4), bias = random<double>(3 * channels, 5);
      const a::MessageOptions options{channels, n_rbf, 5.0, 5, smooth};
      const std::vector<std::int64_t> indptr{0, 1, 1};
      const std::vector<std::int32_t> neighbors{1};
      const a::CsrView csr{indptr, neighbors, 2};
      const a::Transposed sources = a::transpose(csr);
      struct Bound {
        std::int64_t per_spacing;
        double value, slope;
      };
      for (const Bound bound : {Bound{8, 3e-6, 1e-4}, Bound{16, 2e-7, 1.5e-5}, Bound{32, 1.2e-8, 2e-6}}) {
        const a::RadialTable<double> table(options, weight, bias, bound.per_spacing * (n_rbf - 1));
        double value = 0.0, slope = 0.0, value_error = 0.0, slope_error = 0.0;
        for (int step = 0; step < 400; ++step) {
          const double d = 0.3 + 4.7 * (step + 0.5) / 400;
          const Radial want = radial(
              channels, d,
              [&](const auto& q, const auto& v, const auto& D, auto& dx, auto& dv) {
                a::message_forward<double>(csr, options, {q, v, D, weight, bias}, dx, dv, 1);
              },
              [&](const auto& q, const auto& v, const auto& D, const auto& gx, const auto& gv, auto& by_q,
                  auto& by_v, auto& by_D) {
                a::message_backward<double>(sources.view(), options, {q, v, D, weight, bias}, gx, gv,
                                            {by_q, by_v, by_D, {}, {}}, 1);
              });
          const Radial got = radial(
              channels, d,
              [&](const auto& q, const auto& v, const auto& D, auto& dx, auto& dv) {
                table.forward(csr, q, v, D, dx, dv, 1);
              },
              [&](const auto& q, const auto& v, const auto& D, const auto& gx, const auto& gv, auto& by_q,
                  auto& by_v,
                  auto& by_D) { table.backward(sources.view(), q, v, D, gx, gv, by_q, by_v, by_D, 1); });
          for (std::size_t c = 0; c < got.value.size(); ++c) {
            value = std::fmax(value, std::fabs(want.value[c]));
            slope = std::fmax(slope, std::fabs(want.slope[c]));
            value_error = std::fmax(value_error, std::fabs(want.value[c] - got.value[c]));
            slope_error = std::fmax(slope_error, std::fabs(want.slope[c] - got.slope[c]));
          }
        }
        std::printf("R = %d, %d knots per spacing: value %.1e, slope %.1e\n", static_cast<int>(n_rbf),
                    static_cast<int>(bound.per_spacing), value_error / value, slope_error / slope);
        CHECK(value_error < bound.value * value);
        CHECK(slope_error < bound.slope * slope);
      }
    }
  }
}

/// Gradients by vectors against differences of the tabulated energy itself: forces are its exact slope.
void table_forces() {
  const Case<double> c(30, 5, 6, true);
  const a::RadialTable<double> table(c.options, c.weight, c.bias, 7);  // coarse: far from the exact filter
  const Results<double> r = tabulated(c, table);
  CHECK(distance(r.dx, exact(c).dx) > 1e-3);
  const auto energy = [&](const std::vector<double>& vectors) {
    std::vector<double> dx(c.gx.size()), dv(c.gv.size());
    table.forward(c.csr(), c.q, c.v, vectors, dx, dv, 1);
    double sum = 0.0;
    for (std::size_t i = 0; i < dx.size(); ++i) sum += dx[i] * c.gx[i];
    for (std::size_t i = 0; i < dv.size(); ++i) sum += dv[i] * c.gv[i];
    return sum;
  };
  for (std::size_t k = 0; k < 60; ++k) {
    std::vector<double> up = c.vectors, down = c.vectors;
    up[k] += 1e-5;
    down[k] -= 1e-5;
    CHECK(std::fabs((energy(up) - energy(down)) / 2e-5 - r.vectors[k]) < 1e-8);
  }
}

template <class T>
void table_is_the_filter(double tolerance) {
  for (const bool smooth : {true, false}) {
    for (const std::int64_t channels : {1, 16, 23}) {
      const Case<T> c(60, channels, 12, smooth);
      const Results<T> want = exact(c);
      const a::RadialTable<T> table(c.options, widened(c.weight), widened(c.bias), 1000);
      const Results<T> got = tabulated(c, table);
      CHECK(distance(got.dx, want.dx) < tolerance);
      CHECK(distance(got.dv, want.dv) < tolerance);
      CHECK(distance(got.q, want.q) < tolerance);
      CHECK(distance(got.v, want.v) < tolerance);
      // A symmetric list as its own transpose names the edges alike.
      CHECK(distance(got.vectors, want.vectors) < 10 * tolerance);
    }
  }
}

template <class T>
void threads() {
  const Case<T> c(300, 67, 12, true);
  const a::RadialTable<T> table(c.options, widened(c.weight), widened(c.bias));
  CHECK_EQUAL(table.knots(), std::int64_t{16 * 11});
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
  const Results<T> first = exact(c), first_table = tabulated(c, table), first_second = second(1);
  for (const int n : {2, 3}) {
    CHECK(same(exact(c, n), first));
    CHECK(same(tabulated(c, table, n), first_table));
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
  const Results<double> whole = exact(c);
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
  auto weight = c.weight;
  weight[2] = std::numeric_limits<double>::infinity();
  CHECK_REFUSED("weight[2] = inf is not finite", a::RadialTable<double>(c.options, weight, c.bias));
  CHECK_REFUSED("knots = -1 is outside [1, 4194304]",
                a::RadialTable<double>(c.options, c.weight, c.bias, -1));

  std::vector<std::int64_t> indptr = c.indptr;
  std::vector<std::int32_t> neighbors = c.neighbors;
  neighbors[1] = 10;
  CHECK_REFUSED("neighbors[1] = 10 is outside [0, 10)", a::validate({c.indptr, neighbors, 10}));
  indptr[1] = -1;
  CHECK_REFUSED("indptr[1] = -1 is below 0", a::validate({indptr, c.neighbors, 10}));
  indptr[0] = 1;
  CHECK_REFUSED("indptr[0] = 1 is outside [0, 0]", a::validate({indptr, c.neighbors, 10}));
  CHECK_REFUSED("indptr: expected at least 1 number, got 0", a::validate({}));
  neighbors.pop_back();
  CHECK_REFUSED("neighbors: expected " + std::to_string(c.neighbors.size()) + " edges, got " +
                    std::to_string(neighbors.size()),
                a::validate({c.indptr, neighbors, 10}));
}

}  // namespace

int main() {
  return check::run([] {
    table_errors();
    table_forces();
    table_is_the_filter<float>(1e-5);
    table_is_the_filter<double>(1e-7);
    threads<float>();
    threads<double>();
    ghosts();
    no_edges();
    refusals();
  });
}
