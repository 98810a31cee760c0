#ifndef NONIDEAL_ATOMS_POTENTIAL_H
#define NONIDEAL_ATOMS_POTENTIAL_H

/* The engine of nonideal/atoms/potential.hpp for C (C99) and all that calls C. Link with nonideal and a C++
 * runtime. */

#include <stdint.h>

#include "nonideal/base/export.hpp" /* a macro alone */

#ifdef __cplusplus
extern "C" {
#endif

/* What functions return. */
enum {
  NONIDEAL_ATOMS_OK = 0,
  NONIDEAL_ATOMS_INVALID_ARGUMENT = 1,
  NONIDEAL_ATOMS_NUMERICAL = 2, /* a result is not finite */
  NONIDEAL_ATOMS_FILE = 3,      /* cannot be read, is damaged, or is no model file */
  NONIDEAL_ATOMS_INTERNAL = 4   /* such as no memory */
};

enum { NONIDEAL_ATOMS_NO_FORCES = 0, NONIDEAL_ATOMS_DIRECT = 1, NONIDEAL_ATOMS_GRADIENT = 2 };

typedef struct nonideal_atoms nonideal_atoms;

/* Reads a model file. precision: 32, with a table of the radial filter, or 64, with the exact one.
   num_threads: 0 for the default. *out is to be closed; it is null where the status is not 0. */
NONIDEAL_API int nonideal_atoms_open(const char* path, int precision, int num_threads, nonideal_atoms** out);

/* Energy (eV), forces (3 n, eV/angstrom) and virial (9, eV; the stress is -virial / volume) of n atoms.
   positions: 3 n, angstrom; numbers: n atomic numbers; cell: vectors as rows; periodic: for each axis 0 or 1.
   Pointers to results may be null; without forces_out no forces are computed. forces_out with forces = 0 is an
   invalid argument: nobody is to read numbers that were not written. Several threads may call it with one model
   at once. Nothing is written where the status is not 0. */
NONIDEAL_API int nonideal_atoms_compute(nonideal_atoms* p, int64_t n, const double* positions,
                                        const int32_t* numbers, const double cell[9], const int periodic[3],
                                        int forces, double* energy, double* forces_out, double* virial_out);

/* angstrom; 0 for a null pointer */
NONIDEAL_API double nonideal_atoms_cutoff(const nonideal_atoms* p);

/* The text of this thread's last status that was not 0; valid until the next call. */
NONIDEAL_API const char* nonideal_atoms_error(void);

/* p may be null. */
NONIDEAL_API void nonideal_atoms_close(nonideal_atoms* p);

#ifdef __cplusplus
}
#endif

#endif
