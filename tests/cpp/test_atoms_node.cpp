// Products with packed weights against plain sums, and the activation against the C library in double
// precision.
#include <cmath>
#include <vector>

#include "atoms/network.hpp"
#include "check.hpp"
#include "nonideal/base/random.hpp"

namespace {

using namespace nonideal::atoms;
using detail::AlignedVector;
using detail::KernelTable;

double uniform(std::uint64_t stream, std::uint64_t index) {
  const nonideal::Words4 words = nonideal::philox(3, stream, index);
  return 2.0 * nonideal::uniform53(words.w[0], words.w[1]) - 1.0;
}

template <class T>
void test_products(double tolerance) {
  const KernelTable<T>& k = detail::kernel_table<T>();
  constexpr std::int64_t kWidth = kernels::kPanel<T>;
  std::uint64_t draw = 0;
  for (const std::int64_t m : {0, 1, 5, 6, 7, 11, 12, 13, 25}) {
    for (const std::int64_t n : {1, 8, 15, 16, 17, 31, 32, 33, 64, 71}) {
      for (const std::int64_t depth : {1, 2, 33}) {
        const std::int64_t a_ld = depth + 3, c_ld = n + 5;
        std::vector<T> a(static_cast<std::size_t>(m * a_ld)), bias(static_cast<std::size_t>(n));
        std::vector<T> c(static_cast<std::size_t>(m * c_ld)), w(static_cast<std::size_t>(depth * n));
        for (auto* const numbers : {&a, &bias, &c, &w}) {
          for (T& number : *numbers) number = static_cast<T>(uniform(0, draw++));
        }
        detail::Packed<T> packed{
            depth, n,
            AlignedVector<T>(static_cast<std::size_t>((n + kWidth - 1) / kWidth * kWidth * depth), T(0))};
        for (std::int64_t i = 0; i < depth; ++i) {
          for (std::int64_t j = 0; j < n; ++j) {
            packed.panels[static_cast<std::size_t>(j / kWidth * kWidth * depth + i * kWidth + j % kWidth)] =
                w[static_cast<std::size_t>(i * n + j)];
          }
        }
        for (const bool accumulate : {false, true}) {
          for (const bool with_bias : {false, true}) {
            std::vector<T> found = c;
            detail::multiply<T>(k, packed, with_bias ? bias.data() : nullptr, m, a.data(), a_ld, found.data(),
                                c_ld, accumulate);
            double worst = 0.0;
            for (std::int64_t i = 0; i < m; ++i) {
              for (std::int64_t j = 0; j < c_ld; ++j) {
                const auto at = static_cast<std::size_t>(i * c_ld + j);
                double want = static_cast<double>(c[at]);
                if (j < n) {
                  want = (accumulate ? want : 0.0) +
                         (with_bias ? static_cast<double>(bias[static_cast<std::size_t>(j)]) : 0.0);
                  for (std::int64_t p = 0; p < depth; ++p) {
                    want += static_cast<double>(a[static_cast<std::size_t>(i * a_ld + p)]) *
                            static_cast<double>(w[static_cast<std::size_t>(p * n + j)]);
                  }
                }
                worst =
                    std::max(worst, std::abs(static_cast<double>(found[at]) - want));  // beyond n: untouched
              }
            }
            CHECK(worst <= tolerance * static_cast<double>(depth + 2));
          }
        }
      }
    }
  }
}

/// sigma and its slope, in units of the last place of what they are, where they aren't tiny.
template <class T>
void test_activation(double units, double epsilon) {
  const KernelTable<T>& k = detail::kernel_table<T>();
  std::vector<T> y;
  for (int i = 0; i <= 4000; ++i)
    y.push_back(static_cast<T>(-20.0 + 0.01 * i + 1e-3 * uniform(1, static_cast<std::uint64_t>(i))));
  for (const double extreme : {-1e4, -700.0, -88.0, -0.0, 0.0, 1e-30, 88.0, 700.0, 1e4})
    y.push_back(static_cast<T>(extreme));
  const auto n = static_cast<std::int64_t>(y.size());
  std::vector<T> value(y.size()), slope(y.size()), ones(y.size(), T(1));
  k.activate({n, y.data(), value.data()});
  k.activate_slope({n, y.data(), ones.data(), slope.data()});
  double worst = 0.0, worst_slope = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double x = static_cast<double>(y[i]), s = 1.0 / (1.0 + std::exp(-x));
    const double want = x * s / 0.6, want_slope = s * (1.0 + x * (1.0 / (1.0 + std::exp(x)))) / 0.6;
    CHECK(std::isfinite(value[i]) && std::isfinite(slope[i]));
    if (std::abs(want) > 1e-6) {
      worst = std::max(worst, std::abs(static_cast<double>(value[i]) - want) / std::abs(want));
    } else {
      CHECK(std::abs(static_cast<double>(value[i]) - want) < 1e-12);
    }
    worst_slope = std::max(worst_slope, std::abs(static_cast<double>(slope[i]) - want_slope));
  }
  std::printf("sigma: %.2f units, slope: %.2f\n", worst / epsilon, worst_slope / epsilon);
  CHECK(worst <= units * epsilon);
  CHECK(worst_slope <= units * epsilon);
  for (std::size_t i = 0; i < y.size(); i += 7) {  // the same bits, whatever the place
    T alone = 0;
    k.activate({1, &y[i], &alone});
    CHECK_EQUAL(alone, value[i]);
  }
}

}  // namespace

int main() {
  return check::run([] {
    test_products<float>(2e-7);
    test_products<double>(3e-16);
    test_activation<float>(4.0, 0x1p-23);
    test_activation<double>(8.0, 0x1p-52);
  });
}
