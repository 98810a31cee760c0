// The entry that LAMMPS calls when it loads the plugin.

#include "lammps.h"
#include "pair_leignn.hpp"

namespace {

// LAMMPS's own header for plugins is not in its wheel. The layout is that of its manual, "Writing plugins".
struct Plugin {
  const char* version;
  const char* style;
  const char* name;
  const char* info;
  const char* author;
  union {
    void* (*v1)(void*);
    void* (*v2)(void*, int, char**);
  } creator;
  void* handle;
};

void* make_pair(void* lmp) { return new LAMMPS_NS::PairLeignn(static_cast<LAMMPS_NS::LAMMPS*>(lmp)); }

}  // namespace

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void* lmp, void* handle,
                                                                         void* register_plugin) {
  Plugin plugin{};
  plugin.version = static_cast<LAMMPS_NS::LAMMPS*>(lmp)->version;
  plugin.style = "pair";
  plugin.name = "leignn";
  plugin.info = "LEIGNN, a light equivariant network";
  plugin.author = "nonideal";
  plugin.creator.v1 = &make_pair;
  plugin.handle = handle;
  reinterpret_cast<void (*)(Plugin*, void*)>(register_plugin)(&plugin, lmp);
}
