#include "flow/kernels/dense.hpp"

#include "flow/kernels/vectors.hpp"

namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA {

namespace {

// Numbers of a product that are worked on together: 256 x 192 of `a` are packed and stay in the second-level
// cache. The order of a sum depends on the first number alone.
constexpr std::int64_t kDepth = 256;
constexpr std::int64_t kHeight = 192;
constexpr std::int64_t kPackFrom = 48;      ///< smaller products read `a` where it is
constexpr std::int64_t kTriangleFrom = 64;  ///< larger triangles are cut in two

static inline std::int64_t least_of(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// Copies rows of `a` into panels of kTileRows rows, each column after column.
static inline void pack(std::int64_t m, std::int64_t k, const double* a, std::int64_t a_ld, double* to) {
  for (std::int64_t i = 0; i < m; i += kTileRows) {
    const std::int64_t rows = least_of(kTileRows, m - i);
    for (std::int64_t p = 0; p < k; ++p) {
      for (std::int64_t r = 0; r < rows; r += kWidth) store(to + r, load(a + i + r + p * a_ld));
      to += kTileRows;
    }
  }
}

static inline Steps moved(Steps b, std::int64_t rows, std::int64_t columns) {
  return {b.at + rows * b.row_step + columns * b.column_step, b.row_step, b.column_step};
}

/// c -= a b, tile by tile. Row i of `a` begins at a + i * a_step.
static inline void multiply(std::int64_t m, std::int64_t n, std::int64_t k, const double* a,
                            std::int64_t a_step, std::int64_t a_ld, Steps b, Part c) {
  for (std::int64_t j = 0; j < n; j += kTileColumns) {
    const int columns = static_cast<int>(least_of(kTileColumns, n - j));
    const Steps right = moved(b, 0, j);
    for (std::int64_t i = 0; i < m; i += kTileRows) {
      const int vectors = static_cast<int>(least_of(kTileRows, m - i)) / kWidth;
      const double* const left = a + i * a_step;
      const Part target{c.at + i + j * c.ld, c.ld};
      with_size(vectors, columns, [&]<int V, int N>() { tile<V, N>(k, left, a_ld, right, target); });
    }
  }
}

static inline void subtract(std::int64_t m, std::int64_t n, std::int64_t k, const double* a,
                            std::int64_t a_ld, Steps b, Part c, double* work) {
  const std::int64_t rows = padded(m);
  for (std::int64_t p = 0; p < k; p += kDepth) {
    const std::int64_t depth = least_of(kDepth, k - p);
    const double* const left = a + p * a_ld;
    const Steps right = moved(b, p, 0);
    if (rows <= kPackFrom || n <= kPackFrom) {
      multiply(rows, n, depth, left, 1, a_ld, right, c);
      continue;
    }
    for (std::int64_t i = 0; i < rows; i += kHeight) {
      const std::int64_t height = least_of(kHeight, rows - i);
      pack(height, depth, left + i, a_ld, work);
      multiply(height, n, depth, work, depth, kTileRows, right, {c.at + i, c.ld});
    }
  }
}

static void right_solve(std::int64_t m, std::int64_t k, Steps t, bool unit, Part x, double* work) {
  if (k > kTriangleFrom) {
    const std::int64_t half = padded(k / 2);
    right_solve(m, half, t, unit, x, work);
    const Part rest{x.at + half * x.ld, x.ld};
    subtract(m, k - half, half, x.at, x.ld, moved(t, 0, half), rest, work);
    right_solve(m, k - half, moved(t, half, half), unit, rest, work);
    return;
  }
  const std::int64_t rows = padded(m);
  for (std::int64_t i = 0; i < rows; i += kTileRows) {
    const int vectors = static_cast<int>(least_of(kTileRows, rows - i)) / kWidth;
    for (std::int64_t j = 0; j < k; j += kTileColumns) {
      const int columns = static_cast<int>(least_of(kTileColumns, k - j));
      const Part target{x.at + i + j * x.ld, x.ld};
      const Steps above = moved(t, 0, j), diagonal = moved(t, j, j);
      with_size(vectors, columns, [&]<int V, int N>() {
        tile<V, N>(j, x.at + i, x.ld, above, target);
        solve_tile<V, N>(diagonal, unit, target);
      });
    }
  }
}

static void left_solve(std::int64_t k, std::int64_t n, const double* l, std::int64_t l_ld, Part x,
                       double* work) {
  if (k > kTriangleFrom) {
    const std::int64_t half = padded(k / 2);
    left_solve(half, n, l, l_ld, x, work);
    const Part rest{x.at + half, x.ld};
    subtract(k - half, n, half, l + half, l_ld, {x.at, 1, x.ld}, rest, work);
    left_solve(k - half, n, l + half + half * l_ld, l_ld, rest, work);
    return;
  }
  double* const below = work;  // of each 8 x 8 block on the diagonal
  for (std::int64_t i = 0; i < k; i += 8) {
    for (std::int64_t p = 0; p < 8; ++p) {
      for (std::int64_t r = 0; r < 8; ++r) {
        below[(i + p) * 8 + r] = r > p && i + p < k ? l[i + r + (i + p) * l_ld] : 0.0;
      }
    }
  }
  for (std::int64_t j = 0; j < n; j += kTileColumns) {
    const int columns = static_cast<int>(least_of(kTileColumns, n - j));
    const Steps above{x.at + j * x.ld, 1, x.ld};
    for (std::int64_t i = 0; i < k; i += 8) {
      const Part target{x.at + i + j * x.ld, x.ld};
      with_columns<kEight>(columns, [&]<int V, int N>() {
        tile<V, N>(i, l + i, l_ld, above, target);
        solve_eight<N>(below + i * 8, target);
      });
    }
  }
}

/// Carries out the exchanges of rows first .. last - 1 in columns of `a`.
static inline void exchange(double* a, std::int64_t a_ld, std::int64_t columns, const std::int32_t* with,
                            std::int64_t first, std::int64_t last) {
  for (std::int64_t j = 0; j < columns; ++j) {
    double* const column = a + j * a_ld;
    for (std::int64_t i = first; i < last; ++i) {
      const double kept = column[i];
      column[i] = column[with[i]];
      column[with[i]] = kept;
    }
  }
}

static inline double magnitude(double x) { return x < 0 ? -x : x; }

static inline Doubles magnitudes(Doubles x) { return x < 0.0 ? -x : x; }

/// The first row in [first, k) where the column is largest in absolute value; `block` is the multiple of 8
/// below first.
static inline std::int64_t largest(const double* column, std::int64_t block, std::int64_t first,
                                   std::int64_t k) {
  double most = 0.0;
  std::int64_t row = first;
  const std::int64_t next = least_of(block + 8, k);
  for (std::int64_t i = first; i < next; ++i) {
    if (magnitude(column[i]) > most) most = magnitude(column[i]), row = i;
  }
  if (next == k) return row;
  Doubles top[kEight];
  for (int v = 0; v < kEight; ++v) top[v] = Doubles{};
  for (std::int64_t i = next; i < k; i += 8) {  // the padding holds zeros
    for (int v = 0; v < kEight; ++v) {
      const Doubles size = magnitudes(load(column + i + v * kWidth));
      top[v] = size > top[v] ? size : top[v];
    }
  }
  double rest = 0.0;
  for (int v = 0; v < kEight; ++v) {
    for (int e = 0; e < kWidth; ++e) rest = top[v][e] > rest ? top[v][e] : rest;
  }
  if (!(rest > most)) return row;
  for (std::int64_t i = next; i < k; ++i) {
    if (magnitude(column[i]) == rest) return i;
  }
  return row;
}

/// Factorises columns j .. j + width - 1, at most 8, from row j on; j is a multiple of 8.
static inline std::int64_t factorize_panel(const Factorization& f, std::int64_t j, std::int64_t width) {
  double* const panel = f.a + j * f.a_ld;
  const std::int64_t rows = padded(f.k);
  std::int64_t replaced = 0;
  for (std::int64_t c = 0; c < width; ++c) {
    double* const column = panel + c * f.a_ld;
    const std::int64_t i = j + c, row = largest(column, j, i, f.k);
    f.rows[i] = static_cast<std::int32_t>(row);
    exchange(panel, f.a_ld, width, f.rows, i, i + 1);
    double pivot = column[i];
    if (!(magnitude(pivot) >= f.least)) {
      pivot = column[i] = pivot < 0 ? -f.least : f.least;
      ++replaced;
    }
    const double inverse = 1.0 / pivot;
    const std::int64_t next = least_of(j + 8, f.k);
    for (std::int64_t r = i + 1; r < next; ++r) {
      column[r] *= inverse;
      for (std::int64_t d = c + 1; d < width; ++d) panel[r + d * f.a_ld] -= column[r] * panel[i + d * f.a_ld];
    }
    Doubles factor[8];
    for (std::int64_t d = c + 1; d < width; ++d) factor[d] = splat(panel[i + d * f.a_ld]);
    for (std::int64_t r = j + 8; r < rows; r += kWidth) {
      const Doubles left = load(column + r) * inverse;
      store(column + r, left);
      for (std::int64_t d = c + 1; d < width; ++d) {
        double* const at = panel + r + d * f.a_ld;
        store(at, load(at) - left * factor[d]);
      }
    }
  }
  return replaced;
}

/// Factorises columns j .. j + width - 1 from row j on, by halves; j is a multiple of 8.
static std::int64_t factorize_columns(const Factorization& f, std::int64_t j, std::int64_t width) {
  if (width <= 8) return factorize_panel(f, j, width);
  const std::int64_t half = padded(width / 2), rest = width - half;
  std::int64_t replaced = factorize_columns(f, j, half);
  double* const right = f.a + (j + half) * f.a_ld;
  exchange(right, f.a_ld, rest, f.rows, j, j + half);
  left_solve(half, rest, f.a + j + j * f.a_ld, f.a_ld, {right + j, f.a_ld}, f.work);
  subtract(f.k - j - half, rest, half, f.a + j + half + j * f.a_ld, f.a_ld, {right + j, 1, f.a_ld},
           {right + j + half, f.a_ld}, f.work);
  replaced += factorize_columns(f, j + half, rest);
  exchange(f.a + j * f.a_ld, f.a_ld, half, f.rows, j + half, j + width);
  return replaced;
}

static inline void add(std::int64_t n, const double* from, double* to) {
  std::int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    const auto sum =
        *reinterpret_cast<const LooseDoubles*>(from + i) + *reinterpret_cast<LooseDoubles*>(to + i);
    *reinterpret_cast<LooseDoubles*>(to + i) = sum;
  }
  for (; i < n; ++i) to[i] += from[i];
}

}  // namespace

void subtract_product(const Product& p) {
  subtract(p.m, p.n, p.k, p.a, p.a_ld, {p.b, p.row_step, p.column_step}, {p.c, p.c_ld}, p.work);
}

void solve_right(const RightSolve& s) {
  right_solve(s.m, s.k, {s.t, s.row_step, s.column_step}, s.unit, {s.x, s.x_ld}, s.work);
}

void solve_left(const LeftSolve& s) { left_solve(s.k, s.n, s.l, s.l_ld, {s.x, s.x_ld}, s.work); }

std::int64_t factorize(const Factorization& f) {
  const std::int64_t replaced = factorize_columns(f, 0, f.k);
  auto* const order = reinterpret_cast<std::int32_t*>(f.work);  // what the exchanges amount to
  for (std::int64_t i = 0; i < f.k; ++i) order[i] = static_cast<std::int32_t>(i);
  for (std::int64_t i = 0; i < f.k; ++i) {
    const std::int32_t kept = order[i];
    order[i] = order[f.rows[i]];
    order[f.rows[i]] = kept;
  }
  for (std::int64_t i = 0; i < f.k; ++i) f.rows[i] = order[i];
  return replaced;
}

void order_rows(const RowOrder& o) {
  for (std::int64_t j = 0; j < o.n; ++j) {
    double* const column = o.x + j * o.x_ld;
    for (std::int64_t i = 0; i < o.k; ++i) o.work[i] = column[o.rows[i]];
    for (std::int64_t i = 0; i < o.k; ++i) column[i] = o.work[i];
  }
}

void assemble(const Assembly& a) {
  for (std::int64_t r = 0; r < a.n_runs; ++r) {
    const Run& columns = a.runs[r];
    const bool own = r < a.n_own;
    for (std::int64_t c = 0; c < columns.length; ++c) {
      const double* const from = a.from + (columns.from + c) * a.from_ld;
      const std::int64_t j = own ? columns.to + c : columns.to + c - a.k;
      double* const above = own ? a.pivots + j * a.k_ld : a.upper + j * a.k_ld;
      double* const below = (own ? a.lower : a.rest) + j * a.m_ld - a.k;
      for (std::int64_t q = 0; q < a.n_own; ++q)
        add(a.runs[q].length, from + a.runs[q].from, above + a.runs[q].to);
      for (std::int64_t q = a.n_own; q < a.n_runs; ++q) {
        add(a.runs[q].length, from + a.runs[q].from, below + a.runs[q].to);
      }
    }
  }
}

}  // namespace nonideal::flow::kernels::NONIDEAL_KERNEL_ISA
