# firmware: cross builds for the M2354 (Cortex-M23) beside the host build, from the one CMake.
#
# Custom commands rather than a second project: one configuration, one ninja, and an object is
# built again only if what it includes changed. Warnings are the house's.

find_program(ARM_CC arm-none-eabi-gcc REQUIRED)
find_program(ARM_OBJCOPY arm-none-eabi-objcopy REQUIRED)
find_program(ARM_READELF arm-none-eabi-readelf REQUIRED)
find_program(ARM_SIZE arm-none-eabi-size REQUIRED)

set(ARM_CPU -mcpu=cortex-m23 -mthumb -Os -flto)
set(ARM_FLAGS ${ARM_CPU} -std=gnu2x -g -ffunction-sections -fdata-sections -fno-common
    -fno-delete-null-pointer-checks # flash begins at address 0
    -I${PROJECT_SOURCE_DIR} -isystem ${NANOPB_GENERATED} -isystem ${NANOPB_DIR}
    ${NANOPB_DEFINITIONS} -DHALLMARK_VERSION=\\"${PROJECT_VERSION}\\")
set(ARM_WARNINGS -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
    -Wmissing-prototypes -Wcast-qual -Wpointer-arith -Wundef -Wvla -Wformat=2 -Werror)

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

# add_firmware(NAME LINK_SCRIPT SOURCES... [GENERATED...]): NAME.elf and NAME.bin.
function(add_firmware name)
    cmake_parse_arguments(FW "" "LINK_SCRIPT" "SOURCES;FOREIGN" ${ARGN})
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/${name}.dir)
    set(objects)
    foreach(source ${FW_SOURCES})
        firmware_object(object ${name} ${source} ${ARM_WARNINGS})
        list(APPEND objects ${object})
    endforeach()
    foreach(source ${FW_FOREIGN})
        firmware_object(object ${name} ${source})
        list(APPEND objects ${object})
    endforeach()
    set(elf ${CMAKE_CURRENT_BINARY_DIR}/${name}.elf)
    set(bin ${CMAKE_CURRENT_BINARY_DIR}/${name}.bin)
    cmake_path(ABSOLUTE_PATH FW_LINK_SCRIPT)
    add_custom_command(OUTPUT ${elf} ${bin}
        COMMAND ${ARM_CC} ${ARM_CPU} -nostartfiles --specs=nano.specs -T ${FW_LINK_SCRIPT}
                -Wl,--gc-sections -Wl,--fatal-warnings -Wl,--no-warn-rwx-segments
                -Wl,-Map=${elf}.map ${objects} -o ${elf}
        COMMAND ${CMAKE_COMMAND} -DREADELF=${ARM_READELF} -DELF=${elf}
                -P ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check-arch.cmake
        COMMAND ${ARM_OBJCOPY} -O binary ${elf} ${bin}
        COMMAND ${ARM_SIZE} ${elf}
        DEPENDS ${objects} ${FW_LINK_SCRIPT}
                ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/check-arch.cmake
        COMMENT "Linking ${name}")
    add_custom_target(${name}-firmware ALL DEPENDS ${elf} ${bin})
endfunction()
