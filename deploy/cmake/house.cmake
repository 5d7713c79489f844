# SPDX-License-Identifier: MIT
# house: every flag of the host programs, in one INTERFACE target; every unit test, by one function.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(openssl REQUIRED IMPORTED_TARGET libcrypto>=3.0)
pkg_check_modules(libssl REQUIRED IMPORTED_TARGET libssl>=3.0)
pkg_check_modules(protobuf_c REQUIRED IMPORTED_TARGET libprotobuf-c)
pkg_check_modules(cmocka REQUIRED IMPORTED_TARGET cmocka)

add_library(house INTERFACE)
target_include_directories(house INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(house INTERFACE _GNU_SOURCE HALLMARK_VERSION="${PROJECT_VERSION}")
target_compile_options(house INTERFACE
    -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wcast-qual -Wpointer-arith -Wundef -Wvla -Wformat=2
    $<$<BOOL:${HALLMARK_WERROR}>:-Werror>
    -fno-common -fstack-protector-strong)
target_link_options(house INTERFACE -Wl,-z,relro,-z,now)
if(HALLMARK_FUZZ) # clang, as the fuzzers' compiler: warnings are the ordinary build's business
    target_compile_options(house INTERFACE -w)
endif()
if(HALLMARK_SANITIZE STREQUAL "thread")
    target_compile_options(house INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(house INTERFACE -fsanitize=thread)
elseif(HALLMARK_SANITIZE)
    target_compile_options(house INTERFACE
        -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    target_link_options(house INTERFACE -fsanitize=address,undefined)
else()
    target_compile_definitions(house INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2>)
endif()

# unit_test(NAME LIBRARY...): tests/unit/NAME.c against the libraries it tests.
function(unit_test name)
    if(NOT HALLMARK_TESTS)
        return()
    endif()
    add_executable(${name} ${PROJECT_SOURCE_DIR}/tests/unit/${name}.c)
    target_link_libraries(${name} PRIVATE ${ARGN} PkgConfig::cmocka house)
    target_compile_definitions(${name} PRIVATE SOURCE_DIR="${PROJECT_SOURCE_DIR}")
    add_test(NAME ${name} COMMAND ${name})
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 120)
endfunction()

# fault_test(NAME LIBRARY...): a unit_test whose allocations and system calls fail where it says so
# (tests/unit/faults.h).
function(fault_test name)
    unit_test(${name} ${ARGN})
    if(NOT HALLMARK_TESTS)
        return()
    endif()
    target_sources(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/unit/faults.c)
    foreach(call malloc calloc realloc strdup strndup asprintf vasprintf mkostemp fsync fchmod rename
            link socket connect poll open read write send recv)
        target_link_options(${name} PRIVATE -Wl,--wrap=${call})
    endforeach()
endfunction()
