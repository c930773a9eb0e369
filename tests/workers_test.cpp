// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <gtest/gtest.h>

#include <parmap/workers.hpp>

#include "scheduler/workers.hpp"
#include "support/temporary_folder.hpp"

namespace {

namespace fs = std::filesystem;
using parmap::cpu_limits;
using parmap::describe;
using parmap::detail::cpus_within;
using parmap::detail::limits_of;
using parmap::detail::platform;
using parmap::testing::temporary_folder;

/// A temporary folder with the files that the kernel would show.
class CgroupFiles : public ::testing::Test {
protected:
    void write(const fs::path& file, const std::string& text) const { root.write(file, text); }

    std::optional<double> quota() const
    {
        return limits_of({.hardware = 64, .affinity = 64, .root = root.path()}).quota;
    }

    const std::string v2_mount = "30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate";

private:
    temporary_folder root;
};

TEST_F(CgroupFiles, WithoutAnyThereIsNoQuota)
{
    EXPECT_EQ(quota(), std::nullopt);
}

TEST_F(CgroupFiles, V2QuotaOfTheOwnGroup)
{
    write("proc/self/mountinfo", v2_mount);
    write("proc/self/cgroup", "0::/user.slice/job.scope");
    write("sys/fs/cgroup/user.slice/job.scope/cpu.max", "150000 100000");
    EXPECT_EQ(quota(), 1.5);
}

TEST_F(CgroupFiles, WhatCannotBeReadIsNoQuota)
{
    write("proc/self/mountinfo", v2_mount);
    EXPECT_EQ(quota(), std::nullopt) << "no groups";
    write("proc/self/cgroup", "nothing that is known\n5:memory:/job\n0::/job");
    EXPECT_EQ(quota(), std::nullopt) << "no limits";
    write("sys/fs/cgroup/job/cpu.max/a file where a file should be", "");
    EXPECT_EQ(quota(), std::nullopt) << "a folder";
    write("sys/fs/cgroup/cpu.max", "50000 100000");
    EXPECT_EQ(quota(), 0.5) << "of the parent";
}

TEST_F(CgroupFiles, QuotasThatSayNothingAreNone)
{
    write("proc/self/mountinfo", v2_mount);
    write("proc/self/cgroup", "0::/job");
    for (const char* const limit : {"", "max", "0 100000", "-1 100000", "100000 0", "150000 much", "1 2 3"}) {
        write("sys/fs/cgroup/job/cpu.max", limit);
        EXPECT_EQ(quota(), std::nullopt) << limit;
    }
}

TEST_F(CgroupFiles, V2LeastQuotaOfEveryParent)
{
    write("proc/self/mountinfo", v2_mount);
    write("proc/self/cgroup", "0::/a/b/c");
    write("sys/fs/cgroup/a/b/c/cpu.max", "max 100000");
    write("sys/fs/cgroup/a/b/cpu.max", "800000 100000");
    write("sys/fs/cgroup/a/cpu.max", "300000 100000");
    EXPECT_EQ(quota(), 3.0);
}

TEST_F(CgroupFiles, V2QuotaAtTheMountPointOfAContainer)
{
    write("proc/self/mountinfo", v2_mount);
    write("proc/self/cgroup", "0::/");
    write("sys/fs/cgroup/cpu.max", "50000 100000");
    EXPECT_EQ(quota(), 0.5);
}

TEST_F(CgroupFiles, V2GroupMountedFromBelowTheRoot)
{
    write("proc/self/mountinfo", "30 24 0:26 /docker/abc /sys/fs/cgroup ro - cgroup2 cgroup2 rw");
    write("proc/self/cgroup", "0::/docker/abc/job");
    write("sys/fs/cgroup/cpu.max", "400000 100000");
    write("sys/fs/cgroup/job/cpu.max", "200000 100000");
    EXPECT_EQ(quota(), 2.0);
}

TEST_F(CgroupFiles, V2PathOfTheHostSeenInAContainer)
{
    write("proc/self/mountinfo", v2_mount);
    write("proc/self/cgroup", "0::/../../elsewhere");
    write("sys/fs/cgroup/cpu.max", "250000 100000");
    EXPECT_EQ(quota(), 2.5);
}

TEST_F(CgroupFiles, V1QuotaOfTheOwnGroupAndItsParents)
{
    write("proc/self/mountinfo",
          "33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 - cgroup cgroup rw,cpu,cpuacct\n"
          "34 30 0:30 / /sys/fs/cgroup/memory rw shared:11 - cgroup cgroup rw,memory");
    write("proc/self/cgroup", "5:memory:/other\n4:cpu,cpuacct:/docker/abc\n0::/");
    write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us", "-1");
    write("sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us", "100000");
    write("sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_quota_us", "700000");
    write("sys/fs/cgroup/cpu,cpuacct/docker/cpu.cfs_period_us", "200000");
    EXPECT_EQ(quota(), 3.5);
}

TEST_F(CgroupFiles, MountPointsWithBlanks)
{
    write("proc/self/mountinfo", "30 24 0:26 / /odd\\040place rw - cgroup2 cgroup2 rw");
    write("proc/self/cgroup", "0::/");
    write("odd place/cpu.max", "100000 100000");
    EXPECT_EQ(quota(), 1.0);
    // Other sequences with a backslash are no escapes.
    write("proc/self/mountinfo", "30 24 0:26 / /odd\\09\\04 rw - cgroup2 cgroup2 rw");
    write("odd\\09\\04/cpu.max", "200000 100000");
    EXPECT_EQ(quota(), 2.0);
}

TEST_F(CgroupFiles, NonsenseIsNoQuota)
{
    write("proc/self/mountinfo", v2_mount + "\nnonsense\n- - -\n\n1 2 3 4 5 - cgroup");
    write("proc/self/cgroup", "nonsense\n0::/a");
    for (const char* const text : {"", "max", "max 100000", "1 2 3", "-5 100000", "100000 0", "x y", "1e9 1"}) {
        write("sys/fs/cgroup/a/cpu.max", text);
        EXPECT_EQ(quota(), std::nullopt) << text;
    }
}

TEST(CpusWithin, TheLeastLimitHolds)
{
    EXPECT_EQ(cpus_within({.hardware = 64, .affinity = 64}), 64);
    EXPECT_EQ(cpus_within({.hardware = 64, .affinity = 16}), 16);
    EXPECT_EQ(cpus_within({.hardware = 64, .affinity = 16, .quota = 3.5}), 4);
    EXPECT_EQ(cpus_within({.hardware = 64, .affinity = 16, .quota = 3.0}), 3);
    EXPECT_EQ(cpus_within({.hardware = 64, .affinity = 16, .quota = 0.5}), 1);
    EXPECT_EQ(cpus_within({.hardware = 64, .affinity = 16, .quota = 1e300}), 16);
    EXPECT_EQ(cpus_within({.hardware = 64, .affinity = 16, .quota = 3.5, .environment = 2}), 2);
    EXPECT_EQ(cpus_within({.hardware = 2, .affinity = 2, .environment = 8}), 2);
}

TEST(LimitsOf, WithoutAnAffinityCallTheHardwareCounts)
{
    EXPECT_EQ(limits_of({.hardware = 12, .affinity = std::nullopt, .root = "/nowhere"}).affinity, 12);
}

TEST(LimitsOf, HardwareThatIsNotKnownIsOneCpu)
{
    EXPECT_EQ(limits_of({.hardware = -1, .affinity = std::nullopt, .root = "/nowhere"}).hardware, 1);
}

TEST(LimitsOf, TheVariableIsAWholeNumber)
{
    const platform here{.hardware = 64, .affinity = 64, .root = "/nowhere", .max_workers_variable = "7"};
    EXPECT_EQ(limits_of(here).environment, 7);
}

TEST(LimitsOf, AnythingElseIsRefusedByNameAndValue)
{
    for (const char* const text : {"", "0", "-3", "2.5", "four", " 4", "4 ", "+4", "99999999999"}) {
        try {
            limits_of({.hardware = 64, .affinity = 64, .root = "/nowhere", .max_workers_variable = text});
            FAIL() << text;
        } catch (const std::invalid_argument& e) {
            const std::string what = e.what();
            EXPECT_NE(what.find("PARMAP_MAX_WORKERS is \"" + std::string(text) + "\""), std::string::npos) << what;
        }
    }
}

TEST(Describe, SaysWhatTheCountIsMadeOf)
{
    EXPECT_EQ(describe({.hardware = 64, .affinity = 16, .quota = 3.5}),
              "4 CPUs = min(64 hardware, 16 affinity, 3.5 quota)");
    EXPECT_EQ(describe({.hardware = 64, .affinity = 16, .environment = 1}),
              "1 CPU = min(64 hardware, 16 affinity, 1 PARMAP_MAX_WORKERS)");
    EXPECT_EQ(describe({.hardware = 2, .affinity = 2}), "2 CPUs = min(2 hardware, 2 affinity)");
}

TEST(NumCpus, AgreesWithTheLimitsOfThisMachine)
{
    const cpu_limits limits = parmap::detect_cpu_limits();
    EXPECT_GE(limits.affinity, 1);
    EXPECT_LE(limits.affinity, limits.hardware);
    parmap::detail::assume_cpus(0);
    EXPECT_EQ(parmap::num_cpus(), cpus_within(limits));
}

TEST(NumCpus, ReadsTheEnvironment)
{
    parmap::detail::assume_cpus(0);
    ::setenv("PARMAP_MAX_WORKERS", "none", 1);
    EXPECT_THROW(parmap::num_cpus(), std::invalid_argument);
    ::setenv("PARMAP_MAX_WORKERS", "1", 1);
    EXPECT_EQ(parmap::num_cpus(), 1);
    ::unsetenv("PARMAP_MAX_WORKERS");
    EXPECT_EQ(parmap::num_cpus(), 1) << "read once";
    parmap::detail::assume_cpus(0);
}

}  // namespace
