# SPDX-License-Identifier: MIT
# What must hold of a linked image; run after each link. Prints its figures.
#
# An emulator of a larger core runs what a Cortex-M23 does not, and an emulator of any core may
# pass unaligned words: so the attributes of every object decide, not a run.
function(refuse words)
    file(REMOVE ${ELF})
    message(FATAL_ERROR "${NAME}: ${words}")
endfunction()

foreach(file IN LISTS OBJECTS ITEMS ${ELF})
    execute_process(COMMAND ${READELF} -A ${file} OUTPUT_VARIABLE attributes RESULT_VARIABLE failed)
    if(failed OR NOT attributes MATCHES "Tag_CPU_arch: ${ARCH}\n")
        string(REGEX MATCH "Tag_CPU_arch: [^\n]*" found "${attributes}")
        refuse("${file} is not built for ${ARCH} (${found})")
    endif()
    # A Cortex-M4 bears it, and newlib for v7E-M has it: there only what is ours must not.
    if(attributes MATCHES "Tag_CPU_unaligned_access"
       AND NOT (file STREQUAL ELF AND ARCH STREQUAL "v7E-M"))
        refuse("${file} is built for unaligned access")
    endif()
endforeach()

# From -A: "section size address" a line.
execute_process(COMMAND ${SIZE} -A ${ELF} OUTPUT_VARIABLE sections)
function(section name out)
    set(size 0)
    if(sections MATCHES "\n\\.${name} +([0-9]+)")
        set(size ${CMAKE_MATCH_1})
    endif()
    set(${out} ${size} PARENT_SCOPE)
endfunction()
section(text text)
section(data data)
section(bss bss)
set(figures "text ${text}, data ${data}, bss ${bss}")

if(STACK_NOTES)
    section(stack limit)
    execute_process(COMMAND ${AWK} -v root=reset_handler -f ${CMAKE_CURRENT_LIST_DIR}/stack.awk
        ${STACK_NOTES} ${GRAPH} OUTPUT_VARIABLE stack ERROR_VARIABLE words RESULT_VARIABLE failed)
    if(failed OR NOT stack MATCHES "^([0-9]+) (.*)\n")
        refuse("${words}")
    endif()
    set(worst ${CMAKE_MATCH_1})
    math(EXPR needed "${worst} + ${STACK_MARGIN}")
    if(needed GREATER limit)
        refuse("stack: ${worst} bytes and ${STACK_MARGIN} to spare, of ${limit}: ${CMAKE_MATCH_2}")
    endif()
    string(APPEND figures ", stack ${worst} of ${limit} at worst")
    file(WRITE ${ELF}.stack "${stack}")
endif()
if(FREE_MIN)
    execute_process(COMMAND ${NM} ${ELF} OUTPUT_VARIABLE symbols)
    string(REGEX MATCH "([0-9a-f]+) . sram_free" found "${symbols}")
    math(EXPR free "0x${CMAKE_MATCH_1}")
    if(free LESS FREE_MIN)
        refuse("SRAM: ${free} bytes free, ${FREE_MIN} wanted")
    endif()
    string(APPEND figures ", ${free} bytes of SRAM free")
endif()
message(STATUS "${NAME}: ${figures}")
