/* The host of ../potential in C99: energy, forces and virial of a periodic crystal from a model file.
     potential_c_host MODEL < structure */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "nonideal/atoms/potential.h"

enum { MOST = 10000 };

static void print_rows(const double* rows, int64_t n) {
  for (int64_t i = 0; i < n; ++i)
    printf("%.15g %.15g %.15g\n", rows[3 * i], rows[3 * i + 1], rows[3 * i + 2]);
}

int main(int argc, char** argv) {
  static double positions[3 * MOST], forces[3 * MOST];
  static int32_t numbers[MOST];
  const int periodic[3] = {1, 1, 1};
  double cell[9] = {0}, energy = 0.0, virial[9];
  nonideal_atoms* model = NULL;
  int64_t n = 0;
  int number = 0, status = 0;

  if (argc != 2) {
    fputs("usage: potential_c_host MODEL < structure\n", stderr);
    return 2;
  }
  for (int i = 0; i < 9; ++i) {
    if (scanf("%lf", &cell[i]) != 1) break;
  }
  while (n < MOST && scanf("%d %lf %lf %lf", &number, &positions[3 * n], &positions[3 * n + 1],
                           &positions[3 * n + 2]) == 4) {
    numbers[n++] = (int32_t)number;
  }
  status = nonideal_atoms_open(argv[1], 64, 1, &model);
  if (status == NONIDEAL_ATOMS_OK) {
    status = nonideal_atoms_compute(model, n, positions, numbers, cell, periodic, NONIDEAL_ATOMS_GRADIENT,
                                    &energy, forces, virial);
  }
  if (status == NONIDEAL_ATOMS_OK) {
    printf("%.15g\n", energy);
    print_rows(forces, n);
    print_rows(virial, 3);
  } else {
    fprintf(stderr, "status %d: %s\n", status, nonideal_atoms_error());
  }
  nonideal_atoms_close(model);
  return status;
}
