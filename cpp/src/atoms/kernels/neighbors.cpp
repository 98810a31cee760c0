#include "atoms/kernels/neighbors.hpp"

#if defined(__AVX2__)
#include <immintrin.h>
#endif

// The filter works in single precision and says what it isn't sure of; what is near is decided elsewhere, in
// double precision. So instruction sets have the same pairs. Everything here has internal linkage but the
// entry points.
namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif
typedef std::int32_t Whole __attribute__((vector_size(4 * kLanes)));
typedef std::int32_t LooseWhole __attribute__((vector_size(4 * kLanes), may_alias, aligned(4)));

/// Distances of a row: the least, and the largest of those that count.
struct Range {
  float least, largest;
};

#if defined(__AVX512F__)

inline std::int64_t filter_segment(const Filter& f, std::int64_t begin, std::int64_t end, const float* c,
                                   std::int32_t* out, Range& range) {
  const __m512 x = _mm512_set1_ps(c[0]), y = _mm512_set1_ps(c[1]), z = _mm512_set1_ps(c[2]);
  const __m512 outside = _mm512_set1_ps(f.outside);
  __m512 least = _mm512_set1_ps(range.least), largest = _mm512_set1_ps(range.largest);
  std::int64_t n = 0;
  for (std::int64_t k = begin; k < end; k += 16) {
    const std::int64_t left = end - k;
    const auto lanes = static_cast<__mmask16>(left >= 16 ? 0xFFFF : (1 << left) - 1);
    const __m512 dx = _mm512_sub_ps(_mm512_loadu_ps(f.sorted[0] + k), x);
    const __m512 dy = _mm512_sub_ps(_mm512_loadu_ps(f.sorted[1] + k), y);
    const __m512 dz = _mm512_sub_ps(_mm512_loadu_ps(f.sorted[2] + k), z);
    const __m512 square = _mm512_fmadd_ps(dz, dz, _mm512_fmadd_ps(dy, dy, _mm512_mul_ps(dx, dx)));
    const __mmask16 near = _mm512_mask_cmp_ps_mask(lanes, square, outside, _CMP_LT_OQ);
    least = _mm512_mask_min_ps(least, near, least, square);
    largest = _mm512_mask_max_ps(largest, near, largest, square);
    // Compressing into memory is slow on some processors, into a register on none.
    _mm512_storeu_si512(out + n, _mm512_maskz_compress_epi32(near, _mm512_loadu_si512(f.atoms + k)));
    n += __builtin_popcount(near);
  }
  float low[16], high[16];  // the reducing intrinsics make gcc 12 warn of its own header
  _mm512_storeu_ps(low, least);
  _mm512_storeu_ps(high, largest);
  for (int i = 0; i < 16; ++i) {
    range.least = low[i] < range.least ? low[i] : range.least;
    range.largest = high[i] > range.largest ? high[i] : range.largest;
  }
  return n;
}

#elif defined(__AVX2__)

inline std::int64_t filter_segment(const Filter& f, std::int64_t begin, std::int64_t end, const float* c,
                                   std::int32_t* out, Range& range) {
  const __m256 x = _mm256_set1_ps(c[0]), y = _mm256_set1_ps(c[1]), z = _mm256_set1_ps(c[2]);
  const __m256 outside = _mm256_set1_ps(f.outside);
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256 far = _mm256_set1_ps(__builtin_inff());
  __m256 least = _mm256_set1_ps(range.least), largest = _mm256_set1_ps(range.largest);
  std::int64_t n = 0;
  for (std::int64_t k = begin; k < end; k += 8) {
    const __m256 dx = _mm256_sub_ps(_mm256_loadu_ps(f.sorted[0] + k), x);
    const __m256 dy = _mm256_sub_ps(_mm256_loadu_ps(f.sorted[1] + k), y);
    const __m256 dz = _mm256_sub_ps(_mm256_loadu_ps(f.sorted[2] + k), z);
    const __m256 square = _mm256_fmadd_ps(dz, dz, _mm256_fmadd_ps(dy, dy, _mm256_mul_ps(dx, dx)));
    const auto left = static_cast<std::int32_t>(end - k < 8 ? end - k : 8);
    const __m256 here = _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32(left), lane));
    const __m256 near = _mm256_and_ps(_mm256_cmp_ps(square, outside, _CMP_LT_OQ), here);
    least = _mm256_min_ps(least, _mm256_blendv_ps(far, square, near));
    largest = _mm256_max_ps(largest, _mm256_and_ps(square, near));
    for (auto bits = static_cast<unsigned>(_mm256_movemask_ps(near)); bits != 0; bits &= bits - 1) {
      out[n++] = f.atoms[k + __builtin_ctz(bits)];
    }
  }
  float low[8], high[8];
  _mm256_storeu_ps(low, least);
  _mm256_storeu_ps(high, largest);
  for (int i = 0; i < 8; ++i) {
    range.least = low[i] < range.least ? low[i] : range.least;
    range.largest = high[i] > range.largest ? high[i] : range.largest;
  }
  return n;
}

#else

inline std::int64_t filter_segment(const Filter& f, std::int64_t begin, std::int64_t end, const float* c,
                                   std::int32_t* out, Range& range) {
  std::int64_t n = 0;
  for (std::int64_t k = begin; k < end; k += 16) {
    float squares[16];  // 16 numbers may be read beyond the end
    for (int i = 0; i < 16; ++i) {
      const float dx = f.sorted[0][k + i] - c[0], dy = f.sorted[1][k + i] - c[1],
                  dz = f.sorted[2][k + i] - c[2];
      squares[i] = dx * dx + dy * dy + dz * dz;
    }
    const auto left = static_cast<int>(end - k < 16 ? end - k : 16);
    for (int i = 0; i < left; ++i) {
      if (!(squares[i] < f.outside)) continue;
      range.least = squares[i] < range.least ? squares[i] : range.least;
      range.largest = squares[i] > range.largest ? squares[i] : range.largest;
      out[n++] = f.atoms[k + i];
    }
  }
  return n;
}

#endif

/// keys[b] stands before keys[a] where it is less, or equal and b < a: how many do so is a's place.
inline void rank_with_repeats(const std::int32_t* keys, std::int64_t n, std::int32_t* ranks) {
  for (std::int64_t a = 0; a < n; ++a) {
    std::int32_t before = 0;
    for (std::int64_t b = 0; b < a; ++b) before += keys[b] <= keys[a];
    for (std::int64_t b = a + 1; b < n; ++b) before += keys[b] < keys[a];
    ranks[a] = before;
  }
}

inline void rank(const std::int32_t* keys, std::int64_t n, std::int32_t* ranks) {
  for (std::int64_t a = 0; a < n; a += kLanes) {
    const Whole mine = *reinterpret_cast<const LooseWhole*>(keys + a);
    Whole before{};
    for (std::int64_t b = 0; b < n; ++b) before -= keys[b] < mine;  // true is -1
    *reinterpret_cast<LooseWhole*>(ranks + a) = before;
  }
}

constexpr std::int64_t kRanked = 512;  ///< longer rows are merged from sorted pieces

inline void put(const std::int32_t* neighbors, const std::int32_t* codes, const std::int32_t* ranks,
                std::int64_t n, Hit* out) {
  for (std::int64_t a = 0; a < n; ++a) out[ranks[a]] = {neighbors[a], codes[a]};
}

inline void vector(const Rows& r, std::int64_t i, Hit hit, const std::int64_t* shift, double* d) {
  const double* from = r.positions + 3 * i;
  const double* to = r.positions + 3 * static_cast<std::int64_t>(hit.neighbor);
  const auto sx = static_cast<double>(shift[0]), sy = static_cast<double>(shift[1]),
             sz = static_cast<double>(shift[2]);
  for (int x = 0; x < 3; ++x) {
    d[x] = (to[x] - from[x]) + ((sx * r.cell[x] + sy * r.cell[3 + x]) + sz * r.cell[6 + x]);
  }
}

}  // namespace

std::int64_t filter(const Filter& args, std::int32_t* neighbors, std::int32_t* codes, bool* doubtful) {
  Range range{__builtin_inff(), 0.0f};
  std::int64_t n = 0;
  for (std::int64_t s = 0; s < args.n_segments; ++s) {
    const Segment& segment = args.segments[s];
    float center[3];
    for (int x = 0; x < 3; ++x) center[x] = static_cast<float>(args.center[x] - segment.shift[x]);
    const std::int64_t found = filter_segment(args, segment.begin, segment.end, center, neighbors + n, range);
    const std::int32_t code = segment.code;
    for (std::int64_t k = 0; k < found; k += kLanes) {
      *reinterpret_cast<LooseWhole*>(codes + n + k) = Whole{} + code;
    }
    n += found;
  }
  *doubtful = range.least <= args.near || range.largest >= args.inside;
  return n;
}

void sort_row(std::int32_t* neighbors, const std::int32_t* codes, std::int64_t n, bool repeats, Hit* out) {
  std::int32_t ranks[kRanked + kPadding];
  if (repeats) {
    rank_with_repeats(neighbors, n, ranks);
  } else {
    for (int k = 0; k < kPadding; ++k) neighbors[n + k] = INT32_MAX;
    rank(neighbors, n, ranks);
  }
  put(neighbors, codes, ranks, n, out);
}

void write_rows(const Rows& r) {
  const std::int64_t first = r.indptr[r.begin];
  const std::int64_t stride_y = 2 * r.image_reach[2] + 1, stride_x = stride_y * (2 * r.image_reach[1] + 1);
  for (std::int64_t i = r.begin; i < r.end; ++i) {
    const std::int64_t begin = r.indptr[i], end = r.indptr[i + 1];
    const Hit* hits = r.hits + (begin - first);
    if (r.centers != nullptr) {
      for (std::int64_t e = begin; e < end; ++e) r.centers[e] = i;
    }
    if (r.neighbors != nullptr) {
      for (std::int64_t e = begin; e < end; ++e) r.neighbors[e] = hits[e - begin].neighbor;
    }
    if (r.short_neighbors != nullptr) {
      for (std::int64_t e = begin; e < end; ++e) r.short_neighbors[e] = hits[e - begin].neighbor;
    }
    if (r.shifts == nullptr && r.short_shifts == nullptr && r.vectors == nullptr && r.distances == nullptr) {
      continue;
    }
    std::int32_t known = -1;
    std::int64_t image[3] = {0, 0, 0};
    for (std::int64_t e = begin; e < end; ++e) {
      const Hit hit = hits[e - begin];
      if (hit.code != known) {  // mostly the same image as before
        known = hit.code;
        const std::int64_t x = known / stride_x, y = known % stride_x / stride_y, z = known % stride_y;
        image[0] = x - r.image_reach[0];
        image[1] = y - r.image_reach[1];
        image[2] = z - r.image_reach[2];
      }
      std::int64_t shift[3] = {image[0], image[1], image[2]};
      if (r.wraps != nullptr) {
        for (int x = 0; x < 3; ++x) {
          shift[x] += r.wraps[3 * i + x] - r.wraps[3 * static_cast<std::int64_t>(hit.neighbor) + x];
        }
      }
      if (r.shifts != nullptr) {
        for (int x = 0; x < 3; ++x) r.shifts[3 * e + x] = shift[x];
      }
      if (r.short_shifts != nullptr) {
        for (int x = 0; x < 3; ++x) r.short_shifts[3 * e + x] = static_cast<std::int32_t>(shift[x]);
      }
      if (r.vectors == nullptr && r.distances == nullptr) continue;
      double d[3];
      vector(r, i, hit, shift, d);
      if (r.vectors != nullptr) {
        for (int x = 0; x < 3; ++x) r.vectors[3 * e + x] = d[x];
      }
      if (r.distances != nullptr) {
        r.distances[e] = __builtin_sqrt((d[0] * d[0] + d[1] * d[1]) + d[2] * d[2]);
      }
    }
  }
}

}  // namespace nonideal::atoms::kernels::NONIDEAL_KERNEL_ISA
