// SPDX-License-Identifier: Apache-2.0
// Loads a plugin that uses parmap, calls it, unloads it, and does so again, with the threads that the plugin's
// calls made.
#include <iostream>

#include <dlfcn.h>

int main(int argc, char** argv)
{
    for (int round = 0; round < 3; ++round) {
        void* const plugin = argc == 2 ? ::dlopen(argv[1], RTLD_NOW) : nullptr;
        if (plugin == nullptr) {
            std::cerr << "usage: plugin_host PLUGIN (" << ::dlerror() << ")\n";
            return 2;
        }
        const auto sum_below = reinterpret_cast<int (*)(int)>(::dlsym(plugin, "sum_below"));
        if (sum_below(1000) != 3 * 499'500) return 1;
        void* const code = ::dlsym(plugin, "_ZN6parmap4v0_28num_cpusEv");
        ::dlclose(plugin);
        // The threads sleep in the library, and wake there in the next round.
        Dl_info library;
        if (code == nullptr || ::dladdr(code, &library) == 0) {
            std::cerr << "the library was unloaded, and threads are in it\n";
            return 1;
        }
    }
    std::cout << "right, three times\n";
}
