// The dense kernels of the sparse LU against triple loops, for sizes 1 to 300 and rectangles.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

#include "base/dispatch.hpp"
#include "check.hpp"
#include "flow/kernels/dense.hpp"
#include "flow/kernels/substitution.hpp"
#include "nonideal/base/random.hpp"

namespace {

using namespace nonideal::flow::kernels;

constexpr double kEps = std::numeric_limits<double>::epsilon();

std::uint64_t g_index = 0;

/// In [-1, 1).
double uniform() {
  const nonideal::Words4 words = nonideal::philox({{static_cast<std::uint32_t>(g_index++), 0, 0, 0}}, 5);
  return 2.0 * nonideal::uniform53(words.w[0], words.w[1]) - 1.0;
}

/// Column-major with padded rows (zero there) and one more column, which nobody may touch.
class Matrix {
 public:
  Matrix(std::int64_t rows, std::int64_t columns, double diagonal = 0.0)
      : rows_(rows), columns_(columns), ld_(padded(rows)), data_(allocate(ld_ * (columns + 1))) {
    for (std::int64_t e = 0; e < ld_ * (columns + 1); ++e) data_.get()[e] = 0.0;
    for (std::int64_t j = 0; j < columns; ++j) {
      for (std::int64_t i = 0; i < rows; ++i) at(i, j) = uniform() + (i == j ? diagonal : 0.0);
    }
    for (std::int64_t i = 0; i < ld_; ++i) data_.get()[ld_ * columns + i] = kCanary;
  }
  Matrix(const Matrix& other) : Matrix(other.rows_, other.columns_) {
    for (std::int64_t e = 0; e < ld_ * columns_; ++e) data()[e] = other.data()[e];
  }
  Matrix& operator=(const Matrix&) = delete;

  double& at(std::int64_t i, std::int64_t j) { return data_.get()[i + j * ld_]; }
  double at(std::int64_t i, std::int64_t j) const { return data_.get()[i + j * ld_]; }
  double* data() const { return data_.get(); }
  std::int64_t ld() const { return ld_; }
  std::int64_t rows() const { return rows_; }
  std::int64_t columns() const { return columns_; }

  bool within() const {
    for (std::int64_t i = 0; i < ld_; ++i) {
      if (data_.get()[ld_ * columns_ + i] != kCanary) return false;
    }
    for (std::int64_t j = 0; j < columns_; ++j) {
      for (std::int64_t i = rows_; i < ld_; ++i) {
        if (data_.get()[i + j * ld_] != 0.0) return false;
      }
    }
    return true;
  }

 private:
  static constexpr double kCanary = 0.75;
  struct Free {
    void operator()(double* memory) const { std::free(memory); }
  };
  static std::unique_ptr<double, Free> allocate(std::int64_t n) {
    const auto bytes = (static_cast<std::size_t>(n) * sizeof(double) + 63) / 64 * 64;
    return std::unique_ptr<double, Free>(static_cast<double*>(std::aligned_alloc(64, bytes)));
  }
  std::int64_t rows_, columns_, ld_;
  std::unique_ptr<double, Free> data_;
};

Matrix g_work(kWork, 1);

/// Whether got is want, given the sum of the absolute values of `terms` terms.
bool close(double got, double want, double sum, std::int64_t terms) {
  return std::abs(got - want) <= static_cast<double>(terms + 4) * kEps * (sum + std::abs(want));
}

bool is_difference(const Matrix& got, const Matrix& c, const Matrix& a, const Matrix& b) {
  bool good = got.within();
  for (std::int64_t j = 0; j < c.columns(); ++j) {
    for (std::int64_t i = 0; i < c.rows(); ++i) {
      double want = c.at(i, j), sum = std::abs(want);
      for (std::int64_t p = 0; p < a.columns(); ++p) {
        want -= a.at(i, p) * b.at(p, j);
        sum += std::abs(a.at(i, p) * b.at(p, j));
      }
      good = good && close(got.at(i, j), want, sum, a.columns());
    }
  }
  return good;
}

void products() {
  const auto subtract = NONIDEAL_PICK(flow, subtract_product);
  const auto check = [&](std::int64_t m, std::int64_t n, std::int64_t k) {
    const Matrix a(m, k), b(k, n), c(m, n);
    Matrix got(c);
    subtract({m, n, k, a.data(), a.ld(), b.data(), 1, b.ld(), got.data(), got.ld(), g_work.data()});
    if (!CHECK(is_difference(got, c, a, b)))
      std::fprintf(stderr, "  m %ld n %ld k %ld\n", long(m), long(n), long(k));
    Matrix transposed(n, k), other(c);  // b by rows
    for (std::int64_t p = 0; p < k; ++p) {
      for (std::int64_t j = 0; j < n; ++j) transposed.at(j, p) = b.at(p, j);
    }
    subtract({m, n, k, a.data(), a.ld(), transposed.data(), transposed.ld(), 1, other.data(), other.ld(),
              g_work.data()});
    bool same = true;
    for (std::int64_t e = 0; e < c.ld() * n; ++e) same = same && other.data()[e] == got.data()[e];
    CHECK(same);
  };
  for (std::int64_t n = 1; n <= 300; n += n < 60 ? 1 : 23) check(n, n, n);
  for (std::int64_t m = 1; m <= 60; m += 7) {
    for (std::int64_t n = 1; n <= 60; n += 5) check(m, n, 1 + (m * n) % 50);
  }
  check(3, 300, 40);
  check(300, 2, 290);
  check(250, 260, 1);
  check(200, 70, 600);
  check(8, 9, 700);
  check(10, 10, 0);
  check(10, 0, 10);
}

/// How far x t is from b, in units of round-off.
bool solves(const Matrix& x, const Matrix& t, const Matrix& b, bool upper, bool unit) {
  bool good = x.within();
  const std::int64_t k = t.columns();
  for (std::int64_t j = 0; j < k; ++j) {
    for (std::int64_t i = 0; i < x.rows(); ++i) {
      double got = 0.0, sum = 0.0;
      for (std::int64_t p = 0; p < k; ++p) {
        if (upper ? p > j : p < j) continue;
        const double term = x.at(i, p) * (p == j && unit ? 1.0 : t.at(p, j));
        got += term;
        sum += std::abs(term);
      }
      good = good && close(got, b.at(i, j), 2 * sum, k);
    }
  }
  return good;
}

void triangles() {
  const auto right = NONIDEAL_PICK(flow, solve_right);
  const auto left = NONIDEAL_PICK(flow, solve_left);
  for (const std::int64_t k : {1, 2, 7, 8, 9, 15, 16, 23, 24, 31, 40, 63, 64, 65, 100, 129, 300}) {
    for (const std::int64_t m : {1, 8, 13, 24, 50, 130}) {
      Matrix t(k, k, 4.0);
      for (std::int64_t j = 0; j < k; ++j) {
        for (std::int64_t i = 0; i < k; ++i) t.at(i, j) *= i == j ? 1.0 : 2.0 / static_cast<double>(k);
      }
      const Matrix b(m, k);
      for (const bool unit : {false, true}) {
        Matrix x(b), y(b);
        right({m, k, x.data(), x.ld(), t.data(), 1, t.ld(), unit, g_work.data()});
        CHECK(solves(x, t, b, true, unit));
        right({m, k, y.data() + (k - 1) * y.ld(), -y.ld(), t.data() + (k - 1) * (t.ld() + 1), -1, -t.ld(),
               unit, g_work.data()});
        CHECK(solves(y, t, b, false, unit));
      }
      // l x = b is x^T l^T = b^T
      const Matrix rhs(k, m);
      Matrix x(rhs), xt(m, k), lt(k, k), bt(m, k);
      left({k, m, t.data(), t.ld(), x.data(), x.ld(), g_work.data()});
      CHECK(x.within());
      for (std::int64_t i = 0; i < k; ++i) {
        for (std::int64_t j = 0; j < m; ++j) xt.at(j, i) = x.at(i, j), bt.at(j, i) = rhs.at(i, j);
        for (std::int64_t j = 0; j < k; ++j) lt.at(j, i) = t.at(i, j);
      }
      CHECK(solves(xt, lt, bt, true, true));
    }
  }
}

void factorizations() {
  const auto factorize = NONIDEAL_PICK(flow, factorize);
  const auto order = NONIDEAL_PICK(flow, order_rows);
  for (std::int64_t k = 1; k <= 300; k += k < 70 ? 1 : 37) {
    const Matrix a(k, k);
    Matrix lu(a), ordered(a);
    std::vector<std::int32_t> rows(static_cast<std::size_t>(k));
    CHECK_EQUAL(factorize({k, lu.data(), lu.ld(), rows.data(), 1e-12, g_work.data()}), 0);
    order({k, k, rows.data(), ordered.data(), ordered.ld(), g_work.data()});
    bool good = lu.within(), pivots = true;
    for (std::int64_t j = 0; j < k; ++j) {
      for (std::int64_t i = 0; i < k; ++i) {
        double got = 0.0, sum = 0.0;
        for (std::int64_t p = 0; p <= std::min(i, j); ++p) {
          const double term = (p == i ? 1.0 : lu.at(i, p)) * lu.at(p, j);
          got += term;
          sum += std::abs(term);
        }
        good = good && close(got, ordered.at(i, j), 2 * sum, k);
        good = good && ordered.at(i, j) == a.at(rows[static_cast<std::size_t>(i)], j);
        if (i > j) pivots = pivots && std::abs(lu.at(i, j)) <= 1.0 + 4 * kEps;
      }
    }
    CHECK(good);
    CHECK(pivots);
  }
  // Zero columns: pivots are replaced by `least`, with their sign, and counted.
  Matrix zeros(20, 20);
  for (std::int64_t i = 0; i < 20; ++i) zeros.at(i, 5) = zeros.at(i, 19) = 0.0;
  std::vector<std::int32_t> rows(20);
  CHECK_EQUAL(factorize({20, zeros.data(), zeros.ld(), rows.data(), 1e-3, g_work.data()}), 2);
  CHECK_EQUAL(zeros.at(5, 5), 1e-3);
  Matrix small(1, 1);
  small.at(0, 0) = -1e-9;
  CHECK_EQUAL(factorize({1, small.data(), small.ld(), rows.data(), 1e-3, g_work.data()}), 1);
  CHECK_EQUAL(small.at(0, 0), -1e-3);
}

/// One front's part of the four substitutions, against the definition.
void substitutions() {
  const auto forward = NONIDEAL_PICK(flow, forward);
  const auto backward = NONIDEAL_PICK(flow, backward);
  const auto forward_transposed = NONIDEAL_PICK(flow, forward_transposed);
  const auto backward_transposed = NONIDEAL_PICK(flow, backward_transposed);
  const auto right = NONIDEAL_PICK(flow, solve_right);
  const auto left = NONIDEAL_PICK(flow, solve_left);
  for (const std::int64_t k : {1, 3, 8, 9, 16, 30, 77}) {
    for (const std::int64_t m : {0, 1, 8, 11, 50}) {
      Matrix pivots(k, k, 3.0);
      for (std::int64_t j = 0; j < k; ++j) {
        for (std::int64_t i = 0; i < k; ++i) pivots.at(i, j) *= i == j ? 1.0 : 2.0 / static_cast<double>(k);
      }
      const Matrix lower(m, k), upper(k, m), x0(k, 1), rest0(m, 1);
      const auto problem = [&](Matrix& x, Matrix& rest) {
        return FrontSolve{k,           m,          pivots.data(), lower.data(), upper.data(),
                          pivots.ld(), lower.ld(), x.data(),      rest.data()};
      };
      const auto equal = [&](const Matrix& got, const Matrix& want) {
        bool good = got.within();
        double size = 1.0;
        for (std::int64_t i = 0; i < want.rows(); ++i) size = std::max(size, std::abs(want.at(i, 0)));
        for (std::int64_t i = 0; i < want.rows(); ++i) {
          good = good &&
                 std::abs(got.at(i, 0) - want.at(i, 0)) <= static_cast<double>(8 * (k + m + 4)) * kEps * size;
        }
        return good;
      };
      const auto minus = [&](const Matrix& of, const Matrix& a, const Matrix& v, bool transpose) {
        Matrix result(of);
        for (std::int64_t i = 0; i < of.rows(); ++i) {
          for (std::int64_t p = 0; p < v.rows(); ++p)
            result.at(i, 0) -= (transpose ? a.at(p, i) : a.at(i, p)) * v.at(p, 0);
        }
        return result;
      };
      const auto row_of = [&](const Matrix& column) {
        Matrix row(1, column.rows());
        for (std::int64_t i = 0; i < column.rows(); ++i) row.at(0, i) = column.at(i, 0);
        return row;
      };
      const auto column_of = [&](const Matrix& row) {
        Matrix column(row.columns(), 1);
        for (std::int64_t i = 0; i < row.columns(); ++i) column.at(i, 0) = row.at(0, i);
        return column;
      };
      {
        Matrix x(x0), rest(rest0), want(x0);
        forward(problem(x, rest));
        left({k, 1, pivots.data(), pivots.ld(), want.data(), want.ld(), g_work.data()});
        CHECK(equal(x, want));
        CHECK(equal(rest, minus(rest0, lower, want, false)));
      }
      {
        Matrix x(x0), rest(rest0);
        forward_transposed(problem(x, rest));
        Matrix row = row_of(x0);
        right({1, k, row.data(), row.ld(), pivots.data(), 1, pivots.ld(), false, g_work.data()});
        const Matrix want = column_of(row);
        CHECK(equal(x, want));
        CHECK(equal(rest, minus(rest0, upper, want, true)));
      }
      {
        Matrix x(x0), rest(rest0);
        backward(problem(x, rest));
        Matrix row = row_of(minus(x0, upper, rest0, false));  // U x = b is x^T U^T = b^T
        right({1, k, row.data() + (k - 1) * row.ld(), -row.ld(), pivots.data() + (k - 1) * (pivots.ld() + 1),
               -pivots.ld(), -1, false, g_work.data()});
        CHECK(equal(x, column_of(row)));
      }
      {
        Matrix x(x0), rest(rest0);
        backward_transposed(problem(x, rest));
        Matrix row = row_of(minus(x0, lower, rest0, true));
        right({1, k, row.data() + (k - 1) * row.ld(), -row.ld(), pivots.data() + (k - 1) * (pivots.ld() + 1),
               -1, -pivots.ld(), true, g_work.data()});
        CHECK(equal(x, column_of(row)));
      }
    }
  }
}

void assemblies() {
  const auto assemble = NONIDEAL_PICK(flow, assemble);
  const std::int64_t k = 21, m = 34;
  const std::vector<Run> runs = {{0, 0, 1}, {1, 3, 9}, {10, 20, 1}, {11, 21, 3}, {14, 30, 17}, {31, 54, 1}};
  const Matrix child(32, 32);
  Matrix pivots(k, k), lower(m, k), upper(k, m), rest(m, m);
  const Matrix p(pivots), l(lower), u(upper), r(rest);
  assemble({child.data(), child.ld(), runs.data(), 3, 6, k, pivots.data(), lower.data(), upper.data(),
            rest.data(), pivots.ld(), lower.ld()});
  std::vector<std::int64_t> place(static_cast<std::size_t>(k + m), -1);
  for (const Run& run : runs) {
    for (std::int64_t i = 0; i < run.length; ++i) place[static_cast<std::size_t>(run.to + i)] = run.from + i;
  }
  bool good = pivots.within() && lower.within() && upper.within() && rest.within();
  for (std::int64_t j = 0; j < k + m; ++j) {
    for (std::int64_t i = 0; i < k + m; ++i) {
      const std::int64_t from = place[static_cast<std::size_t>(i)],
                         column = place[static_cast<std::size_t>(j)];
      const double added = from < 0 || column < 0 ? 0.0 : child.at(from, column);
      const double before =
          i < k ? (j < k ? p.at(i, j) : u.at(i, j - k)) : (j < k ? l.at(i - k, j) : r.at(i - k, j - k));
      const double after = i < k ? (j < k ? pivots.at(i, j) : upper.at(i, j - k))
                                 : (j < k ? lower.at(i - k, j) : rest.at(i - k, j - k));
      good = good && after == before + added;
    }
  }
  CHECK(good);
}

}  // namespace

int main() {
  return check::run([] {
    products();
    triangles();
    factorizations();
    substitutions();
    assemblies();
  });
}
