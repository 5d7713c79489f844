# SPDX-License-Identifier: MIT
# man: the man pages beside their sources do not state the version; the copies in build/man do.

# man_page(FILE): build/man/NAME, with the version in the page's footer. man(7) has it in .TH's
# fourth argument, mdoc(7) in .Os.
function(man_page file)
    cmake_path(ABSOLUTE_PATH file)
    cmake_path(GET file FILENAME name)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    string(REGEX REPLACE "(\n\\.TH [^\n]*) \"Hallmark\" \"Hallmark\"\n"
        "\\1 \"Hallmark ${PROJECT_VERSION}\" \"Hallmark\"\n" dated "${text}")
    string(REGEX REPLACE "\n\\.Os\n" "\n.Os Hallmark ${PROJECT_VERSION}\n" dated "${dated}")
    if(dated STREQUAL text)
        message(FATAL_ERROR "${file}: neither .TH ... \"Hallmark\" \"Hallmark\" nor .Os")
    endif()
    file(WRITE ${PROJECT_BINARY_DIR}/man/${name} "${dated}")
endfunction()
