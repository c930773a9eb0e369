// SPDX-License-Identifier: Apache-2.0
// Loads a plugin that uses parmap, calls it, unloads it, and does so again, while the threads that the
// plugin's maps made live on.
#include <chrono>
#include <iostream>
#include <thread>

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
        if (sum_below(1000) != 499'500) return 1;
        ::dlclose(plugin);
        // The reporter wakes once more, and would find its code gone.
        std::this_thread::sleep_for(std::chrono::milliseconds(250));
    }
    std::cout << "right, three times\n";
}
