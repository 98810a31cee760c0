#include <algorithm>
#include <exception>
#include <string>

#include "nonideal/atoms/potential.h"
#include "nonideal/atoms/potential.hpp"
#include "nonideal/base/error.hpp"

struct nonideal_atoms {
  nonideal::atoms::Potential potential;
};

namespace {

using nonideal::InvalidArgument;
using nonideal::NumericalError;

thread_local std::string g_error;

/// Runs body; its exceptions become a status and a text. `refused` is the status of an InvalidArgument.
template <class Body>
int guarded(int refused, const Body& body) noexcept {
  try {
    try {
      body();
      return NONIDEAL_ATOMS_OK;
    } catch (const InvalidArgument& error) {
      g_error = error.what();
      return refused;
    } catch (const NumericalError& error) {
      g_error = error.what();
      return NONIDEAL_ATOMS_NUMERICAL;
    } catch (const std::exception& error) {
      g_error = error.what();
    } catch (...) {
      g_error = "unknown error";
    }
  } catch (...) {  // no memory for the text either
  }
  return NONIDEAL_ATOMS_INTERNAL;
}

void expect_pointer(const char* name, const void* pointer) {
  if (pointer == nullptr) throw InvalidArgument(std::string(name) + " is a null pointer");
}

void expect_choice(const char* name, int value, int low, int high) {
  if (value < low || value > high) {
    throw InvalidArgument(std::string(name) + " = " + std::to_string(value) + " is outside [" +
                          std::to_string(low) + ", " + std::to_string(high) + "]");
  }
}

}  // namespace

int nonideal_atoms_open(const char* path, int precision, int num_threads, nonideal_atoms** out) {
  if (out != nullptr) *out = nullptr;
  const int checked = guarded(NONIDEAL_ATOMS_INVALID_ARGUMENT, [&] {
    expect_pointer("path", path);
    expect_pointer("out", out);
    if (precision != 32 && precision != 64) {
      throw InvalidArgument("precision = " + std::to_string(precision) + " is neither 32 nor 64");
    }
    expect_choice("num_threads", num_threads, 0, 1024);
  });
  if (checked != NONIDEAL_ATOMS_OK) return checked;
  return guarded(NONIDEAL_ATOMS_FILE, [&] {
    using nonideal::atoms::Precision;
    *out = new nonideal_atoms{nonideal::atoms::Potential(
        path, {.precision = precision == 32 ? Precision::float32 : Precision::float64,
               .num_threads = num_threads})};
  });
}

int nonideal_atoms_compute(nonideal_atoms* p, int64_t n, const double* positions, const int32_t* numbers,
                           const double cell[9], const int periodic[3], int forces, double* energy,
                           double* forces_out, double* virial_out) {
  return guarded(NONIDEAL_ATOMS_INVALID_ARGUMENT, [&] {
    expect_pointer("p", p);
    if (n < 0 || n > INT32_MAX) {
      throw InvalidArgument("n = " + std::to_string(n) + " is outside [0, " + std::to_string(INT32_MAX) +
                            "]");
    }
    if (n > 0) {
      expect_pointer("positions", positions);
      expect_pointer("numbers", numbers);
    }
    expect_pointer("cell", cell);
    expect_pointer("periodic", periodic);
    expect_choice("forces", forces, 0, 2);
    if (forces == NONIDEAL_ATOMS_NO_FORCES && forces_out != nullptr) {
      throw InvalidArgument("forces_out is not null, but forces = 0 asks for none");
    }
    if (forces_out == nullptr) forces = NONIDEAL_ATOMS_NO_FORCES;
    nonideal::atoms::Cell box;
    std::copy_n(cell, 9, box.rows.begin());
    for (std::size_t k = 0; k < 3; ++k) box.periodic[k] = periodic[k] != 0;
    const auto count = static_cast<std::size_t>(n);
    const nonideal::atoms::Result result = p->potential.compute(
        {positions, 3 * count}, {numbers, count}, box,
        {.forces = static_cast<nonideal::atoms::Forces>(forces), .virial = virial_out != nullptr});
    if (energy != nullptr) *energy = result.energy;
    if (forces_out != nullptr) std::copy(result.forces.begin(), result.forces.end(), forces_out);
    if (virial_out != nullptr) std::copy(result.virial.begin(), result.virial.end(), virial_out);
  });
}

double nonideal_atoms_cutoff(const nonideal_atoms* p) { return p == nullptr ? 0.0 : p->potential.cutoff(); }

const char* nonideal_atoms_error(void) { return g_error.c_str(); }

void nonideal_atoms_close(nonideal_atoms* p) { delete p; }
