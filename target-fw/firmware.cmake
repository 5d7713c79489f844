# SPDX-License-Identifier: MIT
# firmware: cross builds for M2354 (Cortex-M23) and M467 (Cortex-M4) beside the host build, from
# the one CMake.
#
# Custom commands rather than a second project: one configuration, one ninja, and an object is
# built again only if what it includes changed. Warnings are the house's.

find_program(ARM_CC arm-none-eabi-gcc REQUIRED)
find_program(ARM_NM arm-none-eabi-nm REQUIRED)
find_program(ARM_OBJCOPY arm-none-eabi-objcopy REQUIRED)
find_program(ARM_READELF arm-none-eabi-readelf REQUIRED)
find_program(ARM_SIZE arm-none-eabi-size REQUIRED)
find_program(AWK awk REQUIRED)

set(ARM_ARCH_cortex-m23 "v8-M\\.baseline")
set(ARM_ARCH_cortex-m4 "v7E-M")
set(ARM_CODE -mthumb -mfloat-abi=soft -mno-unaligned-access -Os -flto -flto-partition=one)
set(ARM_FLAGS ${ARM_CODE} -std=gnu2x -g -ffunction-sections -fdata-sections -fno-common
    -fno-delete-null-pointer-checks # flash begins at address 0
    -I${PROJECT_SOURCE_DIR} -isystem ${NANOPB_GENERATED} -isystem ${NANOPB_DIR}
    ${NANOPB_DEFINITIONS} -DHALLMARK_VERSION=\\"${PROJECT_VERSION}\\")
set(ARM_WARNINGS -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wundef -Wvla -Wformat=2)
set(ARM_LINK_WARNINGS)
if(HALLMARK_WERROR)
    list(APPEND ARM_WARNINGS -Werror)
    set(ARM_LINK_WARNINGS -Wl,--fatal-warnings)
endif()
set(FIRMWARE_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/port/nuvoton) # what link scripts include
set(FIRMWARE_CHECK ${CMAKE_CURRENT_LIST_DIR}/check-firmware.cmake ${CMAKE_CURRENT_LIST_DIR}/stack.awk)

# firmware_object(OUT_VARIABLE ELF SOURCE [FLAG...]): one object of one image.
function(firmware_object out elf source)
    cmake_path(ABSOLUTE_PATH source)
    string(REGEX REPLACE "^(${PROJECT_SOURCE_DIR}|${PROJECT_BINARY_DIR})/" "" name ${source})
    string(MAKE_C_IDENTIFIER ${name} name)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${elf}.dir/${name}.o)
    add_custom_command(OUTPUT ${object}
        COMMAND ${ARM_CC} ${ARM_FLAGS} ${ARGN} -MD -MF ${object}.d -c ${source} -o ${object}
        DEPENDS ${source} ${NANOPB_HEADERS}
        DEPFILE ${object}.d
        COMMENT "Cross compiling ${name} for ${elf}")
    set(${out} ${object} PARENT_SCOPE)
endfunction()

# add_firmware(NAME CPU cortex-m.. LINK_SCRIPT .. SOURCES .. [FOREIGN ..]
#     [STACK notes margin] [FREE bytes]): NAME.elf and NAME.bin; with STACK, the link fails unless
# the deepest stack and the margin fit the .stack section (stack.awk); with FREE, unless as much
# of its SRAM is left.
function(add_firmware name)
    cmake_parse_arguments(FW "" "CPU;LINK_SCRIPT;FREE" "SOURCES;FOREIGN;STACK" ${ARGN})
    set(dir ${CMAKE_CURRENT_BINARY_DIR}/${name}.dir)
    file(MAKE_DIRECTORY ${dir})
    set(objects)
    foreach(source ${FW_SOURCES})
        firmware_object(object ${name} ${source} -mcpu=${FW_CPU} ${ARM_WARNINGS})
        list(APPEND objects ${object})
    endforeach()
    foreach(source ${FW_FOREIGN})
        firmware_object(object ${name} ${source} -mcpu=${FW_CPU})
        list(APPEND objects ${object})
    endforeach()
    set(elf ${CMAKE_CURRENT_BINARY_DIR}/${name}.elf)
    set(bin ${CMAKE_CURRENT_BINARY_DIR}/${name}.bin)
    cmake_path(ABSOLUTE_PATH FW_LINK_SCRIPT)
    set(stack)
    if(FW_STACK)
        list(POP_FRONT FW_STACK notes margin)
        cmake_path(ABSOLUTE_PATH notes)
        set(stack -DSTACK_NOTES=${notes} -DSTACK_MARGIN=${margin}
            -DGRAPH=${dir}/ltrans0.ltrans.ci -DAWK=${AWK})
    endif()
    add_custom_command(OUTPUT ${elf} ${bin}
        COMMAND ${ARM_CC} -mcpu=${FW_CPU} ${ARM_CODE} -nostartfiles --specs=nano.specs
                -T ${FW_LINK_SCRIPT} -L${FIRMWARE_SCRIPTS} -fstack-usage -fcallgraph-info=su -dumpdir ${dir}/
                -Wl,--gc-sections ${ARM_LINK_WARNINGS} -Wl,--no-warn-rwx-segments
                -Wl,-Map=${elf}.map ${objects} -o ${elf}
        COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DELF=${elf} "-DOBJECTS=${objects}"
                -DARCH=${ARM_ARCH_${FW_CPU}} -DREADELF=${ARM_READELF} -DSIZE=${ARM_SIZE} ${stack}
                -DNM=${ARM_NM} -DFREE_MIN=${FW_FREE}
                -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check-firmware.cmake
        COMMAND ${ARM_OBJCOPY} -O binary ${elf} ${bin}
        DEPENDS ${objects} ${FW_LINK_SCRIPT} ${FIRMWARE_SCRIPTS}/devauth.ld ${notes}
                ${FIRMWARE_CHECK}
        VERBATIM
        COMMENT "Linking ${name}")
    add_custom_target(${name}-firmware ALL DEPENDS ${elf} ${bin})
endfunction()
